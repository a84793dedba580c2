import type { Process } from './process.ts';
import type { SlotSetting } from './schedule.ts';

/** What of a candidate's requests and answers does not get through. */
export type Cut = 'both' | 'requests' | 'answers';

/** What is left running of a candidate: nothing, in the end. */
export interface Remains {
  readonly timers: number;
  readonly requests: number;
  /** Calls of the library that have not come to an end. */
  readonly calls: number;
}

/** One process that competes, whatever its kind, from its birth to its death. */
export interface Candidate {
  /** Where it runs. */
  readonly slot: number;
  /** Which one it is there, as in `a1`, `a2`, `b1`. */
  readonly name: string;
  readonly kind: SlotSetting['kind'];
  /** Others may share it, who compete for another lock. */
  readonly process: Process;
  readonly podName: string;
  readonly podUid: string;
  readonly isAlive: boolean;
  /** Neither stopped nor suspended: its program can do something. */
  readonly isRunning: boolean;
  /** Its program asks, waits or leads. */
  readonly isBusy: boolean;
  /** Its program would say that it leads, at this very moment. */
  readonly isValid: boolean;
  /** Of its present leadership. */
  readonly fencingToken: string | undefined;
  readonly remains: Remains;

  /** Its program asks for leadership. */
  start(): void;
  /** Its program gives up what it leads with, after it has stopped to work. */
  finish(): void;
  /** Its program does not want to lead any more, or to wait for it. */
  cancel(): void;
  /** The process ends at once, and says no more; what it has sent may yet be carried out. */
  kill(): void;
  /** As `SIGSTOP`, and `SIGCONT`. */
  stop(): void;
  continue(): void;
  /** Its machine sleeps, and wakes up again. */
  suspend(): void;
  resume(): void;
  /** The network between it and the cluster is gone; nobody is told. */
  cut(what: Cut): void;
  mend(): void;
  /** Its wall clock is set. */
  setWall(offsetMs: number): void;
}
