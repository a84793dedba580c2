/** The state, events and commands of a candidate. */
import type { Bar } from '../bar.ts';
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
  /** Whether to trust the Pod's UID if the Role does not allow verifying it. */
  readonly trustsPodUid: boolean;
}

/** Why the lock is not free. */
export type Obstacle =
  Liveness | Bar['because'] | 'released' | 'node-not-ready' | 'lock-deleting' | 'quota' | 'none';

/** Why this Pod must never lead. */
export type Failure =
  | { readonly because: 'foreign-lock'; readonly lock: Lock }
  | { readonly because: 'pod-not-found' }
  | { readonly because: 'pod-uid-mismatch'; readonly expected: string; readonly actual: string }
  | { readonly because: 'pod-uid-unverified'; readonly podUid: string }
  | { readonly because: 'pod-terminating' };

/** What to do next; the outcome is the next event. */
export type Command =
  /** Read this Pod. */
  | { readonly do: 'identify' }
  /**
   * Create the lock for this Pod and, at the same time, read its predecessors' Pods and, with
   * `verify`, this Pod.
   */
  | { readonly do: 'attempt'; readonly podUid: string; readonly verify: boolean }
  /** Read the lock, the Pods that matter and, with `search`, which replicas are being deleted. */
  | { readonly do: 'inspect'; readonly search: boolean }
  /** Delete exactly this version of the lock. */
  | { readonly do: 'reclaim'; readonly lock: Lock }
  /** Delete exactly this Pod: its node is not ready, and the user chose not to wait for it. */
  | { readonly do: 'evict'; readonly pod: Pod }
  /** Do nothing until this moment or the next hint. */
  | { readonly do: 'wait'; readonly untilMs: number }
  | { readonly do: 'lead'; readonly lock: Lock }
  /** Take back the lock that was just created, then fail. */
  | { readonly do: 'withdraw'; readonly lock: Lock; readonly failure: Failure }
  | { readonly do: 'fail'; readonly failure: Failure };

/**
 * Reported by a watch. A hint moves the next look or attempt, and adds to the Pods to read before
 * this one leads. It decides nothing.
 */
export type Hint =
  | { readonly type: 'lock-seen'; readonly lock: Lock }
  /** The lock in its last state. */
  | { readonly type: 'lock-gone'; readonly lock: Lock }
  | { readonly type: 'pod-seen'; readonly pod: PodReading }
  | { readonly type: 'node-changed' }
  /** The bar has ended. */
  | { readonly type: 'unbarred' }
  | { readonly type: 'watch-opened'; readonly of: Watched }
  | { readonly type: 'watch-lost'; readonly of: Watched };

/** What is watched. */
export type Watched = 'lock' | 'holder' | 'node';

export type Event =
  | { readonly type: 'identified'; readonly self: Pod | 'absent' }
  | {
      readonly type: 'attempted';
      readonly outcome: Lock | 'exists' | 'quota' | 'barred';
      /** Undefined if it was not verified. */
      readonly self: PodReading | undefined;
      /** All predecessors, read after the attempt was decided. */
      readonly predecessors: readonly PodReading[];
    }
  | {
      readonly type: 'inspected';
      readonly lock: Lock | undefined;
      /** All of `podsToRead`. */
      readonly pods: readonly PodReading[];
      readonly node?: NodeReading | undefined;
      /** The replicas that are being deleted, if the look had to search for them. */
      readonly leaving?: readonly PodIdentity[] | undefined;
      /** Whether all watches are open. */
      readonly watched: boolean;
      /** Number of candidates, roughly. */
      readonly candidateCount: number;
    }
  /** The lock was deleted, or another candidate changed or deleted it first. */
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
  /** Why this candidate must not take the lock, even if it is free. */
  readonly bar?: Bar | undefined;
}

export interface State {
  readonly settings: Settings;
  readonly command: Command;
  /** UID of this Pod; undefined until the Pod was read. */
  readonly podUid: string | undefined;
  /** The lock as last read or seen; undefined while it is free. */
  readonly lock: Lock | undefined;
  /** The Pod that is waited for, as last read. */
  readonly holder: PodReading | undefined;
  /**
   * The holders of earlier locks that may still lead, oldest first. This candidate leads only after
   * they have ended.
   */
  readonly predecessors: readonly PodIdentity[];
  /** The predecessors are from an earlier call: their locks may end only now. */
  readonly inherited: boolean;
  /** A create was refused because of a lock that was never seen. */
  readonly unseen: boolean;
  readonly obstacle: Obstacle;
  /** What a wait is for. */
  readonly next: 'attempt' | 'inspect';
  readonly candidateCount: number;
  /** Number of looks in a row without a watch. */
  readonly polls: number;
  /** Number of failed attempts in a row without a holder of the lock. */
  readonly misses: number;
  /** Since when the holder of this lock is known to be gone, or to have released it. */
  readonly leftSinceMs: number | undefined;
  /** Since when the holder's node is known to be not ready. */
  readonly notReadySinceMs: number | undefined;
}

/** `predecessors`: left by an earlier call. `looks`: whether it reads the lock before it tries. */
export function start(
  settings: Settings,
  podUid: string | undefined,
  predecessors: readonly PodIdentity[] = [],
  looks = false,
): State {
  const first: Command = looks
    ? { do: 'inspect', search: false }
    : { do: 'attempt', podUid: podUid ?? '', verify: true };
  return {
    settings,
    command: podUid === undefined ? { do: 'identify' } : first,
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

/** Nothing is known about the lock or its holder. */
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
