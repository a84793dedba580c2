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
import { type PolicyRule, createCluster } from '../../lib/testing/index.ts';
import { LOCK_PATH, SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';
import { holdingSockets, until } from '../support/connections.ts';

const USER = 'system:serviceaccount:default:onlooker';
const PATH = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const START = '2026-01-01T00:00:00.000000Z';

/** A loop, and the holders that it has got so far. */
class Loop<T extends Holder> {
  readonly seen: (T | null)[] = [];
  /** How it ended. */
  outcome: unknown = 'going on';

  constructor(iterable: AsyncIterable<T | null, undefined>) {
    const run = async () => {
      for await (const holder of iterable) this.seen.push(holder);
    };
    run().then(
      () => (this.outcome = 'ended'),
      (error: unknown) => (this.outcome = error),
    );
  }

  get names(): (string | undefined)[] {
    return this.seen.map((holder) => holder?.identity);
  }
}

/** A simulation, an observer in it, and the Lease that it observes. */
async function world({ seed = 1 } = {}) {
  const simulation = await Simulation.withPods({ seed });
  const { clock, cluster } = simulation;
  const platform = () => new SimulatedSurroundings(simulation, USER);
  const common = { kubeConfig, namespace: 'default' };
  return {
    simulation,
    cluster,
    clock,
    lease: (options: ObserveOptions = {}): AsyncIterable<LeaseHolder | null, undefined> =>
      observeLeaseIn(platform(), 'lease', { ...common, ...options }),
    lock: (options: ObserveOptions = {}): AsyncIterable<LockHolder | null, undefined> =>
      observeLockIn(platform(), 'lock', { ...common, ...options }),
    hold: (holderIdentity: string, leaseTransitions = 0, more: object = {}) => {
      const exists = cluster.getLease('lease');
      const times = { acquireTime: START, renewTime: START };
      const spec = {
        holderIdentity,
        leaseDurationSeconds: 15,
        ...times,
        leaseTransitions,
        ...more,
      };
      const body = { metadata: exists?.metadata ?? { name: 'lease' }, spec };
      const answer = exists
        ? cluster.request('PUT', `${PATH}/lease`, body)
        : cluster.request('POST', PATH, body);
      if (answer.status > 201) throw new Error(JSON.stringify(answer.body));
    },
    remove: () => void cluster.request('DELETE', `${PATH}/lease`),
    cutWatches: () => {
      cluster.faults.cutWatches();
    },
  };
}

/** The same, with a loop over the Lease that has run for a second. */
async function watching() {
  const created = await world();
  const loop = new Loop(created.lease());
  await created.clock.advance(1_000);
  return { ...created, loop };
}

describe('observeLease', () => {
  test('yields at once the holder with its term', async () => {
    const { cluster, clock, lease, hold } = await world();
    hold('a', 3, { acquireTime: '2026-01-01T10:00:00.123456Z' });
    const loop = new Loop(lease());
    await clock.advance(1_000);
    const { resourceVersion } = cluster.getLease('lease')?.metadata ?? {};
    const acquireTime = new Date('2026-01-01T10:00:00.123Z');
    expect(loop.seen).toEqual([
      { identity: 'a', acquireTime, leaseTransitions: 3, resourceVersion },
    ]);
  });

  test('yields null at once if no Lease exists, or none has it', async () => {
    const { loop, clock, lease, hold } = await watching();
    hold('');
    const released = new Loop(lease());
    await clock.advance(1_000);
    expect([loop.seen, released.seen]).toEqual([[null], [null]]);
  });

  test('yields every change in order, however slow the loop reads', async () => {
    const { clock, lease, hold, remove } = await world();
    const iterator = lease()[Symbol.asyncIterator]();
    const first = iterator.next();
    await clock.advance(1_000);
    hold('a');
    hold('b', 1);
    hold('', 1);
    hold('c', 2);
    remove();
    hold('d');
    await clock.settle();
    const seen = [(await first).value?.identity];
    for (let count = 0; count < 6; count += 1) seen.push((await iterator.next()).value?.identity);
    expect(seen).toEqual([undefined, 'a', 'b', undefined, 'c', undefined, 'd']);
    await iterator.return?.();
  });

  test('yields no renewals', async () => {
    const { clock, lease, hold } = await world();
    hold('a');
    const loop = new Loop(lease());
    for (let second = 10; second < 60; second += 1) {
      await clock.advance(1_000);
      hold('a', 0, { renewTime: `2026-01-01T00:00:${second}.000000Z` });
    }
    await clock.advance(2 * WATCHED_POLL_MS);
    expect(loop.names).toEqual(['a']);
  });

  test('yields a holder again after another term, or after another Lease', async () => {
    const { clock, lease, hold, remove, cutWatches } = await world();
    hold('a');
    const loop = new Loop(lease());
    await clock.advance(1_000);
    cutWatches();
    hold('b', 1);
    hold('a', 2);
    await clock.advance(10_000);
    expect(loop.seen.map((holder) => holder?.leaseTransitions)).toEqual([0, 2]);
    cutWatches();
    remove();
    hold('a', 2);
    await clock.advance(10_000);
    expect(loop.names).toEqual(['a', 'a', 'a']);
  });

  test.for([
    [{ acquireTime: null }, '2026-01-01T00:00:00.000Z'],
    [{ acquireTime: null, renewTime: null }, '2026-01-01T00:01:00.000Z'],
  ] as const)('yields an acquireTime also for a record with %o', async ([record, time]) => {
    const { clock, lease, hold } = await world();
    await clock.advance(60_000);
    hold('a', 0, record);
    const loop = new Loop(lease());
    await clock.advance(1_000);
    expect(loop.seen[0]?.acquireTime.toISOString()).toBe(time);
  });

  test('yields electors as they come and go', async () => {
    const { simulation, clock, loop } = await watching();
    for (const identity of ['a', 'b']) {
      const work = Promise.withResolvers<undefined>();
      const platform = new SimulatedSurroundings(simulation, identity);
      const options = { kubeConfig, namespace: 'default', identity };
      const led = leadOn(platform, 'lease', () => work.promise, options);
      await clock.advance(60_000);
      work.resolve(undefined);
      await simulation.settled(led);
    }
    expect(loop.names).toEqual([undefined, 'a', undefined, 'b', undefined]);
  });
});

describe('observeLock', () => {
  test('yields the Pod that holds the lock, and every change', async () => {
    const { simulation, cluster, clock, lock } = await world();
    const loop = new Loop(lock());
    await clock.advance(1_000);
    await simulation.lead('a');
    const { podUid } = simulation.process('a');
    const { resourceVersion, creationTimestamp = '' } = simulation.lock?.metadata ?? {};
    const second = simulation.become('b');
    await clock.advance(60_000);
    cluster.deletePod('a');
    await (await simulation.settled(second)).release();
    await clock.advance(1_000);
    expect(loop.names).toEqual([undefined, 'a', undefined, 'b', undefined]);
    const acquireTime = new Date(creationTimestamp);
    const holder = { identity: 'a', podName: 'a', podUid, acquireTime, resourceVersion };
    expect(loop.seen[1]).toEqual(holder);
  });

  test('yields another Pod of the same name', async () => {
    const { simulation, cluster, clock, lock, cutWatches } = await world();
    const first = await simulation.lead('a');
    const loop = new Loop(lock());
    await clock.advance(1_000);
    const silence = simulation.fault({ verb: 'watch', user: USER, freeze: true });
    cluster.replacePod('a');
    const second = await simulation.lead('a');
    silence.remove();
    cutWatches();
    await clock.advance(10_000);
    const ends = [loop.seen[0], loop.seen.at(-1)];
    expect(ends).toMatchObject([first, second].map(({ podUid }) => ({ identity: 'a', podUid })));
    expect(first.podUid).not.toBe(second.podUid);
  });

  test('yields null for a lock that is being deleted, and for a ConfigMap that never was a lock', async () => {
    const { simulation, cluster, clock, lock } = await world();
    cluster.createConfigMap('lock', { data: { key: 'value' } });
    const loop = new Loop(lock());
    await clock.advance(1_000);
    expect(loop.seen).toEqual([null]);
    cluster.deleteConfigMap('lock');
    await simulation.lead('a');
    const metadata = { finalizers: ['example.com/keep'] };
    cluster.request('PATCH', LOCK_PATH, { metadata }, 'application/merge-patch+json');
    await clock.advance(1_000);
    expect(loop.names).toEqual([undefined, 'a']);
    cluster.deleteConfigMap('lock');
    await clock.advance(1_000);
    expect(simulation.lock).toBeDefined();
    expect(loop.names).toEqual([undefined, 'a', undefined]);
  });
});

describe('a loop', () => {
  test('goes on when watches end, break and fall silent', async () => {
    const { simulation, cluster, clock, loop, hold, remove } = await watching();
    cluster.faults.cutWatches({}, { cleanly: true });
    hold('a');
    await clock.advance(5_000);
    cluster.cutConnections();
    hold('b', 1);
    await clock.advance(5_000);
    const silence = simulation.fault({ verb: 'watch', freeze: true });
    hold('c', 2);
    await clock.advance(300_000);
    silence.remove();
    remove();
    await clock.advance(5_000);
    expect(loop.names).toEqual([undefined, 'a', 'b', 'c', undefined]);
  });

  test('polls while its watch is refused', async () => {
    const { simulation, clock, loop, hold, cutWatches } = await watching();
    simulation.fault({ verb: 'watch', error: { status: 503 } });
    cutWatches();
    await clock.advance(1_000);
    hold('a');
    await clock.advance(5_000);
    expect(loop.names).toEqual([undefined, 'a']);
  });

  test('reads after a watch has opened, which does not show a deletion', async () => {
    const { simulation, clock, lease, hold, remove, cutWatches } = await world();
    hold('a');
    const loop = new Loop(lease());
    await clock.advance(1_000);
    simulation.fault({ verb: 'watch', latencyMs: 1_000 });
    cutWatches();
    await clock.advance(300);
    remove();
    await clock.advance(2_500);
    expect(loop.names).toEqual(['a', undefined]);
  });

  test('is not put back by events out of order', async () => {
    const { simulation, clock, loop, hold } = await watching();
    simulation.fault({ verb: 'watch', reorder: true, times: 1 });
    hold('a');
    hold('b', 1);
    await clock.advance(1_000);
    expect(loop.names).toEqual([undefined, 'b']);
  });

  test.each([true, false])(
    'is not put back by a late answer (a Lease existed: %s)',
    async (was) => {
      const { simulation, clock, lease, hold } = await world();
      simulation.fault({ verb: 'get', latencyMs: 1_000 });
      if (was) hold('a');
      const loop = new Loop(lease());
      await clock.advance(700);
      hold('b', 1);
      await clock.advance(60_000);
      expect(loop.names).toEqual(was ? ['a', 'b'] : ['b']);
    },
  );

  test.for(Array.from({ length: 30 }, (_, index) => index + 1))(
    'yields the holder in the end, whatever went wrong (seed %i)',
    async (seed) => {
      const { cluster, clock, lease, hold, remove, cutWatches } = await world({ seed });
      const loop = new Loop(lease());
      for (const rule of [
        { latencyMs: [0, 400] },
        { verb: 'watch', probability: 0.3, cutAfterEvents: 2 },
        { verb: 'watch', probability: 0.3, duplicate: true },
        { verb: 'watch', probability: 0.3, reorder: true },
        { verb: 'watch', probability: 0.5, eventDelayMs: [0, 2_000] },
        { verb: 'get', probability: 0.3, staleBy: 3 },
        { probability: 0.2, error: { status: 503 } },
      ] as const) {
        cluster.faults.add(rule);
      }
      let holder: string | undefined;
      for (let turn = 0; turn < 200; turn += 1) {
        await clock.advance(2_000 * clock.random());
        if (clock.random() < 0.3) cutWatches();
        const next = ['a', 'b', '', undefined][Math.floor(clock.random() * 4)];
        if (next === undefined && holder !== undefined) remove();
        if (next !== undefined) hold(next, turn);
        holder = next;
      }
      cluster.faults.clear();
      await clock.advance(2 * WATCHED_POLL_MS);
      expect(loop.names.at(-1) ?? '').toBe(holder ?? '');
      const twice = loop.seen.filter((seen, index) => index > 0 && !seen && !loop.seen[index - 1]);
      expect(twice).toEqual([]);
    },
  );

  test('costs at most 12 requests an hour while nothing happens', async () => {
    const { cluster, clock, lease, hold } = await world();
    hold('a');
    const loop = new Loop(lease());
    await clock.advance(3_600_000);
    expect(loop.names).toEqual(['a']);
    expect(cluster.requests.count({ user: USER })).toBeLessThanOrEqual(12);
  });
});

describe('a loop that ends', () => {
  test.for(['lease', 'lock'] as const)('by break leaves nothing behind (%s)', async (kind) => {
    const { simulation, clock, [kind]: observe } = await world();
    const timers = clock.pending;
    const loop = (async () => {
      for await (const holder of observe()) return holder;
      return undefined;
    })();
    expect(await simulation.settled(loop)).toBeNull();
    expect([simulation.open, clock.pending]).toEqual([0, timers]);
  });

  test.each([false, true])(
    'by its signal does not throw, and leaves nothing behind (the API server is silent: %s)',
    async (hang) => {
      const { simulation, clock, lease } = await world();
      const timers = clock.pending;
      simulation.fault({ hang });
      const stop = new AbortController();
      const loop = new Loop(lease({ signal: stop.signal }));
      await clock.advance(25_000);
      stop.abort(new Error('enough'));
      await clock.settle();
      expect([loop.seen, loop.outcome]).toEqual([hang ? [] : [null], 'ended']);
      expect([simulation.open, clock.pending]).toEqual([0, timers]);
    },
  );

  test('by its signal beforehand sends nothing', async () => {
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
    'that may not watch reads every 5 s, with one warning (%s)',
    async (kind) => {
      const { simulation, cluster, clock, hold, [kind]: observe } = await world();
      cluster.grant(USER, [{ ...rules[kind], verbs: ['get'] }]);
      const loop = new Loop<Holder>(observe());
      await clock.advance(1_000);
      expect(loop.seen).toEqual([null]);
      if (kind === 'lease') hold('a');
      else await simulation.lead('a');
      await clock.advance(5_000);
      expect(loop.names).toEqual([undefined, 'a']);
      cluster.requests.clear();
      await clock.advance(60_000);
      expect(cluster.requests.count({ user: USER })).toBeGreaterThanOrEqual(12);
      expect(cluster.requests.count({ user: USER })).toBeLessThanOrEqual(16);
      const message = expect.stringContaining('verbs: ["get", "watch"]') as string;
      expect(simulation.warnings).toEqual([{ code: 'LEADER_FOR_LIFE_DEGRADED', message }]);
    },
  );

  test.for(['lease', 'lock'] as const)(
    'that may not read throws ERR_FORBIDDEN, with the Role that is enough (%s)',
    async (kind) => {
      const { simulation, cluster, clock, [kind]: observe } = await world();
      const timers = clock.pending;
      cluster.grant(USER, []);
      const loop = new Loop<Holder>(observe());
      await clock.advance(1_000);
      const outcome = loop.outcome as Error;
      expect(outcome).toMatchObject({ code: 'ERR_FORBIDDEN' });
      expect([simulation.open, clock.pending]).toEqual([0, timers]);

      const yaml = outcome.message.split('\n\n').slice(1).join('\n\n');
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
      const permitted = new Loop<Holder>(observe());
      await clock.advance(3_600_000);
      expect([permitted.seen, permitted.outcome]).toEqual([[null], 'going on']);
      expect(simulation.warnings).toEqual([]);
    },
  );

  test('retries what fails transiently, and warns once when that lasts', async () => {
    const { simulation, clock, lease, hold } = await world();
    hold('a');
    const outage = simulation.fault({ error: { status: 503 } });
    const loop = new Loop(lease());
    await clock.advance(9_000);
    expect(simulation.warnings).toEqual([]);
    await clock.advance(51_000);
    const message = expect.stringMatching(/^default\/lease: still trying: GET .+503/) as string;
    expect(simulation.warnings).toEqual([{ code: 'LEADER_FOR_LIFE_TROUBLE', message }]);
    outage.remove();
    await clock.advance(20_000);
    expect(loop.names).toEqual(['a']);
  });

  test('does not warn of troubles that end', async () => {
    const { simulation, cluster, clock, lease } = await world();
    cluster.grant(USER, [{ ...rules.lease, verbs: ['get'] }]);
    const loop = new Loop(lease());
    for (let count = 0; count < 5; count += 1) {
      const outage = simulation.fault({ verb: 'get', error: { status: 503 } });
      await clock.advance(8_000);
      outage.remove();
      await clock.advance(30_000);
    }
    expect(loop.seen).toEqual([null]);
    expect(simulation.codes).toEqual(['LEADER_FOR_LIFE_DEGRADED']);
  });

  test('outside a cluster throws a TypeError that names options.kubeConfig', async () => {
    const { simulation, cluster } = await world();
    const platform = new SimulatedSurroundings(simulation, USER);
    const loop = new Loop(observeLeaseIn(platform, 'lease', {}));
    // It looks for the files of a Pod first.
    await vi.waitUntil(() => loop.outcome !== 'going on');
    expect(loop.outcome).toMatchObject({
      name: 'TypeError',
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
  ] as const)('throws at once for a bad %s', ([name, call]) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(new RegExp(`^${name} (?:must be|is not an option)`));
  });
});

test('observeLock and observeLease work over HTTP, and close their sockets', async () => {
  const cluster = await createCluster();
  onTestFinished(() => cluster.close());
  const options = { kubeConfig: cluster.kubeConfig() };
  const leadership = await become('lock', cluster.optionsFor(cluster.createPod('a')));
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
