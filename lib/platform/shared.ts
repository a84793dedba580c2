import type { ElectionMap } from './elections.ts';
import type { PodIdentity } from '../protocol/model.ts';

export type PredecessorMap = Map<string, readonly PodIdentity[]>;

/** What all copies of this package in a process have to know of each other. */
interface Shared {
  /** The elections that run. */
  readonly elections: ElectionMap;
  /** The locks that may still go, by UID. */
  readonly unconfirmed: Set<string>;
  /** Pods that may still lead although their locks have ended, by lock. */
  readonly predecessors: PredecessorMap;
}

const key = Symbol.for('leader-for-life');

/** That of this process, or of this worker thread. */
export function shared(): Shared {
  const global = globalThis as unknown as { [key]: Shared | undefined };
  return (global[key] ??= {
    elections: new Map(),
    unconfirmed: new Set(),
    predecessors: new Map(),
  });
}
