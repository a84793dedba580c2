import type { Clock } from '../../lib/platform/clock.ts';

/** Counts what a run is made of, in all and while no time passes. */
export class Count {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #most: number;
  readonly #mostAtOnce: number;
  #sum = 0;
  #atOnce = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'now'>, most: number, mostAtOnce: number) {
    this.#clock = clock;
    this.#most = most;
    this.#mostAtOnce = mostAtOnce;
  }

  /** One more. Returns how many there have been. */
  next(): number {
    const nowMs = this.#clock.now();
    if (nowMs !== this.#lastMs) this.#atOnce = 0;
    this.#lastMs = nowMs;
    this.#atOnce += 1;
    this.#sum += 1;
    return this.#sum;
  }

  get isTooMuch(): boolean {
    return this.#sum > this.#most || this.#atOnce > this.#mostAtOnce;
  }
}
