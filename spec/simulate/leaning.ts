import type { CandidatePod, PodOptions } from '../../lib/pod-options.ts';
import type { ProcessClock } from '../lease/process-clock.ts';

/** Which slots a world prefers; `silent` if the preference never answers. */
export const leanings = ['first', 'last', 'silent'] as const;
export type Leaning = (typeof leanings)[number];

/** The preference of one process, and when it was asked. */
export class Preferring {
  readonly #leaning: Leaning;
  readonly #clock: ProcessClock;
  /** How often a Pod's score was asked for, and when last, by the clock of its process. */
  asked = 0;
  askedMs = Number.NEGATIVE_INFINITY;

  constructor(leaning: Leaning, clock: ProcessClock) {
    this.#leaning = leaning;
    this.#clock = clock;
  }

  get options(): Pick<PodOptions, 'preference'> {
    return { preference: (pod) => this.#score(pod) };
  }

  get isSilent(): boolean {
    return this.#leaning === 'silent';
  }

  #score({ name }: CandidatePod): number | Promise<number> {
    this.asked += 1;
    this.askedMs = this.#clock.now();
    if (this.isSilent) return new Promise(() => undefined);
    // As in `pod-1`, or in `pod-1-2` if it has replaced another one.
    const slot = Number(name.split('-')[1]);
    return this.#leaning === 'first' ? -slot : slot;
  }
}
