import type { Check } from '../check.ts';

/** Whoever says that he lacks a right was told so. */
export const missingRights: Check = {
  name: 'missing rights',
  begin: (_, violated) => {
    const refused = new Set<unknown>();
    return (fact) => {
      if (fact.type === 'answered' && fact.status === 403) refused.add(fact.who);
      if (fact.type !== 'warned' || fact.code !== 'LEADER_FOR_LIFE_DEGRADED') return;
      if (!refused.has(fact.who)) {
        violated(`${fact.who.name} goes on without a right that nobody denied: ${fact.message}`);
      }
    };
  },
};
