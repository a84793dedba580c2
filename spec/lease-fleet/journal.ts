import { Feed } from './feed.ts';

/** Whose program it is. */
export type Kind = 'client-go' | 'leader-for-life';

/** One line of what a candidate says, or of what was done to it. */
export interface Entry {
  readonly event:
    | 'start'
    | 'new-leader'
    /** A renewal, or what made it the leader, was answered. */
    | 'renewed'
    /** It gave the Lease up, whoever held it. Only client-go tells. */
    | 'released'
    /** Its first act, and all others. */
    | 'leading'
    | 'act'
    | 'stopped'
    | 'sigterm'
    | 'exit'
    | 'error'
    /** An error that nobody caught, a warning of Node.js. */
    | 'uncaught'
    | 'warning'
    /** It cannot have the lock yet. */
    | 'waiting'
    /** A signal was sent to it. */
    | 'signal'
    /** It is gone. */
    | 'gone';
  readonly kind: Kind;
  /** Unique among all processes. */
  readonly identity: string;
  /** Of the process, where an identity can have several. */
  readonly pid?: number | undefined;
  /** The machine's monotonic clock, which its processes share. Of acts: before it asked. */
  readonly atMs: number;
  /** When a renewal was sent, on the same clock. */
  readonly sentMs?: number;
  /** What a release wrote, as it is stored. */
  readonly renewTime?: string;
  /** Of who leads. */
  readonly fencingToken?: string;
  /** Its wall clock. */
  readonly time?: number;
  readonly leader?: string;
  readonly signal?: NodeJS.Signals | null;
  readonly code?: string | number | null;
  readonly reason?: string;
  readonly message?: string;
}

/** All that is said and done, as it comes. */
export type Journal = Feed<Entry>;

export function newJournal(): Journal {
  return new Feed(storyOf);
}

/** What happened lately, for whoever reads of a failed test. */
export function storyOf(entries: readonly Entry[]): string {
  return entries
    .filter(({ event }) => event !== 'act' && event !== 'renewed')
    .slice(-40)
    .map((entry) => JSON.stringify(entry))
    .join('\n');
}
