import { Elections } from '../../lib/platform/elections.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';

/** A process outside a cluster that knows nothing of earlier elections, and what differs. */
export function aPlatform(changes: Partial<Platform> = {}): Platform {
  return {
    clock: new SimulatedClock(),
    environment: { variables: {}, root: '/nonexistent' },
    elections: new Elections(),
    unconfirmed: new UnconfirmedEnds(),
    predecessors: new Map(),
    connect: () => Promise.reject(new Error('no request was expected')),
    warn: (message) => {
      throw new Error(message);
    },
    ...changes,
  };
}
