import { describe, expect, it } from 'vitest';
import type { V1PodStatus } from '@kubernetes/client-node';
import type { LeadOptions, LeaseLeadership } from '../../lib/index.ts';
import { Simulation } from '../life/simulation.ts';
import { enough } from './scene.ts';
import { LeaseProcess, untilAborted } from './simulation.ts';

/** Much less than the fifteen seconds of a Lease. */
const SOON_MS = 1_000;
const LEASE_MS = 15_000;

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock';
const merge = 'application/merge-patch+json';

/** Pods `a` and `b` with a process each; the one in `a` leads, and says so. */
async function scene(more: Record<string, string> = {}) {
  const simulation = await Simulation.withPods();
  const { clock, cluster } = simulation;
  const processes = new Map<string, LeaseProcess>();
  const start = (podName: string, name = podName, options: LeadOptions = {}) => {
    const process = new LeaseProcess(simulation, name);
    const pod = cluster.getPod(podName);
    if (pod) Object.assign(process.platform.environment.variables, cluster.env(pod), more);
    void process.lead(untilAborted, options);
    processes.set(name, process);
    return process;
  };
  const lease = () => cluster.getLease('lock');
  const holder = () => lease()?.spec?.holderIdentity;
  const until = (name: string) => clock.runUntil(() => holder() === name);
  /** How long the named process takes from now on. */
  const takes = async (name: string) => {
    const startedMs = clock.now();
    await until(name);
    return clock.now() - startedMs;
  };
  const status = (podName: string, change: (status: V1PodStatus) => object) => {
    const pod = cluster.getPod(podName);
    if (!pod) throw new Error(`there is no Pod ${podName}`);
    const path = `/api/v1/namespaces/default/pods/${podName}/status`;
    cluster.request('PATCH', path, { status: change(pod.status as unknown as V1PodStatus) }, merge);
  };
  const stop = new AbortController();
  const a = start('a', 'a', { signal: stop.signal });
  await until('a');
  const b = start('b');
  await clock.advance(5_000);
  return { simulation, clock, cluster, start, lease, holder, takes, status, stop, a, b };
}

const annotationsOf = ({ lease }: Awaited<ReturnType<typeof scene>>) =>
  lease()?.metadata.annotations ?? {};

describe('LEASE-2: a leader whose container has ended', () => {
  type Scene = Awaited<ReturnType<typeof scene>>;
  const ends: Record<string, (world: Scene) => void> = {
    'restarted in its Pod': ({ cluster }) => cluster.restartContainer('a'),
    'with its Pod, which has failed': ({ cluster }) => cluster.evictPod('a'),
    'with its Pod, which has completed': ({ cluster }) => cluster.finishPod('a', 'Succeeded'),
    'with its Pod, which is gone': ({ cluster }) => cluster.deletePod('a'),
    'with its Pod, which another of that name replaces': ({ cluster }) => cluster.replacePod('a'),
  };

  it.each(Object.entries(ends))('%s, is followed at once', async (_, end) => {
    const world = await scene();
    world.a.kill();
    end(world);
    expect(await world.takes('b')).toBeLessThan(SOON_MS);
    expect(world.lease()?.spec?.leaseTransitions).toBe(1);
  });

  it('is followed at once by the next process of the same container', async () => {
    const world = await scene();
    world.simulation.cluster.deletePod('b');
    world.a.kill();
    world.cluster.restartContainer('a');
    world.start('a', 'a-again');
    expect(await world.takes('a-again')).toBeLessThan(SOON_MS);
  });

  it('is followed at once even if its last renewal arrives after its end', async () => {
    const world = await scene();
    world.a.line.hold();
    await world.clock.advance(2_500);
    world.a.kill();
    world.cluster.restartContainer('a');
    world.a.line.release();
    expect(await world.takes('b')).toBeLessThan(SOON_MS);
  });
});

describe('LEASE-2: a leader is waited out', () => {
  type Scene = Awaited<ReturnType<typeof scene>>;
  const signs: Record<string, (world: Scene) => void> = {
    'if its Pod is not ready': ({ status }) => {
      status('a', ({ conditions, containerStatuses = [] }) => ({
        conditions: conditions?.map((each) => ({ ...each, status: 'False' })),
        containerStatuses: containerStatuses.map((each) => ({ ...each, ready: false })),
      }));
    },
    'if its node is lost': ({ cluster }) => {
      cluster.setNodeReady(cluster.getPod('a')?.spec?.nodeName ?? '', false);
    },
    'if its Pod is being deleted': ({ cluster }) => {
      cluster.deletePod('a', { gracePeriodSeconds: 60 });
    },
    'if the status of its Pod is empty': ({ status }) => {
      status('a', () => ({ containerStatuses: null, conditions: null }));
    },
    'if its Pod has failed without any container status': ({ status }) => {
      status('a', () => ({ phase: 'Failed', containerStatuses: null }));
    },
    'if another container of that name has ended': ({ status }) => {
      status('a', ({ containerStatuses = [] }) => ({
        containerStatuses: containerStatuses.map((each) => ({
          ...each,
          lastState: {
            terminated: {
              exitCode: 1,
              containerID: 'containerd://older',
              finishedAt: '2099-01-01T00:00:00Z',
            },
          },
        })),
      }));
    },
    // A process that starts may find its predecessor's status, and take that for its own.
    'if its container is said to have ended before its process began': ({ status }) => {
      status('a', ({ containerStatuses = [] }) => ({
        containerStatuses: containerStatuses.map(({ containerID, ...each }) => ({
          ...each,
          containerID: 'containerd://newer',
          lastState: {
            terminated: { exitCode: 1, containerID, finishedAt: '2020-01-01T00:00:00Z' },
          },
        })),
      }));
    },
  };

  it.each(Object.entries(signs))('%s', async (_, show) => {
    const world = await scene();
    show(world);
    await world.clock.advance(LEASE_MS * 2);
    expect(world.holder()).toBe('a');
  });

  it('if another elector renews its Lease, and keeps annotations that it does not know', async () => {
    const world = await scene();
    world.a.kill();
    const renewTime = '2026-01-01T00:00:30.000000Z';
    world.cluster.request('PATCH', LEASE, { spec: { renewTime } }, merge);
    await world.clock.advance(100);
    world.cluster.restartContainer('a');
    expect(await world.takes('b')).toBeGreaterThan(LEASE_MS - 200);
  });

  it('if the Role does not allow reading Pods, and neither warns', async () => {
    const world = await scene();
    const rule = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] };
    world.cluster.grant('c', [rule]);
    world.cluster.deletePod('b');
    world.b.kill();
    const c = world.start('c');
    world.a.kill();
    world.cluster.restartContainer('a');
    expect(await world.takes('c')).toBeGreaterThan(LEASE_MS - 2_100);
    expect(Object.keys(annotationsOf(world))).toEqual([]);
    expect(world.simulation.warnings).toEqual([]);
    expect(c.isAlive).toBe(true);
  });
});

describe('the annotations of a Lease', () => {
  it('say in which container the holder runs', async () => {
    const world = await scene();
    const pod = world.cluster.getPod('a');
    expect(annotationsOf(world)).toEqual({
      'leader-for-life/pod-name': 'a',
      'leader-for-life/pod-uid': pod?.metadata.uid,
      'leader-for-life/container-name': 'container',
      'leader-for-life/container-id': pod?.status?.containerStatuses?.[0]?.containerID,
      'leader-for-life/since': expect.stringMatching(/^2026-/),
      'leader-for-life/written': `${String(world.lease()?.spec?.renewTime)} a`,
    });
  });
});

describe('electors of one process', () => {
  it('learn of their Pod together, even if the one that asks first ends before', async () => {
    const { simulation, clock, cluster, status } = await scene();
    const process = new LeaseProcess(simulation, 'c');
    const pod = cluster.getPod('c');
    if (pod) Object.assign(process.platform.environment.variables, cluster.env(pod));
    const { containerStatuses } = pod?.status as unknown as V1PodStatus;
    status('c', () => ({ containerStatuses: [] }));
    const names = ['first', 'second', 'third'];
    const stops = names.map((name) => {
      const stop = new AbortController();
      process.lead(untilAborted, { signal: stop.signal }, name).catch(() => undefined);
      return stop;
    });
    const containerIn = (name: string) =>
      cluster.getLease(name)?.metadata.annotations?.['leader-for-life/container-id'];
    await clock.advance(1_000);
    stops[0]?.abort(enough);
    await clock.advance(1_000);
    expect(names.map(containerIn)).toEqual([undefined, undefined, undefined]);
    status('c', () => ({ containerStatuses }));
    await clock.advance(1_000);
    const id = containerStatuses?.[0]?.containerID;
    expect(names.map(containerIn)).toEqual([undefined, id, id]);
    const watches = { user: 'c', verb: 'watch', resource: 'pods' } as const;
    expect(cluster.requests.count(watches)).toBe(1);
    expect(cluster.requests.count({ ...watches, verb: 'list' })).toBe(1);
    for (const stop of stops) stop.abort(enough);
    await clock.advance(5_000);
    expect(process.remains).toEqual({ timers: 0, requests: 0 });
  });
});

describe('the number of candidates', () => {
  const writes = { verb: 'update', resource: 'leases' } as const;

  /** How many of a hundred Pods write when the Lease is released. */
  async function attempts(rights: Record<string, string[]>): Promise<number> {
    const world = await scene();
    const { cluster, clock } = world;
    world.b.kill();
    const rule = (group: string, resource: string, verbs: string[]) => ({
      ...{ apiGroups: [group], resources: [resource], verbs },
    });
    for (let index = 0; index < 100; index += 1) {
      const name = `pod-${index}`;
      cluster.createPod(name, { labels: { app: 'x' } });
      cluster.grant(name, [
        rule('coordination.k8s.io', 'leases', ['*']),
        ...Object.entries(rights).map(([resource, verbs]) => rule('', resource, verbs)),
      ]);
      // Others see a write this much later.
      world.start(name).line.mishap = ({ method }) => (method === 'PUT' ? { lateMs: 20 } : {});
    }
    await clock.advance(5_000);
    const before = cluster.requests.count(writes);
    world.stop.abort(enough);
    await clock.runUntil(() => !['a', ''].includes(world.holder() ?? ''));
    await clock.advance(500);
    return cluster.requests.count(writes) - before - 1;
  }

  it('is counted again after the first campaign of an election', async () => {
    const { simulation, clock, cluster } = await scene();
    const process = new LeaseProcess(simulation, 'c');
    const pod = cluster.getPod('c');
    if (pod) Object.assign(process.platform.environment.variables, cluster.env(pod));
    let terms = 0;
    const work = (leadership: LeaseLeadership) => {
      terms += 1;
      if (terms === 1) void leadership.stepDown();
      return untilAborted(leadership);
    };
    void process.lead(work, { recampaign: true }, 'another');
    await clock.runUntil(() => terms === 2);
    const lists = () => cluster.requests.count({ user: 'c', verb: 'list', resource: 'pods' });
    const before = lists();
    await clock.advance(2 * 60 * 60_000);
    expect(lists() - before).toBeGreaterThanOrEqual(3);
  });

  it('is counted if Pods may be listed, and keeps most of a crowd from writing', async () => {
    const counted = await attempts({ pods: ['get', 'watch', 'list'] });
    const assumed = await attempts({});
    expect(counted).toBeLessThanOrEqual(8);
    expect(assumed).toBeGreaterThan(3 * counted);
  });
});
