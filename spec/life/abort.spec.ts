import { describe, expect, test } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from './simulation.ts';

const creates = { user: 'a', verb: 'create', resource: 'configmaps' } as const;
const reads = { user: 'a', verb: 'get', resource: 'configmaps' } as const;

/** `a` calls `become`; with the way to abort that. */
async function abortable(...faults: Parameters<Simulation['fault']>[0][]) {
  const world = await Simulation.withPods();
  for (const fault of faults) world.fault(fault);
  const abort = world.abortable((signal) => world.become('a', { signal }));
  return { world, abort };
}

/** Creates again what was stored before: a create that arrives late, or a second time. */
function arriveLate(world: Simulation, stored: Simulation['lock']): void {
  const { annotations, labels, ownerReferences } = stored?.metadata ?? {};
  const metadata = { annotations, labels, ownerReferences } as object;
  world.cluster.createConfigMap('lock', { metadata });
}

test('a signal that has aborted already: no request is sent', async () => {
  const world = await Simulation.withPods();
  const reason = { any: 'thing' };
  const attempt = world.lead('a', { signal: AbortSignal.abort(reason) });
  await expect(attempt).rejects.toBe(reason);
  expect(world.cluster.requests.length).toBe(0);
});

test('once it leads no timer and no connection is left, and an abort changes nothing', async () => {
  const world = await Simulation.withPods();
  const stop = new AbortController();
  const leadership = await world.lead('a', { signal: stop.signal, timeoutMs: 60_000 });
  await world.clock.advance(1);
  expect([world.open, world.clock.pending]).toEqual([0, 0]);
  stop.abort();
  await world.clock.advance(60_000);
  expect(leadership.signal.aborted).toBe(false);
  expect(world.holder).toBe('a');
  const follower = world.become('b');
  await world.clock.advance(3_600_000);
  world.cluster.deletePod('a');
  await world.settled(follower);
  await world.clock.advance(1);
  expect([world.open, world.clock.pending]).toEqual([0, 0]);
});

describe('a call that is aborted ends at once, without a timer or a connection,', () => {
  test('while it waits', async () => {
    const world = await Simulation.withPods();
    await world.lead('a');
    const abort = world.abortable((signal) => world.become('b', { signal }));
    await world.clock.advance(10_000);
    expect(world.open).toBe(1);
    expect(await abort()).toBe(0);
    await world.clock.advance(1);
    expect([world.open, world.clock.pending]).toEqual([0, 0]);
  });

  test('while the API server is silent, if no create was sent', async () => {
    const world = await Simulation.withPods();
    world.fault({ user: 'a', hang: true });
    const platform = new SimulatedSurroundings(world, 'a');
    // Without its UID it reads its Pod first.
    const identity = { kubeConfig, namespace: 'default', podName: 'a' };
    const abort = world.abortable((signal) => becomeOn(platform, 'lock', { ...identity, signal }));
    await world.clock.advance(1_000);
    expect(await abort()).toBe(0);
    expect([world.warnings, world.open]).toEqual([[], 0]);
  });

  test('if its creates were refused', async () => {
    const { world, abort } = await abortable();
    world.cluster.setQuota({ 'count/configmaps': 0 });
    await world.clock.advance(1_000);
    world.fault({ user: 'a', hang: true });
    expect(await abort()).toBe(0);
    expect(world.warnings).toEqual([]);
  });
});

test.for(['before', 'after'] as const)(
  'an abort while the API server is silent (%s the create has effect) ends within ten seconds with LEADER_FOR_LIFE_LEFT_BEHIND',
  async (when) => {
    const { world, abort } = await abortable(
      { user: 'a', verb: 'create', when, hang: true },
      { user: 'a', hang: true },
    );
    await world.clock.advance(1_000);
    expect(await abort()).toBeLessThanOrEqual(10_000);
    expect(world.codes).toEqual(['LEADER_FOR_LIFE_LEFT_BEHIND']);
    expect(world.open).toBe(0);
    await world.clock.advance(60_000);
    expect(world.clock.pending).toBe(0);
  },
);

test('ERR_TIMEOUT says if the API server has not answered at all', async () => {
  const world = await Simulation.withPods();
  world.fault({ user: 'a', hang: true });
  const attempt = world.lead('a', { timeoutMs: 300 });
  await expect(attempt).rejects.toThrow(/within 300 ms: .*has not answered/);
});

test('a timeout before the create has arrived leaves nothing behind', async () => {
  const world = await Simulation.withPods();
  world.fault({ ...creates, hang: true });
  await expect(world.lead('a', { timeoutMs: 500 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  expect(world.lock).toBeUndefined();
  expect([world.open, world.clock.pending]).toEqual([0, 0]);
});

describe('an aborted call takes back', () => {
  test('a create that is under way', async () => {
    const { world, abort } = await abortable({ ...creates, latencyMs: 1_000 });
    await world.clock.advance(100);
    await abort();
    expect(world.lock).toBeUndefined();
    expect(world.cluster.requests.count({ verb: 'delete', status: 200 })).toBe(1);
    expect(world.open).toBe(0);
  });

  test('what an unanswered create has stored, although the next create was refused', async () => {
    const message = 'configmaps "lock" is forbidden: exceeded quota: few';
    const { world, abort } = await abortable(
      { ...creates, times: 1, when: 'after', hang: true },
      { ...creates, error: { status: 403, message } },
      { ...reads, times: 1, latencyMs: 5_000 },
    );
    await world.clock.runUntil(() => world.cluster.requests.count(creates) === 2);
    await world.clock.advance(1_000);
    expect(world.holder).toBe('a');
    await abort();
    expect([world.lock, world.warnings]).toEqual([undefined, []]);
  });

  test('a lock that a second create stores after the first was taken back', async () => {
    const { world, abort } = await abortable(
      { ...creates, times: 1, reset: true },
      { user: 'a', verb: 'get', resource: 'pods', latencyMs: 2_000 },
    );
    await world.clock.advance(1_000);
    const stored = world.lock;
    const aborted = abort();
    await world.clock.advance(1_000);
    expect(world.holder).toBeUndefined();
    arriveLate(world, stored);
    await aborted;
    expect(world.lock).toBeUndefined();
  });

  test('not the lock of an earlier container of the same Pod', async () => {
    const world = await Simulation.withPods();
    await world.lead('a');
    world.fault({ ...reads, latencyMs: 1_000 });
    const abort = world.abortable((signal) => world.become('a', { signal }));
    await world.clock.advance(100);
    await abort();
    expect(world.holder).toBe('a');
  });

  test('what it may delete: otherwise it warns', async () => {
    const { world, abort } = await abortable(
      { ...creates, latencyMs: 1_000 },
      { user: 'a', verb: 'delete', error: { status: 403 } },
    );
    await world.clock.advance(100);
    await abort();
    expect(world.codes).toEqual(['LEADER_FOR_LIFE_LEFT_BEHIND']);
  });
});

test('a create that arrives during the release leaves nothing behind', async () => {
  const world = await Simulation.withPods();
  world.fault({ ...creates, times: 1, reset: true });
  const leadership = await world.lead('a');
  const stored = world.lock;
  const released = leadership.release();
  await world.clock.advance(1_000);
  expect(world.holder).toBeUndefined();
  arriveLate(world, stored);
  await world.settled(released);
  expect(world.lock).toBeUndefined();
});
