import type { Lane } from '../simulate/story.ts';
import type { Move } from './explorer.ts';

/** A world that bounds how often each thing may still happen. */
interface Bounded<What extends string> {
  readonly left: Readonly<Record<What, number>>;
}

/** Undefined where the bound is reached. */
export function spend<What extends string, World extends Bounded<What>>(
  world: World,
  what: What,
): World | undefined {
  const times = world.left[what];
  if (times <= 0) return undefined;
  return times === Infinity ? world : { ...world, left: { ...world.left, [what]: times - 1 } };
}

/** What is bounded is a fault, luck, or what somebody wants to do: nothing may need it. */
export function withOptional<World extends Bounded<never>>(
  { left }: World,
  moves: readonly Move<World>[],
): Move<World>[] {
  return moves.map((move) => (move.to.left === left ? move : { ...move, isOptional: true }));
}

/** The names of what is the case. */
export function sightsOf(all: Readonly<Record<string, boolean>>): string[] {
  return Object.keys(all).filter((what) => all[what]);
}

export function letter(index: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + index);
}

export function laneOf(isThere: boolean, leads: boolean): Lane {
  return leads ? 'leads' : isThere ? 'alive' : 'absent';
}
