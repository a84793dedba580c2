import { describe, expect, test } from 'vitest';

import { LeaderElector } from '../../lib/index.ts';
import type { LeaderElectionConfig, LeaderElectionRecord, LockVersion } from '../../lib/index.ts';
import { createCluster } from '../../lib/testing/index.ts';
import { SimulatedSurroundings, Simulation } from '../life/simulation.ts';
import { LEASES } from './support.ts';

const { signal } = new AbortController();
const WATCH = { verb: 'watch', resource: 'leases' } as const;
const lease = { name: 'lease', identity: 'a' };

function record(holderIdentity: string): LeaderElectionRecord {
  const time = '2026-01-01T00:00:00.000000Z';
  const times = { acquireTime: time, renewTime: time };
  return { holderIdentity, leaseDurationSeconds: 15, ...times, leaseTransitions: 0 };
}

function callbacks(leaders: string[], identity: string): LeaderElectionConfig['callbacks'] {
  return { onStartedLeading: () => void leaders.push(identity), onStoppedLeading: () => undefined };
}

const it = test
  .extend('world', async ({}, { onCleanup }) => {
    const created = await createCluster({ http: false });
    onCleanup(() => created.close());
    return created;
  })
  .extend('lock', ({ world }) => world.leaseLock(lease));

describe('cluster.leaseLock', () => {
  it('is a Lease of the cluster', async ({ lock, world }) => {
    expect([lock.identity, lock.describe()]).toEqual(['a', 'default/lease']);
    expect(await lock.get(signal)).toBeUndefined();
    const version = await lock.create(record('a'), signal);
    expect(version).toMatchObject({ record: record('a') });
    expect(world.getLease('lease')?.spec).toEqual(record('a'));
    expect(await lock.get(signal)).toEqual(version);
  });

  it('can be in another namespace', async ({ world }) => {
    world.createNamespace('prod');
    await world.leaseLock({ ...lease, namespace: 'prod' }).create(record('a'), signal);
    expect(world.getLease('prod/lease')?.spec?.holderIdentity).toBe('a');
  });

  it('LEASE-2: lets one of two writers have it', async ({ lock: a, world }) => {
    const b = world.leaseLock({ ...lease, identity: 'b' });
    const first = (await a.create(record('a'), signal)) as LockVersion;
    expect(await b.create(record('b'), signal)).toBe('conflict');
    expect(await b.update(first, record('b'), signal)).toMatchObject({ record: record('b') });
    expect(await a.update(first, record('a'), signal)).toBe('conflict');
  });

  it('can be refused, and fail', async ({ lock, world }) => {
    world.grant('nobody', []);
    const refused = world.leaseLock({ ...lease, user: 'nobody' }).get(signal);
    await expect(refused).rejects.toMatchObject({ code: 'ERR_FORBIDDEN' });
    world.faults.add({ resource: 'leases', error: { status: 503 }, times: 1 });
    await expect(lock.get(signal)).rejects.toMatchObject({ status: 503 });
    expect(await lock.get(signal)).toBeUndefined();
  });

  it('tells of changes until its signal aborts', async ({ lock, world }) => {
    const stop = new AbortController();
    const told: unknown[] = [];
    const listener = {
      onOpen: () => told.push('open'),
      onSeen: (version: LockVersion) => told.push(version.record.holderIdentity),
      onGone: () => told.push('gone'),
      onLost: () => told.push('lost'),
    };
    const watching = lock.watch?.(listener, stop.signal);
    await world.until(() => told.includes('open'));
    await lock.create(record('a'), signal);
    await world.until(() => told.includes('a'));
    world.request('DELETE', `${LEASES}/lease`);
    await world.until(() => told.includes('gone'));
    stop.abort();
    await watching;
    expect(told).toEqual(['open', 'a', 'gone']);
  });

  it('is handed over by electors without a port', async ({ world }) => {
    const leaders: string[] = [];
    const electors = ['a', 'b'].map((identity) => {
      const stop = new AbortController();
      const elector = new LeaderElector({
        lock: world.leaseLock({ name: 'lease', identity }),
        callbacks: callbacks(leaders, identity),
        releaseOnCancel: true,
        events: true,
      });
      return { identity, stop, run: elector.run(stop.signal) };
    });
    await world.until(() => leaders.length === 1 && world.requests.count(WATCH) === 2);
    const first = electors.find(({ identity }) => identity === leaders[0]);
    first?.stop.abort();
    await first?.run;
    await world.until(() => leaders.length === 2);
    expect(leaders.toSorted()).toEqual(['a', 'b']);
    const spec = { holderIdentity: leaders[1], leaseTransitions: 1 };
    expect(world.getLease('lease')?.spec).toMatchObject(spec);
    const { items } = world.request('GET', '/api/v1/namespaces/default/events').body as {
      items: { message: string }[];
    };
    expect(items.map(({ message }) => message)).toEqual(
      expect.arrayContaining([`${leaders[0]} became leader`, `${leaders[0]} stopped leading`]),
    );
    for (const { stop } of electors) stop.abort();
    await Promise.all(electors.map(({ run }) => run));
  });

  test('expires in simulated time', async () => {
    const simulation = await Simulation.create();
    const { clock, cluster: world } = simulation;
    const leaders: string[] = [];
    for (const identity of ['a', 'b']) {
      const lock = world.leaseLock({ name: 'lease', identity, user: identity });
      const config = { lock, callbacks: callbacks(leaders, identity) };
      void new LeaderElector(config, new SimulatedSurroundings(simulation, identity)).run();
      await clock.runUntil(() => leaders.length > 0);
    }
    await clock.advance(60_000);
    expect(leaders).toEqual(['a']);
    world.faults.add({ user: 'a', hang: true });
    const cutMs = clock.now();
    await clock.runUntil(() => leaders.length === 2);
    expect(leaders).toEqual(['a', 'b']);
    expect(clock.now() - cutMs).toBeGreaterThan(12_000);
    expect(clock.now() - cutMs).toBeLessThan(15_100);
  });
});
