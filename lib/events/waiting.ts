/** Why a candidate is not leading yet, for logs, metrics and status pages. */
export interface WaitingState {
  readonly lockName: string;
  readonly namespace: string;
  /** For programs. */
  readonly reason: WaitingReason;
  /**
   * For people: who holds the lock, why it is not free, and what has to happen. One line, fit for a
   * log or a terminal; what is below is as the API server says it.
   */
  readonly message: string;
  /** Who holds the lock: a Pod's name or, of a Lease, an identity. Missing for nobody. */
  readonly holder?: string;
  /** The Pod that holds the lock; not of a Lease, which names no Pod. */
  readonly holderPod?: string;
  readonly holderUid?: string;
  /** Where that Pod runs, if it could be read. */
  readonly holderNode?: string;
  /** Its phase, if it could be read. */
  readonly holderPhase?: string;
  /** Since when it has been so (wall time). */
  readonly since: Date;
}

/** What stands between a candidate and the lock. A Lease knows only the reasons marked with (both). */
export type WaitingReason =
  /** Another candidate holds the lock and may be running (both). */
  | 'held'
  /** The holder was asked to go. */
  | 'holder-terminating'
  /** The holder's phase is terminal, but a container of it is still said to run. */
  | 'holder-finishing'
  /** The holder has ended for good; its lock is about to be taken over. */
  | 'holder-finished'
  /** The holder is gone; the garbage collector has not freed the lock yet. */
  | 'holder-gone'
  /** The holder has given the lock up; it is about to be taken (both). */
  | 'released'
  /** The holder's node is not ready; see `takeOverFromNotReadyNodeAfterMs`. */
  | 'node-not-ready'
  /** The lock is being deleted, but finalizers keep it. */
  | 'lock-deleting'
  /** The namespace's quota does not allow another lock (both). */
  | 'quota-exceeded'
  /** Nobody holds the lock; this candidate is about to create it (both). */
  | 'free'
  /** The API server does not answer, or answers with errors (both). */
  | 'api-unavailable';
