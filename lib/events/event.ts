import type { WaitingReason } from './waiting.ts';

/** How much an event matters, in the words of most loggers. */
export type EventLevel = 'debug' | 'info' | 'warn' | 'error';

/** Which election an event is about. */
export interface EventSubject {
  readonly mode: 'life' | 'lease';
  /** Of the lock: a ConfigMap in life mode, a Lease in lease mode. */
  readonly name: string;
  /** Where the lock is; empty as long as that is not known. */
  readonly namespace: string;
  /** The candidate: its Pod's name in life mode, its identity in lease mode; empty for an observer. */
  readonly identity: string;
}

/** What each type of event carries. */
export type EventDetail =
  /** There is no election, so this process leads: it is outside a cluster, or `enabled` is false. */
  | { readonly type: 'skipped' }
  /** Why the lock cannot be had has changed. `leader` is empty for nobody. */
  | { readonly type: 'waiting'; readonly reason: WaitingReason; readonly leader: string }
  /** This candidate leads. It has waited for `waitedMs`. */
  | { readonly type: 'leading'; readonly waitedMs: number; readonly fencingToken: string }
  /** A renewal of the Lease has succeeded, `latencyMs` after it was sent. */
  | { readonly type: 'renewed'; readonly latencyMs: number }
  /** Something is wrong that somebody should mend. Once for each code: see `docs/errors.md`. */
  | { readonly type: 'degraded'; readonly code: string }
  /** A request has failed and is tried again. */
  | { readonly type: 'trouble'; readonly error: Error }
  /** Leadership was lost. */
  | { readonly type: 'lost'; readonly error: Error }
  /** The work, or `onStoppedLeading`, has not ended in time and may go on. */
  | { readonly type: 'work-abandoned'; readonly error: Error }
  /** The lock was given up. */
  | { readonly type: 'released' }
  /** The candidate stopped waiting because its signal aborted. */
  | { readonly type: 'withdrawn' }
  /** The election ended with an error: the API server refused something, or the time to wait was up. */
  | { readonly type: 'failed'; readonly error: Error }
  /** Another leader was seen; empty for nobody. */
  | { readonly type: 'observed'; readonly leader: string };

/** What an election has to tell. */
export type ElectionEvent = EventSubject &
  EventDetail & {
    /** Always the same for a type. */
    readonly level: EventLevel;
    /** For people, without control characters. One line; a Role may follow. */
    readonly message: string;
  };

/** What `onEvent` is. Nobody waits for what it returns. */
export type EventListener = (event: ElectionEvent) => unknown;

export const levels: Readonly<Record<EventDetail['type'], EventLevel>> = {
  skipped: 'info',
  waiting: 'info',
  leading: 'info',
  renewed: 'debug',
  degraded: 'warn',
  trouble: 'warn',
  lost: 'error',
  'work-abandoned': 'error',
  released: 'info',
  withdrawn: 'info',
  failed: 'error',
  observed: 'info',
};
