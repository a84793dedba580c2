import type { Event } from '../schedule.ts';
import type { World } from '../world.ts';

/**
 * The slot that an event concerns: a given one; that of the leader, or the first if nobody leads; that of
 * the last leader for life; or that of the Pod that holds the lock for life, whether it leads or not. If
 * several locks have leaders, `of` may say which kind is meant.
 */
export function targetOf(world: World, event: Event): number {
  const { slot } = event;
  if (typeof slot === 'number') return slot;
  if (slot === 'last leader') return world.truth.lastLeader?.slot ?? 0;
  if (slot === 'holder') {
    const { lock } = world.truth;
    const isHolder = (name: string) => world.cluster.getPod(name)?.metadata.uid === lock?.holderUid;
    return Math.max(
      world.slots.findIndex(({ podName }) => isHolder(podName)),
      0,
    );
  }
  const of = event['of'] as readonly string[] | undefined;
  const leader = world.leaders.find(({ kind }) => !of || of.includes(kind));
  if (leader) return leader.slot;
  return Math.max(
    world.slots.findIndex(({ setting }) => !of || of.includes(setting.kind)),
    0,
  );
}

export function targetName({ slot }: Event): string {
  return typeof slot === 'number' ? `pod-${slot}` : `the ${String(slot)}`;
}
