/** What a candidate knows, what it is told, and what it can do. */
import { afterEnd, joined, predecessorsAt } from './predecessors.ts';
import {
  holderOf,
  type Liveness,
  type Lock,
  MAX_PREDECESSORS,
  type NodeReading,
  type Pod,
  type PodIdentity,
  type PodReading,
} from '../model.ts';

export interface Settings {
  readonly podName: string;
  readonly maxBackoffMs: number;
  readonly takeOverFromNotReadyNodeAfterMs?: number | undefined;
  /** Whether the Pod's UID counts even if the Role does not allow verifying it. */
  readonly trustsPodUid: boolean;
}

/** Why the lock cannot be had now. */
export type Obstacle =
  Liveness | 'released' | 'node-not-ready' | 'lock-deleting' | 'quota' | 'none';

/** Why this Pod must not lead, ever. */
export type Failure =
  | { readonly because: 'foreign-lock'; readonly lock: Lock }
  | { readonly because: 'pod-not-found' }
  | { readonly because: 'pod-uid-mismatch'; readonly expected: string; readonly actual: string }
  | { readonly because: 'pod-uid-unverified'; readonly podUid: string }
  | { readonly because: 'pod-terminating' };

/** What to do next; its outcome is the next event. */
export type Command =
  /** Read my own Pod. */
  | { readonly do: 'identify' }
  /**
   * Create the lock for this Pod and, at the same time, read its predecessors' Pods and, where
   * `verify`, my own.
   */
  | { readonly do: 'attempt'; readonly podUid: string; readonly verify: boolean }
  /** Read the lock, the Pods that matter and, where `search`, which replicas are being deleted. */
  | { readonly do: 'inspect'; readonly search: boolean }
  /** Delete exactly this version of the lock. */
  | { readonly do: 'reclaim'; readonly lock: Lock }
  /** Delete exactly this Pod: its node is gone, and the user chose not to wait for it. */
  | { readonly do: 'evict'; readonly pod: Pod }
  /** Nothing, until this moment or the next hint. */
  | { readonly do: 'wait'; readonly untilMs: number }
  | { readonly do: 'lead'; readonly lock: Lock }
  /** Take back the lock that was just created, then fail. */
  | { readonly do: 'withdraw'; readonly lock: Lock; readonly failure: Failure }
  | { readonly do: 'fail'; readonly failure: Failure };

/**
 * What a watch told. A hint moves the next look or attempt, and adds to the Pods that have to be read
 * before this one leads; it decides nothing itself.
 */
export type Hint =
  | { readonly type: 'lock-seen'; readonly lock: Lock }
  /** With the lock's last state. */
  | { readonly type: 'lock-gone'; readonly lock: Lock }
  | { readonly type: 'pod-seen'; readonly pod: PodReading }
  | { readonly type: 'node-changed' }
  | { readonly type: 'watch-opened'; readonly of: Watched }
  | { readonly type: 'watch-lost'; readonly of: Watched };

/** What there are watches on. */
export type Watched = 'lock' | 'holder' | 'node';

export type Event =
  | { readonly type: 'identified'; readonly self: Pod | 'absent' }
  | {
      readonly type: 'attempted';
      readonly outcome: Lock | 'exists' | 'quota';
      /** Undefined where it was not to be verified. */
      readonly self: PodReading | undefined;
      /** Of all predecessors, read after the attempt was decided. */
      readonly predecessors: readonly PodReading[];
    }
  | {
      readonly type: 'inspected';
      readonly lock: Lock | undefined;
      /** Of all `podsToRead`. */
      readonly pods: readonly PodReading[];
      readonly node?: NodeReading | undefined;
      /** Where that was to be searched for: the replicas that are being deleted. */
      readonly leaving?: readonly PodIdentity[] | undefined;
      /** Every watch that there should be is open. */
      readonly watched: boolean;
      /** How many candidates there are, roughly. */
      readonly candidateCount: number;
    }
  /** The lock was deleted, or somebody else changed or deleted it first. */
  | { readonly type: 'reclaimed'; readonly mine: boolean }
  | { readonly type: 'evicted' }
  | { readonly type: 'time-up' }
  | Hint;

/** The time of an event, and a random number for it. */
export interface Moment {
  /** Monotonic. */
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: number;
}

export interface State {
  readonly settings: Settings;
  readonly command: Command;
  /** Mine; undefined until my own Pod was read. */
  readonly podUid: string | undefined;
  /** As last read or seen; undefined while it is free. */
  readonly lock: Lock | undefined;
  /** The Pod that is waited for, as last read. */
  readonly holder: PodReading | undefined;
  /** The Pods that held earlier locks and may still lead, oldest first: I do not lead before they end. */
  readonly predecessors: readonly PodIdentity[];
  /** The predecessors are those of an earlier call: their locks may end only now. */
  readonly inherited: boolean;
  /** A lock of which nothing was seen kept me from creating mine. */
  readonly unseen: boolean;
  readonly obstacle: Obstacle;
  /** What a wait is for. */
  readonly next: 'attempt' | 'inspect';
  readonly candidateCount: number;
  /** Looks in a row without a watch. */
  readonly polls: number;
  /** Attempts in a row that failed although nobody was found to hold the lock. */
  readonly misses: number;
  /** Since when this lock's holder is known to be gone, or to have given it up. */
  readonly leftSinceMs: number | undefined;
  /** Since when the holder's node is known not to be ready. */
  readonly notReadySinceMs: number | undefined;
}

/** `predecessors`: those that an earlier call of this process has left. */
export function start(
  settings: Settings,
  podUid: string | undefined,
  predecessors: readonly PodIdentity[] = [],
): State {
  return {
    settings,
    command: podUid === undefined ? { do: 'identify' } : { do: 'attempt', podUid, verify: true },
    podUid,
    lock: undefined,
    holder: undefined,
    predecessors,
    inherited: predecessors.length > 0,
    unseen: false,
    obstacle: 'none',
    next: 'attempt',
    candidateCount: 1,
    polls: 0,
    misses: 0,
    leftSinceMs: undefined,
    notReadySinceMs: undefined,
  };
}

/** The Pod whose end a candidate waits for while this is the lock. */
export function awaited(state: State, lock = state.lock): PodIdentity | undefined {
  if (!lock || lock.deleting) return undefined;
  const holder = holderOf(lock);
  if (holder?.uid === state.podUid) return predecessorsAt(state, lock)[0];
  return lock.released ? undefined : holder;
}

/** The Pods that a look has to read: the one that is waited for, and those that may still lead. */
export function podsToRead(state: State, lock: Lock | undefined): readonly PodIdentity[] {
  const predecessors = predecessorsAt(state, lock);
  if (!lock) return predecessors.length > MAX_PREDECESSORS ? predecessors : [];
  const first = awaited(state, lock);
  return joined(state, [...(first ? [first] : []), ...predecessors]);
}

export function wait(state: State, untilMs: number): State {
  return { ...state, command: { do: 'wait', untilMs } };
}

export function inspect(state: State): State {
  return { ...state, command: { do: 'inspect', search: state.unseen } };
}

/** This lock is gone. */
export function ended(state: State, lock: Lock): State {
  return { ...forget(state), predecessors: afterEnd(state, lock) };
}

/** Nothing is known of the lock or its holder. */
export function forget(state: State): State {
  return {
    ...state,
    lock: undefined,
    holder: undefined,
    unseen: false,
    obstacle: 'none',
    misses: 0,
    leftSinceMs: undefined,
    notReadySinceMs: undefined,
  };
}

export function fail(state: State, failure: Failure): State {
  return { ...state, command: { do: 'fail', failure } };
}
