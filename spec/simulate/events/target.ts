import type { Event } from '../schedule.ts';
import type { World } from '../world.ts';

/**
 * Whom an event concerns: a slot, whoever leads at that moment (the first slot if nobody does),
 * whoever has led for life last, or the Pod that holds the lock for life, leading or not. Where there are leaders of several locks, `of` may say of which kind
 * the leader is.
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
