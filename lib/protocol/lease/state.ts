/** The state, events and commands of an elector. */
import type { HolderContainer, LeaderElectionRecord, LockVersion } from './record.ts';
import type { Bar } from '../bar.ts';
import type { Instant } from '../validity.ts';

export const FIRST_RETRY_MS = 100;

export const POLL_JITTER = 0.2;

export interface Settings {
  readonly identity: string;
  /** A whole number of seconds. */
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

/** What to do next; its outcome is the next event. */
export type Command =
  /** Read the lock. */
  | { readonly do: 'get' }
  /** Create the lock. */
  | { readonly do: 'create'; readonly record: LeaderElectionRecord }
  /** Replace exactly this version. */
  | { readonly do: 'update'; readonly version: LockVersion; readonly record: LeaderElectionRecord }
  /** Do nothing until this moment or the next hint. `bar` is why a free lock is not taken. */
  | { readonly do: 'wait'; readonly untilMs: number; readonly bar?: Bar['because'] }
  | { readonly do: 'end' };

/** Reported by a watch. A hint saves reads; a write that follows a wrong hint is refused. */
export type Hint =
  | { readonly type: 'seen'; readonly version: LockVersion }
  | { readonly type: 'gone'; readonly resourceVersion: string }
  /** The bar has ended. */
  | { readonly type: 'unbarred' }
  | { readonly type: 'watch-opened' }
  | { readonly type: 'watch-lost' }
  /** The API server says that no process of this container runs any more. */
  | { readonly type: 'holder-ended'; readonly container: HolderContainer }
  /** From now on, writes say in which container this elector runs. */
  | { readonly type: 'container-known' };

export type Event =
  | { readonly type: 'got'; readonly version: LockVersion | undefined }
  /** The outcome of a create or an update: what was stored, or that another elector was faster. */
  | { readonly type: 'written'; readonly version: LockVersion | 'conflict' }
  | {
      readonly type: 'failed';
      /** The write may have taken effect, or may still do so. */
      readonly ambiguous: boolean;
      readonly retryAfterMs?: number | undefined;
    }
  | { readonly type: 'time-up' }
  /** Stop: give the lock up if it is held, or may be. Never comes during a write. */
  | { readonly type: 'finish' }
  | Hint;

/** The time of an event, and a random number for it. */
export interface Moment extends Instant {
  /** Wall time, in milliseconds. It is written for people and decides nothing. */
  readonly dateMs: number;
  /** In [0, 1). */
  readonly random: number;
  /** The number of electors, if it is known. */
  readonly candidateCount?: number | undefined;
  /** Why this elector must not take the lock, even if it is free. */
  readonly bar?: Bar | undefined;
}

/** Why leadership was lost. */
export type Loss =
  /** No renewal was answered in time. */
  | { readonly because: 'expired' }
  /** Another identity holds the lock, or has held it meanwhile. */
  | { readonly because: 'taken'; readonly holder: string }
  /** Another process has written the lock under this identity. */
  | { readonly because: 'namesake' };

export type Phase = 'following' | 'leading' | 'releasing' | 'ended';

export type Watch =
  | 'closed'
  /** The watch has shown nothing since it opened, or has not shown a change that was read. */
  | 'silent'
  | 'current';

/** When something was written. */
export interface Stamp {
  /** The wall time in the record. */
  readonly dateMs: number;
  /** The wall time when it was written. */
  readonly readMs: number;
  readonly nowMs: number;
}

export interface State {
  readonly settings: Settings;
  readonly phase: Phase;
  readonly command: Command;
  /** What a wait is for. */
  readonly next: 'get' | 'decide';
  /** The lock as last read, written or seen; undefined before. */
  readonly version: LockVersion | undefined;
  /** The lock existed, and is gone. */
  readonly gone: boolean;
  /** Until when another elector that was seen to hold the lock may lead. */
  readonly heldUntilMs: number;
  /** Until when the holder of a deleted lock may lead, regardless of the next holder. */
  readonly deletedUntilMs: number;
  /** The last container that is known to have ended while its process held the lock. */
  readonly ended: HolderContainer | undefined;
  readonly watch: Watch;
  /** When the command was decided: what it proves holds from then on. */
  readonly issuedAt: Instant;
  /** Times of the last write. */
  readonly stamp: Stamp | undefined;
  /** When the last successful renewal was decided. */
  readonly renewedAt: Instant | undefined;
  /** How long that renewal proves leadership: less than requested if less was stored. */
  readonly deadlineMs: number;
  /**
   * The last version that this elector led by. Any other version has one more transition, or is
   * another object.
   */
  readonly written: LockVersion | undefined;
  /**
   * The last records that this elector wrote, or tried to. Once it has led, nothing else under its
   * name is its own.
   */
  readonly sent: readonly LeaderElectionRecord[];
  /** Another process has written the lock under this identity. */
  readonly namesake: boolean;
  /** A write whose answer was lost or ignored may have made this elector the holder. */
  readonly writeUnconfirmed: boolean;
  /** Number of failed requests in a row; reads between writes do not count. */
  readonly failures: number;
  /**
   * Number of writes in a row for which another elector, or a copy of the own write, was faster.
   */
  readonly conflicts: number;
  readonly loss: Loss | undefined;
}

const NOTHING: Known = {
  version: undefined,
  gone: false,
  heldUntilMs: Number.NEGATIVE_INFINITY,
  deletedUntilMs: Number.NEGATIVE_INFINITY,
  ended: undefined,
  written: undefined,
  sent: [],
  namesake: false,
};

/** What an elector has seen and written in its earlier campaigns. */
export type Known = Pick<
  State,
  'version' | 'gone' | 'heldUntilMs' | 'deletedUntilMs' | 'ended' | 'written' | 'sent' | 'namesake'
>;

export function start(settings: Settings, when: Moment, known: Known = NOTHING): State {
  return {
    settings,
    phase: 'following',
    command: { do: 'get' },
    next: 'get',
    version: known.version,
    gone: known.gone,
    heldUntilMs: known.heldUntilMs,
    deletedUntilMs: known.deletedUntilMs,
    ended: known.ended,
    watch: 'closed',
    issuedAt: when,
    stamp: undefined,
    renewedAt: undefined,
    deadlineMs: settings.renewDeadlineMs,
    written: known.written,
    sent: known.sent,
    namesake: known.namesake,
    writeUnconfirmed: false,
    failures: 0,
    conflicts: 0,
    loss: undefined,
  };
}

/** The holder on record, empty for nobody. */
export function holderOf(state: State): string {
  return state.gone ? '' : (state.version?.record.holderIdentity ?? '');
}

/** Whether a watch shows a leader its own write: that says nothing new. */
export function isEcho({ phase, gone, version }: State, hint: Hint): boolean {
  const isKnown = hint.type === 'seen' && hint.version.resourceVersion === version?.resourceVersion;
  return phase === 'leading' && !gone && isKnown;
}

export function get(state: State, when: Moment): State {
  return { ...state, command: { do: 'get' }, issuedAt: when };
}

export function wait(state: State, untilMs: number, next: State['next'], bar?: Bar): State {
  const command = { do: 'wait' as const, untilMs, ...(bar && { bar: bar.because }) };
  return { ...state, command, next };
}

export function lose(state: State, loss: Loss): State {
  return { ...end(state), loss };
}

export function end(state: State): State {
  return { ...state, phase: 'ended', command: { do: 'end' } };
}
