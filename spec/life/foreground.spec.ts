import { describe, expect, test } from 'vitest';

import { fleet } from './fleet.ts';
import { LOCK_PATH } from './simulation.ts';

/** Leader `a`, and `b`, which waits and is told nothing more of changed Pods. */
async function deafToPods() {
  const world = await fleet();
  const { simulation, clock, note } = world;
  const leadership = await simulation.lead('a');
  const process = simulation.process('b');
  const states: unknown[] = [];
  const onWaiting = (state: unknown) => states.push(state);
  let follower = Promise.resolve<unknown>(undefined);
  const abort = simulation.abortable((signal) => {
    const attempt = note(process.become({ signal, onWaiting }));
    follower = attempt;
    return attempt;
  });
  await clock.advance(1_000);
  simulation.fault({ verb: 'watch', resource: 'pods', freeze: true });
  return { ...world, leadership, process, follower, abort, states };
}

/** The same, and `a` is being deleted in the foreground: its lock has gone, and `b` holds it. */
async function held() {
  const world = await deafToPods();
  world.simulation.terminate('a', 'foreground');
  await world.expectHeld('b');
  return world;
}

describe('LIFE-1: a candidate whose leader is deleted in the foreground, and still runs,', () => {
  test('holds the lock, says so, and leads once that Pod has ended', async () => {
    const { simulation, states, expectLed } = await held();
    expect(states.at(-1)).toMatchObject({ reason: 'holder-terminating', holderPod: 'a' });
    simulation.end('a');
    await expectLed('b');
  });

  test('leaves no lock behind when it is aborted meanwhile', async () => {
    const { simulation, abort } = await held();
    await abort();
    expect(simulation.holder).toBeUndefined();
  });

  test('leaves the waiting to the next process of its Pod when it is killed', async () => {
    const { simulation, process, follow, expectHeld, expectLed } = await held();
    process.kill();
    await follow('b');
    await expectHeld('b');
    simulation.end('a');
    await expectLed('b');
  });

  test('leaves the waiting to the next call of its process when it is aborted', async () => {
    const { simulation, process, note, abort, expectHeld, expectLed } = await held();
    const aborted = abort();
    void note(process.become());
    await aborted;
    await expectHeld('b');
    simulation.end('a');
    await expectLed('b');
  });

  test('does not forget a lock that a look found when the one before it is told to be gone', async () => {
    const world = await fleet();
    const { simulation, clock, follow, led } = world;
    const leadership = await simulation.lead('a');
    await follow('b');
    const user = 'b';
    simulation.fault({ user, verb: 'watch', resource: 'configmaps', eventDelayMs: 5_000 });
    const silence = { user, verb: 'get', resource: 'pods', name: 'c', hang: true } as const;
    using silent = simulation.fault(silence);
    await simulation.settled(leadership.release());
    await clock.advance(1_000);
    await simulation.lead('c');
    // `b` looks, finds the lock of `c`, and does not learn yet how `c` is.
    simulation.terminate('a', 'background');
    await clock.advance(1_000);
    simulation.terminate('c', 'foreground');
    await clock.advance(60_000);
    expect(led).toEqual([]);
    silent.remove();
    await clock.advance(60_000);
    expect(led).toEqual([]);
    for (const name of ['a', 'c']) simulation.end(name);
    await world.expectLed('b');
  });

  test.for(['its release', 'its guard'])(
    'leaves the waiting to the next call of its process, if only %s saw the lock',
    async (who) => {
      const { simulation, clock, note, expectHeld } = await fleet();
      const process = simulation.process('b');
      const leadership = await simulation.settled(process.become({ guard: who === 'its guard' }));
      await clock.advance(1_000);
      if (who === 'its release') {
        // The answer is lost: it has to look whether its lock is still there.
        const lost = { verb: 'delete', user: 'b', resource: 'configmaps', times: 1 } as const;
        simulation.fault({ ...lost, when: 'after', hang: true });
        const released = leadership.release();
        await simulation.lead('a');
        await simulation.settled(released);
      } else {
        // By hand.
        simulation.cluster.request('DELETE', LOCK_PATH);
        await simulation.lead('a');
        await clock.runUntil(() => leadership.signal.aborted);
      }
      simulation.terminate('a', 'foreground');
      await clock.advance(1_000);
      expect(simulation.holder).toBeUndefined();
      void note(process.become());
      await expectHeld('b');
    },
  );

  test.for(['evicted', 'gone'])(
    'inherits the waiting from the holder of the lock, which is %s',
    async (how) => {
      const { simulation, clock, cluster, follow, expectHeld, expectLed } = await fleet();
      await simulation.lead('a');
      const b = await follow('b');
      simulation.terminate('a', 'foreground');
      await clock.runUntil(() => simulation.holder === 'b');
      await follow('c');
      b.kill();
      if (how === 'evicted') cluster.finishPod('b', 'Failed', { reason: 'Evicted' });
      else simulation.end('b');
      await expectHeld('c');
      simulation.end('a');
      await expectLed('c');
    },
  );

  test('waits for all of three Pods that are deleted so, one after the other', async () => {
    const { simulation, clock, follow, expectHeld, expectLed } = await fleet();
    await simulation.lead('a');
    for (const [leader = '', next = ''] of ['ab', 'bc', 'cd']) {
      await follow(next);
      simulation.terminate(leader, 'foreground');
      await clock.runUntil(() => simulation.holder === next);
    }
    for (const name of ['c', 'b', 'a']) {
      await expectHeld('d');
      simulation.end(name);
    }
    await expectLed('d');
  });

  test('waits if a plain deletion becomes one in the foreground, with a shorter grace', async () => {
    const { simulation, clock, cluster, follow, expectHeld, expectLed } = await fleet();
    await simulation.lead('a');
    await follow('b');
    simulation.terminate('a', 'background');
    await clock.advance(1_000);
    cluster.deletePod('a', { cascade: 'foreground', gracePeriodSeconds: 1_800 });
    await expectHeld('b');
    simulation.end('a');
    await expectLed('b');
  });

  test.for<Record<string, string>>([{ app: 'x' }, {}])(
    'waits if nothing but a refused create told it of the lock (labels %o)',
    async (labels) => {
      const { simulation, clock, cluster, note, expectHeld, expectLed } = await fleet(labels);
      await simulation.lead('a');
      const reads = { user: 'b', verb: 'get', resource: 'configmaps' } as const;
      simulation.fault({ ...reads, times: 1, latencyMs: 1_000 });
      void note(simulation.become('b'));
      await clock.runUntil(() => cluster.requests.count({ user: 'b', verb: 'create' }) === 1);
      await clock.advance(10);
      simulation.terminate('a', 'foreground');
      await expectHeld('b');
      simulation.end('a');
      await expectLed('b');
    },
  );
});

describe('a lock that its leader has released is led with at once', () => {
  test.for([
    ['while that Pod runs', true, undefined],
    ['while that Pod runs, if it may not mark the lock as released', false, undefined],
    ['while that Pod terminates (background)', true, 'background'],
    // Released before the deletion: the garbage collector has nothing to collect any more.
    ['while that Pod terminates (foreground)', true, 'foreground'],
  ] as const)('%s', async ([, mayMark, cascade]) => {
    const { simulation, leadership, follower } = await deafToPods();
    if (!mayMark) simulation.fault({ user: 'a', verb: 'patch', error: { status: 403 } });
    await simulation.settled(leadership.release());
    if (cascade) simulation.terminate('a', cascade);
    await simulation.settled(follower, 100);
    const { deletionTimestamp } = simulation.cluster.getPod('a')?.metadata ?? {};
    expect(deletionTimestamp !== undefined).toBe(cascade !== undefined);
  });

  test('while that Pod has been terminating for long', async () => {
    const { simulation, clock, leadership, follower } = await deafToPods();
    simulation.terminate('a', 'background');
    await clock.advance(1_000);
    await simulation.settled(leadership.release());
    await simulation.settled(follower, 100);
    expect(simulation.cluster.getPod('a')?.metadata.deletionTimestamp).toBeDefined();
  });

  test('but after the end of that Pod if it terminates and may not mark the lock as released', async () => {
    const { simulation, clock, leadership, expectHeld, expectLed } = await deafToPods();
    simulation.fault({ user: 'a', verb: 'patch', error: { status: 403 } });
    simulation.terminate('a', 'background');
    await clock.advance(1_000);
    await simulation.settled(leadership.release());
    await expectHeld('b');
    expect(simulation.codes).toEqual(['LEADER_FOR_LIFE_DEGRADED']);
    simulation.end('a');
    await expectLed('b');
  });
});
