import { describe, expect, test } from 'vitest';

import type { LeaderElectionConfig } from '../../lib/lease/config.ts';
import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

/** `a` leads; `b` waits, and has seen it renew. */
async function world() {
  const simulation = await Simulation.create();
  const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
  let signal: AbortSignal | undefined;
  const callbacks: LeaderElectionConfig['callbacks'] = {
    onStartedLeading: (given) => {
      signal = given;
      return untilAborted({ signal: given });
    },
    onStoppedLeading: () => undefined,
  };
  const elector = a.elector({ callbacks });
  const run = new Outcome(elector.run());
  await simulation.clock.runUntil(() => elector.isLeader());
  const rival = b.elector();
  void rival.run();
  await simulation.clock.advance(60_000);
  if (!signal) throw new Error('no work was begun');
  return { simulation, a, b, elector, signal, run, rival };
}

describe('a process that is stopped, or whose event loop hangs, for longer than the deadline', () => {
  test('does not lead when it goes on, before any timer or answer of its was handled', async () => {
    const { simulation, a, elector, signal, rival } = await world();
    a.stop();
    await simulation.clock.advance(30_000);
    expect(rival.isLeader()).toBe(true);
    // Nothing of the library has run since: this is what the first line of a user's code would see.
    expect(elector.isLeader()).toBe(false);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
  });

  test('throws from a look at its signal', async () => {
    const { simulation, a, signal } = await world();
    a.stop();
    await simulation.clock.advance(30_000);
    expect(() => {
      signal.throwIfAborted();
    }).toThrow(expect.objectContaining({ code: 'ERR_LEADERSHIP_LOST' }));
  });

  test('tells signals that follow its own as soon as somebody asks it or its elector', async () => {
    for (const ask of ['signal', 'elector'] as const) {
      const { simulation, a, signal, elector } = await world();
      const any = AbortSignal.any([signal]);
      a.stop();
      await simulation.clock.advance(30_000);
      expect(ask === 'signal' ? signal.aborted : !elector.isLeader()).toBe(true);
      expect(any.aborted).toBe(true);
    }
  });

  test.for([true, false])('and goes on ends its term (reads first: %s)', async (readFirst) => {
    const { simulation, a, elector, run, rival } = await world();
    a.stop();
    await simulation.clock.advance(30_000);
    await a.continue({ readFirst });
    await simulation.clock.advance(1_000);
    expect(run.state).toBe('resolved');
    expect([elector.isLeader(), rival.isLeader()]).toEqual([false, true]);
    expect(simulation.cluster.getLease('lock')?.spec?.holderIdentity).toBe('b');
    expect(a.remains).toEqual({ timers: 0, requests: 0 });
  });

  test.for([true, false])(
    'in the middle of a renewal does not lead by its late answer (reads first: %s)',
    async (readFirst) => {
      const { simulation, a, elector, run } = await world();
      simulation.cluster.faults.add({ user: 'a', verb: 'update', latencyMs: 1_000 });
      const before = simulation.cluster.requests.count({ user: 'a', verb: 'update' });
      await simulation.clock.runUntil(
        () => simulation.cluster.requests.count({ user: 'a', verb: 'update' }) > before,
      );
      a.stop();
      await simulation.clock.advance(12_000);
      await a.continue({ readFirst });
      await simulation.clock.settle();
      expect(elector.isLeader()).toBe(false);
      await simulation.clock.advance(10);
      expect(run.state).toBe('resolved');
    },
  );
});

describe('a process that is stopped for less than the deadline', () => {
  test.for([true, false])('leads on (reads first: %s)', async (readFirst) => {
    const { simulation, a, elector, run, rival } = await world();
    a.stop();
    await simulation.clock.advance(7_000);
    expect(elector.isLeader()).toBe(true);
    await a.continue({ readFirst });
    await simulation.clock.advance(60_000);
    expect([elector.isLeader(), rival.isLeader(), run.state]).toEqual([true, false, 'pending']);
  });
});

describe('a machine that sleeps', () => {
  test('for longer than the deadline: it does not lead when it wakes up', async () => {
    const { simulation, a, elector, signal, run, rival } = await world();
    a.suspend();
    await simulation.clock.advance(30_000);
    expect(rival.isLeader()).toBe(true);
    expect([elector.isLeader(), signal.aborted]).toEqual([false, true]);
    a.resume();
    await simulation.clock.advance(10_000);
    expect(run.state).toBe('resolved');
  });

  test('for a moment: nothing is proven until a renewal is answered, but the term goes on', async () => {
    const { simulation, a, elector, signal, run } = await world();
    a.suspend();
    await simulation.clock.advance(3_000);
    a.resume();
    expect([elector.isLeader(), signal.aborted]).toEqual([false, false]);
    await simulation.clock.runUntil(() => elector.isLeader(), 3_000);
    expect(run.isPending).toBe(true);
  });

  test('while it waits: it waits the longer', async () => {
    const { simulation, a, b, rival } = await world();
    b.suspend();
    await simulation.clock.advance(100_000);
    b.resume();
    await simulation.clock.advance(10_000);
    expect(rival.isLeader()).toBe(false);
    expect(a.isAlive).toBe(true);
  });
});
