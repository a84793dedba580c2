import type { Event } from '../schedule.ts';
import type { World } from '../world.ts';

/**
 * Whom an event concerns: a slot, whoever leads at that moment (the first slot if nobody does), or
 * whoever has led for life last. Where there are leaders of several locks, `of` may say of which kind
 * the leader is.
 */
export function targetOf(world: World, event: Event): number {
  const { slot } = event;
  if (typeof slot === 'number') return slot;
  if (slot === 'last leader') return world.truth.lastLeader?.slot ?? 0;
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
