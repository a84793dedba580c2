import { loadAllYaml } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import {
  type Holder,
  type LeaseHolder,
  type LockHolder,
  become,
  lead,
  observeLease,
  observeLock,
} from '../../lib/index.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { type ObserveOptions, observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import { WATCHED_POLL_MS } from '../../lib/protocol/life/look.ts';
import {
  type Cluster,
  type PolicyRule,
  type SimulatedClock,
  createCluster,
} from '../../lib/testing/index.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';
import { holdingSockets, until } from '../support/connections.ts';

const USER = 'system:serviceaccount:default:onlooker';
const PATH = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const START = '2026-01-01T00:00:00.000000Z';

/** A loop, and what it has got so far. */
class Loop<T> {
  readonly seen: T[] = [];
  readonly iterator: AsyncIterator<T, undefined>;
  /** How it ended. */
  outcome: 'going on' | 'ended' | { readonly error: unknown } = 'going on';

  constructor(iterable: AsyncIterable<T, undefined>) {
    this.iterator = iterable[Symbol.asyncIterator]();
    void this.#run().then(
      () => {
        this.outcome = 'ended';
      },
      (error: unknown) => {
        this.outcome = { error };
      },
    );
  }

  get error(): Error {
    if (typeof this.outcome === 'string') throw new Error(this.outcome);
    return this.outcome.error as Error;
  }

  async #run(): Promise<void> {
    for (let read = await this.iterator.next(); !read.done; read = await this.iterator.next()) {
      this.seen.push(read.value);
    }
  }
}

interface World {
  readonly simulation: Simulation;
  readonly cluster: Cluster;
  readonly clock: SimulatedClock;
  readonly lease: (options?: ObserveOptions) => AsyncIterable<LeaseHolder | null, undefined>;
  readonly lock: (options?: ObserveOptions) => AsyncIterable<LockHolder | null, undefined>;
}

async function world({ seed = 1 } = {}): Promise<World> {
  const simulation = await Simulation.create({ seed });
  const platform = () => new SimulatedSurroundings(simulation, USER);
  const common = { kubeConfig, namespace: 'default' };
  return {
    simulation,
    cluster: simulation.cluster,
    clock: simulation.clock,
    lease: (options) => observeLeaseIn(platform(), 'lease', { ...common, ...options }),
    lock: (options) => observeLockIn(platform(), 'lock', { ...common, ...options }),
  };
}

function hold(cluster: Cluster, holderIdentity: string, more: object = {}): void {
  const exists = cluster.getLease('lease');
  const spec = {
    holderIdentity,
    leaseDurationSeconds: 15,
    acquireTime: START,
    renewTime: START,
    leaseTransitions: 0,
    ...more,
  };
  const metadata = exists?.metadata ?? { name: 'lease' };
  const { status, body } = cluster.request(
    exists ? 'PUT' : 'POST',
    exists ? `${PATH}/lease` : PATH,
    { metadata, spec },
  );
  if (status > 201) throw new Error(JSON.stringify(body));
}

function remove(cluster: Cluster): void {
  cluster.request('DELETE', `${PATH}/lease`);
}

function names(holders: readonly ({ readonly identity: string } | null)[]) {
  return holders.map((holder) => holder?.identity);
}

describe('whoever observes a Lease', () => {
  test('is told at once who holds it', async () => {
    const { cluster, clock, lease } = await world();
    hold(cluster, 'a', { acquireTime: '2026-01-01T10:00:00.123456Z', leaseTransitions: 3 });
    const loop = new Loop(lease());
    await clock.advance(1_000);
    expect(loop.seen).toEqual([
      {
        identity: 'a',
        acquireTime: new Date('2026-01-01T10:00:00.123Z'),
        leaseTransitions: 3,
        resourceVersion: cluster.getLease('lease')?.metadata.resourceVersion,
      },
    ]);
  });

  test('is told at once that there is nobody', async () => {
    const { cluster, clock, lease } = await world();
    const none = new Loop(lease());
    await clock.advance(1_000);
    hold(cluster, '');
    const released = new Loop(lease());
    await clock.advance(1_000);
    expect([none.seen, released.seen]).toEqual([[null], [null]]);
  });

  test('is told of every change as it happens, in order, however slow it reads', async () => {
    const { cluster, clock, lease } = await world();
    const iterator = lease()[Symbol.asyncIterator]();
    const first = iterator.next();
    await clock.advance(1_000);
    hold(cluster, 'a');
    hold(cluster, 'b', { leaseTransitions: 1 });
    hold(cluster, '', { leaseTransitions: 1 });
    hold(cluster, 'c', { leaseTransitions: 2 });
    remove(cluster);
    hold(cluster, 'd');
    await clock.settle();
    const seen = [(await first).value];
    for (let count = 0; count < 6; count += 1) seen.push((await iterator.next()).value);
    expect(names(seen.map((holder) => holder ?? null))).toEqual([
      undefined,
      'a',
      'b',
      undefined,
      'c',
      undefined,
      'd',
    ]);
    await iterator.return?.();
  });

  test('is not told of renewals', async () => {
    const { cluster, clock, lease } = await world();
    hold(cluster, 'a');
    const loop = new Loop(lease());
    for (let second = 1; second < 60; second += 1) {
      await clock.advance(1_000);
      hold(cluster, 'a', { renewTime: `2026-01-01T00:00:${`${second}`.padStart(2, '0')}.000000Z` });
    }
    await clock.advance(2 * WATCHED_POLL_MS);
    expect(names(loop.seen)).toEqual(['a']);
  });

  test('is told that somebody holds it again if another did in the meantime', async () => {
    const { cluster, clock, lease } = await world();
    hold(cluster, 'a');
    const loop = new Loop(lease());
    await clock.advance(1_000);
    cluster.faults.cutWatches();
    hold(cluster, 'b', { leaseTransitions: 1 });
    hold(cluster, 'a', { leaseTransitions: 2 });
    await clock.advance(10_000);
    expect(loop.seen.map((holder) => holder?.leaseTransitions)).toEqual([0, 2]);
    cluster.faults.cutWatches();
    remove(cluster);
    hold(cluster, 'a', { leaseTransitions: 2 });
    await clock.advance(10_000);
    expect(names(loop.seen)).toEqual(['a', 'a', 'a']);
  });

  test.for([
    [{ acquireTime: null }, '2026-01-01T00:00:00.000Z'],
    [{ acquireTime: null, renewTime: null }, '2026-01-01T00:01:00.000Z'],
  ])('gets a time also where an elector left it out (%o)', async ([record, time]) => {
    const { cluster, clock, lease } = await world();
    await clock.advance(60_000);
    hold(cluster, 'a', record as object);
    const loop = new Loop(lease());
    await clock.advance(1_000);
    expect(loop.seen[0]?.acquireTime.toISOString()).toBe(time);
  });

  test('sees electors come and go', async () => {
    const { simulation, clock, lease } = await world();
    const loop = new Loop(lease());
    await clock.advance(1_000);
    for (const identity of ['a', 'b']) {
      const work = Promise.withResolvers<undefined>();
      const platform = new SimulatedSurroundings(simulation, identity);
      const options = { kubeConfig, namespace: 'default', identity };
      const led = leadOn(platform, 'lease', () => work.promise, options);
      await clock.advance(60_000);
      work.resolve(undefined);
      await simulation.settled(led);
    }
    expect(names(loop.seen)).toEqual([undefined, 'a', undefined, 'b', undefined]);
  });
});

describe('whoever observes a lock for life', () => {
  test('is told which Pod holds it, and of every change', async () => {
    const { simulation, cluster, clock, lock } = await world();
    for (const name of ['a', 'b']) cluster.createPod(name);
    const loop = new Loop(lock());
    await clock.advance(1_000);
    await simulation.settled(simulation.become('a'));
    const { uid } = cluster.getPod('a')?.metadata ?? {};
    const { resourceVersion, creationTimestamp } = cluster.getConfigMap('lock')?.metadata ?? {};
    const second = simulation.become('b');
    await clock.advance(60_000);
    cluster.deletePod('a');
    await (await simulation.settled(second)).release();
    await clock.advance(1_000);
    expect(names(loop.seen)).toEqual([undefined, 'a', undefined, 'b', undefined]);
    expect(loop.seen[1]).toEqual({
      identity: 'a',
      podName: 'a',
      podUid: uid,
      acquireTime: new Date(creationTimestamp ?? ''),
      resourceVersion,
    });
  });

  test('is told of another Pod of the same name', async () => {
    const { simulation, cluster, clock, lock } = await world();
    cluster.createPod('a');
    await simulation.settled(simulation.become('a'));
    const loop = new Loop(lock());
    await clock.advance(1_000);
    cluster.faults.add({ verb: 'watch', user: USER, freeze: true });
    cluster.replacePod('a');
    await simulation.settled(simulation.become('a'));
    cluster.faults.clear();
    cluster.faults.cutWatches({ user: USER });
    await clock.advance(10_000);
    const [first, last] = [loop.seen[0], loop.seen.at(-1)];
    expect([first?.identity, last?.identity]).toEqual(['a', 'a']);
    expect(last?.podUid).toBe(cluster.getPod('a')?.metadata.uid);
    expect(first?.podUid).not.toBe(last?.podUid);
  });

  test('is told that nobody holds what is about to go, or was never held', async () => {
    const { simulation, cluster, clock, lock } = await world();
    cluster.createConfigMap('lock', { data: { key: 'value' } });
    const loop = new Loop(lock());
    await clock.advance(1_000);
    expect(loop.seen).toEqual([null]);
    cluster.deleteConfigMap('lock');
    cluster.createPod('a');
    await simulation.settled(simulation.become('a'));
    const path = '/api/v1/namespaces/default/configmaps/lock';
    const metadata = { finalizers: ['example.com/keep'] };
    cluster.request('PATCH', path, { metadata }, 'application/merge-patch+json');
    await clock.advance(1_000);
    expect(names(loop.seen)).toEqual([undefined, 'a']);
    cluster.deleteConfigMap('lock');
    await clock.advance(1_000);
    expect(cluster.getConfigMap('lock')).toBeDefined();
    expect(names(loop.seen)).toEqual([undefined, 'a', undefined]);
  });
});

describe('what a loop is told', () => {
  test('goes on over watches that end, break and fall silent', async () => {
    const { cluster, clock, lease } = await world();
    const loop = new Loop(lease());
    await clock.advance(1_000);
    cluster.faults.cutWatches({}, { cleanly: true });
    hold(cluster, 'a');
    await clock.advance(5_000);
    cluster.cutConnections();
    hold(cluster, 'b', { leaseTransitions: 1 });
    await clock.advance(5_000);
    cluster.faults.add({ verb: 'watch', freeze: true });
    hold(cluster, 'c', { leaseTransitions: 2 });
    await clock.advance(300_000);
    cluster.faults.clear();
    remove(cluster);
    await clock.advance(5_000);
    expect(names(loop.seen)).toEqual([undefined, 'a', 'b', 'c', undefined]);
  });

  test('is read where there is no watch for a while', async () => {
    const { cluster, clock, lease } = await world();
    const loop = new Loop(lease());
    await clock.advance(1_000);
    cluster.faults.add({ verb: 'watch', error: { status: 503 } });
    cluster.faults.cutWatches();
    await clock.advance(1_000);
    hold(cluster, 'a');
    await clock.advance(5_000);
    expect(names(loop.seen)).toEqual([undefined, 'a']);
  });

  test('is read when a watch has opened, which says nothing of what is gone', async () => {
    const { cluster, clock, lease } = await world();
    hold(cluster, 'a');
    const loop = new Loop(lease());
    await clock.advance(1_000);
    cluster.faults.add({ verb: 'watch', latencyMs: 1_000 });
    cluster.faults.cutWatches();
    await clock.advance(300);
    remove(cluster);
    await clock.advance(2_500);
    expect(names(loop.seen)).toEqual(['a', undefined]);
  });

  test('is not put back by events out of order', async () => {
    const { cluster, clock, lease } = await world();
    const loop = new Loop(lease());
    await clock.advance(1_000);
    cluster.faults.add({ verb: 'watch', reorder: true, times: 1 });
    hold(cluster, 'a');
    hold(cluster, 'b', { leaseTransitions: 1 });
    await clock.advance(1_000);
    expect(names(loop.seen)).toEqual([undefined, 'b']);
  });

  test('is not put back by an answer that comes late', async () => {
    const { cluster, clock, lease } = await world();
    cluster.faults.add({ verb: 'get', latencyMs: 1_000 });
    hold(cluster, 'a');
    const loop = new Loop(lease());
    await clock.advance(700);
    hold(cluster, 'b', { leaseTransitions: 1 });
    await clock.advance(60_000);
    expect(names(loop.seen)).toEqual(['a', 'b']);
  });

  test('is not put back by an answer that there was nothing', async () => {
    const { cluster, clock, lease } = await world();
    cluster.faults.add({ verb: 'get', latencyMs: 1_000 });
    const loop = new Loop(lease());
    await clock.advance(700);
    hold(cluster, 'a');
    await clock.advance(60_000);
    expect(names(loop.seen)).toEqual(['a']);
  });

  test.for(Array.from({ length: 30 }, (_, index) => index + 1))(
    'is right in the end whatever went wrong on the way (seed %i)',
    async (seed) => {
      const { cluster, clock, lease } = await world({ seed });
      const loop = new Loop(lease());
      cluster.faults.add({ latencyMs: [0, 400] });
      cluster.faults.add({ verb: 'watch', probability: 0.3, cutAfterEvents: 2 });
      cluster.faults.add({ verb: 'watch', probability: 0.3, duplicate: true });
      cluster.faults.add({ verb: 'watch', probability: 0.3, reorder: true });
      cluster.faults.add({ verb: 'watch', probability: 0.5, eventDelayMs: [0, 2_000] });
      cluster.faults.add({ verb: 'get', probability: 0.3, staleBy: 3 });
      cluster.faults.add({ probability: 0.2, error: { status: 503 } });
      let holder: string | undefined;
      for (let turn = 0; turn < 200; turn += 1) {
        await clock.advance(2_000 * clock.random());
        if (clock.random() < 0.3) cluster.faults.cutWatches();
        const next = ['a', 'b', '', undefined][Math.floor(clock.random() * 4)];
        if (next === undefined && holder !== undefined) remove(cluster);
        if (next !== undefined) hold(cluster, next, { leaseTransitions: turn });
        holder = next;
      }
      cluster.faults.clear();
      await clock.advance(2 * WATCHED_POLL_MS);
      expect(loop.seen.at(-1)?.identity ?? '').toBe(holder ?? '');
      const twice = loop.seen.filter((seen, index) => index > 0 && !seen && !loop.seen[index - 1]);
      expect(twice).toEqual([]);
    },
  );

  test('costs few requests while nothing happens', async () => {
    const { cluster, clock, lease } = await world();
    hold(cluster, 'a');
    const loop = new Loop(lease());
    await clock.advance(3_600_000);
    expect(names(loop.seen)).toEqual(['a']);
    expect(cluster.requests.count({ user: USER })).toBeLessThanOrEqual(12);
  });
});

describe('a loop that ends', () => {
  test.for(['lease', 'lock'] as const)('leaves nothing behind (%s)', async (kind) => {
    const { simulation, clock, [kind]: observe } = await world();
    const timers = clock.pending;
    const loop = (async () => {
      for await (const holder of observe()) {
        expect(holder).toBeNull();
        break;
      }
    })();
    await clock.settle();
    await loop;
    expect([simulation.open, clock.pending]).toEqual([0, timers]);
  });

  test('by its signal just ends, and leaves nothing behind', async () => {
    const { simulation, clock, lease } = await world();
    const timers = clock.pending;
    const stop = new AbortController();
    const loop = new Loop(lease({ signal: stop.signal }));
    await clock.advance(1_000);
    stop.abort(new Error('enough'));
    await clock.settle();
    expect(loop.outcome).toBe('ended');
    expect([simulation.open, clock.pending]).toEqual([0, timers]);
  });

  test('while the API server cannot be reached just ends', async () => {
    const { simulation, cluster, clock, lease } = await world();
    cluster.faults.add({ hang: true });
    const stop = new AbortController();
    const loop = new Loop(lease({ signal: stop.signal }));
    await clock.advance(25_000);
    stop.abort();
    await clock.settle();
    expect([loop.seen, loop.outcome, simulation.open]).toEqual([[], 'ended', 0]);
  });

  test('before it began sends nothing', async () => {
    const { cluster, clock, lease } = await world();
    const loop = new Loop(lease({ signal: AbortSignal.abort() }));
    await clock.advance(1_000);
    expect([loop.seen, loop.outcome, cluster.requests.count({})]).toEqual([[], 'ended', 0]);
  });
});

describe('an observer', () => {
  const rules = {
    lease: { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: ['lease'] },
    lock: { apiGroups: [''], resources: ['configmaps'], resourceNames: ['lock'] },
  };

  test.for(['lease', 'lock'] as const)(
    'that may not watch looks every 5 s, with one warning (%s)',
    async (kind) => {
      const { simulation, cluster, clock, [kind]: observe } = await world();
      cluster.grant(USER, [{ ...rules[kind], verbs: ['get'] }]);
      const loop = new Loop<Holder | null>(observe());
      await clock.advance(1_000);
      expect(loop.seen).toEqual([null]);
      if (kind === 'lease') hold(cluster, 'a');
      cluster.createPod('a');
      if (kind === 'lock') await simulation.settled(simulation.become('a'));
      await clock.advance(5_000);
      expect(names(loop.seen)).toEqual([undefined, 'a']);
      cluster.requests.clear();
      await clock.advance(60_000);
      expect(cluster.requests.count({ user: USER })).toBeGreaterThanOrEqual(12);
      expect(cluster.requests.count({ user: USER })).toBeLessThanOrEqual(16);
      expect(simulation.warnings).toEqual([
        {
          code: 'LEADER_FOR_LIFE_DEGRADED',
          message: expect.stringContaining('verbs: ["get", "watch"]') as string,
        },
      ]);
    },
  );

  test.for(['lease', 'lock'] as const)(
    'that may not look is told the Role that is enough (%s)',
    async (kind) => {
      const { simulation, cluster, clock, [kind]: observe } = await world();
      const timers = clock.pending;
      cluster.grant(USER, []);
      const loop = new Loop<Holder | null>(observe());
      await clock.advance(1_000);
      expect(loop.error).toMatchObject({ code: 'ERR_FORBIDDEN' });
      expect([simulation.open, clock.pending]).toEqual([0, timers]);

      const yaml = loop.error.message.split('\n\n').slice(1).join('\n\n');
      const [role, binding] = loadAllYaml(yaml) as [
        { metadata: object; rules: PolicyRule[] },
        { subjects: object[] },
      ];
      expect(role.metadata).toEqual({ name: `${kind}-${kind}-observer`, namespace: 'default' });
      expect(role.rules).toEqual([{ ...rules[kind], verbs: ['get', 'watch'] }]);
      expect(binding.subjects).toEqual([
        { kind: 'ServiceAccount', name: 'onlooker', namespace: 'default' },
      ]);

      simulation.warnings.length = 0;
      cluster.grant(USER, role.rules);
      const permitted = new Loop<Holder | null>(observe());
      await clock.advance(3_600_000);
      expect([permitted.seen, permitted.outcome]).toEqual([[null], 'going on']);
      expect(simulation.warnings).toEqual([]);
    },
  );

  test('tries again what fails transiently, and warns once that lasts', async () => {
    const { simulation, cluster, clock, lease } = await world();
    hold(cluster, 'a');
    const outage = cluster.faults.add({ error: { status: 503 } });
    const loop = new Loop(lease());
    await clock.advance(9_000);
    expect(simulation.warnings).toEqual([]);
    await clock.advance(51_000);
    expect(simulation.warnings).toEqual([
      {
        code: 'LEADER_FOR_LIFE_TROUBLE',
        message: expect.stringMatching(/^default\/lease: still trying: GET .+503/) as string,
      },
    ]);
    outage.remove();
    await clock.advance(20_000);
    expect(names(loop.seen)).toEqual(['a']);
  });

  test('does not warn of troubles that end', async () => {
    const { simulation, cluster, clock, lease } = await world();
    cluster.grant(USER, [{ ...rules.lease, verbs: ['get'] }]);
    const loop = new Loop(lease());
    for (let count = 0; count < 5; count += 1) {
      const outage = cluster.faults.add({ verb: 'get', error: { status: 503 } });
      await clock.advance(8_000);
      outage.remove();
      await clock.advance(30_000);
    }
    expect(loop.seen).toEqual([null]);
    expect(simulation.warnings.map(({ code }) => code)).toEqual(['LEADER_FOR_LIFE_DEGRADED']);
  });

  test('outside a cluster is told what it needs', async () => {
    const { simulation, cluster } = await world();
    const platform = new SimulatedSurroundings(simulation, USER);
    const loop = new Loop(observeLeaseIn(platform, 'lease', {}));
    // It looks for the files of a Pod first.
    await vi.waitFor(() => loop.error);
    expect(loop.error).toBeInstanceOf(TypeError);
    expect(loop.error).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message:
        'There is no cluster to observe: this process does not run in a Pod. Set options.kubeConfig.',
    });
    expect(cluster.requests.count({})).toBe(0);
  });

  test.for([
    ['leaseName', () => observeLease('Not a name')],
    ['lockName', () => observeLock('')],
    ['options', () => observeLease('lease', null as never)],
    ['options.identity', () => observeLease('lease', { identity: 'a' } as never)],
    ['options.namespace', () => observeLock('lock', { namespace: 'a.b' })],
    ['options.kubeConfig', () => observeLock('lock', { kubeConfig: {} as never })],
    ['options.signal', () => observeLock('lock', { signal: {} as never })],
  ] as const)('with a bad argument throws at once: %s', ([name, call]) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(new RegExp(`^${name} (?:must be|is not an option)`));
  });
});

test('both kinds can be observed over HTTP, and their sockets close with the loops', async () => {
  const cluster = await createCluster();
  onTestFinished(() => cluster.close());
  const options = { kubeConfig: cluster.kubeConfig() };
  const pod = cluster.createPod('a');
  const leadership = await become('lock', cluster.optionsFor(pod));
  const work = Promise.withResolvers<undefined>();
  const led = lead('lease', () => work.promise, { ...options, identity: 'b' });
  await cluster.until(() => cluster.getLease('lease'));
  const sockets = holdingSockets();

  const seen: unknown[] = [];
  for await (const holder of observeLock('lock', options)) {
    seen.push(holder?.podName);
    if (!holder) break;
    await leadership.release();
  }
  for await (const holder of observeLease('lease', options)) {
    seen.push(holder?.identity);
    if (!holder) break;
    work.resolve(undefined);
  }
  await led;
  expect(seen).toEqual(['a', undefined, 'b', undefined]);
  await until(() => holdingSockets() <= sockets);
});
