import type { Bar } from '../protocol/bar.ts';
import type { Clock } from './clock.ts';
import type { ElectionKey, Elections } from './elections.ts';
import type { Health } from './health.ts';

/** How long a candidate that has stepped down leaves the lock to others. */
const ASIDE_MS = 2_000;

/** Whether a candidate may take a free lock. */
export class Standing {
  readonly #clock: Clock;
  readonly #elections: Elections;
  readonly #key: ElectionKey;
  readonly #health: Health | undefined;
  #asideUntilMs: number | undefined;

  /** Under this key, a later election of this process knows that this one has stepped down. */
  constructor(clock: Clock, elections: Elections, key: ElectionKey, health?: Health) {
    this.#clock = clock;
    this.#elections = elections;
    this.#key = key;
    this.#health = health;
    this.#asideUntilMs = elections.asideUntilMs(key);
  }

  get bar(): Bar | undefined {
    if (this.#health && !this.#health.hasPassed) {
      return { because: 'unhealthy', untilMs: Number.POSITIVE_INFINITY };
    }
    const untilMs = this.#asideUntilMs;
    return untilMs === undefined ? undefined : { because: 'stepped-down', untilMs };
  }

  /** Calls the listener when the health check passes again, until the result is called. */
  onHealthy(listener: () => void): () => void {
    return this.#health?.onPassed(listener) ?? (() => undefined);
  }

  /** The candidate has stepped down: it leaves the lock to others for a while. */
  standAside(): void {
    this.#asideUntilMs = this.#clock.now() + ASIDE_MS;
    this.#elections.standAside(this.#key, this.#asideUntilMs);
  }

  /** Another candidate leads: there is no need to stand aside any more. */
  othersLead(): void {
    this.#asideUntilMs = undefined;
  }
}
