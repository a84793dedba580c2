import type { Candidate } from '../candidate.ts';
import type { Check } from '../check.ts';

/** At most one Pod leads: all processes of a Pod lead together. */
export const oneLeader: Check = {
  name: 'one leader',
  begin: (world, violated) => (fact) => {
    if (fact.type !== 'leads') return;
    const others = world.leaders.filter(
      ({ kind, podUid }) => kind === 'life' && podUid !== fact.who.podUid,
    );
    for (const other of others) violated(`${fact.who.name} leads, and so does ${other.name}`);
  },
};

/** Every later leader has a larger token; a Pod that leads again may have the same. */
export const growingTokens: Check = {
  name: 'growing tokens',
  begin: (_, violated) => {
    let last: { readonly who: Candidate; readonly token: bigint } | undefined;
    return (fact) => {
      if (fact.type !== 'leads') return;
      const { who } = fact;
      const token = BigInt(fact.token);
      if (
        last &&
        (token < last.token || (token === last.token && who.podUid !== last.who.podUid))
      ) {
        violated(`${who.name}'s token ${token} does not exceed ${last.who.name}'s, ${last.token}`);
      }
      last = { who, token };
    };
  },
};
