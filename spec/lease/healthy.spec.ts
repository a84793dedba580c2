import { describe, expect, test, vi } from 'vitest';

import type { LeadOptions } from '../../lib/lease/config.ts';
import type { ElectionEvent } from '../../lib/events/event.ts';
import { electing, leading, nothing, world } from './scene.ts';
import { Outcome, untilAborted } from './simulation.ts';

const UNHEALTHY = {
  code: 'ERR_STEPPED_DOWN',
  message: expect.stringContaining('its health check has failed too often'),
};

/** Process `a` leads, with a check whose answer can be set, and the events that it tells. */
async function checked(options: LeadOptions = {}, work?: Parameters<typeof leading>[1]) {
  const state: { answer: () => boolean | Promise<boolean> } = { answer: () => true };
  const events: ElectionEvent[] = [];
  const healthy = vi.fn<(signal: AbortSignal) => boolean | Promise<boolean>>(() => state.answer());
  const onEvent = (event: ElectionEvent) => events.push(event);
  const scene = await leading({ healthy, onEvent, ...options }, work);
  return { ...scene, state, healthy, events };
}

describe('the leader', () => {
  test('is checked every two seconds, and leads on while it passes', async () => {
    const { clock, healthy, leadership } = await checked();
    await clock.advance(60_000);
    expect(healthy.mock.calls.length).toBeGreaterThanOrEqual(30);
    expect(leadership.signal.aborted).toBe(false);
  });

  test.for<[string, () => boolean | Promise<boolean>, string]>([
    ['returns false', () => false, 'healthy() returned false'],
    [
      'returns what is not true',
      () => undefined as unknown as boolean,
      'healthy() returned undefined',
    ],
    [
      'throws',
      () => {
        throw new Error('no database');
      },
      'no database',
    ],
    ['rejects', () => Promise.reject(new Error('no database')), 'no database'],
    ['hangs', () => new Promise(() => undefined), 'healthy() has not answered within 1000 ms'],
  ])('steps down after three failures in a row if the check %s', async ([, answer, message]) => {
    const { clock, state, events, leadership, outcome, holder, a } = await checked();
    await clock.advance(9_000);
    state.answer = answer;
    await clock.advance(9_100);
    expect(leadership.signal.reason).toMatchObject(UNHEALTHY);
    expect(outcome.error).toBe(leadership.signal.reason);
    expect(holder()).toBe('');
    const told = events.filter(({ type }) => ['unhealthy', 'stepping-down'].includes(type));
    expect(told).toMatchObject([
      { type: 'unhealthy', failures: 1, level: 'warn', error: { message } },
      { type: 'unhealthy', failures: 2 },
      { type: 'unhealthy', failures: 3 },
      { type: 'stepping-down', reason: 'unhealthy' },
    ]);
    expect(a.remains).toEqual(nothing);
  });

  test('counts failures in a row only, and says that it has recovered', async () => {
    const { clock, state, events, healthy, leadership } = await checked();
    let count = 0;
    state.answer = () => (count += 1) % 3 === 0;
    await clock.advance(60_000);
    expect(healthy.mock.calls.length).toBeGreaterThan(20);
    expect(leadership.signal.aborted).toBe(false);
    expect(events.filter(({ type }) => type === 'healthy').length).toBeGreaterThan(5);
  });

  test('goes by its own period, time limit and threshold', async () => {
    const limits = { healthyPeriodMs: 500, healthyTimeoutMs: 200, healthyFailureThreshold: 2 };
    const { clock, state, leadership } = await checked(limits);
    state.answer = () => new Promise(() => undefined);
    await clock.advance(1_300);
    expect(leadership.signal.aborted).toBe(false);
    await clock.advance(101);
    expect(leadership.signal.reason).toMatchObject(UNHEALTHY);
  });

  test('drains its work, then releases the Lease', async () => {
    const settle = Promise.withResolvers<undefined>();
    const { clock, state, holder, outcome } = await checked({}, () => settle.promise);
    state.answer = () => false;
    await clock.advance(12_000);
    expect([holder(), outcome.state]).toEqual(['a', 'pending']);
    settle.resolve(undefined);
    await clock.settle();
    expect([holder(), outcome.state]).toEqual(['', 'rejected']);
  });

  test('aborts the signal of a check whose time is up', async () => {
    const { clock, state, healthy } = await checked();
    state.answer = () => new Promise(() => undefined);
    await clock.advance(3_100);
    expect(healthy.mock.lastCall?.[0].reason).toMatchObject({
      message: 'healthy() has not answered within 1000 ms',
    });
  });

  test('aborts the signal of a check when the election has ended', async () => {
    const { clock, state, healthy, stop, a } = await checked();
    state.answer = () => new Promise(() => undefined);
    await clock.advance(2_100);
    stop.abort();
    await clock.settle();
    expect(healthy.mock.lastCall?.[0].aborted).toBe(true);
    expect(a.remains).toEqual(nothing);
  });
});

describe('a candidate', () => {
  test('does not take a free Lease before a check has passed', async () => {
    const { clock, a, holder } = await world();
    const first = Promise.withResolvers<boolean>();
    const work = vi.fn(untilAborted);
    void a.lead(work, { healthy: () => first.promise });
    await clock.advance(900);
    expect([holder(), work.mock.calls.length]).toEqual([undefined, 0]);
    first.resolve(true);
    await clock.settle();
    expect([holder(), work.mock.calls.length]).toEqual(['a', 1]);
  });

  test('leaves a released Lease to one that is healthy', async () => {
    const { clock, stop, a, b, holder } = await leading();
    void a.lead(untilAborted, { identity: 'sick', healthy: () => false });
    await clock.advance(5_000);
    stop.abort();
    await clock.advance(60_000);
    expect(holder()).toBe('');
    void b.lead(untilAborted, { healthy: () => true });
    await clock.advance(100);
    expect(holder()).toBe('b');
  });

  test('does not take a Lease that has run out, nor one that is gone', async () => {
    const { clock, cluster, store, b, holder } = await world();
    store({ holderIdentity: 'crashed', leaseDurationSeconds: 15 });
    void b.lead(untilAborted, { healthy: () => false });
    await clock.advance(60_000);
    expect(holder()).toBe('crashed');
    cluster.request('DELETE', '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock');
    await clock.advance(60_000);
    expect(holder()).toBeUndefined();
  });

  test('takes a free Lease as soon as a check passes, and says why it waited', async () => {
    const { clock, a, holder } = await world();
    const reasons: string[] = [];
    let isHealthy = false;
    const healthy = () => isHealthy;
    void a.lead(untilAborted, { healthy, onWaiting: ({ reason }) => reasons.push(reason) });
    await clock.advance(9_000);
    expect([holder(), reasons]).toEqual([undefined, ['unhealthy']]);
    isHealthy = true;
    await clock.advance(2_000);
    expect(holder()).toBe('a');
  });

  test('still sees who leads while it is not healthy', async () => {
    const { clock, a, b } = await world();
    const leaders: string[] = [];
    const callbacks = {
      onStartedLeading: (signal: AbortSignal) => untilAborted({ signal }),
      onStoppedLeading: () => undefined,
      onNewLeader: (identity: string) => leaders.push(identity),
    };
    void a.elector({ healthy: () => false, callbacks }).run();
    await clock.advance(5_000);
    void b.lead(untilAborted);
    await clock.advance(3_000);
    expect(leaders).toEqual(['b']);
  });

  test('does not go by a check that is too old: the process was stopped', async () => {
    const { clock, b, stop } = await leading();
    const healthy = vi.fn<() => boolean | Promise<boolean>>(() => true);
    const work = vi.fn(untilAborted);
    void b.lead(work, { healthy });
    await clock.advance(5_000);
    b.stop();
    stop.abort();
    await clock.advance(600_000);
    // The next check takes longer than taking the Lease would.
    healthy.mockImplementation(() => new Promise(() => undefined));
    await b.continue({ readFirst: true });
    await clock.advance(60_000);
    expect(work).not.toHaveBeenCalled();
    healthy.mockReturnValue(true);
    await clock.advance(5_000);
    expect(work).toHaveBeenCalledOnce();
  });

  test('can be aborted during its first check', async () => {
    const { clock, a } = await world();
    const stop = new AbortController();
    const healthy = () => new Promise<boolean>(() => undefined);
    const outcome = new Outcome(a.lead(untilAborted, { healthy, signal: stop.signal }));
    await clock.advance(500);
    stop.abort();
    await clock.settle();
    expect(outcome.error).toBe(stop.signal.reason);
    expect(a.remains).toEqual(nothing);
  });
});

test('an unhealthy leader hands over, and leads again once it is healthy and the other one is not', async () => {
  const { clock, b, state, holder } = await checked({ recampaign: true });
  let isOtherHealthy = true;
  void b.lead(untilAborted, { recampaign: true, healthy: () => isOtherHealthy });
  await clock.advance(5_000);
  state.answer = () => false;
  await clock.advance(10_000);
  expect(holder()).toBe('b');
  isOtherHealthy = false;
  await clock.advance(60_000);
  expect(holder()).toBe('');
  state.answer = () => true;
  await clock.advance(2_100);
  expect(holder()).toBe('a');
});

test('an elector steps down, too', async () => {
  let isHealthy = true;
  const { clock, outcome, elector, entries } = await electing({ healthy: () => isHealthy });
  isHealthy = false;
  await clock.advance(6_100);
  expect([outcome.state, elector.isLeader()]).toEqual(['resolved', false]);
  expect(entries).toEqual(['leader a', 'started', 'aborted', 'settled', 'stopped']);
});

test('without an election nothing is checked', async () => {
  const { clock, healthy, leadership } = await checked({ enabled: false });
  await clock.advance(60_000);
  expect([healthy.mock.calls.length, leadership.signal.aborted]).toEqual([0, false]);
});
