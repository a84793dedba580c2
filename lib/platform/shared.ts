import type { AsideMap, ElectionMap } from './elections.ts';
import type { PodIdentity } from '../protocol/model.ts';

export type PredecessorMap = Map<string, readonly PodIdentity[]>;

/** What all copies of this package in a process share. */
interface Shared {
  /** The running elections. */
  readonly elections: ElectionMap;
  /** Missing if another version of the package has made this. */
  readonly aside?: AsideMap;
  /** The locks that may still disappear, by UID. */
  readonly unconfirmed: Set<string>;
  /** Pods that may still lead although their locks have ended, by lock. */
  readonly predecessors: PredecessorMap;
}

const key = Symbol.for('leader-for-life');

/** The state of this process, or of this worker thread. */
export function shared(): Shared {
  const global = globalThis as unknown as { [key]: Shared | undefined };
  return (global[key] ??= {
    elections: new Map(),
    aside: new Map(),
    unconfirmed: new Set(),
    predecessors: new Map(),
  });
}
