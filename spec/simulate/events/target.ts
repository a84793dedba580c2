import type { Candidate } from '../candidate.ts';
import type { Details } from '../family.ts';
import type { Line, Mishap } from '../line.ts';
import type { Slot, World } from '../world.ts';

type Target = Pick<Details, 'slot' | 'of'>;

/** The slot that an event concerns; the first one, if nobody leads or holds the lock. */
export function targetOf(world: World, { slot, of }: Target): Slot {
  if (typeof slot === 'number') return world.slot(slot);
  if (slot === 'last leader') return world.slot(world.truth.lastLeader?.slot ?? 0);
  const find = (isIt: (slot: Slot) => boolean) =>
    world.slots[Math.max(world.slots.findIndex(isIt), 0)] ?? world.slot(0);
  if (slot === 'holder') {
    const { lock } = world.truth;
    return find(({ podName }) => world.cluster.getPod(podName)?.metadata.uid === lock?.holderUid);
  }
  const leader = world.leaders.find(({ kind }) => !of || of.includes(kind));
  return leader ? world.slot(leader.slot) : find(({ setting }) => !of || of.includes(setting.kind));
}

/** All slots that it concerns. */
export function targetsOf(world: World, event: Target): readonly Slot[] {
  return event.slot === 'everybody' ? world.slots : [targetOf(world, event)];
}

export function targetName({ slot }: Target): string {
  if (slot === 'everybody') return slot;
  return typeof slot === 'number' ? `pod-${slot}` : `the ${slot}`;
}

/** Those of the processes that it concerns, and that are alive if it concerns all. */
export function linesOf(
  world: World,
  event: Target,
  isConcerned: (who: Candidate) => boolean = () => true,
): readonly Line[] {
  const living = event.slot === 'everybody' ? world.living : [targetOf(world, event).candidate];
  const lines = living.flatMap((who) => (who && isConcerned(who) ? [who.process.line] : []));
  return [...new Set(lines)];
}

/** Before all mishaps that there are already. */
export function strikeFirst(lines: readonly Line[], mishap: Mishap): () => void {
  for (const line of lines) line.mishaps = [mishap, ...line.mishaps];
  return () => {
    for (const line of lines) line.heal(mishap);
  };
}

/** After all others. */
export function strike(world: World, event: Details): (() => void) | undefined {
  const line = targetOf(world, event).candidate?.process.line;
  if (!line) return undefined;
  line.mishaps = [...line.mishaps, event.mishap];
  return () => line.heal(event.mishap);
}
