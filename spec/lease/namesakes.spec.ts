import { describe, expect, test } from 'vitest';

import type { LeaderElectionRecord } from '../../lib/protocol/lease/record.ts';
import { Simulation } from '../life/simulation.ts';
import { DURATIONS, LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const CODE = 'LEADER_FOR_LIFE_SAME_IDENTITY';

async function world() {
  const simulation = await Simulation.create({ seed: 1 });
  const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
  const codes = () => simulation.warnings.map(({ code }) => code);
  return { simulation, a, b, codes };
}

describe('two processes of one identity', () => {
  test('do not lead both: the first one notices, says so, and stops', async () => {
    const { simulation, a, b, codes } = await world();
    const first = new Outcome(a.lead(untilAborted, { identity: 'one' }));
    await simulation.clock.advance(1_000);
    const second = new Outcome(b.lead(untilAborted, { identity: 'one' }));
    await simulation.clock.advance(100);
    expect(first.error).toMatchObject({
      code: 'ERR_LEADERSHIP_LOST',
      message: expect.stringContaining(
        'another process holds it under the same identity',
      ) as string,
    });
    expect(codes()).toEqual([CODE]);
    expect(simulation.warnings[0]?.message).toMatch(
      /^Lease default\/lock: it was written under the identity one, but not by this process\./,
    );
    await simulation.clock.advance(60_000);
    expect([second.state, codes()]).toEqual(['pending', [CODE]]);
  });

  test('take turns from then on if the first one campaigns again', async () => {
    const { simulation, a, b, codes } = await world();
    const terms: string[] = [];
    const lead = (process: LeaseProcess, signal?: AbortSignal) =>
      process.lead(
        async (leadership) => {
          terms.push(process.name);
          await untilAborted(leadership);
        },
        { identity: 'one', recampaign: true, signal },
      );
    const stop = new AbortController();
    void lead(a).catch(() => undefined);
    await simulation.clock.advance(1_000);
    void lead(b, stop.signal).catch(() => undefined);
    await simulation.clock.advance(60_000);
    expect([terms, codes()]).toEqual([['a', 'b'], [CODE]]);
    stop.abort();
    await simulation.clock.advance(1_000);
    expect(terms).toEqual(['a', 'b', 'a']);
  });

  test('by a watch that is silent are told apart at the next renewal', async () => {
    const { simulation, a, b } = await world();
    simulation.cluster.faults.add({ verb: 'watch', user: 'a', freeze: true });
    const first = new Outcome(a.lead(untilAborted, { identity: 'one' }));
    await simulation.clock.advance(1_000);
    void new Outcome(b.lead(untilAborted, { identity: 'one' })).promise;
    await simulation.clock.advance(2_100);
    expect(first.error).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
  });
});

describe('a process that restarts under its identity', () => {
  test('goes on at once, and is warned of nothing', async () => {
    const { simulation, a, b, codes } = await world();
    void a.lead(untilAborted, { identity: 'one' }).catch(() => undefined);
    await simulation.clock.advance(3_000);
    a.kill();
    let hasBegun = false;
    void b.lead(
      (leadership) => {
        hasBegun = true;
        return untilAborted(leadership);
      },
      { identity: 'one' },
    );
    await simulation.clock.advance(100);
    expect(hasBegun).toBe(true);
    await simulation.clock.advance(60_000);
    expect(codes()).toEqual([]);
  });
});

describe('an admission webhook', () => {
  /** Changes what this process writes on its way; what it returns makes it change something else. */
  function webhook({ platform }: LeaseProcess, first: Partial<LeaderElectionRecord>) {
    let change = first;
    const connect = platform.connect.bind(platform);
    platform.connect = async () => {
      const transport = await connect();
      return {
        close: () => {
          transport.close();
        },
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

  test('that shortens the duration makes no second leader', async () => {
    const { simulation, a, b, codes } = await world();
    webhook(a, { leaseDurationSeconds: 3 });
    let remainingMs = () => 0;
    const first = new Outcome(
      a.lead((leadership) => {
        ({ remainingMs } = leadership);
        return untilAborted(leadership);
      }),
    );
    await simulation.clock.advance(30_000);
    expect([first.state, codes()]).toEqual(['pending', ['LEADER_FOR_LIFE_LEASE_DURATION']]);
    expect(remainingMs()).toBeLessThanOrEqual(2_000);
    expect(remainingMs()).toBeGreaterThan(1_500);
    let hasBegun = false;
    void b.lead(() => {
      hasBegun = true;
      expect(remainingMs()).toBe(0);
    });
    a.line.cut();
    await simulation.clock.runUntil(() => hasBegun, 4_000);
    await simulation.clock.advance(0);
    expect(first.error).toMatchObject({
      code: 'ERR_LEADERSHIP_LOST',
      message: expect.stringContaining('no renewal has succeeded for 2000 ms') as string,
    });
  });

  test('that lengthens it is told, and changes nothing else', async () => {
    const { simulation, a, codes } = await world();
    webhook(a, { leaseDurationSeconds: 60 });
    const first = new Outcome(a.lead(untilAborted));
    await simulation.clock.advance(30_000);
    expect([first.state, codes()]).toEqual(['pending', ['LEADER_FOR_LIFE_LEASE_DURATION']]);
    expect(a.requests).toBeLessThan(30_000 / DURATIONS.retryPeriodMs + 5);
  });

  test.each<Partial<LeaderElectionRecord>>([
    { holderIdentity: 'somebody' },
    { renewTime: '2020-01-01T00:00:00.000000Z' },
    { acquireTime: '2020-01-01T00:00:00.000000Z' },
    { leaseTransitions: 7 },
  ])('that writes %o lets nobody lead, and is named', async (change) => {
    const { simulation, a } = await world();
    webhook(a, change);
    const work = () => expect.unreachable('nobody leads by that');
    const [field = ''] = Object.keys(change);
    await expect(simulation.settled(a.lead(work))).rejects.toMatchObject({
      code: 'ERR_REJECTED',
      message: expect.stringMatching(
        new RegExp(`^Lease default/lock was stored with the ${field} .* an admission webhook`),
      ) as string,
    });
    expect(a.remains).toEqual({ timers: 0, requests: 0 });
  });

  describe('that begins while a process leads', () => {
    /** It has led for a while when the webhook begins. */
    async function altered(change: Partial<LeaderElectionRecord>) {
      const { simulation, a, codes } = await world();
      const alter = webhook(a, {});
      const first = new Outcome(a.lead(untilAborted));
      await simulation.clock.advance(3_000);
      alter(change);
      return { simulation, first, codes };
    }

    test.each<Partial<LeaderElectionRecord>>([
      { holderIdentity: 'somebody' },
      { holderIdentity: '' },
      { renewTime: '2020-01-01T00:00:00.000000Z' },
    ])('and writes %o is named as the cause of the loss, and no namesake is', async (change) => {
      const { simulation, first, codes } = await altered(change);
      await simulation.clock.advance(DURATIONS.renewDeadlineMs + 1_000);
      const [field = ''] = Object.keys(change);
      expect(first.error).toMatchObject({
        code: 'ERR_LEADERSHIP_LOST',
        cause: {
          code: 'ERR_REJECTED',
          message: expect.stringMatching(
            new RegExp(`^Lease default/lock was stored with the ${field} .* an admission webhook`),
          ) as string,
        },
      });
      expect(codes()).not.toContain(CODE);
    });

    test.each<Partial<LeaderElectionRecord>>([
      { acquireTime: '2020-01-01T00:00:00.000000Z' },
      { leaseTransitions: 7 },
    ])('and always writes %o ends no term', async (change) => {
      const { simulation, first, codes } = await altered(change);
      await simulation.clock.advance(60_000);
      expect([first.state, codes()]).toEqual(['pending', []]);
    });
  });
});
