import type { Candidate } from './candidate.ts';
import type { Check } from './check.ts';
import type { Family } from './family.ts';
import type { Luck } from './luck.ts';
import type { Setting, SlotSetting } from './schedule.ts';
import type { Slot, World } from './world.ts';

/** What is competed for. */
export interface ContestedLock {
  readonly name: string;
  /** By whom. */
  readonly kinds: readonly SlotSetting['kind'][];
  /** How long after the world has healed somebody leads at the latest. */
  readonly boundMs: number;
}

/** What the worlds of a mode are made of. */
export interface Part {
  /** Of the candidates that it plays: others there may be are none of its business. */
  readonly kinds: readonly SlotSetting['kind'][];
  readonly locks: readonly ContestedLock[];
  readonly families: readonly Family[];
  readonly checks: readonly Check[];
  readonly drawSetting: (luck: Luck) => Setting;
  /** Begins, before the first event: Pods, rights. */
  populate(world: World): void;
  /** A new process in this slot; `undefined` where none can be now. */
  boot(world: World, slot: Slot): Candidate | undefined;
  /** Mends what it has broken. Whoever has ended is started again. */
  heal(world: World): void;
  /** The calm phase. */
  calm(world: World): Promise<void>;
}
