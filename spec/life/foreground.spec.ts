import { describe, expect, test } from 'vitest';

import { Simulation } from './simulation.ts';

const HOUR_S = 3_600;

/** Leader `a` and, waiting, `b`, which hears nothing any more of Pods that change. */
async function deafToPods() {
  const world = await waiting();
  world.simulation.cluster.faults.add({ verb: 'watch', resource: 'pods', freeze: true });
  return world;
}

/** Leader `a` and, waiting, `b`. */
async function waiting() {
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
  const terminate = (cascade: 'background' | 'foreground') => {
    cluster.deletePod(pod, { cascade, gracePeriodSeconds: HOUR_S });
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

/** For as long as the Pod before it runs. */
async function waits(simulation: Simulation, attempt: Promise<unknown>): Promise<void> {
  let leads = false;
  void attempt.then(() => (leads = true));
  await simulation.clock.advance(60_000);
  expect([simulation.holder, leads]).toEqual(['b', false]);
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

  test('leaves the waiting to its next process', async () => {
    const world = await deafToPods();
    await held(world);
    const { simulation, process } = world;
    process.kill();
    let led = 0;
    const next = simulation.process('b').become();
    void next.then(() => {
      led += 1;
    });
    await simulation.clock.advance(10_000);
    expect(led).toBe(0);
    simulation.cluster.deletePod('a', { gracePeriodSeconds: 0 });
    await simulation.settled(next, 5 * 60_000);
    expect((await next).podName).toBe('b');
  });

  test('has not forgotten a lock that a look found when the one before it is told to be gone', async () => {
    const world = await waiting();
    const { simulation, leadership, follower, terminate } = world;
    const { clock, cluster } = simulation;
    cluster.createPod('c');
    cluster.faults.add({ user: 'b', verb: 'watch', resource: 'configmaps', eventDelayMs: 5_000 });
    using silence = cluster.faults.add({
      user: 'b',
      verb: 'get',
      resource: 'pods',
      name: 'c',
      hang: true,
    });
    await simulation.settled(leadership.release());
    await clock.advance(1_000);
    const successor = simulation.become('c');
    await simulation.settled(successor);
    // `b` looks, finds the lock of `c`, and does not learn yet how `c` is.
    terminate('background');
    await clock.advance(1_000);
    cluster.deletePod('c', { cascade: 'foreground', gracePeriodSeconds: HOUR_S });
    await clock.advance(60_000);
    expect(world.leads).toBe(false);
    silence.remove();
    await clock.advance(60_000);
    expect(world.leads).toBe(false);
    for (const name of ['a', 'c']) cluster.deletePod(name, { gracePeriodSeconds: 0 });
    await simulation.settled(follower, 5 * 60_000);
  });

  test('leaves the waiting to the next call of its process, also one that it aborted', async () => {
    const world = await deafToPods();
    await held(world);
    const { simulation, process, controller } = world;
    controller.abort(new Error('no longer'));
    const next = process.become();
    let led = 0;
    void next.then(() => {
      led += 1;
    });
    await simulation.clock.advance(60_000);
    expect(simulation.holder).toBe('b');
    expect(led).toBe(0);
    simulation.cluster.deletePod('a', { gracePeriodSeconds: 0 });
    expect((await simulation.settled(next, 5 * 60_000)).podName).toBe('b');
  });

  test('leaves the waiting to the next call of its process, if its release was what saw the lock', async () => {
    const simulation = await Simulation.create();
    const { clock, cluster } = simulation;
    cluster.createPod('b');
    const pod = cluster.createPod('a');
    const process = simulation.process('b');
    const leadership = await simulation.settled(process.become());
    // The answer is lost: it has to look whether its lock is still there.
    const lost = { verb: 'delete', user: 'b', resource: 'configmaps', times: 1 } as const;
    cluster.faults.add({ ...lost, when: 'after', hang: true });
    const released = leadership.release();
    await simulation.settled(simulation.become('a'));
    await simulation.settled(released);
    cluster.deletePod(pod, { cascade: 'foreground', gracePeriodSeconds: HOUR_S });
    await clock.advance(1_000);
    expect(simulation.holder).toBeUndefined();
    await waits(simulation, process.become());
  });

  test('leaves the waiting to the next call of its process, if its guard was what saw the lock', async () => {
    const simulation = await Simulation.create();
    const { clock, cluster } = simulation;
    cluster.createPod('b');
    const pod = cluster.createPod('a');
    const process = simulation.process('b');
    const leadership = await simulation.settled(process.become({ guard: true }));
    await clock.advance(1_000);
    // By hand.
    cluster.request('DELETE', '/api/v1/namespaces/default/configmaps/lock');
    await simulation.settled(simulation.become('a'));
    await clock.runUntil(() => leadership.signal.aborted);
    cluster.deletePod(pod, { cascade: 'foreground', gracePeriodSeconds: HOUR_S });
    await clock.advance(1_000);
    expect(simulation.holder).toBeUndefined();
    await waits(simulation, process.become());
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

  test.for(['background', 'foreground'] as const)(
    'while that Pod terminates (%s), although nothing was heard of that',
    async (cascade) => {
      const world = await deafToPods();
      const { simulation, leadership } = world;
      const released = leadership.release();
      // Released before the deletion: the garbage collector has nothing to collect any more.
      await simulation.settled(released);
      world.terminate(cascade);
      await simulation.settled(world.follower, 100);
      expect(simulation.cluster.getPod('a')?.metadata.deletionTimestamp).toBeDefined();
    },
  );

  test('while that Pod has been terminating for long', async () => {
    const world = await deafToPods();
    world.terminate('background');
    await world.simulation.clock.advance(1_000);
    await world.simulation.settled(world.leadership.release());
    await world.simulation.settled(world.follower, 100);
    expect(world.leads).toBe(true);
    expect(world.simulation.cluster.getPod('a')?.metadata.deletionTimestamp).toBeDefined();
  });

  test('but not where its leader may not say so: then the Pod is waited for while it terminates', async () => {
    const world = await deafToPods();
    const { simulation, leadership } = world;
    simulation.cluster.faults.add({ user: 'a', verb: 'patch', error: { status: 403 } });
    world.terminate('background');
    await simulation.clock.advance(1_000);
    await simulation.settled(leadership.release());
    await simulation.clock.advance(10_000);
    expect(simulation.holder).toBe('b');
    expect(world.leads).toBe(false);
    expect(simulation.warnings.map(({ code }) => code)).toEqual(['LEADER_FOR_LIFE_DEGRADED']);
    simulation.cluster.deletePod('a', { gracePeriodSeconds: 0 });
    await simulation.settled(world.follower, 5 * 60_000);
  });

  test('as soon as it is gone where its leader may not say so, while that Pod runs', async () => {
    const world = await deafToPods();
    world.simulation.cluster.faults.add({ user: 'a', verb: 'patch', error: { status: 403 } });
    await world.simulation.settled(world.leadership.release());
    await world.simulation.settled(world.follower, 100);
    expect(world.leads).toBe(true);
  });
});

describe('nobody leads beside a leader that is deleted in the foreground and still runs', () => {
  /** `a` leads; `b`, `c` and `d` wait, and start one after the other. */
  async function fleet() {
    const simulation = await Simulation.create();
    const { clock, cluster } = simulation;
    for (const name of ['a', 'b', 'c', 'd']) cluster.createPod(name, { labels: { app: 'x' } });
    await simulation.settled(simulation.become('a'));
    const led: string[] = [];
    const follow = async (name: string) => {
      const process = simulation.process(name);
      void process.become().then(
        () => led.push(name),
        () => undefined,
      );
      await clock.advance(1_000);
      return process;
    };
    const foreground = (name: string) => {
      cluster.deletePod(name, { cascade: 'foreground', gracePeriodSeconds: HOUR_S });
    };
    const end = (name: string) => {
      cluster.deletePod(name, { gracePeriodSeconds: 0 });
    };
    return { simulation, clock, cluster, led, follow, foreground, end };
  }

  test.for(['evicted', 'gone'] as const)(
    'when the Pod that waited for it is %s, and its lock is taken over',
    async (how) => {
      const { simulation, clock, cluster, led, follow, foreground, end } = await fleet();
      const b = await follow('b');
      foreground('a');
      await clock.runUntil(() => simulation.holder === 'b');
      await follow('c');
      b.kill();
      if (how === 'evicted') cluster.finishPod('b', 'Failed', { reason: 'Evicted' });
      else end('b');
      await clock.runUntil(() => simulation.holder === 'c');
      await clock.advance(60_000);
      expect(led).toEqual([]);
      end('a');
      await clock.runUntil(() => led.length > 0);
      expect(led).toEqual(['c']);
    },
  );

  test('when three are deleted so, one after the other', async () => {
    const { simulation, clock, led, follow, foreground, end } = await fleet();
    for (const [leader, next] of [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'd'],
    ] as const) {
      await follow(next);
      foreground(leader);
      await clock.runUntil(() => simulation.holder === next);
    }
    for (const name of ['c', 'b', 'a']) {
      await clock.advance(60_000);
      expect(led).toEqual([]);
      end(name);
    }
    await clock.runUntil(() => led.length > 0);
    expect(led).toEqual(['d']);
  });

  test('when a plain deletion becomes one in the foreground, with a shorter grace', async () => {
    const { simulation, clock, cluster, led, follow, end } = await fleet();
    await follow('b');
    cluster.deletePod('a', { gracePeriodSeconds: HOUR_S });
    await clock.advance(1_000);
    cluster.deletePod('a', { cascade: 'foreground', gracePeriodSeconds: HOUR_S / 2 });
    await clock.runUntil(() => simulation.holder === 'b');
    await clock.advance(60_000);
    expect(led).toEqual([]);
    end('a');
    await clock.runUntil(() => led.length > 0);
  });

  test.for([{ app: 'x' }, undefined])(
    'when nothing but a refused create told of its lock (labels %o)',
    async (labels) => {
      const simulation = await Simulation.create();
      const { clock, cluster } = simulation;
      for (const name of ['a', 'b']) cluster.createPod(name, labels && { labels });
      const leadership = await simulation.settled(simulation.become('a'));
      expect(leadership.podName).toBe('a');
      const reads = { user: 'b', verb: 'get', resource: 'configmaps' } as const;
      cluster.faults.add({ ...reads, times: 1, latencyMs: 1_000 });
      let led = false;
      void simulation.become('b').then(() => (led = true));
      await clock.runUntil(() => cluster.requests.count({ user: 'b', verb: 'create' }) === 1);
      await clock.advance(10);
      cluster.deletePod('a', { cascade: 'foreground', gracePeriodSeconds: HOUR_S });
      await clock.runUntil(() => simulation.holder === 'b');
      await clock.advance(60_000);
      expect(led).toBe(false);
      cluster.deletePod('a', { gracePeriodSeconds: 0 });
      await clock.runUntil(() => led);
    },
  );
});
