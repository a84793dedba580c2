import type { ElectionKey } from '../platform/elections.ts';
import type { LeaderElectionRecord, LockVersion } from '../protocol/lease/record.ts';
import type { ResourceLock } from './resource-lock.ts';

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

/**
 * A signal for a request that nobody aborts. Each request has its own: listeners of a shared one would stay
 * in memory for as long as the process.
 */
export function neverAborts(): AbortSignal {
  return new AbortController().signal;
}
