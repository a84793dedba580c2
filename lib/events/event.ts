import type { WaitingReason } from './waiting.ts';

/** Level of an event: the name of a method of most loggers. */
export type EventLevel = 'debug' | 'info' | 'warn' | 'error';

/** The election that an event is about. */
export interface EventSubject {
  readonly mode: 'life' | 'lease';
  /** Name of the lock: a ConfigMap in life mode, a Lease in lease mode. */
  readonly name: string;
  /** Namespace of the lock; empty while it is not known. */
  readonly namespace: string;
  /**
   * The candidate: its Pod's name in life mode, its identity in lease mode; empty for an observer.
   */
  readonly identity: string;
}

/** Why a leader hands over. */
export type StepDownReason =
  /** `stepDown()` was called. */
  | 'called'
  /** Somebody has asked for it in the lock. */
  | 'asked'
  /** The health check has failed too often. */
  | 'unhealthy';

/** The types of events, and the fields of each. */
export type EventDetail =
  /**
   * There is no election, so this process leads: it is outside a cluster, or `enabled` is false.
   */
  | { readonly type: 'skipped' }
  /** The candidate has begun to compete. */
  | { readonly type: 'started' }
  /** The reason why the lock is not free has changed. `leader` is empty for nobody. */
  | { readonly type: 'waiting'; readonly reason: WaitingReason; readonly leader: string }
  /** This candidate leads, after it has waited `waitedMs`. */
  | {
      readonly type: 'leading';
      readonly waitedMs: number;
      readonly fencingToken: string;
      /**
       * Milliseconds since another leader was last known to lead: until its end was seen or, for a
       * Lease, its last renewal or release. Missing if this candidate saw no other leader.
       */
      readonly takeoverMs?: number;
      /** Milliseconds for which leadership is proven; missing in life mode. */
      readonly remainingMs?: number;
    }
  /**
   * A renewal of the Lease has succeeded, `latencyMs` after it was sent. Leadership is proven for
   * `remainingMs` from now on.
   */
  | { readonly type: 'renewed'; readonly latencyMs: number; readonly remainingMs: number }
  /** A renewal has to read the Lease first, because the record it knew is not the stored one. */
  | { readonly type: 'slow-path' }
  /** Something should be fixed. Given once per code: see `docs/errors.md`. */
  | { readonly type: 'degraded'; readonly code: string }
  /** A request has failed and is retried. */
  | { readonly type: 'trouble'; readonly error: Error }
  /** A request has succeeded after others have failed. */
  | { readonly type: 'recovered' }
  /** Leadership was lost. */
  | { readonly type: 'lost'; readonly error: Error }
  /** The work, or `onStoppedLeading`, has not ended in time and may go on. */
  | { readonly type: 'work-abandoned'; readonly error: Error }
  /**
   * The leader hands over: `stepDown()` was called, the lock asks for it, or the health check fails.
   */
  | { readonly type: 'stepping-down'; readonly reason: StepDownReason }
  /** The health check has failed, for the `failures`-th time in a row. Not given after the threshold. */
  | { readonly type: 'unhealthy'; readonly error: Error; readonly failures: number }
  /** The health check has passed again. */
  | { readonly type: 'healthy' }
  /** The lock was given up. */
  | { readonly type: 'released' }
  /** The candidate stopped waiting because its signal aborted. */
  | { readonly type: 'withdrawn' }
  /** The election ended with an error: the API server refused a request, or `timeoutMs` is over. */
  | { readonly type: 'failed'; readonly error: Error }
  /** The election is over: this candidate neither waits nor leads any more. */
  | { readonly type: 'ended' }
  /** Another leader was seen. `leader` is empty for nobody. */
  | { readonly type: 'observed'; readonly leader: string };

/** An event of an election: see `docs/events.md`. */
export type ElectionEvent = EventSubject &
  EventDetail & {
    /** Always the same for a type. */
    readonly level: EventLevel;
    /** Text for people, without control characters. One line; a Role may follow. */
    readonly message: string;
  };

/** Type of `onEvent`. What it returns is not awaited. */
export type EventListener = (event: ElectionEvent) => unknown;

export const levels: Readonly<Record<EventDetail['type'], EventLevel>> = {
  skipped: 'info',
  started: 'debug',
  waiting: 'info',
  leading: 'info',
  renewed: 'debug',
  'slow-path': 'debug',
  degraded: 'warn',
  trouble: 'warn',
  recovered: 'info',
  lost: 'error',
  'work-abandoned': 'error',
  'stepping-down': 'info',
  unhealthy: 'warn',
  healthy: 'info',
  released: 'info',
  withdrawn: 'info',
  failed: 'error',
  ended: 'debug',
  observed: 'info',
};
