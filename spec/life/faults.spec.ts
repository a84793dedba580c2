import { describe, expect, test } from 'vitest';

import type { FaultRule } from '../../lib/testing/index.ts';
import { Simulation } from './simulation.ts';

const creates = { user: 'a', verb: 'create', resource: 'configmaps' } as const;
const message = 'configmaps is forbidden: User "a" cannot create resource "configmaps"';
const forbidden = { error: { status: 403, message } };

/** A simulation in which `a` leads, `b` waits, and the reasons that `b` is told. */
async function leaderAndFollower() {
  const world = await Simulation.withPods();
  await world.lead('a');
  const reasons: string[] = [];
  const follower = world.become('b', { onWaiting: ({ reason }) => reasons.push(reason) });
  await world.clock.advance(1_000);
  return { world, reasons, follower };
}

const pausesOf = (times: readonly number[]) =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0));

describe('a transient failure is tried again:', () => {
  const transient: [string, FaultRule[], number][] = [
    ...[408, 429, 500, 502, 503, 504].map((status): [string, FaultRule[], number] => [
      `answered with ${status}`,
      [{ times: 3, error: { status } }],
      4,
    ]),
    [
      'forbidden by an API server that has just started, and may not know the Role yet',
      [
        { times: 2, reset: true },
        { after: 2, times: 3, ...forbidden },
      ],
      6,
    ],
  ];
  test.for(transient)('a create %s', async ([, faults, count]) => {
    const world = await Simulation.withPods();
    for (const fault of faults) world.fault({ ...creates, ...fault });
    expect(await world.lead('a')).toMatchObject({ podName: 'a', skipped: false });
    expect(world.cluster.requests.count(creates)).toBe(count);
  });

  test('a read with a token that has expired', async () => {
    const world = await Simulation.withPods();
    world.cluster.expireToken('a');
    world.fault({ user: 'a', times: 5, error: { status: 401 } });
    expect((await world.lead('a')).skipped).toBe(false);
  });

  test('after Retry-After', async () => {
    const world = await Simulation.withPods();
    world.fault({ ...creates, times: 1, error: { status: 429, retryAfterSeconds: 7 } });
    await world.lead('a');
    const [pause] = pausesOf(world.cluster.requests.filter(creates).map(({ time }) => time));
    expect(pause).toBeGreaterThanOrEqual(7_000);
  });

  test('trap 4: a read that fails after AlreadyExists, with growing pauses', async () => {
    const world = await Simulation.withPods();
    await world.lead('a');
    const reads = { user: 'b', verb: 'get', resource: 'configmaps' } as const;
    world.fault({ ...reads, times: 10, error: { status: 500 } });
    void world.become('b');
    await world.clock.advance(10_000);
    const times = world.cluster.requests.filter(reads).map(({ time }) => time);
    expect(times.length).toBeLessThanOrEqual(9);
    const pauses = pausesOf(times);
    expect(pauses.at(-1)).toBeGreaterThan((pauses[0] ?? 0) * 10);
  });

  test('trap 4: AlreadyExists for a lock that is not found, and not in a hot loop', async () => {
    const world = await Simulation.withPods();
    world.fault({ ...creates, error: { status: 409, reason: 'AlreadyExists' } });
    void world.become('a');
    await world.clock.advance(60_000);
    expect(world.cluster.requests.count({ user: 'a' })).toBeLessThan(60);
  });

  test('an outage, which is warned of once', async () => {
    const world = await Simulation.withPods();
    const outage = world.fault({ user: 'a', reset: true });
    const reasons: string[] = [];
    const leadership = world.become('a', { onWaiting: ({ reason }) => reasons.push(reason) });
    await world.clock.advance(120_000);
    outage.remove();
    await world.settled(leadership);
    expect(reasons[0]).toBe('api-unavailable');
    expect(world.codes).toEqual(['LEADER_FOR_LIFE_TROUBLE']);
  });
});

describe('after an outage a 403 is tried again for ten seconds', () => {
  test('and then ERR_FORBIDDEN', async () => {
    const world = await Simulation.withPods();
    world.fault({ ...creates, times: 1, reset: true });
    world.fault({ ...creates, ...forbidden });
    await expect(world.lead('a')).rejects.toMatchObject({ code: 'ERR_FORBIDDEN' });
    expect(world.clock.now()).toBeGreaterThan(5_000);
    expect(world.clock.now()).toBeLessThan(20_000);
  });

  test('counted from the end of the outage, not from the last attempt', async () => {
    const world = await Simulation.withPods();
    const outage = world.fault({ ...creates, reset: true });
    const leadership = world.become('a');
    // By now it asks every sixteen seconds.
    await world.clock.advance(120_000);
    outage.remove();
    world.fault({ ...creates, times: 1, ...forbidden });
    expect((await world.settled(leadership)).podName).toBe('a');
  });
});

describe('a quota that is used up', () => {
  test('is waited out; the lock is taken once it is raised', async () => {
    const world = await Simulation.withPods();
    world.cluster.setQuota({ 'count/configmaps': 0 });
    const reasons: string[] = [];
    const leadership = world.become('a', { onWaiting: ({ reason }) => reasons.push(reason) });
    await world.clock.advance(60_000);
    expect(reasons).toContain('quota-exceeded');
    world.cluster.setQuota(undefined);
    expect((await world.settled(leadership, 20_000)).podName).toBe('a');
  });

  test('does not hide who leads', async () => {
    const world = await Simulation.withPods();
    await world.lead('a');
    world.cluster.setQuota({ 'count/configmaps': 1 });
    const reasons: string[] = [];
    const follower = world.become('b', { onWaiting: ({ reason }) => reasons.push(reason) });
    await world.clock.advance(1_000);
    expect(reasons).toEqual(['held']);
    world.cluster.deletePod('a');
    await world.settled(follower);
  });
});

describe('a permanent failure rejects at once:', () => {
  const denied = 'admission webhook "policy.example.com" denied the request: no locks on Fridays';
  test.for([
    [{ status: 400 }, 'ERR_REJECTED'],
    [{ status: 403 }, 'ERR_FORBIDDEN'],
    [{ status: 404 }, 'ERR_NAMESPACE_NOT_FOUND'],
    [{ status: 405 }, 'ERR_REJECTED'],
    [{ status: 413 }, 'ERR_REJECTED'],
    [{ status: 422 }, 'ERR_REJECTED'],
    [{ status: 403, message: denied }, 'ERR_REJECTED', 'no locks on Fridays'],
  ] as const)('trap 5: a create answered %o with %s', async ([error, code, words = '']) => {
    const world = await Simulation.withPods();
    world.fault({ ...creates, error });
    await expect(world.lead('a')).rejects.toMatchObject({
      name: 'LeaderElectionError',
      code,
      message: expect.stringMatching(new RegExp(`default/lock.*${words}`, 's')),
      cause: expect.objectContaining({ status: error.status }),
    });
    expect(world.cluster.requests.count(creates)).toBe(1);
    expect(world.open).toBe(0);
  });

  test('a refused create, without a warning about Pods that are still being read', async () => {
    const world = await Simulation.withPods();
    world.fault({ ...creates, error: { status: 403 } });
    world.fault({ user: 'a', verb: 'get', resource: 'pods', latencyMs: 50 });
    await expect(world.lead('a')).rejects.toMatchObject({ code: 'ERR_FORBIDDEN' });
    expect(world.warnings).toEqual([]);
  });
});

describe('trap 10: a create takes effect, but', () => {
  test.for([
    ['the connection breaks', { reset: true }],
    ['the answer never comes', { hang: true }],
    ['the answer is 500', { error: { status: 500 } }],
    ['the answer is 504', { error: { status: 504 } }],
  ] as const)('%s: it leads, or takes the lock back when it is aborted', async ([, effect]) => {
    const world = await Simulation.withPods();
    const lost = { ...creates, times: 1, when: 'after', ...effect } as const;
    world.fault(lost);
    const leadership = await world.lead('a');
    expect(leadership.podName).toBe('a');
    expect(leadership.fencingToken).toBe(world.lock?.metadata.resourceVersion);
    await world.settled(leadership.release());

    world.fault(lost);
    const abort = world.abortable((signal) => world.become('a', { signal }));
    await world.clock.advance(5);
    await abort();
    expect(world.lock).toBeUndefined();
    expect(world.open).toBe(0);
    await world.clock.advance(3_600_000);
    expect(world.lock).toBeUndefined();
  });
});

describe('LIFE-4: a candidate that reclaims a lock', () => {
  const deletes = { user: 'b', verb: 'delete', resource: 'configmaps', times: 1 } as const;

  test('trap 5: accepts that the lock is gone already', async () => {
    const { world, follower } = await leaderAndFollower();
    world.fault({ ...deletes, latencyMs: 400 });
    world.cluster.finishPod('a', 'Failed');
    await world.clock.advance(100);
    world.cluster.deleteConfigMap('lock');
    expect((await world.settled(follower)).podName).toBe('b');
  });

  test('deletes nothing twice when the answer is lost', async () => {
    const { world, follower } = await leaderAndFollower();
    world.fault({ ...deletes, when: 'after', hang: true });
    world.cluster.finishPod('a', 'Failed');
    await world.clock.advance(100);
    expect((await world.lead('c')).podName).toBe('c');
    await world.clock.advance(60_000);
    expect(world.holder).toBe('c');
    world.cluster.deletePod('c');
    expect((await world.settled(follower)).podName).toBe('b');
  });
});
