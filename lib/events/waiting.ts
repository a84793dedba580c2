import type { Bar } from '../protocol/bar.ts';
import type { Liveness } from '../protocol/model.ts';

/** Why a candidate does not lead yet, for logs, metrics and status pages. */
export interface WaitingState {
  readonly lockName: string;
  readonly namespace: string;
  /** For programs. */
  readonly reason: WaitingReason;
  /**
   * For people: who holds the lock, why it is not free, and what has to happen. One line, safe for
   * a log or a terminal. The fields below are as the API server sent them.
   */
  readonly message: string;
  /** The holder: a Pod's name or, for a Lease, an identity. Missing for nobody. */
  readonly holder?: string;
  /** The Pod that holds the lock; missing for a Lease, which names no Pod. */
  readonly holderPod?: string;
  readonly holderUid?: string;
  /** Node of that Pod, if the Pod could be read. */
  readonly holderNode?: string;
  /** Phase of that Pod, if the Pod could be read. */
  readonly holderPhase?: string;
  /** Since when this has been the reason (wall time). */
  readonly since: Date;
}

/** Why the lock is not free. For a Lease, only the reasons marked with (both) occur. */
export type WaitingReason =
  /** Another candidate holds the lock and may be running (both). */
  | 'held'
  /** The holder's Pod is being deleted. */
  | 'holder-terminating'
  /** The holder's phase is terminal, but one of its containers is still reported to run. */
  | 'holder-finishing'
  /** The holder has ended for good; its lock is about to be taken over. */
  | 'holder-finished'
  /** The holder is gone; the garbage collector has not freed the lock yet. */
  | 'holder-gone'
  /** The holder has released the lock, which is about to be taken (both). */
  | 'released'
  /** The holder's node is not ready; see `takeOverFromNotReadyNodeAfterMs`. */
  | 'node-not-ready'
  /** The lock is being deleted, but finalizers keep it. */
  | 'lock-deleting'
  /** The namespace's quota does not allow another lock (both). */
  | 'quota-exceeded'
  /** Nobody holds the lock; this candidate is about to create it (both). */
  | 'free'
  /** The lock is free, but this candidate's health check fails, so it leaves the lock (both). */
  | 'unhealthy'
  /** The lock is free, but this candidate has just stepped down and leaves it to others (both). */
  | 'stepped-down'
  /** The API server does not answer, or answers with errors (both). */
  | 'api-unavailable';

/** What the state of the holder's Pod means for those who wait. */
export const holderReasons = {
  alive: 'held',
  unknown: 'held',
  terminating: 'holder-terminating',
  finishing: 'holder-finishing',
  finished: 'holder-finished',
  gone: 'holder-gone',
} as const satisfies Readonly<Record<Liveness, WaitingReason>>;

/** Why a candidate does not take a free lock, for people. */
export const barWords: Readonly<Record<Exclude<Bar['because'], 'not-preferred'>, string>> = {
  unhealthy: 'nobody holds the lock, but the health check of this candidate does not pass',
  'stepped-down':
    'nobody holds the lock; this candidate has just stepped down, and lets others lead',
};
