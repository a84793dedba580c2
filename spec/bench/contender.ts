import type { Arena, PodIdentity } from './target.ts';

/** An implementation of leader election. */
export interface Contender {
  readonly name: string;
  /** Whether it takes over from a Pod that stays and has failed. */
  readonly succeedsEnded: boolean;
  start(arena: Arena, pod: PodIdentity): Candidate;
}

/** One candidate of it, which goes on until it is stopped. */
export interface Candidate {
  readonly pod: PodIdentity;
  /** Resolves when it leads; rejects when it cannot. */
  readonly leads: Promise<unknown>;
  /** Resolves when it is ready to take over from this Pod. */
  waitsFor(leaderUid: string): Promise<void>;
  stop(): void;
}
