import { describe, expect, test } from 'vitest';

import { Simulation } from './simulation.ts';

/** Leader `a` and, waiting, `b`, which hears nothing any more of Pods that change. */
async function deafToPods() {
  const simulation = await Simulation.create();
  const { clock, cluster } = simulation;
  const pod = cluster.createPod('a');
  cluster.createPod('b');
  const leadership = await simulation.settled(simulation.become('a'));
  const process = simulation.process('b');
  const controller = new AbortController();
  const follower = process.become({ signal: controller.signal });
  let leads = false;
  const settled = follower.then(
    () => (leads = true),
    () => undefined,
  );
  await clock.advance(1_000);
  cluster.faults.add({ verb: 'watch', resource: 'pods', freeze: true });
  const terminate = (cascade: 'background' | 'foreground') => {
    cluster.deletePod(pod, { cascade, gracePeriodSeconds: 3_600 });
  };
  return {
    simulation,
    leadership,
    process,
    follower,
    settled,
    controller,
    terminate,
    get leads() {
      return leads;
    },
  };
}

type World = Awaited<ReturnType<typeof deafToPods>>;

/** The lock has gone, `b` has it, and `a` runs on. */
async function held(world: World): Promise<void> {
  const { simulation, terminate } = world;
  terminate('foreground');
  await simulation.clock.runUntil(() => simulation.holder === 'b');
  await simulation.clock.advance(10_000);
  expect(simulation.holder).toBe('b');
}

describe('the lock of a Pod that is deleted in the foreground goes at once; who waited for it', () => {
  test('does not lead until that Pod has ended, although only the lock tells of it', async () => {
    const world = await deafToPods();
    await held(world);
    expect(world.leads).toBe(false);
    world.simulation.cluster.deletePod('a', { gracePeriodSeconds: 0 });
    const leadership = await world.simulation.settled(world.follower, 5 * 60_000);
    expect(leadership.podName).toBe('b');
  });

  test('leaves no lock behind when it gives up meanwhile', async () => {
    const world = await deafToPods();
    await held(world);
    world.controller.abort(new Error('no longer'));
    await world.simulation.settled(world.settled);
    await expect(world.follower).rejects.toThrow('no longer');
    expect(world.simulation.holder).toBeUndefined();
  });

  test('leaves the waiting to its next process, and to any other call of its own', async () => {
    const world = await deafToPods();
    await held(world);
    const { simulation, process } = world;
    let led = 0;
    const count = () => {
      led += 1;
    };
    void process.become().then(count);
    const next = simulation.process('b').become();
    void next.then(count);
    await simulation.clock.advance(10_000);
    expect(led).toBe(0);
    simulation.cluster.deletePod('a', { gracePeriodSeconds: 0 });
    await simulation.settled(next, 5 * 60_000);
    await simulation.settled(world.follower, 5 * 60_000);
    expect((await next).fencingToken).toBe((await world.follower).fencingToken);
  });

  test('tells the Pod that it waits for, and that it is terminating', async () => {
    const world = await deafToPods();
    const states: unknown[] = [];
    world.controller.abort();
    await world.simulation.settled(world.settled);
    const follower = world.process.become({ onWaiting: (state) => states.push(state) });
    void follower.catch(() => undefined);
    await world.simulation.clock.advance(1_000);
    await held(world);
    expect(states.at(-1)).toMatchObject({ reason: 'holder-terminating', holderPod: 'a' });
  });
});

describe('a lock that its leader released is led with at once', () => {
  test('while that Pod runs', async () => {
    const world = await deafToPods();
    await world.simulation.settled(world.leadership.release());
    await world.simulation.settled(world.follower, 100);
    expect(world.leads).toBe(true);
  });

  test('while that Pod terminates, as the watch told', async () => {
    const simulation = await Simulation.create();
    const pod = simulation.cluster.createPod('a');
    simulation.cluster.createPod('b');
    const leadership = await simulation.settled(simulation.become('a'));
    const follower = simulation.become('b');
    await simulation.clock.advance(1_000);
    simulation.cluster.deletePod(pod, { gracePeriodSeconds: 30 });
    await simulation.clock.advance(1_000);
    await simulation.settled(leadership.release());
    await simulation.settled(follower, 100);
    expect(simulation.cluster.getPod('a')?.metadata.deletionTimestamp).toBeDefined();
  });

  test('but by nobody who cannot tell that from a deletion in the foreground: he waits', async () => {
    const world = await deafToPods();
    world.terminate('background');
    await world.simulation.clock.advance(1_000);
    await world.simulation.settled(world.leadership.release());
    await world.simulation.clock.advance(10_000);
    expect(world.simulation.holder).toBe('b');
    expect(world.leads).toBe(false);
    world.simulation.cluster.deletePod('a', { gracePeriodSeconds: 0 });
    await world.simulation.settled(world.follower, 5 * 60_000);
  });
});
