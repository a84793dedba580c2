import { describe, expect, test } from 'vitest';

import { ABANDONED, endless, enough, journal, leading, LOST, nothing, world } from './scene.ts';
import { Outcome, untilAborted } from './simulation.ts';

const RENEW_DEADLINE_MS = 10_000;
const WARNED = ['LEADER_FOR_LIFE_WORK_ABANDONED'];

const abandoned = (what: string, cause: unknown) => ({
  name: 'LeaderElectionError',
  ...ABANDONED,
  message: expect.stringMatching(
    new RegExp(`^${what} for Lease default/lock has not ended within 10000 ms`),
  ),
  cause,
});
const lost = expect.objectContaining(LOST);

describe('work that does not end when its signal aborts', () => {
  test('is given up after the renew deadline, with a warning, and the Lease expires', async () => {
    const { clock, a, stop, outcome, codes, holder } = await leading({}, endless);
    stop.abort(enough);
    await clock.advance(RENEW_DEADLINE_MS - 1);
    expect([outcome.state, codes()]).toEqual(['pending', []]);
    await clock.advance(100);
    expect(outcome.error).toMatchObject(abandoned('The work', enough));
    expect([codes(), holder()]).toEqual([WARNED, 'a']);
    const before = a.requests;
    await clock.advance(60_000);
    expect(a.requests).toBe(before);
    expect(a.remains).toEqual(nothing);
  });

  test('is the cause of what lead rejects with, if the Lease is lost', async () => {
    const { clock, a, outcome, codes, patch } = await leading({}, endless);
    patch({ holderIdentity: 'x' });
    await clock.advance(RENEW_DEADLINE_MS - 1);
    expect(outcome.isPending).toBe(true);
    await clock.advance(100);
    expect(outcome.error).toMatchObject({
      ...LOST,
      message: expect.stringContaining('x holds it.'),
      cause: abandoned('The work', lost),
    });
    expect(codes()).toEqual(WARNED);
    expect(a.remains).toEqual(nothing);
  });

  test('is told with recampaign while it keeps its elector from the next term', async () => {
    const { clock, stop, outcome, codes, patch } = await leading({ recampaign: true }, endless);
    patch({ holderIdentity: 'x' });
    await clock.advance(RENEW_DEADLINE_MS + 60_000);
    expect([outcome.state, codes()]).toEqual(['pending', WARNED]);
    stop.abort(enough);
    await clock.advance(1_000);
    expect(outcome.error).toMatchObject(abandoned('The work', lost));
  });

  test.each<[string, string, object, unknown]>([
    ['work after an abort', 'The work', { onStartedLeading: endless }, enough],
    ['work after a loss', 'The work', { onStartedLeading: endless }, lost],
    ['onStoppedLeading', 'OnStoppedLeading', { onStoppedLeading: endless }, enough],
  ])('makes run reject, if it is %s', async (_, what, overrides, cause) => {
    const { clock, a, codes, patch } = await world();
    const stop = new AbortController();
    const { callbacks } = journal(overrides);
    const outcome = new Outcome(a.elector({ callbacks }).run(stop.signal));
    await clock.advance(1_000);
    if (cause === enough) stop.abort(enough);
    else patch({ holderIdentity: 'x' });
    await clock.advance(RENEW_DEADLINE_MS + 1_000);
    expect(outcome.error).toMatchObject(abandoned(what, cause));
    expect(codes()).toEqual(WARNED);
  });

  test('is not told of work that ends in time', async () => {
    const work = Promise.withResolvers<undefined>();
    const { clock, stop, outcome, codes } = await leading({}, () => work.promise);
    stop.abort(enough);
    await clock.advance(RENEW_DEADLINE_MS - 1);
    work.resolve(undefined);
    await clock.advance(1_000);
    expect(outcome.error).toBe(enough);
    expect(codes()).toEqual([]);
  });
});

describe('work that returns as soon as it has begun', () => {
  const SHORT = 'LEADER_FOR_LIFE_SHORT_WORK';

  /** As a controller that is started, and goes on by itself. */
  const start = () => undefined;

  test('is warned of once in a process: perhaps it was only started', async () => {
    const { simulation, a, b, codes } = await world();
    await simulation.settled(a.lead(start));
    await simulation.settled(a.lead(start));
    expect(codes()).toEqual([SHORT]);
    expect(simulation.warnings[0]?.message).toContain(
      'return a promise that settles when that has ended',
    );
    await simulation.settled(b.lead(start));
    expect(codes()).toEqual([SHORT, SHORT]);
  });

  test.each<[string, number, (sleep: (ms: number) => Promise<void>) => unknown]>([
    ['it took less than a second', 1, (sleep) => sleep(999)],
    ['not if it took a second', 0, (sleep) => sleep(1_000)],
    ['not if it returned a value', 0, () => 'done'],
    ['not if it threw', 0, () => Promise.reject(enough)],
  ])('is warned of: %s', async (_, count, work) => {
    const { simulation, a, codes, sleep } = await world();
    await simulation.settled(a.lead(() => work(sleep))).catch(() => undefined);
    expect(codes()).toEqual(Array(count).fill(SHORT));
  });

  test('is not warned of where nothing is elected, nor of an elector, which leads on', async () => {
    const { simulation, clock, a, codes } = await world();
    await simulation.settled(a.lead(start, { enabled: false }));
    const elector = a.elector();
    void elector.run();
    await clock.advance(10_000);
    expect(elector.isLeader()).toBe(true);
    expect(codes()).toEqual([]);
  });

  test('is not warned of if it ends because its signal has aborted', async () => {
    const work = async (leadership: { readonly signal: AbortSignal }) => {
      await untilAborted(leadership);
    };
    const { clock, stop, outcome, codes } = await leading({}, work);
    stop.abort(enough);
    await clock.advance(1_000);
    expect(outcome.error).toBe(enough);
    expect(codes()).toEqual([]);
  });
});
