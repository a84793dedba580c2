import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GrowingFile } from '../support/growing-file.ts';

/** Whose program a candidate runs. */
export type Kind = 'client-go' | 'leader-for-life';

/** One line of what a candidate says, or of what was done to it. */
export interface Entry {
  readonly event:
    | 'start'
    /** It cannot have the lock yet. */
    | 'waiting'
    /** Its first act as a leader, and all others. */
    | 'leading'
    | 'heartbeat'
    /** It does not act any more: it is about to give the lock up, or has learnt that it lost it. */
    | 'releasing'
    | 'lost'
    | 'released'
    /** A renewal was answered. Only client-go tells. */
    | 'renewed'
    | 'new-leader'
    | 'sigterm'
    | 'command'
    | 'warning'
    /** An error that nobody caught, or a warning of Node.js. */
    | 'uncaught'
    | 'error'
    | 'exit'
    /** A signal was sent to it. */
    | 'signal'
    /** Its process has ended. */
    | 'gone';
  /** The candidate's name: its Pod's, or its identity. */
  readonly pod: string;
  /** Who leads: processes with the same one may lead together. */
  readonly uid: string;
  /** One process; a container that restarts is another. */
  readonly run: string;
  readonly container?: string;
  /** Of what runs as a process of this machine. */
  readonly kind?: Kind;
  /** The machine's monotonic clock, which its processes share. Of acts: before it asked. */
  readonly atMs: number;
  /** Its wall clock, in milliseconds. */
  readonly time?: number;
  /** When a renewal was sent, on the monotonic clock. */
  readonly sentMs?: number;
  /** What a release of client-go wrote, as it is stored. */
  readonly renewTime?: string;
  readonly fencingToken?: string;
  readonly signal?: NodeJS.Signals | null;
  readonly code?: string | number | null;
  readonly reason?: string;
  readonly message?: string;
  /** Who holds the lock that it waits for. */
  readonly holderPod?: string;
}

export function isAct({ event }: Entry): boolean {
  return event === 'leading' || event === 'heartbeat';
}

/** For what is awaited: nothing here is about how fast the machine is. */
export const PATIENCE_MS = 240_000;

/** Things as they come, all of which are kept. */
export class Feed<T> {
  readonly items: T[] = [];
  readonly #story: (items: readonly T[]) => string;
  readonly #patienceMs: number;
  #changed = Promise.withResolvers<undefined>();

  /** The story of what came is told when something does not. */
  constructor(story: (items: readonly T[]) => string, patienceMs = PATIENCE_MS) {
    this.#story = story;
    this.#patienceMs = patienceMs;
  }

  /** What comes from now on is behind this. */
  get mark(): number {
    return this.items.length;
  }

  add(item: T): void {
    this.items.push(item);
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }

  /** Resolves with what `probe` finds. It looks again whenever something has come. */
  async until<F>(what: string, probe: () => F | undefined | false): Promise<F> {
    const over = new AbortController();
    const late = sleep(this.#patienceMs, 'late' as const, { signal: over.signal });
    late.catch(() => undefined);
    try {
      for (;;) {
        const found = probe();
        if (found !== undefined && found !== false) return found;
        if ((await Promise.race([this.#changed.promise, late])) !== 'late') continue;
        throw new Error(`this did not happen: ${what}\n${this.#story(this.items)}`);
      }
    } finally {
      over.abort();
    }
  }

  /** Resolves with the first item behind the mark that fits. */
  next(what: string, fits: (item: T) => boolean, mark = this.mark): Promise<T> {
    let index = mark;
    return this.until(what, () => {
      for (; index < this.items.length; index += 1) {
        const item = this.items[index] as T;
        if (fits(item)) return item;
      }
      return undefined;
    });
  }
}

/** What the candidates of a scene say in its folder, those that are gone included. */
export class FolderJournal {
  readonly #folder: string;
  readonly #files = new Map<string, GrowingFile>();
  readonly #entries: Entry[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** All that was said up to now, for each process in the order of time. */
  read(): readonly Entry[] {
    const names = existsSync(this.#folder) ? readdirSync(this.#folder) : [];
    for (const name of names.filter((file) => file.endsWith('.jsonl'))) {
      const file = this.#files.get(name) ?? new GrowingFile(join(this.#folder, name));
      this.#files.set(name, file);
      for (const line of file.readLines()) this.#entries.push(JSON.parse(line) as Entry);
    }
    return this.#entries;
  }
}
