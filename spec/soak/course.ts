import type { ModeName } from './modes.ts';
import type { Vitals } from './vitals.ts';

/** What the process that is watched is told. */
export interface Order {
  readonly mode: ModeName;
  readonly handovers: number;
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly uids: Readonly<Record<string, string>>;
}

/** What it tells, lap by lap. */
export interface Lap {
  readonly handovers: number;
  readonly terms: number;
  readonly givenUp: number;
  /** How many states the observer has seen. */
  readonly seen: number;
  readonly vitals: Vitals;
}

/** What it tells at the end, when it has nothing to do any more. */
export interface End {
  readonly resources: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  readonly rejections: readonly string[];
  readonly listeners: number;
}

export type Message = { readonly warm: Lap } | { readonly lap: Lap } | { readonly end: End };

/** All that was told of a process. */
export interface Course {
  /** After the warm-up. */
  readonly warm: Lap | undefined;
  readonly laps: readonly Lap[];
  /** Missing when it ended before. */
  readonly end: End | undefined;
  /** How the process ended. */
  readonly exit: string;
}

export const LAPS = 20;

/**
 * Handovers before the first lap, in which everything is run for its first times, and the library's
 * memory of the last thousand locks that it deleted fills up: from then on it grows no more.
 */
export const WARM_UP = 1_200;
