import { abortable } from './abort.ts';
import { type Clock, sleep } from './clock.ts';
import { withDeadline } from './deadline.ts';
import { messageOf } from './printable.ts';

/** The options of an election that are about its health check. */
export interface HealthSettings {
  readonly healthy?: ((signal: AbortSignal) => boolean | Promise<boolean>) | undefined;
  readonly healthyPeriodMs?: number | undefined;
  readonly healthyTimeoutMs?: number | undefined;
  readonly healthyFailureThreshold?: number | undefined;
}

export interface HealthListener {
  /** A check has failed; called for no more failures in a row than the threshold. */
  unhealthy(error: Error, failures: number): void;
  /** A check has passed after others have failed. */
  healthy(): void;
}

interface HealthOptions {
  readonly clock: Clock;
  /** For the pauses between checks. */
  readonly pauseClock: Clock;
  readonly listener: HealthListener;
  /** Called whenever a check has failed, once the threshold is reached. */
  readonly onThreshold: () => void;
}

/** Checks the health of this process again and again. */
export class Health {
  readonly #options: HealthOptions;
  readonly #check: (signal: AbortSignal) => boolean | Promise<boolean>;
  readonly #periodMs: number;
  readonly #timeoutMs: number;
  readonly #threshold: number;
  readonly #listeners = new Set<() => void>();
  #failures = 0;
  #passedMs = Number.NEGATIVE_INFINITY;

  constructor(settings: HealthSettings, options: HealthOptions) {
    this.#options = options;
    this.#check = settings.healthy ?? (() => true);
    this.#periodMs = settings.healthyPeriodMs ?? 2_000;
    this.#timeoutMs = settings.healthyTimeoutMs ?? 1_000;
    this.#threshold = settings.healthyFailureThreshold ?? 3;
  }

  /** The last check has passed, and is not older than two checks can take. */
  get hasPassed(): boolean {
    const agoMs = this.#options.clock.now() - this.#passedMs;
    return this.#failures === 0 && agoMs <= 2 * (this.#periodMs + this.#timeoutMs);
  }

  /** Checks until the signal aborts. Resolves with the end of the first check; never rejects. */
  begin(signal: AbortSignal): Promise<void> {
    const first = this.#run(signal);
    void first
      .then(async () => {
        for (;;) {
          await sleep(this.#options.pauseClock, this.#periodMs, signal);
          await this.#run(signal);
        }
      })
      .catch(() => undefined);
    return first;
  }

  /** Calls the listener whenever a check passes after it had not, until the result is called. */
  onPassed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    const failure = await this.#failure(signal);
    if (signal.aborted) return;
    const { clock, listener, onThreshold } = this.#options;
    if (failure) {
      this.#failures += 1;
      if (this.#failures <= this.#threshold) listener.unhealthy(failure, this.#failures);
      if (this.#failures >= this.#threshold) onThreshold();
      return;
    }
    const had = { passed: this.hasPassed, failed: this.#failures > 0 };
    this.#failures = 0;
    this.#passedMs = clock.now();
    if (had.failed) listener.healthy();
    if (!had.passed) for (const passed of this.#listeners) passed();
  }

  /** Undefined if the check passes. */
  async #failure(signal: AbortSignal): Promise<Error | undefined> {
    const limit = withDeadline(this.#options.clock, signal, this.#timeoutMs, (limitMs) => {
      return new Error(`healthy() has not answered within ${limitMs} ms`);
    });
    const check = async () => this.#check(limit.signal);
    try {
      const passed: unknown = await abortable(check(), limit.signal);
      return passed === true ? undefined : new Error(`healthy() returned ${String(passed)}`);
    } catch (error) {
      return error instanceof Error ? error : new Error(`healthy() threw ${messageOf(error)}`);
    } finally {
      limit.end();
    }
  }
}
