import { LeaderElector, LeaseLock } from '../../../lib/index.ts';
import { Elections } from '../../../lib/platform/elections.ts';
import { UnconfirmedEnds } from '../../../lib/platform/unconfirmed.ts';
import type { Platform } from '../../../lib/platform/platform.ts';
import { type Cluster, SimulatedClock, createCluster } from '../../../lib/testing/index.ts';
import { LEASE } from './elector-process.ts';

const HOUR_MS = 3_600_000;
const HOURS = 24;

/** How many requests an elector makes, hour by hour. */
export interface Day {
  readonly leading: readonly number[];
  readonly waiting: readonly number[];
}

/** A day of lease mode with one leader and one that waits; it passes in an instant. */
export async function simulateDay(): Promise<Day> {
  const clock = new SimulatedClock();
  const cluster = await createCluster({ clock, http: false });
  const stop = new AbortController();
  const electors = ['leader', 'candidate'].map((user) => elector(clock, cluster, user));
  const [leader, candidate] = electors;
  const running = [leader?.run(stop.signal)];
  await clock.runUntil(() => leader?.isLeader() ?? false);
  running.push(candidate?.run(stop.signal));
  const leading: number[] = [];
  const waiting: number[] = [];
  for (let hour = 0; hour < HOURS; hour += 1) {
    cluster.requests.clear();
    await clock.advance(HOUR_MS);
    leading.push(cluster.requests.count({ user: 'leader' }));
    waiting.push(cluster.requests.count({ user: 'candidate' }));
  }
  stop.abort();
  await clock.run();
  for (const run of running) await run;
  await cluster.close();
  return { leading, waiting };
}

/** With the default durations, which are those of all others that are measured. */
function elector(clock: SimulatedClock, cluster: Cluster, user: string): LeaderElector {
  const platform: Platform = {
    clock,
    environment: { variables: {}, root: '/nonexistent' },
    elections: new Elections(),
    unconfirmed: new UnconfirmedEnds(),
    predecessors: new Map(),
    connect: () => Promise.resolve(cluster.transport({ user })),
    warn: (message) => {
      throw new Error(message);
    },
  };
  return new LeaderElector(
    {
      lock: new LeaseLock({ kubeConfig, namespace: 'default', name: LEASE, identity: user }),
      callbacks: { onStartedLeading: () => undefined, onStoppedLeading: () => undefined },
    },
    platform,
  );
}

/** Passes for a KubeConfig; the cluster's transport needs none. */
const kubeConfig = {
  getCurrentCluster: () => ({
    name: 'simulation',
    server: 'http://simulation.invalid',
    skipTLSVerify: true,
  }),
  getCurrentContext: () => 'simulation',
  getContextObject: () => null,
  applyToHTTPSOptions: () => Promise.resolve(),
};
