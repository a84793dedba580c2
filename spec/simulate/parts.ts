import type { Candidate } from './candidate.ts';
import type { Check } from './check.ts';
import type { Family } from './family.ts';
import { leasePart } from './lease-part.ts';
import { lifePart } from './life-part.ts';
import type { Luck } from './luck.ts';
import type { Setting } from './schedule.ts';
import { type Mode, modes } from './mode.ts';
import type { Slot, World } from './world.ts';

/** What the worlds of a mode are made of. */
export interface Part {
  readonly families: readonly Family[];
  readonly checks: readonly Check[];
  readonly drawSetting: (luck: Luck) => Setting;
  /** Begins, before the first event: Pods, rights. */
  populate(world: World): void;
  /** A new process in this slot; `undefined` where none can be now. */
  boot(world: World, slot: Slot): Candidate | undefined;
  /** Mends what it has broken. Whoever has ended is started again. */
  heal(world: World): void;
  /** How long after the world has healed somebody leads at the latest. */
  boundMs(world: World): number;
  /** The calm phase. */
  calm(world: World): Promise<void>;
}

const parts: Partial<Record<Mode, Part>> = { life: lifePart, lease: leasePart };

/** The modes that there are worlds of. */
export const playable = modes.filter((mode) => parts[mode]);

/** What this mode's worlds are made of. */
export function partOf(mode: Mode): Part {
  const part = parts[mode];
  if (!part) throw new Error(`There are no worlds of the mode ${mode} yet`);
  return part;
}
