import { describe, expect, test } from 'vitest';

import { fleet } from './fleet.ts';

describe('LIFE-1: a candidate whose watch has shown a lock while its create was tried again', () => {
  const refused = async () => {
    const world = await fleet();
    const { simulation, clock, follow } = world;
    const leadership = await simulation.lead('a');
    const waiting = await follow('b');
    const creates = { user: 'b', verb: 'create', resource: 'configmaps' } as const;
    const refusing = simulation.fault({ ...creates, error: { status: 503 } });
    await simulation.settled(leadership.release());
    await clock.advance(1_000);
    const next = await simulation.lead('c');
    await clock.advance(100);
    return { ...world, waiting, next, refusing };
  };

  test('holds the lock until the Pod of that lock has ended', async () => {
    const { simulation, clock, refusing, expectHeld, expectLed } = await refused();
    simulation.terminate('c', 'foreground');
    await clock.advance(1_000);
    refusing.remove();
    await expectHeld('b');
    simulation.end('c');
    await expectLed('b');
  });

  test('leaves the waiting to the next candidate, which was not there', async () => {
    const world = await refused();
    const { simulation, clock, waiting, refusing, follow, expectHeld, expectLed } = world;
    simulation.terminate('c', 'foreground');
    await clock.advance(1_000);
    refusing.remove();
    await expectHeld('b');
    await follow('d');
    waiting.kill();
    simulation.end('b');
    await expectHeld('d');
    simulation.end('c');
    await expectLed('d');
  });

  test('remembers it, however often its watches fail meanwhile', async () => {
    const { simulation, cluster, clock, refusing, expectHeld, expectLed } = await refused();
    simulation.terminate('c', 'foreground');
    await clock.advance(1_000);
    const failing = simulation.fault({ user: 'b', verb: 'watch', error: { status: 503 } });
    cluster.faults.cutWatches({ user: 'b' });
    await clock.advance(20 * 60_000);
    failing.remove();
    refusing.remove();
    await expectHeld('b');
    simulation.end('c');
    await expectLed('b');
  });

  test('leads at once if that Pod has released it', async () => {
    const { simulation, clock, next, refusing, led } = await refused();
    await simulation.settled(next.release());
    await clock.advance(60_000);
    const looks = { user: 'b', verb: 'get', resource: 'configmaps' } as const;
    const before = simulation.cluster.requests.count(looks);
    refusing.remove();
    await clock.runUntil(() => led.length > 0);
    expect([led, simulation.cluster.requests.count(looks)]).toEqual([['b'], before]);
  });
});

test('a candidate that has deleted the lock of a Pod that has ended needs no look to lead', async () => {
  const { simulation, cluster, clock, follow, led } = await fleet();
  await simulation.lead('a');
  await follow('b');
  // The create is slower than the event that says that the lock is gone.
  simulation.fault({ user: 'b', verb: 'create', resource: 'configmaps', latencyMs: 100 });
  cluster.finishPod('a', 'Failed', { reason: 'Evicted' });
  await clock.runUntil(() => cluster.requests.count({ user: 'b', verb: 'delete' }) > 0);
  const looks = { user: 'b', verb: 'get', resource: 'configmaps' } as const;
  const before = cluster.requests.count(looks);
  await clock.runUntil(() => led.length > 0);
  expect([led, cluster.requests.count(looks)]).toEqual([['b'], before]);
});
