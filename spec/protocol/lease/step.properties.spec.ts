import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { LeaderElectionRecord, LockVersion } from '../../../lib/protocol/lease/record.ts';
import {
  type Command,
  type Event,
  type Moment,
  type State,
  holderOf,
  start,
} from '../../../lib/protocol/lease/state.ts';
import { step } from '../../../lib/protocol/lease/step.ts';
import { leftMs } from '../../../lib/protocol/validity.ts';
import { LeaseModel } from '../../explore/lease-model.ts';
import { type LeaseBounds, type LeaseWorld, SHIPPED } from '../../explore/lease-world.ts';
import { SETTINGS, closed, conflict, finish, gone, opened, stored, timeUp } from './fixtures.ts';

const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 300);

const version: fc.Arbitrary<LockVersion> = fc.record(
  {
    record: fc.record<LeaderElectionRecord>({
      holderIdentity: fc.constantFrom('me', 'me', 'other', 'third', ''),
      leaseDurationSeconds: fc.constantFrom(15, 1, 40, undefined),
      acquireTime: fc.constantFrom('a', undefined),
      renewTime: fc.constantFrom('a', 'b', 'c', undefined),
      leaseTransitions: fc.nat({ max: 2 }),
    }),
    resourceVersion: fc.constantFrom('1', '2', '10', 'unordered'),
    uid: fc.constantFrom('one', 'two'),
  },
  { requiredKeys: ['record', 'resourceVersion'] },
);
const failed: fc.Arbitrary<Event> = fc.record({
  type: fc.constant('failed'),
  ambiguous: fc.boolean(),
  retryAfterMs: fc.constantFrom(undefined, 0, 1_000, 60_000),
});
const read: fc.Arbitrary<Event> = fc.record({
  type: fc.constant('got'),
  version: fc.option(version, { nil: undefined }),
});
const hint: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ type: fc.constant('seen' as const), version }),
  fc.constantFrom(...['2', '11', ''].map(gone)),
  fc.constantFrom(opened, closed),
);
const weighted = (weight: number, arbitrary: fc.Arbitrary<Event>) => ({ weight, arbitrary });

/** What may happen next, whichever command the elector is at. */
const moment = fc.record({
  passedMs: fc.oneof(fc.nat({ max: 3_000 }), fc.nat({ max: 20_000 })),
  suspendedMs: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat({ max: 20_000 })),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  dateMs: fc.nat({ max: 10 ** 6 }),
  isStored: fc.boolean(),
  get: fc.oneof(weighted(6, read), failed, fc.constant(finish)),
  write: fc.oneof(fc.constant(conflict), failed, failed),
  wait: fc.oneof(
    weighted(3, fc.constant(timeUp)),
    weighted(4, hint),
    weighted(1, fc.constant(finish)),
  ),
});
type Chance = typeof moment extends fc.Arbitrary<infer T> ? T : never;

interface Step {
  readonly before: State;
  readonly event: Event;
  readonly after: State;
  readonly when: Moment;
  /** When the last write was decided that was answered. */
  readonly answered: State['issuedAt'] | undefined;
  readonly isTold: boolean;
}

function answer(state: State, { isStored, get, write, wait }: Chance, count: number): Event {
  const { command } = state;
  if (command.do === 'get') return get;
  if (command.do !== 'create' && command.do !== 'update') return wait;
  const uid = command.do === 'update' ? command.version.uid : 'one';
  return isStored ? stored(String(20 + count), {}, uid)(state) : write;
}

/** Every step of an elector that meets with these moments, until it ends. */
function* walk(moments: readonly Chance[]): Generator<Step> {
  let when: Moment = { nowMs: 0, bootMs: 5_000, dateMs: 0, random: 0 };
  let answered: State['issuedAt'] | undefined;
  let isTold = false;
  let before = start(SETTINGS, when);
  for (const [count, each] of moments.entries()) {
    if (before.command.do === 'end') return;
    const { passedMs, suspendedMs, dateMs, random } = each;
    const bootMs = when.bootMs + passedMs + suspendedMs;
    when = { nowMs: when.nowMs + passedMs, bootMs, dateMs, random };
    const event = answer(before, each, count);
    const after = step(before, event, when);
    expect(step(before, event, when)).toEqual(after);
    isTold ||= event.type === 'finish';
    if (event.type === 'written' && event.version !== 'conflict') answered = before.issuedAt;
    yield { before, event, after, when, answered, isTold };
    before = after;
  }
}

function check(judge: (step: Step) => void): void {
  const moments = fc.array(moment, { minLength: 1, maxLength: 60, size: 'max' });
  const property = fc.property(moments, (list) => {
    for (const each of walk(list)) judge(each);
  });
  fc.assert(property, { numRuns });
}

/** Calls `judge` for each step that decides this command. */
function checkEach<D extends Command['do']>(
  command: D,
  judge: (command: Command & { do: D }, step: Step) => void,
): void {
  const leadsTo = (each: Step): each is Step & { after: { command: { do: D } } } =>
    each.after.command.do === command && each.after.command !== each.before.command;
  check((each) => {
    if (leadsTo(each)) judge(each.after.command, each);
  });
}

describe('an elector, in any order of events', () => {
  it('LEASE-1: begins to lead with the answer to a write of its own, and nothing else', () => {
    check(({ before, event, after }) => {
      if (before.phase === 'leading' || after.phase !== 'leading') return;
      expect(before.phase).toBe('following');
      expect(['create', 'update']).toContain(before.command.do);
      expect(event).toMatchObject({ version: { record: { holderIdentity: 'me' } } });
    });
  });

  it('LEASE-1: leads no longer than the deadline after it decided its last answered write', () => {
    check(({ after, when, answered }) => {
      if (after.phase !== 'leading' || !answered) return;
      expect(after.renewedAt).toBe(answered);
      expect(leftMs(answered, SETTINGS.renewDeadlineMs, when)).toBeGreaterThan(0);
    });
  });

  it('LEASE-2: takes from nobody else a lock that has not expired', () => {
    check(({ before, after, when }) => {
      if (after.command === before.command || before.phase !== 'following') return;
      if (after.command.do !== 'update' && after.command.do !== 'create') return;
      if (after.phase === 'following') expect(when.nowMs).toBeGreaterThanOrEqual(after.heldUntilMs);
    });
  });

  it('LEASE-2: replaces only the version that it knows, creates only if it knows none', () => {
    checkEach('update', ({ version: replaced }, { after }) => {
      expect(replaced).toBe(after.version);
      expect(after.gone).toBe(false);
    });
    checkEach('create', (_, { after }) => {
      expect(after.gone || !after.version).toBe(true);
    });
  });

  it('LEASE-2: releases only what is its own, and only when it is told to', () => {
    checkEach('update', ({ record, version: replaced }, { after }) => {
      expect(record.holderIdentity === '').toBe(after.phase === 'releasing');
      if (after.phase === 'releasing') expect(replaced.record.holderIdentity).toBe('me');
    });
  });

  it('goes from phase to phase in one direction, and ends with a loss or when told to', () => {
    const phases = ['following', 'leading', 'releasing', 'ended'];
    check(({ before, after, isTold }) => {
      expect(phases.indexOf(after.phase)).toBeGreaterThanOrEqual(phases.indexOf(before.phase));
      expect(after.command.do === 'end').toBe(after.phase === 'ended');
      if (after.phase === 'ended') expect(after.loss === undefined).toBe(isTold);
    });
  });

  it('writes all five fields', () => {
    check(({ after: { command } }) => {
      if (command.do !== 'create' && command.do !== 'update') return;
      const { record } = command;
      expect(record.leaseDurationSeconds).toBeGreaterThanOrEqual(1);
      expect(record.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      expect(record.acquireTime).toBeDefined();
      expect(record.leaseTransitions).toBeGreaterThanOrEqual(0);
      expect(['me', '']).toContain(record.holderIdentity);
    });
  });

  it('waits for no moment that is past', () => {
    checkEach('wait', ({ untilMs }, { when, before }) => {
      if (before.command.do !== 'wait') expect(untilMs).toBeGreaterThanOrEqual(when.nowMs);
    });
  });

  it('looks at least every retry period at a lock that it does not watch', () => {
    const spreadMs = 50;
    checkEach('wait', ({ untilMs }, { event, after, when }) => {
      if (after.phase !== 'following' || event.type === 'failed') return;
      if (after.watch === 'current') return;
      expect(untilMs - when.nowMs).toBeLessThanOrEqual(SETTINGS.retryPeriodMs + spreadMs);
    });
  });

  it('knows the holder that it read last, or nobody', () => {
    check(({ event, after }) => {
      if (event.type !== 'got') return;
      expect(holderOf(after)).toBe(event.version?.record.holderIdentity ?? '');
    });
  });
});

describe('LEASE-1, LEASE-2 and LEASE-3 hold on any long way through the exploration', () => {
  const often: Omit<LeaseBounds, 'wipes' | 'deletions' | 'webhooks'> = {
    ...{ electors: 3, wall: 'goes', leases: 'longer', namesakes: false, webhook: 'shortens' },
    ...{ remembered: 3, ticks: Infinity, again: Infinity, lost: 9, doubled: 9, slow: 9 },
    ...{ refused: 9, restarts: 9, finishes: 9, watches: 9, suspensions: 9, ends: 9 },
    ...{ contained: true, yields: true, stepDowns: 9, illnesses: 9 },
  };
  const ways = fc.array(fc.nat({ max: 997 }), { minLength: 40, maxLength: 300, size: 'max' });

  it.each<[string, Partial<LeaseBounds>]>([
    ['with requests lost, late and made twice, stops, starts and machines that sleep', {}],
    ['with a wall clock that stands still', { wall: 'stands still' }],
    ['with a webhook that shortens leases', { webhooks: 9 }],
    ['with the Lease deleted by hand', { deletions: 1, leases: 'alike', restarts: 0 }],
  ])('%s', (_, bounds) => {
    const none = { wipes: 0, deletions: 0, webhooks: 0 };
    const model = new LeaseModel({ ...often, ...none, ...bounds }, SHIPPED);
    let most = 0;
    const property = fc.property(ways, (way) => {
      let world: LeaseWorld = model.first;
      for (const choice of way) {
        const moves = model.moves(world);
        const move = moves[choice % moves.length];
        if (!move) break;
        expect(move.broken ?? model.broken(move.to)).toBeUndefined();
        world = move.to;
      }
      most = Math.max(most, world.terms);
    });
    // Shorter ways to what is wrong are the exploration's to find.
    fc.assert(property, { numRuns: numRuns / 6, endOnFailure: true });
    expect(most).toBeGreaterThan(3);
  });
});
