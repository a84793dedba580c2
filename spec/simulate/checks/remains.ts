import type { Check } from '../check.ts';
import { LifeCandidate } from '../life-candidate.ts';

/** Once nothing is wanted of it any more, a process has no timer and no request of the library's. */
export const nothingRemains: Check = {
  name: 'nothing remains',
  begin: (_, violated) => {
    const over = new Set<LifeCandidate>();
    return (fact) => {
      if (fact.type === 'leads' || fact.type === 'refused') {
        if (fact.who instanceof LifeCandidate) over.add(fact.who);
      }
      if (fact.type !== 'settled') return;
      for (const who of over) {
        if (!who.isAlive || who.mayRequest) over.delete(who);
        if (!over.has(who) || !who.isRunning) continue;
        over.delete(who);
        const { timers, requests } = who.remains;
        if (timers + requests > 0) {
          violated(`${who.name} leaves ${timers} timers and ${requests} requests`);
        }
      }
    };
  },
};
