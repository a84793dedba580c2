import { expect, test } from 'vitest';

import { LOCK_PATH, Simulation } from './simulation.ts';

/** `a` leads with a guard that has opened its watch. */
async function guarded() {
  const world = await Simulation.withPods();
  const leadership = await world.lead('a', { guard: true });
  await world.clock.advance(1_000);
  return { world, leadership };
}

const LOST = { code: 'ERR_LEADERSHIP_LOST' };

test('a guard notices a takeover by hand', async () => {
  const { world, leadership } = await guarded();
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'b', uid: 'another' };
  const patch = { metadata: { ownerReferences: [owner] } };
  world.cluster.garbageCollector.stop();
  world.cluster.request('PATCH', LOCK_PATH, patch, 'application/merge-patch+json');
  await world.clock.advance(1_000);
  const message = expect.stringContaining('Pod b has taken over') as string;
  expect(leadership.signal.reason).toMatchObject({ ...LOST, message });
  expect(world.open).toBe(0);
});

test('a guard does not believe a watch alone', async () => {
  const { world, leadership } = await guarded();
  world.fault({ verb: 'watch', cutAfterEvents: 0, times: 3 });
  await world.clock.advance(600_000);
  expect(leadership.signal.aborted).toBe(false);
});

test('a guard notices a deletion that its silent watch does not show', async () => {
  const { world, leadership } = await guarded();
  world.fault({ verb: 'watch', freeze: true });
  world.cluster.deleteConfigMap('lock');
  await world.clock.advance(10 * 60_000);
  expect(leadership.signal.reason).toMatchObject(LOST);
});

test('a guard polls if it may not watch', async () => {
  const world = await Simulation.withPods();
  world.fault({ verb: 'watch', error: { status: 403 } });
  const leadership = await world.lead('a', { guard: true });
  await world.clock.advance(60_000);
  world.cluster.deleteConfigMap('lock');
  await world.clock.advance(20_000);
  expect(leadership.signal.reason).toMatchObject(LOST);
});

test('a guard that may not read warns that it has ended, and leadership goes on', async () => {
  const { world, leadership } = await guarded();
  world.fault({ verb: 'get', error: { status: 403 } });
  world.cluster.deleteConfigMap('lock');
  await world.clock.advance(20_000);
  expect(leadership.signal.aborted).toBe(false);
  expect(world.codes).toEqual(['LEADER_FOR_LIFE_UNGUARDED']);
  expect(world.open).toBe(0);
});

test('a guard ends with the release', async () => {
  const { world, leadership } = await guarded();
  await world.settled(leadership.release());
  await world.clock.advance(1);
  expect(leadership.signal.reason).toMatchObject({ code: 'ERR_RELEASED' });
  expect([world.open, world.clock.pending]).toEqual([0, 0]);
});

test('a guard says that a lock was stripped of its holder by hand', async () => {
  const { world, leadership } = await guarded();
  const patch = { metadata: { ownerReferences: null, annotations: null } };
  world.cluster.request('PATCH', LOCK_PATH, patch, 'application/merge-patch+json');
  await world.clock.advance(1_000);
  const message = expect.stringContaining('it was stripped of its holder') as string;
  expect(leadership.signal.reason).toMatchObject({ ...LOST, message });
});

test('a guard says that a lock was deleted, whatever has its name now', async () => {
  const { world, leadership } = await guarded();
  world.cluster.deleteConfigMap('lock');
  world.cluster.createConfigMap('lock');
  await world.clock.advance(1_000);
  const message = expect.stringContaining('it was deleted') as string;
  expect(leadership.signal.reason).toMatchObject({ ...LOST, message });
});

test('a release beside the look for what an unanswered create has made leaves nothing open', async () => {
  const world = await Simulation.withPods();
  const user = 'a';
  world.fault({ user, verb: 'create', resource: 'configmaps', reset: true, times: 1 });
  const leadership = await world.lead('a', { guard: true });
  const looks = { user, verb: 'get', resource: 'configmaps' } as const;
  world.fault({ ...looks, after: 4, times: 1, latencyMs: 1_000 });
  leadership.signal.addEventListener('abort', () => void leadership.release());
  await world.clock.advance(1_000);
  world.cluster.deleteConfigMap('lock');
  await world.clock.advance(60_000);
  expect([world.open, world.clock.pending]).toEqual([0, 0]);
});

test('a release that another call of the process forbids leaves nothing open', async () => {
  const world = await Simulation.withPods();
  const process = world.process('a');
  // Recording the loss takes a while.
  world.fault({ verb: 'create', resource: 'events', latencyMs: 1_500 });
  const leadership = await world.settled(process.become({ guard: true, events: true }));
  await world.clock.advance(5_000);
  world.cluster.deleteConfigMap('lock');
  await world.clock.runUntil(() => leadership.signal.aborted);
  await world.clock.advance(1);
  const next = await world.settled(process.become());
  const code = 'ERR_ALREADY_RUNNING';
  await expect(world.settled(leadership.release())).rejects.toMatchObject({ code });
  await world.settled(next.release());
  await world.clock.advance(60_000);
  expect([world.open, world.clock.pending]).toEqual([0, 0]);
});
