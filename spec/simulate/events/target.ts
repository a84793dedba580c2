import type { Event } from '../schedule.ts';
import type { World } from '../world.ts';

/** Whom an event concerns: a slot, or whoever leads at that moment (the first slot if nobody does). */
export function targetOf(world: World, event: Event): number {
  const { slot } = event;
  if (typeof slot === 'number') return slot;
  return world.leaders[0]?.slot ?? 0;
}

export function targetName({ slot }: Event): string {
  return typeof slot === 'number' ? `pod-${slot}` : 'the leader';
}
