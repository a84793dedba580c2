import { setTimeout as sleep } from 'node:timers/promises';

import type { Cluster } from '../cluster/state.ts';
import type { Report } from './report.ts';

/** How much is measured. */
export interface Options {
  /** How many candidates compete. */
  readonly sizes: readonly number[];
  /** For each contender; each situation has its own default. */
  readonly handovers: number | undefined;
  /** How many electors are in one process. */
  readonly electors: number;
  /** For how long requests are counted, at least. */
  readonly windowMs: number;
  readonly progress: (message: string) => void;
}

/** A measurement on a real Kubernetes. */
export interface Bench extends Options {
  readonly cluster: Cluster;
}

/** What is done to contenders, what is measured, and how that is told. */
export interface Situation<Needs extends Options, Data> {
  /** Starts what has to run for a while, before any situation is measured. */
  readonly begin?: (bench: Needs) => Promise<unknown>;
  /** Resolves with what `--json` writes. */
  readonly measure: (bench: Needs) => Promise<Data>;
  readonly report: (data: Data) => Report;
  /** Whether its report has something to draw. */
  readonly isDrawn?: true;
}

/** Makes something once for each benchmark. */
export function perBench<T>(make: (bench: Bench) => Promise<T>): (bench: Bench) => Promise<T> {
  const made = new WeakMap<Bench, Promise<T>>();
  return (bench) => {
    const existing = made.get(bench) ?? make(bench);
    made.set(bench, existing);
    return existing;
  };
}

/** Contenders take turns, so that what else goes on in the machine meets them all. */
export async function takeTurns<Team extends { readonly name: string }>(
  { progress }: Options,
  what: string,
  runs: number,
  teams: readonly Team[],
  turn: (team: Team, run: number) => Promise<unknown>,
): Promise<void> {
  for (let run = 1; run <= runs; run += 1) {
    for (const team of teams) {
      progress(`${what}: ${team.name}, ${run} of ${runs}`);
      await turn(team, run);
    }
  }
}

/** A span of wall time in which nothing happens to some contenders while others are measured. */
export class Window {
  readonly startTime: number;
  endTime = Infinity;

  constructor(startTime: number) {
    this.startTime = startTime;
  }

  get lengthMs(): number {
    return this.endTime - this.startTime;
  }

  /** Ends it once it is as long as that. */
  async end({ windowMs, progress }: Options): Promise<void> {
    const missingMs = this.startTime + windowMs - Date.now();
    if (missingMs > 0) progress(`requests: ${Math.ceil(missingMs / 1_000)} s more`);
    await sleep(Math.max(missingMs, 0));
    this.endTime = Date.now();
  }
}
