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

/**
 * Every later leader has a larger token; a Pod that leads again may have the same. Several calls of
 * one Pod lead together with one lock: whichever version of it each was shown, it is their token.
 */
export const growingTokens: Check = {
  name: 'growing tokens',
  begin: (world, violated) => {
    let last:
      | { readonly who: Candidate; readonly token: bigint; readonly lockUid: string | undefined }
      | undefined;
    return (fact) => {
      if (fact.type !== 'leads') return;
      const { who } = fact;
      const token = BigInt(fact.token);
      const lockUid = world.truth.lock?.uid;
      const isTogether =
        lockUid !== undefined && last?.lockUid === lockUid && last.who.podUid === who.podUid;
      if (
        last &&
        !isTogether &&
        (token < last.token || (token === last.token && who.podUid !== last.who.podUid))
      ) {
        violated(`${who.name}'s token ${token} does not exceed ${last.who.name}'s, ${last.token}`);
      }
      last = { who, token: last && isTogether && last.token > token ? last.token : token, lockUid };
    };
  },
};
