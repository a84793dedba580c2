import { describe, expect, test } from 'vitest';

import { electing, LOST, nothing, UPDATES } from './scene.ts';
import { untilAborted } from './simulation.ts';

/** `a` leads; `b` waits, and has seen it renew. */
async function watched() {
  let signal: AbortSignal | undefined;
  const onStartedLeading = (given: AbortSignal) => {
    signal = given;
    return untilAborted({ signal: given });
  };
  const scene = await electing({}, { onStartedLeading });
  const rival = scene.b.elector();
  void rival.run();
  await scene.clock.advance(60_000);
  if (!signal) throw new Error('no work was begun');
  return { ...scene, signal, rival };
}

describe('LEASE-1: a process that is stopped for longer than the deadline', () => {
  test.for(['isLeader', 'aborted', 'reason', 'throwIfAborted'] as const)(
    'does not lead by the first line of its code that asks: %s',
    async (how) => {
      const { clock, a, elector, signal, rival } = await watched();
      const following = AbortSignal.any([signal]);
      a.stop();
      await clock.advance(30_000);
      expect(rival.isLeader()).toBe(true);
      // Nothing of the library has run since.
      const lost = expect.objectContaining(LOST);
      if (how === 'isLeader') expect(elector.isLeader()).toBe(false);
      else if (how === 'aborted') expect(signal.aborted).toBe(true);
      else if (how === 'reason') expect(signal.reason).toEqual(lost);
      else expect(() => signal.throwIfAborted()).toThrow(lost);
      expect(following.aborted).toBe(true);
    },
  );

  test.for([true, false])('ends its term when it goes on (reads first: %s)', async (readFirst) => {
    const { clock, a, elector, outcome, rival, holder } = await watched();
    a.stop();
    await clock.advance(30_000);
    await a.continue({ readFirst });
    await clock.advance(1_000);
    expect(outcome.state).toBe('resolved');
    expect([elector.isLeader(), rival.isLeader(), holder()]).toEqual([false, true, 'b']);
    expect(a.remains).toEqual(nothing);
  });

  test.for([true, false])(
    'does not lead by the late answer to a renewal (reads first: %s)',
    async (readFirst) => {
      const { clock, a, elector, outcome, faults, updates } = await watched();
      faults.add({ ...UPDATES, user: 'a', latencyMs: 1_000 });
      const before = updates();
      await clock.runUntil(() => updates() > before);
      a.stop();
      await clock.advance(12_000);
      await a.continue({ readFirst });
      await clock.settle();
      expect(elector.isLeader()).toBe(false);
      await clock.advance(10);
      expect(outcome.state).toBe('resolved');
    },
  );
});

test.for([true, false])(
  'a process that is stopped for less than the deadline leads on (reads first: %s)',
  async (readFirst) => {
    const { clock, a, elector, outcome, rival } = await watched();
    a.stop();
    await clock.advance(7_000);
    expect(elector.isLeader()).toBe(true);
    await a.continue({ readFirst });
    await clock.advance(60_000);
    expect([elector.isLeader(), rival.isLeader(), outcome.state]).toEqual([true, false, 'pending']);
  },
);

describe('LEASE-1: a machine that sleeps', () => {
  test('for longer than the deadline does not lead when it wakes up', async () => {
    const { clock, a, elector, signal, outcome, rival } = await watched();
    a.suspend();
    await clock.advance(30_000);
    expect(rival.isLeader()).toBe(true);
    expect([elector.isLeader(), signal.aborted]).toEqual([false, true]);
    a.resume();
    await clock.advance(10_000);
    expect(outcome.state).toBe('resolved');
  });

  test('for a moment proves nothing until a renewal is answered, but its term goes on', async () => {
    const { clock, a, elector, signal, outcome } = await watched();
    a.suspend();
    await clock.advance(3_000);
    a.resume();
    expect([elector.isLeader(), signal.aborted]).toEqual([false, false]);
    await clock.runUntil(() => elector.isLeader(), 3_000);
    expect(outcome.isPending).toBe(true);
  });

  test('while it waits, waits the longer', async () => {
    const { clock, b, rival } = await watched();
    b.suspend();
    await clock.advance(100_000);
    b.resume();
    await clock.advance(10_000);
    expect(rival.isLeader()).toBe(false);
  });
});
