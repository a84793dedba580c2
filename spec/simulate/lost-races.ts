import { ASSUMED_CANDIDATES, suppressionDelayMs } from '../../lib/protocol/delay.ts';
import type { Fact } from './fact.ts';
import { LeaseCandidate } from './lease-candidate.ts';
import { isWrite } from './sightings.ts';

/** How many races for the Lease each elector has lost since it won one: the crowd that it concludes. */
export class LostRaces {
  readonly #lost = new Map<LeaseCandidate, number>();

  /** The longest spread of its next attempt, by its clock. The first race says nothing yet. */
  spreadMs(who: LeaseCandidate): number {
    const lost = Math.max((this.#lost.get(who) ?? 0) - 1, 0);
    return suppressionDelayMs(Math.min(ASSUMED_CANDIDATES * 3 ** lost, 1_000), 1);
  }

  readonly notice = (fact: Fact): void => {
    if (fact.type !== 'answered' || !(fact.who instanceof LeaseCandidate)) return;
    const { who, sent, status } = fact;
    if (sent.resource !== 'leases' || !isWrite(sent)) return;
    if (status < 300) this.#lost.delete(who);
    else if (status === 409) this.#lost.set(who, (this.#lost.get(who) ?? 0) + 1);
  };
}
