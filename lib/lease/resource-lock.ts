import type { ElectionKey } from '../platform/elections.ts';
import type { Api } from '../kubernetes/api.ts';
import type {
  HolderContainer,
  LeaderElectionRecord,
  LockVersion,
} from '../protocol/lease/record.ts';

/**
 * Where electors keep their record: a Lease, or anything else that replaces a version only if it is
 * still the current one. Follows client-go's `resourcelock.Interface`.
 *
 * A lock must store a record as given, with times to the millisecond. The result of a write is
 * compared with what was sent: if anything but the duration differs, nobody leads by it.
 *
 * A method that rejects is retried until the lease would be lost. Each gets a signal that aborts
 * when its time is up; a later result is ignored.
 */
export interface ResourceLock {
  /** Identity of the elector; unique among the electors of this lock. */
  readonly identity: string;
  /** Names the lock for people: `NAMESPACE/NAME`, for example. */
  describe(): string;
  /** Reads what is stored; undefined for nothing. */
  get(signal: AbortSignal): Promise<LockVersion | undefined>;
  /** Stores the first record; resolves with `'conflict'` if there is one already. */
  create(record: LeaderElectionRecord, signal: AbortSignal): Promise<LockVersion | 'conflict'>;
  /**
   * Replaces exactly this version; resolves with `'conflict'` if another one is stored, or none.
   */
  update(
    version: LockVersion,
    record: LeaderElectionRecord,
    signal: AbortSignal,
  ): Promise<LockVersion | 'conflict'>;
  /**
   * Reports every change until the signal aborts, and never rejects. Without this method, or while
   * the watch is not open, the lock is read every `retryPeriodMs`.
   */
  watch?(listener: LockListener, signal: AbortSignal): Promise<void>;
  /** Records that this identity `became leader` or `stopped leading`. */
  recordEvent?(what: string, version: LockVersion): Promise<void>;
}

/** Receives the changes of a lock. */
export interface LockListener {
  /** The watch is open: from now on no change is missed. */
  onOpen(): void;
  /** This version is stored now. */
  onSeen(version: LockVersion): void;
  /** The lock was deleted, as of this resourceVersion. */
  onGone(resourceVersion: string): void;
  /** The watch is not open: from now on changes may be missed. */
  onLost(error: unknown): void;
}

/** What a request's failure means. */
export interface RequestFailure {
  /** The error to report. */
  readonly error: unknown;
  /** No retry would help. */
  readonly permanent: boolean;
  /** A write may have taken effect, or may still do so. */
  readonly ambiguous: boolean;
  readonly retryAfterMs: number | undefined;
}

/** An open lock. */
export interface OpenLock extends ResourceLock {
  /** Empty if the lock has no namespace. */
  readonly namespace: string;
  readonly name: string;
  /** Two elections with the same key would share one leadership. */
  readonly key: ElectionKey;
  /** Requests to the lock's API server; undefined if it is not known. */
  readonly api?: Api;
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
  /**
   * Finds out in which container this process runs; from then on, writes say so. Resolves with
   * whether that has become known.
   */
  identify?(signal: AbortSignal): Promise<boolean>;
  /** The number of electors that compete, if it is known. */
  readonly candidateCount?: number | undefined;
  /** Resolves with true once the API server says that this container has ended. */
  ended?(container: HolderContainer, signal: AbortSignal): Promise<boolean>;
  /** Ends every connection. */
  close(): void;
}
