import type { Check } from '../check.ts';

/** A release has succeeded only when the lock with which its program led is gone, or on its way. */
export const releasedInTruth: Check = {
  name: 'released in truth',
  begin: (world, violated) => {
    const uids = new Map<string, string>();
    return (fact) => {
      if (fact.type === 'leads' && fact.who.kind === 'life') {
        uids.set(fact.token, world.truth.lock?.uid ?? '');
      }
      if (fact.type !== 'released') return;
      const { lock } = world.truth;
      if (!lock || lock.isDeleting || lock.uid !== uids.get(fact.token)) return;
      if (lock.holderUid !== fact.who.podUid) return;
      violated(`${fact.who.name} was told that it has released the lock, which is still there`);
    };
  },
};
