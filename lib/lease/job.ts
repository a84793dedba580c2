import { Term } from './term.ts';
import { LeaderElectionError } from '../errors.ts';

/** What has ended a term. */
export type First = 'work' | 'lost' | 'stepped-down' | 'cancelled';

/** The work of a leader. */
export interface Job<T> {
  readonly work: (served: Served) => T | PromiseLike<T>;
  /** Whether the term ends when the work returns. It always ends when the work throws. */
  readonly endsWithWork: boolean;
  /** Whether to campaign again after a term that was lost, or that ended by stepping down. */
  readonly recampaigns: boolean;
  /** Called after the work has settled or was given up, and before the lease is released. */
  readonly onStopped?: () => unknown;
}

/** A term, and the lock that it holds. */
export interface Served {
  readonly term: Term;
  /** Undefined without an election. */
  readonly namespace: string | undefined;
  readonly fencingToken: string;
  readonly skipped: boolean;
  /** Ends this term. */
  readonly stepDown: () => void;
}

export type Settled<T> = { readonly value: T } | { readonly error: unknown };

/** How a term ended. `abandoned` is set if a part of it goes on. */
export type Ending<T> =
  | { readonly how: 'returned'; readonly value: T }
  | { readonly how: 'threw'; readonly error: unknown }
  | { readonly how: 'cancelled'; readonly abandoned: LeaderElectionError | undefined }
  | {
      readonly how: 'lost' | 'stepped-down';
      readonly error: Error;
      readonly abandoned: LeaderElectionError | undefined;
      readonly work: Promise<unknown>;
    };

/** What ends a term. */
export async function firstOf<T>(
  work: Promise<Settled<T>>,
  term: Term,
  signal: AbortSignal,
  endsWithWork: boolean,
): Promise<First> {
  const { promise, resolve } = Promise.withResolvers<First>();
  const onAbort = () => {
    resolve('cancelled');
  };
  void work.then((outcome) => {
    if (endsWithWork || 'error' in outcome) resolve('work');
  });
  void term.lost.then(() => {
    resolve('lost');
  });
  void term.steppingDown.then(() => {
    resolve('stepped-down');
  });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

export function ending<T>(
  first: First,
  outcome: Settled<T> | undefined,
  term: Term,
  work: Promise<unknown>,
  abandoned: LeaderElectionError | undefined,
): Ending<T> {
  if (first === 'lost' || first === 'stepped-down') {
    const error = first === 'lost' ? term.error : (term.signal.reason as Error);
    return { how: first, error: error ?? new Error(first), work, abandoned };
  }
  if (first === 'cancelled' || !outcome) return { how: 'cancelled', abandoned };
  if ('error' in outcome) return { how: 'threw', error: outcome.error };
  return { how: 'returned', value: outcome.value };
}

/** Calls it, and resolves with how it ended; never rejects. */
export async function settle<T>(call: () => T | PromiseLike<T>): Promise<Settled<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error };
  }
}
