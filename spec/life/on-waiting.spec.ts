import { describe, expect, test } from 'vitest';

import { WATCHED_POLL_MS } from '../../lib/protocol/life/look.ts';
import { Simulation } from './simulation.ts';

const HOUR_MS = 3_600_000;

/** Leader `a` and, waiting for a second, `b`. */
async function waiting(options = {}, clusterOptions = {}) {
  const simulation = await Simulation.withPods(clusterOptions);
  await simulation.lead('a');
  const follower = simulation.become('b', options);
  await simulation.clock.advance(1_000);
  const { clock, cluster } = simulation;
  return { simulation, clock, cluster, follower };
}

const asB = { user: 'b', verb: 'get', resource: 'configmaps' } as const;

describe('a candidate that waits', () => {
  test.for([1, 2, 3, 4, 5])('costs at most 30 requests an hour (seed %i)', async (seed) => {
    const { simulation, clock, cluster } = await waiting({}, { seed });
    for (let hour = 0; hour < 3; hour += 1) {
      const before = hour === 0 ? 0 : cluster.requests.count({ user: 'b' });
      await clock.advance(HOUR_MS);
      expect(cluster.requests.count({ user: 'b' }) - before).toBeLessThanOrEqual(30);
    }
    expect(simulation.holder).toBe('a');
  });

  test('still takes over at once after a day', async () => {
    const { simulation, clock, cluster, follower } = await waiting();
    await clock.advance(24 * HOUR_MS);
    cluster.deletePod('a');
    expect(await simulation.duration(follower)).toBeLessThan(100);
  });

  test('goes on when its watches are cut', async () => {
    const { simulation, clock, cluster, follower } = await waiting();
    simulation.fault({ verb: 'watch', cutAfterEvents: 1 });
    await clock.advance(600_000);
    cluster.deletePod('a');
    await simulation.settled(follower, 60_000);
  });

  test('notices a watch that has fallen silent, and reads', async () => {
    const { simulation, cluster, follower } = await waiting();
    simulation.fault({ verb: 'watch', user: 'b', freeze: true });
    cluster.deletePod('a');
    await simulation.settled(follower, 5 * 60_000);
  });

  test('reads now and then although its watches are open', async () => {
    const { clock, cluster } = await waiting();
    const before = cluster.requests.count(asB);
    await clock.advance(WATCHED_POLL_MS);
    expect(cluster.requests.count(asB)).toBeGreaterThan(before);
  });

  test('trap 7: polls if it may not watch, with pauses that grow to maxBackoffMs and no further', async () => {
    const simulation = await Simulation.withPods();
    const { clock, cluster } = simulation;
    await simulation.lead('a');
    cluster.grant('b', [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'get', 'delete'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
    ]);
    void simulation.become('b', { maxBackoffMs: 5_000 });
    await clock.advance(60_000);
    const times = cluster.requests.filter(asB).map(({ time }) => time);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    for (const [index, most] of [1_000, 2_000, 4_000, 5_000, 5_000, 5_000].entries()) {
      expect(pauses[index]).toBeLessThanOrEqual(most + 1);
      expect(pauses[index]).toBeGreaterThanOrEqual(most * 0.8 - 1);
    }
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_001);
    expect(simulation.codes).toEqual(['LEADER_FOR_LIFE_DEGRADED']);
  });

  test('tells onWaiting once what it waits for', async () => {
    const states: unknown[] = [];
    const { clock, cluster } = await waiting({ onWaiting: (state: unknown) => states.push(state) });
    await clock.advance(10_000);
    const { metadata, spec } = cluster.getPod('a') ?? {};
    const state = { lockName: 'lock', namespace: 'default', reason: 'held' };
    const holder = { holder: 'a', holderPod: 'a', holderUid: metadata?.uid };
    const message = 'Pod a on node node-1 leads';
    const more = { holderNode: spec?.nodeName, holderPhase: 'Running', message };
    expect(states).toEqual([{ ...state, ...holder, ...more, since: expect.any(Date) as Date }]);
  });

  test('goes on if onWaiting throws, with one warning', async () => {
    const onWaiting = () => {
      throw new Error('no pager');
    };
    const { simulation, cluster, follower } = await waiting({ onWaiting });
    cluster.deletePod('a');
    await simulation.settled(follower);
    expect(simulation.codes).toEqual(['LEADER_FOR_LIFE_ON_WAITING']);
  });

  test('reclaims the lock two seconds after its Pod is gone, if the garbage collector does not', async () => {
    const { simulation, cluster, follower } = await waiting();
    cluster.garbageCollector.stop();
    cluster.deletePod('a');
    const tookMs = await simulation.duration(follower);
    expect(tookMs).toBeGreaterThanOrEqual(2_000);
    expect(tookMs).toBeLessThan(2_200);
  });

  test('counts takeOverFromNotReadyNodeAfterMs anew when the node was ready in between', async () => {
    const options = { takeOverFromNotReadyNodeAfterMs: 60_000 };
    const { simulation, clock, cluster, follower } = await waiting(options);
    for (const [isReady, ms] of [
      [false, 50_000],
      [true, 20_000],
      [false, 55_000],
    ] as const) {
      cluster.setNodeReady('node-1', isReady);
      await clock.advance(ms);
      expect(simulation.holder).toBe('a');
    }
    await simulation.settled(follower, 30_000);
    expect(cluster.getPod('a')).toBeUndefined();
  });
});

test('a Pod that a finalizer keeps is not deleted by force again and again', async () => {
  const takeOver = { takeOverFromNotReadyNodeAfterMs: 60_000 };
  const { simulation, clock, cluster } = await waiting(takeOver);
  const pod = '/api/v1/namespaces/default/pods/a';
  const patch = { metadata: { finalizers: ['example.com/kept'] } };
  cluster.request('PATCH', pod, patch, 'application/merge-patch+json');
  simulation.fault({ user: 'b', verb: 'delete', resource: 'pods', latencyMs: 100 });
  cluster.setNodeReady('node-1', false);
  await clock.advance(190_000);
  const deletes = cluster.requests.count({ user: 'b', verb: 'delete', resource: 'pods' });
  expect(deletes).toBeGreaterThan(0);
  expect(deletes).toBeLessThanOrEqual(3);
});
