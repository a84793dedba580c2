import { describe, expect, onTestFinished, test } from 'vitest';

import { LeaderElector } from '../../lib/index.ts';
import type { LeaderElectionConfig, LeaderElectionRecord, LockVersion } from '../../lib/index.ts';
import { createCluster } from '../../lib/testing/index.ts';
import { SimulatedSurroundings, Simulation } from '../life/simulation.ts';

const { signal } = new AbortController();
const WATCH = { verb: 'watch', resource: 'leases' } as const;

function record(holderIdentity: string): LeaderElectionRecord {
  const time = '2026-01-01T00:00:00.000000Z';
  return {
    holderIdentity,
    leaseDurationSeconds: 15,
    acquireTime: time,
    renewTime: time,
    leaseTransitions: 0,
  };
}

function callbacks(leaders: string[], identity: string): LeaderElectionConfig['callbacks'] {
  return {
    onStartedLeading: () => {
      leaders.push(identity);
    },
    onStoppedLeading: () => undefined,
  };
}

async function cluster() {
  const created = await createCluster({ http: false });
  onTestFinished(() => created.close());
  return created;
}

describe('the lock', () => {
  test('is a Lease of the cluster', async () => {
    const world = await cluster();
    const lock = world.leaseLock({ name: 'lease', identity: 'a' });
    expect([lock.identity, lock.describe()]).toEqual(['a', 'default/lease']);
    expect(await lock.get(signal)).toBeUndefined();
    const version = await lock.create(record('a'), signal);
    expect(version).toMatchObject({ record: record('a') });
    expect(world.getLease('lease')?.spec).toEqual(record('a'));
    expect(await lock.get(signal)).toEqual(version);
  });

  test('can be in another namespace', async () => {
    const world = await cluster();
    world.createNamespace('prod');
    const lock = world.leaseLock({ name: 'lease', identity: 'a', namespace: 'prod' });
    await lock.create(record('a'), signal);
    expect(world.getLease('prod/lease')?.spec?.holderIdentity).toBe('a');
  });

  test('lets only one of two writers have it', async () => {
    const world = await cluster();
    const [a, b] = ['a', 'b'].map((identity) => world.leaseLock({ name: 'lease', identity }));
    const first = (await a?.create(record('a'), signal)) as LockVersion;
    expect(await b?.create(record('b'), signal)).toBe('conflict');
    expect(await b?.update(first, record('b'), signal)).toMatchObject({ record: record('b') });
    expect(await a?.update(first, record('a'), signal)).toBe('conflict');
  });

  test('can be refused, and fail', async () => {
    const world = await cluster();
    world.grant('nobody', []);
    const refused = world.leaseLock({ name: 'lease', identity: 'a', user: 'nobody' });
    await expect(refused.get(signal)).rejects.toMatchObject({ code: 'ERR_FORBIDDEN' });
    const lock = world.leaseLock({ name: 'lease', identity: 'a' });
    world.faults.add({ resource: 'leases', error: { status: 503 }, times: 1 });
    await expect(lock.get(signal)).rejects.toMatchObject({ status: 503 });
    expect(await lock.get(signal)).toBeUndefined();
  });

  test('tells of changes until it is told to stop', async () => {
    const world = await cluster();
    const lock = world.leaseLock({ name: 'lease', identity: 'a' });
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
    world.request('DELETE', '/apis/coordination.k8s.io/v1/namespaces/default/leases/lease');
    await world.until(() => told.includes('gone'));
    stop.abort();
    await watching;
    expect(told).toEqual(['open', 'a', 'gone']);
  });
});

test('electors hand it over without a port', async () => {
  const world = await cluster();
  const leaders: string[] = [];
  const stops = ['a', 'b'].map((identity) => {
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
  const first = stops.find(({ identity }) => identity === leaders[0]);
  first?.stop.abort();
  await first?.run;
  await world.until(() => leaders.length === 2);
  expect(leaders.toSorted()).toEqual(['a', 'b']);
  expect(world.getLease('lease')?.spec).toMatchObject({
    holderIdentity: leaders[1],
    leaseTransitions: 1,
  });
  const { items } = world.request('GET', '/api/v1/namespaces/default/events').body as {
    items: { message: string }[];
  };
  expect(items.map(({ message }) => message)).toEqual(
    expect.arrayContaining([`${leaders[0]} became leader`, `${leaders[0]} stopped leading`]),
  );
  for (const { stop } of stops) stop.abort();
  await Promise.all(stops.map(({ run }) => run));
});

test('in simulated time it expires', async () => {
  const simulation = await Simulation.create();
  const { clock, cluster: world } = simulation;
  const leaders: string[] = [];
  for (const identity of ['a', 'b']) {
    const lock = world.leaseLock({ name: 'lease', identity, user: identity });
    const platform = new SimulatedSurroundings(simulation, identity);
    const config = { lock, callbacks: callbacks(leaders, identity) };
    void new LeaderElector(config, platform).run();
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
