import type { Clock } from './clock.ts';
import type { ElectionKey, Elections } from './elections.ts';
import type { Health } from './health.ts';
import { type Bar, barAt } from '../protocol/bar.ts';

/** At least. */
const ASIDE_MS = 2_000;

export interface StandingOptions {
  readonly clock: Clock;
  readonly elections: Elections;
  /** Under this key, a later election of this process knows that this one has stepped down. */
  readonly key: ElectionKey;
  readonly health?: Health | undefined;
  /** How long it takes until others that poll have looked at the lock. @default 0 */
  readonly pollMs?: number | undefined;
  /** For how long to leave a free lock to preferred candidates; undefined if all are preferred. */
  readonly yieldMs?: ((signal: AbortSignal) => Promise<number>) | undefined;
}

/** How long a candidate that has stepped down leaves the lock to others that look this often. */
export function asideMs(pollMs = 0): number {
  return Math.max(ASIDE_MS, pollMs);
}

/** Whether a candidate may take a free lock. */
export class Standing {
  readonly #options: StandingOptions;
  #aside: Bar | undefined;
  #hasAsked = false;

  constructor(options: StandingOptions) {
    this.#options = options;
    const untilMs = options.elections.asideUntilMs(options.key);
    if (untilMs !== undefined) this.#aside = { because: 'stepped-down', untilMs };
  }

  /** The bar that holds now, if any. */
  get bar(): Bar | undefined {
    const { clock, health } = this.#options;
    if (health && !health.hasPassed) {
      return { because: 'unhealthy', untilMs: Number.POSITIVE_INFINITY };
    }
    return barAt({ nowMs: clock.now(), bar: this.#aside });
  }

  /**
   * The candidate is about to take a free lock, and asks whether another one is preferred, which bars
   * it. It asks once each time the lock becomes free, so that candidates that come and go cannot keep
   * it free. Resolves with whether it has asked: that takes time, so it has to decide again.
   */
  async asks(signal: AbortSignal): Promise<boolean> {
    const { clock, yieldMs } = this.#options;
    if (!yieldMs || this.#hasAsked || this.bar) return false;
    this.#hasAsked = true;
    const forMs = await yieldMs(signal);
    this.#aside = { because: 'not-preferred', untilMs: clock.now() + forMs };
    return true;
  }

  /** Calls the listener when the health check passes again, until the result is called. */
  onHealthy(listener: () => void): () => void {
    return this.#options.health?.onPassed(listener) ?? (() => undefined);
  }

  /**
   * The candidate has stepped down: it leaves the lock to others for a while, and longer if they have to
   * wait `heldMs` for it.
   */
  standAside(heldMs = 0): void {
    const { clock, elections, key, pollMs } = this.#options;
    const nowMs = clock.now();
    elections.standAside(key, nowMs + heldMs + asideMs(pollMs), nowMs);
  }

  /** Another candidate holds the lock: the next time that it is, nothing but the health check bars it. */
  lockHeld(): void {
    this.#aside = undefined;
    this.#hasAsked = false;
  }
}
