import type { ElectionMap } from './elections.ts';

/** What all copies of this package in a process have to know of each other. */
interface Shared {
  /** The elections that run. */
  readonly elections: ElectionMap;
  /** Until when locks may still go, by their UIDs, on the clock that all copies share. */
  readonly unconfirmed: Map<string, number>;
}

const key = Symbol.for('leader-for-life');

/** That of this process, or of this worker thread. */
export function shared(): Shared {
  const global = globalThis as unknown as { [key]: Shared | undefined };
  return (global[key] ??= { elections: new Map(), unconfirmed: new Map() });
}
