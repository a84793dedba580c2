import { describe, expect, test, vi } from 'vitest';

import type { LeaderElectionRecord } from '../../lib/protocol/lease/record.ts';
import { leading, LOST, nothing, world } from './scene.ts';
import { DURATIONS, type LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const CODE = 'LEADER_FOR_LIFE_SAME_IDENTITY';
const one = { identity: 'one' };

describe('LEASE-1: of two processes with one identity', () => {
  test('the first one notices the second, stops and warns', async () => {
    const { simulation, clock, b, outcome, codes } = await leading(one);
    const second = new Outcome(b.lead(untilAborted, one));
    await clock.advance(100);
    expect(outcome.error).toMatchObject({
      ...LOST,
      message: expect.stringContaining('another process holds it under the same identity'),
    });
    expect(simulation.warnings[0]?.message).toMatch(
      /^Lease default\/lock: it was written under the identity one, but not by this process\./,
    );
    await clock.advance(60_000);
    expect([second.state, codes()]).toEqual(['pending', [CODE]]);
  });

  test('the first one leads after the second if it campaigns again', async () => {
    const { clock, a, b, codes } = await world();
    const terms: string[] = [];
    const lead = (process: LeaseProcess, signal?: AbortSignal) =>
      process.lead(
        async (leadership) => {
          terms.push(process.name);
          await untilAborted(leadership);
        },
        { ...one, recampaign: true, signal },
      );
    const stop = new AbortController();
    void lead(a);
    await clock.advance(1_000);
    void lead(b, stop.signal);
    await clock.advance(60_000);
    expect([terms, codes()]).toEqual([['a', 'b'], [CODE]]);
    stop.abort();
    await clock.advance(1_000);
    expect(terms).toEqual(['a', 'b', 'a']);
  });

  test('the first one notices at its next renewal if its watch is silent', async () => {
    const { clock, a, b, faults } = await world();
    faults.add({ verb: 'watch', user: 'a', freeze: true });
    const first = new Outcome(a.lead(untilAborted, one));
    await clock.advance(1_000);
    void b.lead(untilAborted, one);
    await clock.advance(2_100);
    expect(first.error).toMatchObject(LOST);
  });
});

test('a process that restarts under its identity goes on at once, without a warning', async () => {
  const { clock, a, b, codes } = await leading(one);
  await clock.advance(3_000);
  a.kill();
  const work = vi.fn(untilAborted);
  void b.lead(work, one);
  await clock.advance(100);
  expect(work).toHaveBeenCalledOnce();
  await clock.advance(60_000);
  expect(codes()).toEqual([]);
});

describe('LEASE-1: an admission webhook', () => {
  /** Changes what this process writes on its way; what it returns makes it change something else. */
  function webhook({ platform }: LeaseProcess, first: Partial<LeaderElectionRecord>) {
    let change = first;
    const connect = platform.connect.bind(platform);
    platform.connect = async () => {
      const transport = await connect();
      return {
        close: () => transport.close(),
        send: (request, signal) => {
          const { spec, ...body } = (request.body ?? {}) as { spec?: object };
          const changed = spec && { ...request, body: { ...body, spec: { ...spec, ...change } } };
          return transport.send(changed ?? request, signal);
        },
      };
    };
    return (next: Partial<LeaderElectionRecord>) => {
      change = next;
    };
  }
  const rejected = (change: object) => ({
    code: 'ERR_REJECTED',
    message: expect.stringMatching(
      new RegExp(
        `^Lease default/lock was stored with the ${Object.keys(change)[0]} .* an admission webhook`,
      ),
    ),
  });

  test('that shortens the duration makes no second leader', async () => {
    const { clock, a, b, codes } = await world();
    webhook(a, { leaseDurationSeconds: 3 });
    let remainingMs = () => 0;
    const first = new Outcome(
      a.lead((leadership) => {
        ({ remainingMs } = leadership);
        return untilAborted(leadership);
      }),
    );
    await clock.advance(30_000);
    expect([first.state, codes()]).toEqual(['pending', ['LEADER_FOR_LIFE_LEASE_DURATION']]);
    expect(remainingMs()).toBeLessThanOrEqual(2_000);
    expect(remainingMs()).toBeGreaterThan(1_500);
    const second = new Outcome(b.lead(() => remainingMs()));
    a.line.cut();
    await clock.runUntil(() => second.state === 'resolved', 4_000);
    await clock.advance(0);
    expect(second.value).toBe(0);
    expect(first.error).toMatchObject({
      ...LOST,
      message: expect.stringContaining('no renewal has succeeded for 2000 ms'),
    });
  });

  test('that lengthens the duration is warned of, and changes nothing else', async () => {
    const { clock, a, codes } = await world();
    webhook(a, { leaseDurationSeconds: 60 });
    const first = new Outcome(a.lead(untilAborted));
    await clock.advance(30_000);
    expect([first.state, codes()]).toEqual(['pending', ['LEADER_FOR_LIFE_LEASE_DURATION']]);
    expect(a.requests).toBeLessThan(30_000 / DURATIONS.retryPeriodMs + 5);
  });

  test.each<Partial<LeaderElectionRecord>>([
    { holderIdentity: 'somebody' },
    { renewTime: '2020-01-01T00:00:00.000000Z' },
    { acquireTime: '2020-01-01T00:00:00.000000Z' },
    { leaseTransitions: 7 },
  ])('that writes %o lets no process lead, and is named', async (change) => {
    const { simulation, a } = await world();
    webhook(a, change);
    const work = () => expect.unreachable('nobody leads by that');
    await expect(simulation.settled(a.lead(work))).rejects.toMatchObject(rejected(change));
    expect(a.remains).toEqual(nothing);
  });

  test.each<[Partial<LeaderElectionRecord>, 'ends' | 'goes on']>([
    [{ holderIdentity: 'somebody' }, 'ends'],
    [{ holderIdentity: '' }, 'ends'],
    [{ renewTime: '2020-01-01T00:00:00.000000Z' }, 'ends'],
    [{ acquireTime: '2020-01-01T00:00:00.000000Z' }, 'goes on'],
    [{ leaseTransitions: 7 }, 'goes on'],
  ])('that writes %o from some moment on: the term %s', async (change, what) => {
    const { clock, a, codes } = await world();
    const alter = webhook(a, {});
    const first = new Outcome(a.lead(untilAborted));
    await clock.advance(3_000);
    alter(change);
    await clock.advance(what === 'ends' ? DURATIONS.renewDeadlineMs + 1_000 : 60_000);
    if (what === 'ends') {
      expect(first.error).toMatchObject({ ...LOST, cause: rejected(change) });
      expect(codes()).not.toContain(CODE);
    } else expect([first.state, codes()]).toEqual(['pending', []]);
  });
});

test('a time that no later one can follow, written by hand, keeps no elector from its Lease', async () => {
  const { store, spec, clock, a } = await world();
  const time = '9999-12-31T23:59:59.999999Z';
  store({ holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: time, acquireTime: time });
  const outcome = new Outcome(a.lead(untilAborted));
  await clock.advance(60_000);
  expect([outcome.error, spec()?.holderIdentity]).toEqual([undefined, 'a']);
  expect(Math.abs(Date.parse(String(spec()?.renewTime)) - clock.date().getTime())).toBeLessThan(
    5_000,
  );
});
