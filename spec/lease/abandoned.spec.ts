import { describe, expect, test } from 'vitest';

import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const endless = () => new Promise<never>(() => undefined);

const RENEW_DEADLINE_MS = 10_000;

async function world() {
  const simulation = await Simulation.create({ seed: 1 });
  const stop = new AbortController();
  const codes = () => simulation.warnings.map(({ code }) => code);
  return { simulation, a: new LeaseProcess(simulation, 'a'), stop, codes };
}

function seize(simulation: Simulation): void {
  const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock';
  const type = 'application/merge-patch+json';
  simulation.cluster.request('PATCH', path, { spec: { holderIdentity: 'x' } }, type);
}

const abandoned = (what: string, cause: unknown) =>
  expect.objectContaining({
    name: 'LeaderElectionError',
    code: 'ERR_WORK_ABANDONED',
    message: expect.stringMatching(
      new RegExp(`^${what} for Lease default/lock has not ended within 10000 ms`),
    ) as string,
    cause,
  }) as Error;

describe('work that does not end when its signal aborts', () => {
  test('is told by a warning and by the error, when the signal of lead aborts', async () => {
    const { simulation, a, stop, codes } = await world();
    const outcome = new Outcome(a.lead(endless, { signal: stop.signal }));
    await simulation.clock.advance(1_000);
    stop.abort(new Error('stop'));
    await simulation.clock.advance(RENEW_DEADLINE_MS - 1);
    expect([outcome.state, codes()]).toEqual(['pending', []]);
    await simulation.clock.advance(1_000);
    expect(outcome.error).toEqual(abandoned('The work', stop.signal.reason));
    expect(codes()).toEqual(['LEADER_FOR_LIFE_WORK_ABANDONED']);
  });

  test('is the cause of what lead rejects with, when the Lease is lost', async () => {
    const { simulation, a, codes } = await world();
    const outcome = new Outcome(a.lead(endless));
    await simulation.clock.advance(1_000);
    seize(simulation);
    await simulation.clock.advance(RENEW_DEADLINE_MS + 1_000);
    expect(outcome.error).toMatchObject({
      code: 'ERR_LEADERSHIP_LOST',
      message: expect.stringContaining('x holds it.') as string,
      cause: abandoned('The work', expect.objectContaining({ code: 'ERR_LEADERSHIP_LOST' })),
    });
    expect(codes()).toEqual(['LEADER_FOR_LIFE_WORK_ABANDONED']);
  });

  test('with recampaign is told while it keeps its elector from the next term', async () => {
    const { simulation, a, stop, codes } = await world();
    const options = { recampaign: true, signal: stop.signal };
    const outcome = new Outcome(a.lead(endless, options));
    await simulation.clock.advance(1_000);
    seize(simulation);
    await simulation.clock.advance(RENEW_DEADLINE_MS + 60_000);
    expect([outcome.state, codes()]).toEqual(['pending', ['LEADER_FOR_LIFE_WORK_ABANDONED']]);
    stop.abort(new Error('stop'));
    await simulation.clock.advance(1_000);
    expect(outcome.error).toEqual(
      abandoned('The work', expect.objectContaining({ code: 'ERR_LEADERSHIP_LOST' })),
    );
  });

  test.each(['signal', 'loss'])('makes run reject, after a %s', async (end) => {
    const { simulation, a, stop, codes } = await world();
    const callbacks = { onStartedLeading: endless, onStoppedLeading: () => undefined };
    const outcome = new Outcome(a.elector({ callbacks }).run(stop.signal));
    await simulation.clock.advance(1_000);
    if (end === 'loss') seize(simulation);
    else stop.abort(new Error('stop'));
    await simulation.clock.advance(RENEW_DEADLINE_MS + 1_000);
    const cause =
      end === 'loss'
        ? (expect.objectContaining({ code: 'ERR_LEADERSHIP_LOST' }) as Error)
        : (stop.signal.reason as Error);
    expect(outcome.error).toEqual(abandoned('The work', cause));
    expect(codes()).toEqual(['LEADER_FOR_LIFE_WORK_ABANDONED']);
  });

  test('may be a promise of onStoppedLeading', async () => {
    const { simulation, a, stop, codes } = await world();
    const callbacks = {
      onStartedLeading: (signal: AbortSignal) => untilAborted({ signal }),
      onStoppedLeading: endless,
    };
    const outcome = new Outcome(a.elector({ callbacks }).run(stop.signal));
    await simulation.clock.advance(1_000);
    stop.abort(new Error('stop'));
    await simulation.clock.advance(RENEW_DEADLINE_MS + 1_000);
    expect(outcome.error).toEqual(abandoned('OnStoppedLeading', stop.signal.reason));
    expect(codes()).toEqual(['LEADER_FOR_LIFE_WORK_ABANDONED']);
  });

  test('that ends in time is no reason for either', async () => {
    const { simulation, a, stop, codes } = await world();
    const work = Promise.withResolvers<undefined>();
    const outcome = new Outcome(a.lead(() => work.promise, { signal: stop.signal }));
    await simulation.clock.advance(1_000);
    stop.abort(new Error('stop'));
    await simulation.clock.advance(RENEW_DEADLINE_MS - 1);
    work.resolve(undefined);
    await simulation.clock.advance(1_000);
    expect(outcome.error).toBe(stop.signal.reason);
    expect(codes()).toEqual([]);
  });
});

describe('work that returns as soon as it has begun', () => {
  const code = 'LEADER_FOR_LIFE_SHORT_WORK';

  /** As a controller that is started, and goes on by itself. */
  const start = () => undefined;

  test('is told once in a process: perhaps it was only started', async () => {
    const { simulation, a, codes } = await world();
    await simulation.settled(a.lead(start));
    await simulation.settled(a.lead(start));
    expect(codes()).toEqual([code]);
    expect(simulation.warnings[0]?.message).toContain(
      'return a promise that settles when that has ended',
    );
    await simulation.settled(new LeaseProcess(simulation, 'b').lead(start));
    expect(codes()).toEqual([code, code]);
  });

  test('likewise if it awaits something for less than a second', async () => {
    const { simulation, a, codes } = await world();
    const { clock } = simulation;
    const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, () => resolve()));
    await simulation.settled(a.lead(() => wait(1_000)));
    expect(codes()).toEqual([]);
    await simulation.settled(a.lead(() => wait(999)));
    expect(codes()).toEqual([code]);
  });

  test.each([
    ['returns a value', () => 'done'],
    ['throws', () => Promise.reject(new Error('thrown'))],
  ])('is not told if it %s', async (_, work) => {
    const { simulation, a, codes } = await world();
    await simulation.settled(a.lead(work)).catch(() => undefined);
    expect(codes()).toEqual([]);
  });

  test('is not told where nothing is elected, nor of an elector, which leads on', async () => {
    const { simulation, a, codes } = await world();
    await simulation.settled(a.lead(start, { enabled: false }));
    const elector = a.elector();
    void elector.run();
    await simulation.clock.advance(10_000);
    expect(elector.isLeader()).toBe(true);
    expect(codes()).toEqual([]);
  });

  test('is not told if it ends because its signal has aborted', async () => {
    const { simulation, a, stop, codes } = await world();
    const outcome = new Outcome(
      a.lead(
        async (leadership) => {
          await untilAborted(leadership);
        },
        { signal: stop.signal },
      ),
    );
    await simulation.clock.runUntil(() => simulation.cluster.getLease('lock') !== undefined);
    stop.abort(new Error('stop'));
    await simulation.clock.advance(1_000);
    expect(outcome.error).toBe(stop.signal.reason);
    expect(codes()).toEqual([]);
  });
});
