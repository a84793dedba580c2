import { Gate } from './gate.ts';
import { lasting } from './lasting.ts';

/** What befalls all bytes of a line in one direction. */
export class Weather {
  /** Shut while nothing gets through. */
  readonly gate = new Gate();
  #latencyMs = 0;

  get latencyMs(): number {
    return this.#latencyMs;
  }

  /** Adds latency until the result is disposed of. */
  slow(ms: number): Disposable {
    this.#latencyMs += ms;
    return lasting(() => (this.#latencyMs -= ms));
  }
}
