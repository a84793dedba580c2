import { describe, expect, test } from 'vitest';

import type { LeadOptions } from '../../lib/lease/config.ts';
import type { LeaseLeadership } from '../../lib/lease/lead.ts';
import {
  ABANDONED,
  UPDATES,
  electing,
  endless,
  journal,
  leading,
  nothing,
  world,
} from './scene.ts';
import { Outcome, untilAborted } from './simulation.ts';

const STEPPED_DOWN = { code: 'ERR_STEPPED_DOWN' };

describe('stepDown of a leadership', () => {
  test('aborts the signal, waits for the work, releases the Lease and rejects', async () => {
    const settle = Promise.withResolvers<undefined>();
    const { clock, leadership, outcome, holder, a } = await leading({}, () => settle.promise);
    await leadership.stepDown();
    expect(leadership.signal.reason).toMatchObject({
      ...STEPPED_DOWN,
      message: expect.stringContaining('a hands over Lease default/lock: stepDown() was called'),
    });
    await clock.advance(5_000);
    expect([outcome.state, holder()]).toEqual(['pending', 'a']);
    expect(leadership.remainingMs()).toBeGreaterThan(0);
    settle.resolve(undefined);
    await clock.settle();
    expect([outcome.error, holder()]).toEqual([leadership.signal.reason, '']);
    expect(a.remains).toEqual(nothing);
  });

  test('releases the Lease with releaseOnCancel: false, too', async () => {
    const { clock, leadership, outcome, holder } = await leading({ releaseOnCancel: false });
    void leadership.stepDown();
    await clock.settle();
    expect([outcome.error, holder()]).toEqual([leadership.signal.reason, '']);
  });

  test('may be awaited by the work', async () => {
    const { clock, outcome } = await leading({}, ({ stepDown }) => stepDown());
    await clock.settle();
    expect(outcome.error).toMatchObject(STEPPED_DOWN);
  });

  test('leaves the Lease to expire if the work does not end', async () => {
    const { clock, leadership, outcome, holder } = await leading({}, endless);
    void leadership.stepDown();
    await clock.advance(11_000);
    expect(outcome.error).toMatchObject({ ...ABANDONED, cause: leadership.signal.reason });
    expect(holder()).toBe('a');
  });

  test('does nothing once the signal has aborted', async () => {
    const { clock, leadership, outcome, stop } = await leading();
    stop.abort();
    await clock.settle();
    await leadership.stepDown();
    await clock.settle();
    expect(leadership.signal.reason).toBe(stop.signal.reason);
    expect(outcome.error).toBe(stop.signal.reason);
  });

  test('ends the work without an election, too', async () => {
    const { clock, leadership, outcome } = await leading({ enabled: false });
    void leadership.stepDown();
    await clock.settle();
    expect(outcome.error).toBe(leadership.signal.reason);
  });
});

/** What two processes do with the Lease, one line for each term. */
async function recampaigning(options: LeadOptions = {}) {
  const terms: string[] = [];
  const leaderships: LeaseLeadership[] = [];
  const work = (leadership: LeaseLeadership) => {
    leaderships.push(leadership);
    terms.push(`${leadership.identity} ${Math.round(scene.clock.now() - sinceMs)}`);
    return untilAborted(leadership);
  };
  let sinceMs = 0;
  const scene = await world();
  void scene.a.lead(work, { recampaign: true, ...options });
  await scene.clock.runUntil(() => terms.length === 1);
  const stepDown = async () => {
    sinceMs = scene.clock.now();
    await leaderships.at(-1)?.stepDown();
  };
  return { ...scene, terms, work, stepDown };
}

describe('after stepping down, with recampaign', () => {
  test('the others lead at once', async () => {
    const { clock, b, work, terms, stepDown, holder } = await recampaigning();
    void b.lead(work);
    await clock.advance(3_000);
    await stepDown();
    await clock.advance(100);
    expect(terms[1]).toMatch(/^b \d{1,2}$/);
    await clock.advance(60_000);
    expect([holder(), terms.length]).toEqual(['b', 2]);
  });

  test.for([
    [{}, 'a 5000'],
    [{ retryPeriodMs: 500 }, 'a 2000'],
  ] as const)('without others it leads again, with %o: %s', async ([durations, last]) => {
    const { clock, terms, stepDown } = await recampaigning(durations);
    await stepDown();
    await clock.advance(10_000);
    expect(terms.at(-1)).toBe(last);
  });

  test('it leaves the Lease free until an elector that polls as client-go does has come', async () => {
    const { clock, holder, patch, stepDown } = await recampaigning();
    await stepDown();
    await clock.advance(2.2 * 2_000);
    expect(holder()).toBe('');
    patch({ holderIdentity: 'client-go', leaseDurationSeconds: 15 });
    await clock.advance(1_000);
    expect(holder()).toBe('client-go');
  });

  test('it leads at once if another one has led in the meantime', async () => {
    const { clock, b, terms, stepDown } = await recampaigning();
    const other = new Outcome(b.lead(() => 'done'));
    await clock.advance(3_000);
    await stepDown();
    await clock.runUntil(() => terms.length === 2);
    expect(other.state).toBe('resolved');
    expect(terms[1]).toMatch(/^a \d{2,3}$/);
  });

  test.for([12_000, 18_000, 21_000])(
    'the others lead, too, if the work is given up, and ends %i ms after the request',
    async (endMs) => {
      const { clock, a, b, holder, sleep } = await world();
      const terms: LeaseLeadership[] = [];
      const work = async (leadership: LeaseLeadership) => {
        const isFirst = terms.push(leadership) === 1;
        await untilAborted(leadership);
        if (isFirst) await sleep(endMs);
      };
      void a.lead(work, { recampaign: true });
      await clock.runUntil(() => terms.length === 1);
      void b.lead(work);
      await clock.advance(3_000);
      await terms[0]?.stepDown();
      await clock.advance(60_000);
      expect([holder(), terms.map(({ identity }) => identity)]).toEqual(['b', ['a', 'b']]);
    },
  );

  test('the others lead, too, if the Lease cannot be released', async () => {
    const { clock, faults, b, work, terms, stepDown, holder } = await recampaigning();
    void b.lead(work);
    await clock.advance(3_000);
    const fault = faults.add({ ...UPDATES, user: 'a', error: { status: 403 } });
    await stepDown();
    await clock.advance(1_000);
    fault.remove();
    await clock.advance(30_000);
    expect([holder(), terms.length]).toEqual(['b', 2]);
  });

  test('without an election it pauses, too, and can be stopped', async () => {
    const stop = new AbortController();
    const { clock, terms, stepDown } = await recampaigning({ enabled: false, signal: stop.signal });
    await stepDown();
    await clock.advance(4_990);
    expect(terms).toHaveLength(1);
    await clock.advance(100);
    expect(terms.at(-1)).toBe('a 5000');
    await stepDown();
    await clock.advance(1_000);
    stop.abort();
    await clock.advance(10_000);
    expect(terms).toHaveLength(2);
  });

  test('says why it waits', async () => {
    const reasons: string[] = [];
    const onWaiting = ({ reason, message }: { reason: string; message: string }) =>
      reasons.push(`${reason}: ${message}`);
    const { clock, leadership } = await leading({ recampaign: true, onWaiting });
    void leadership.stepDown();
    await clock.advance(1_000);
    expect(reasons).toEqual([
      'stepped-down: nobody holds the lock; this candidate has just stepped down, and lets others lead',
    ]);
  });
});

test('a later call of lead in this process stands aside, too', async () => {
  const { clock, a, leadership, outcome } = await leading();
  void leadership.stepDown();
  await clock.settle();
  expect(outcome.state).toBe('rejected');
  const again = new Outcome(a.lead(() => clock.now()));
  await clock.advance(6_000);
  expect(again.value).toBe(5_000);
});

test('identities that were not given are no difference between two calls of a process', async () => {
  const { clock, a, leadership } = await leading({ identity: undefined });
  void leadership.stepDown();
  await clock.settle();
  const again = new Outcome(a.lead(() => clock.now(), { identity: undefined }));
  await clock.advance(6_000);
  expect(again.value).toBe(5_000);
});

describe('stepDown of an elector', () => {
  test('ends the run after onStoppedLeading, and the next run stands aside', async () => {
    const { clock, elector, outcome, entries, holder } = await electing();
    await elector.stepDown();
    await clock.settle();
    expect(entries).toEqual(['leader a', 'started', 'aborted', 'settled', 'stopped']);
    expect([outcome.state, holder()]).toEqual(['resolved', '']);
    void elector.run();
    await clock.advance(4_990);
    expect(elector.isLeader()).toBe(false);
    await clock.advance(100);
    expect(elector.isLeader()).toBe(true);
  });

  test('also if the work has returned', async () => {
    const { clock, elector, outcome } = await electing({}, { onStartedLeading: () => undefined });
    await elector.stepDown();
    await clock.settle();
    expect([outcome.state, elector.isLeader()]).toEqual(['resolved', false]);
  });

  test('does nothing while another one leads', async () => {
    const { clock, b, elector } = await electing();
    const other = b.elector({ callbacks: journal().callbacks });
    const outcome = new Outcome(other.run());
    await clock.advance(5_000);
    await other.stepDown();
    await clock.advance(5_000);
    expect([outcome.isPending, elector.isLeader()]).toEqual([true, true]);
  });

  test('rejects the run if the work does not end', async () => {
    const { clock, elector, outcome } = await electing({}, { onStartedLeading: endless });
    await elector.stepDown();
    await clock.advance(11_000);
    expect(outcome.error).toMatchObject({ ...ABANDONED, cause: STEPPED_DOWN });
  });
});

test('a leader that steps down says so once', async () => {
  const types: string[] = [];
  const onEvent = ({ type, ...event }: { type: string; reason?: string }) =>
    types.push([type, ...(event.reason ? [event.reason] : [])].join(' '));
  const { clock, leadership } = await leading({ onEvent });
  void leadership.stepDown();
  void leadership.stepDown();
  await clock.settle();
  const own = types.slice(types.indexOf('stepping-down called'));
  expect(own).toEqual(['stepping-down called', 'observed', 'released', 'ended']);
});

test.for([
  [false, 'pending'],
  [true, 'rejected'],
] as const)(
  'while its work ends, another call is, with recampaign %s: %s',
  async ([recampaign, state]) => {
    const settle = Promise.withResolvers<undefined>();
    const { clock, a, leadership } = await leading({ recampaign }, () => settle.promise);
    void leadership.stepDown();
    const again = new Outcome(a.lead(() => 'done'));
    await clock.settle();
    expect(again.state).toBe(state);
    settle.resolve(undefined);
  },
);
