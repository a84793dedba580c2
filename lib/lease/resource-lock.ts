import type { ElectionKey } from '../platform/elections.ts';
import type { LeaderElectionRecord, LockVersion } from '../protocol/lease/record.ts';

/**
 * Where electors keep their record: a Lease, or anything else that can replace a version of itself
 * only if nobody has replaced it before. Follows client-go's `resourcelock.Interface`.
 *
 * A record is stored as it was given, its times to the millisecond: what a write answers is compared with
 * what was sent, and a lock that changes more than the duration makes nobody the leader.
 *
 * A method that rejects is tried again until the lease would be lost. Each gets a signal that
 * aborts when its time is up; what it answers afterwards is ignored.
 */
export interface ResourceLock {
  /** Who asks; unique among the electors of this lock. */
  readonly identity: string;
  /** `NAMESPACE/NAME`, or what else tells people which lock this is. */
  describe(): string;
  /** What is stored, or undefined if nothing is. */
  get(signal: AbortSignal): Promise<LockVersion | undefined>;
  /** Stores the first record; `'conflict'` if there is one already. */
  create(record: LeaderElectionRecord, signal: AbortSignal): Promise<LockVersion | 'conflict'>;
  /** Replaces exactly this version; `'conflict'` if it is not what is stored, or is gone. */
  update(
    version: LockVersion,
    record: LeaderElectionRecord,
    signal: AbortSignal,
  ): Promise<LockVersion | 'conflict'>;
  /**
   * Reports every change until the signal aborts, and never rejects. Without it, or while it is
   * not open, the lock is read every `retryPeriodMs`.
   */
  watch?(listener: LockListener, signal: AbortSignal): Promise<void>;
  /** Records that this identity `became leader` or `stopped leading`. */
  recordEvent?(what: string, version: LockVersion): Promise<void>;
}

/** Who is told of changes of a lock. */
export interface LockListener {
  /** From now on no change is missed. */
  onOpen(): void;
  /** This is what is stored now. */
  onSeen(version: LockVersion): void;
  /** It was deleted, as of this resourceVersion. */
  onGone(resourceVersion: string): void;
  /** Changes may be missed from now on. */
  onLost(error: unknown): void;
}

/** What a request's failure means. */
export interface RequestFailure {
  /** In words. */
  readonly error: unknown;
  /** Trying again would not help. */
  readonly permanent: boolean;
  /** A write may have been, or may yet be, carried out. */
  readonly ambiguous: boolean;
  readonly retryAfterMs: number | undefined;
}

/** A lock in use. */
export interface OpenLock extends ResourceLock {
  /** Where it is and what it is called, as far as it has a namespace. */
  readonly namespace: string;
  readonly name: string;
  /** Two elections with the same key would share one leadership. */
  readonly key: ElectionKey;
  /** `whileUnsent` ends the request only if nothing of it has been sent. */
  create(
    record: LeaderElectionRecord,
    signal: AbortSignal,
    whileUnsent?: AbortSignal,
  ): Promise<LockVersion | 'conflict'>;
  /** `whileUnsent` ends the request only if nothing of it has been sent. */
  update(
    version: LockVersion,
    record: LeaderElectionRecord,
    signal: AbortSignal,
    whileUnsent?: AbortSignal,
  ): Promise<LockVersion | 'conflict'>;
  failure(error: unknown): RequestFailure;
  /** Ends every connection. */
  close(): void;
}
