import type { ElectionKey } from '../elections.ts';
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
  failure(error: unknown): RequestFailure;
  /** Ends every connection. */
  close(): void;
}

/**
 * A signal for requests that nobody aborts. Each has its own: whoever listens to one that all share
 * stays in memory for as long as what he waits for does not come.
 */
export function never(): AbortSignal {
  return new AbortController().signal;
}
