import { Luck } from './luck.ts';
import type { Mode } from './mode.ts';
import { partOf } from './parts.ts';

export { type Mode, modes } from './mode.ts';

/** One thing that happens to the world; what else it says is for the family of events it is of. */
export interface Event {
  readonly atMs: number;
  readonly what: string;
  readonly [detail: string]: unknown;
}

/** How one machine's clocks differ from the world's. */
export interface ClockSetting {
  readonly rate: number;
  readonly startMs: number;
  readonly wallOffsetMs: number;
  /** The time since boot is told in whole seconds, as Bun and Deno do. */
  readonly isCoarse?: boolean;
}

/** One place for a candidate: a Pod name, or a machine. */
export interface SlotSetting {
  readonly kind: 'life' | 'lease' | 'client-go';
  readonly clock: ClockSetting;
  /** What a candidate of this kind is told besides. */
  readonly [detail: string]: unknown;
}

/** What the world is like before anything happens. */
export interface Setting {
  readonly slots: readonly SlotSetting[];
  /** How long the trouble lasts. */
  readonly troubleMs: number;
  /** Whether a calm phase follows: a handover, an idle stretch, an end. */
  readonly calm: boolean;
  /** What every request takes, there and back. */
  readonly latencyMs: readonly [minMs: number, maxMs: number];
  readonly gcDelayMs: number;
  readonly [detail: string]: unknown;
}

/** All that a run follows from, as plain JSON. */
export interface Schedule {
  readonly mode: Mode;
  /** What the world's own randomness follows from. */
  readonly seed: number;
  readonly setting: Setting;
  /** In the order of their times, which are absolute: removing one moves no other. */
  readonly events: readonly Event[];
}

/** Draws a schedule; the same for the same mode and seed. */
export function generate(mode: Mode, seed: number): Schedule {
  const luck = new Luck(seed);
  const { drawSetting, families } = partOf(mode);
  const setting = drawSetting(luck.fork('setting'));
  // Swarm testing: what never stands still hides what only shows in peace. So each schedule knows
  // some kinds of trouble only, and those the more often.
  const kept = luck.fork('swarm').number();
  const swarm = luck.fork('families');
  const events = families
    .filter((family) => family.isBasic === true || swarm.chance(kept))
    .flatMap((family) => family.draw(luck.fork(family.name), setting))
    .filter(({ atMs }) => atMs < setting.troubleMs)
    .sort((a, b) => a.atMs - b.atMs);
  return { mode, seed, setting, events };
}

/** The seed of the schedule of this number, whoever plays it. */
export function seedOf(seed: number, mode: Mode, index: number): number {
  // So that what a failing run prints can be played alone.
  return index === 0 ? seed >>> 0 : new Luck(seed).seed(mode, index);
}
