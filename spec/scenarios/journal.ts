import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { GrowingFile } from '../support/growing-file.ts';

/** One line of what a candidate says. */
export interface Entry {
  readonly event:
    | 'start'
    | 'waiting'
    | 'leading'
    | 'heartbeat'
    | 'releasing'
    | 'released'
    | 'lost'
    | 'sigterm'
    | 'command'
    | 'warning'
    | 'uncaught'
    | 'error'
    | 'exit';
  readonly pod: string;
  /** Of the Pod. */
  readonly uid: string;
  readonly container: string;
  /** One process; a container that restarts is another. */
  readonly run: string;
  /** The machine's monotonic clock, which its processes share. */
  readonly atMs: number;
  /** Wall time in milliseconds, as in the API server's audit log. */
  readonly time: number;
  readonly reason?: string;
  readonly code?: string | number;
  readonly message?: string;
  readonly holderPod?: string;
  readonly fencingToken?: string;
  readonly attempts?: number;
}

/** From when to when a process said that it leads: at least so long, it ran and led. */
export interface Term {
  readonly pod: string;
  readonly uid: string;
  readonly run: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly fromTime: number;
  readonly toTime: number;
  /** Missing for those that have none, as Go's. */
  readonly fencingToken?: string;
  /** Nothing said yet that it is over. */
  readonly isOpen: boolean;
}

/** Now, on the clock of `Entry.atMs`. */
export function nowMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** Everything that the candidates of a scene say, those that are gone included. */
export class Journal {
  readonly #folder: string;
  readonly #files = new Map<string, GrowingFile>();
  readonly #entries: Entry[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** All that was said up to now; in the order of time for each process. */
  read(): readonly Entry[] {
    const names = existsSync(this.#folder) ? readdirSync(this.#folder) : [];
    for (const name of names.filter((file) => file.endsWith('.jsonl'))) this.#readOn(name);
    return this.#entries;
  }

  #readOn(name: string): void {
    const file = this.#files.get(name) ?? new GrowingFile(join(this.#folder, name));
    this.#files.set(name, file);
    for (const line of file.readLines()) this.#entries.push(JSON.parse(line) as Entry);
  }
}

/** All terms, in the order in which they began. */
export function termsOf(entries: readonly Entry[]): Term[] {
  const runs = Map.groupBy(entries, ({ run }) => run);
  return [...runs.values()].flatMap((own) => termOf(own) ?? []).sort((a, b) => a.fromMs - b.fromMs);
}

function termOf(entries: readonly Entry[]): Term | undefined {
  const first = entries.find(({ event }) => event === 'leading');
  const last = entries.findLast(({ event }) => event === 'leading' || event === 'heartbeat');
  if (!first || !last) return undefined;
  const { pod, uid, run, fencingToken } = first;
  return {
    pod,
    uid,
    run,
    fromMs: first.atMs,
    toMs: last.atMs,
    fromTime: first.time,
    toTime: last.time,
    ...(fencingToken !== undefined && { fencingToken }),
    isOpen: !entries.some(({ event }) => over.includes(event)),
  };
}

const over: readonly Entry['event'][] = ['releasing', 'lost', 'exit'];
