import type { Fact } from './fact.ts';
import type { World } from './world.ts';

/** What must never happen. */
export interface Violation {
  /** Which check found it: shrinking keeps to that. */
  readonly check: string;
  readonly atMs: number;
  readonly text: string;
}

/** One invariant of a world, which is told everything that happens, and asks the library nothing. */
export interface Check {
  readonly name: string;
  /** For one run; `violated` reports what must not have happened. */
  begin(world: World, violated: (text: string) => void): (fact: Fact) => void;
}
