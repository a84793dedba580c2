import type { Candidate } from '../candidate.ts';
import type { Check } from '../check.ts';
import { LeaseCandidate } from '../lease-candidate.ts';

/** A Lease is created by nobody whom the API server has not told, or may have told, that there is none. */
export const toldAbsence: Check = {
  name: 'absence is told',
  begin: (world, violated) => {
    const told = new Set<Candidate>();
    let deletedMs = Number.NEGATIVE_INFINITY;
    return (fact) => {
      if (fact.type === 'written' && fact.resource === 'leases' && !fact.after) {
        deletedMs = world.clock.now();
        // By a watch.
        for (const who of world.living) told.add(who);
      }
      if (!('sent' in fact) || fact.sent.resource !== 'leases') return;
      const { who, sent } = fact;
      if (!(who instanceof LeaseCandidate) || sent.verb === 'watch') return;
      if (fact.type === 'answered') {
        if (sent.verb === 'get' && fact.status === 404) told.add(who);
        else if (fact.status < 300 && sent.atMs > deletedMs) told.delete(who);
      } else if (fact.type === 'sent' && sent.verb === 'create' && !told.has(who)) {
        violated(`${who.name} creates the Lease, although it was not told that there is none`);
      }
    };
  },
};
