import { describe, expect, test } from 'vitest';

import { WATCHED_POLL_MS } from '../../lib/protocol/life/look.ts';
import { Simulation } from './simulation.ts';

const HOUR_MS = 3_600_000;

/** Leader `a` and, waiting, `b`. */
async function waiting(options = {}, clusterOptions = {}) {
  const simulation = await Simulation.create(clusterOptions);
  simulation.cluster.createPod('a', { labels: { app: 'x' } });
  simulation.cluster.createPod('b', { labels: { app: 'x' } });
  await simulation.settled(simulation.become('a'));
  const reasons: string[] = [];
  const follower = simulation.become('b', {
    onWaiting: (state) => {
      reasons.push(state.reason);
    },
    ...options,
  });
  return { simulation, follower, reasons };
}

describe('a candidate that waits', () => {
  test.for([1, 2, 3, 4, 5])(
    'costs at most 30 requests in its first hour and in any later one (seed %i)',
    async (seed) => {
      const { simulation } = await waiting({}, { seed });
      for (let hour = 0; hour < 3; hour += 1) {
        const before = simulation.cluster.requests.filter({ user: 'b' }).length;
        await simulation.clock.advance(HOUR_MS);
        const requests = simulation.cluster.requests.filter({ user: 'b' }).length - before;
        expect(requests).toBeLessThanOrEqual(30);
      }
      expect(simulation.holder).toBe('a');
    },
  );

  test('still takes over at once after a day', async () => {
    const { simulation, follower } = await waiting();
    await simulation.clock.advance(24 * HOUR_MS);
    const before = simulation.clock.now();
    simulation.cluster.deletePod('a');
    await simulation.settled(follower);
    expect(simulation.clock.now() - before).toBeLessThan(100);
  });

  test('goes on over cut watches', async () => {
    const { simulation, follower } = await waiting();
    await simulation.clock.advance(1_000);
    const fault = simulation.cluster.faults.add({ verb: 'watch', cutAfterEvents: 1 });
    await simulation.clock.advance(600_000);
    simulation.cluster.deletePod('a');
    await simulation.settled(follower, 60_000);
    fault.remove();
  });

  test('notices a watch that fell silent, and reads afresh', async () => {
    const { simulation, follower } = await waiting();
    await simulation.clock.advance(1_000);
    simulation.cluster.faults.add({ verb: 'watch', user: 'b', freeze: true });
    simulation.cluster.deletePod('a');
    await simulation.settled(follower, 5 * 60_000);
  });

  test('looks now and then although its watches are fine', async () => {
    const { simulation } = await waiting();
    await simulation.clock.advance(1_000);
    const reads = () =>
      simulation.cluster.requests.filter({ user: 'b', verb: 'get', resource: 'configmaps' }).length;
    const before = reads();
    await simulation.clock.advance(WATCHED_POLL_MS);
    expect(reads()).toBeGreaterThan(before);
  });

  test('trap 7: polls where watching is forbidden, with pauses that grow to maxBackoffMs and stay', async () => {
    const simulation = await Simulation.create();
    simulation.cluster.createPod('a');
    simulation.cluster.createPod('b');
    await simulation.settled(simulation.become('a'));
    simulation.cluster.grant('b', [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'get', 'delete'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
    ]);
    void simulation.become('b', { maxBackoffMs: 5_000 });
    await simulation.clock.advance(60_000);
    const times = simulation.cluster.requests
      .filter({ user: 'b', verb: 'get', resource: 'configmaps' })
      .map(({ time }) => time);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    const full = [1_000, 2_000, 4_000, 5_000, 5_000, 5_000];
    for (const [index, most] of full.entries()) {
      expect(pauses[index]).toBeLessThanOrEqual(most + 1);
      expect(pauses[index]).toBeGreaterThanOrEqual(most * 0.8 - 1);
    }
    // Trap 7: the backoff never overshoots its maximum.
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_001);
    expect(simulation.warnings.map(({ code }) => code)).toEqual(['LEADER_FOR_LIFE_DEGRADED']);
  });

  test('tells each change once, with the holder and its node', async () => {
    const simulation = await Simulation.create();
    simulation.cluster.createPod('a', { nodeName: 'node-7' });
    simulation.cluster.createPod('b');
    await simulation.settled(simulation.become('a'));
    const states: unknown[] = [];
    void simulation.become('b', {
      onWaiting: (state) => {
        states.push(state);
      },
    });
    await simulation.clock.advance(10_000);
    expect(states).toEqual([
      {
        lockName: 'lock',
        namespace: 'default',
        reason: 'held',
        message: 'Pod a on node node-7 leads',
        holder: 'a',
        holderPod: 'a',
        holderUid: simulation.cluster.getPod('a')?.metadata.uid,
        holderNode: 'node-7',
        holderPhase: 'Running',
        since: expect.any(Date),
      },
    ]);
  });

  test('survives an onWaiting that throws, with one warning', async () => {
    const { simulation, follower } = await waiting({
      onWaiting: () => {
        throw new Error('no pager');
      },
    });
    await simulation.clock.advance(1_000);
    simulation.cluster.deletePod('a');
    await simulation.settled(follower);
    expect(simulation.warnings).toEqual([
      {
        code: 'LEADER_FOR_LIFE_ON_WAITING',
        message: expect.stringContaining('no pager'),
      },
    ]);
  });

  test('waits out the grace before it does the work of the garbage collector', async () => {
    const { simulation, follower } = await waiting();
    await simulation.clock.advance(1_000);
    simulation.cluster.garbageCollector.stop();
    const before = simulation.clock.now();
    simulation.cluster.deletePod('a');
    await simulation.settled(follower);
    expect(simulation.clock.now() - before).toBeGreaterThanOrEqual(2_000);
    expect(simulation.clock.now() - before).toBeLessThan(2_200);
  });

  test('counts the time that a node is not ready anew when it was ready in between', async () => {
    const { simulation, follower } = await waiting({ takeOverFromNotReadyNodeAfterMs: 60_000 });
    await simulation.clock.advance(1_000);
    simulation.cluster.setNodeReady('node-1', false);
    await simulation.clock.advance(50_000);
    simulation.cluster.setNodeReady('node-1', true);
    await simulation.clock.advance(20_000);
    expect(simulation.holder).toBe('a');
    simulation.cluster.setNodeReady('node-1', false);
    await simulation.clock.advance(55_000);
    expect(simulation.holder).toBe('a');
    await simulation.settled(follower, 30_000);
    expect(simulation.cluster.getPod('a')).toBeUndefined();
  });
});
