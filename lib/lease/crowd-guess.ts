import { ASSUMED_CANDIDATES } from '../protocol/delay.ts';

/** Simulated for 2 to 1,000 candidates, from guesses that are right and wrong. */
const GROWTH = 3;
const DECAY = 0.99;

/** More candidates for one Lease are not to be expected. */
const MOST = 1_000;

/** The number of candidates for a Lease, as an elector concludes it that may not count them. */
export class CrowdGuess {
  #size = ASSUMED_CANDIDATES;
  #hasLost = false;
  #holder = '';

  get size(): number {
    return this.#size;
  }

  /**
   * This elector tried to take the Lease when that was free. Of a few that start together, all but one
   * lose; if it loses twice in a row, the crowd is larger.
   */
  tried(outcome: 'won' | 'lost'): void {
    if (outcome === 'won') this.#size = ASSUMED_CANDIDATES;
    else if (this.#hasLost) this.#size = Math.min(this.#size * GROWTH, MOST);
    this.#hasLost = outcome === 'lost';
  }

  /** This identity holds the Lease. A crowd whose races are not lost may be smaller. */
  saw(holder: string): void {
    if (holder === '' || holder === this.#holder) return;
    this.#holder = holder;
    this.#size = Math.max(this.#size * DECAY, ASSUMED_CANDIDATES);
  }
}
