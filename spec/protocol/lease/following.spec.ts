import { describe, expect, it } from 'vitest';

import { suppressionDelayMs } from '../../../lib/protocol/delay.ts';
import { acquiredRecord, microTime } from '../../../lib/protocol/lease/record.ts';
import { holderOf, start } from '../../../lib/protocol/lease/state.ts';
import {
  type Row,
  DATE_MS,
  MINE,
  SETTINGS,
  aFollower,
  aStart,
  aVersion,
  aWatcher,
  after,
  at,
  closed,
  conflict,
  decisions,
  free,
  gone,
  got,
  lost,
  mine,
  opened,
  other,
  planOf,
  refused,
  seen,
  stored,
  timeUp,
  written,
} from './fixtures.ts';

/** When one of a crowd acts on what all see at 0, by middling luck. */
const SPREAD_MS = suppressionDelayMs(10, 0.5);
const lucky = (nowMs: number) => at(nowMs, { random: 0.5 });
const renewed = aVersion('12', { renewTime: 'c' });
const update = (version = free, nowMs = 0) => ({
  command: {
    do: 'update',
    version,
    record: acquiredRecord('me', 15_000, microTime(DATE_MS + nowMs), version.record),
  },
});

describe('an elector that starts', () => {
  it('reads the lock, and knows nothing', () => {
    expect(start(SETTINGS, at(7))).toStrictEqual({
      settings: SETTINGS,
      phase: 'following',
      command: { do: 'get' },
      next: 'get',
      version: undefined,
      gone: false,
      heldUntilMs: -Infinity,
      deletedUntilMs: -Infinity,
      ended: undefined,
      watch: 'closed',
      issuedAt: at(7),
      stamp: undefined,
      renewedAt: undefined,
      deadlineMs: SETTINGS.renewDeadlineMs,
      written: undefined,
      sent: [],
      namesake: false,
      writeUnconfirmed: false,
      failures: 0,
      conflicts: 0,
      loss: undefined,
    });
    expect(holderOf(aStart())).toBe('');
  });

  const created = acquiredRecord('me', 15_000, microTime(DATE_MS));
  // The same time would change nothing.
  const restarted = mine('9', { renewTime: microTime(DATE_MS + 1_990) }).record;

  decisions(aStart, {
    'creates the lock if there is none': [[got()], { command: { do: 'create', record: created } }],
    'takes a lock that nobody holds': [[got(free)], update()],
    'renews a lock in its own name: a restart': [
      [got(mine('9'))],
      { command: { record: restarted } },
    ],
    'polls a lock of another': [[got(other)], 'reads at 2000'],
    'polls a little earlier by luck': [[lucky(0), got(other)], 'reads at 1800'],
    ...Object.fromEntries(
      ['me2', 'm', 'ME', 'me '].map((holderIdentity): [string, Row] => [
        `waits for an identity that is alike: "${holderIdentity}"`,
        [[got(aVersion('9', { holderIdentity }))], 'reads at 2000'],
      ]),
    ),
  });
});

describe('LEASE-2: an elector that watches the lock of another', () => {
  const past = aVersion('9', { renewTime: '1999-01-01T00:00:00.000000Z' });
  const spread = `decides at ${15_000 + SPREAD_MS}`;
  const future = aVersion('10', { renewTime: '2999-01-01T00:00:00.000000Z' });

  decisions(aWatcher, {
    'sleeps until the lease would have expired': [[], 'decides at 15000'],
    'does not try a moment earlier': [[14_999, timeUp], 'decides at 15000'],
    'tries when the lease has expired': [[15_000, timeUp], update(other, 15_000)],
    'waits anew for a renewal': [[5_000, seen(renewed)], 'decides at 20000'],
    'waits on if only labels have changed': [[5_000, seen(aVersion('10'))], 'decides at 15000'],
    'knows the newer version of them': [[seen(aVersion('10'))], { version: aVersion('10') }],
    'spreads its try by luck, as others saw the same': [[lucky(500), seen(aVersion('10'))], spread],
    'does not lead by what the lock says: a namesake may': [
      [lucky(15_000), seen(mine('10'))],
      spread,
    ],
  });

  it.each([
    ['the one that is stored', 40, 40_000],
    ['the one that is stored, if it is shorter than its own', 7, 7_000],
    ['its own, if none is stored', undefined, 15_000],
  ])('waits for a duration: %s', (_, leaseDurationSeconds, untilMs) => {
    const state = aWatcher(aVersion('9', { leaseDurationSeconds }));
    expect(planOf(state)).toBe(`decides at ${untilMs}`);
  });

  it.each([
    { renewTime: 'b' },
    { acquireTime: 'b' },
    { leaseTransitions: 4 },
    { holderIdentity: 'third' },
    { leaseDurationSeconds: 15.5 },
  ])('waits anew if the record has changed: %o', (changes) => {
    const version = aVersion('10', changes);
    const { leaseDurationSeconds = 15 } = version.record;
    const state = after(aFollower(other), 2_000, timeUp, 3_000, got(version));
    expect(state.heldUntilMs).toBe(3_000 + leaseDurationSeconds * 1_000);
  });

  it('goes by when it saw the record change, and by no time in the record', () => {
    expect(aFollower(past).heldUntilMs).toBe(15_000);
    expect(planOf(after(aWatcher(past), 5_000, seen(future)))).toBe('decides at 20000');
  });

  it('goes by the monotonic clock, not by the wall or the boot clock', () => {
    const when = at(5_000, { bootMs: 500_000, dateMs: DATE_MS + 10 ** 9 });
    expect(planOf(after(aFollower(other), 2_000, timeUp, when, got(other)))).toBe('reads at 7000');
  });

  it('ignores events that are older than what it knows', () => {
    const state = aWatcher();
    expect(after(state, 1, seen(aVersion('8', { holderIdentity: '' })))).toBe(state);
    expect(after(state, 1, gone('8'))).toBe(state);
  });

  it('believes versions that cannot be compared: a write on their word is conditional', () => {
    const version = aVersion('x', { holderIdentity: '' });
    expect(after(aWatcher(), 1, seen(version)).version).toBe(version);
  });

  it('knows the holder', () => {
    const third = aVersion('10', { holderIdentity: 'third' });
    const states = [aWatcher(), after(aWatcher(), seen(third)), after(aWatcher(), gone('10'))];
    expect(states.map(holderOf)).toEqual(['other', 'third', '']);
  });
});

describe('LEASE-2: an elector without a watch', () => {
  const short = (leaseDurationSeconds: number) => aVersion('9', { leaseDurationSeconds });

  it('reads when its time has come', () => {
    expect(planOf(after(aFollower(other), 2_000, timeUp))).toBe('reads');
  });

  it('reads a lock twice before it takes it: a short lease may have been renewed', () => {
    expect(planOf(aFollower(short(1)))).toBe('reads at 2000');
    expect(planOf(after(aFollower(short(1)), 2_000, timeUp, got(short(1))))).toBe('updates');
    expect(planOf(aWatcher(short(1)))).toBe('decides at 1000');
  });

  it('does not read a third time if the lease expires before the next poll', () => {
    const state = after(aFollower(short(3)), 2_000, timeUp, got(short(3)));
    expect(planOf(state)).toBe('decides at 3000');
  });
});

describe('a lock that becomes free', () => {
  const freed = aVersion('10', { holderIdentity: '', leaseDurationSeconds: 1 });
  const labelled = { ...freed, resourceVersion: '11' };
  const taken = aVersion('11', { holderIdentity: 'third' });
  const spread = `decides at ${1_000 + SPREAD_MS}`;

  decisions(aWatcher, {
    'is taken soon, spread by luck, for all see it at once': [[lucky(1_000), seen(freed)], spread],
    'is taken in the version seen': [[seen(freed), 50, timeUp], { command: { version: freed } }],
    'is left alone once another has it': [[1, seen(freed), 2, seen(taken)], 'decides at 15002'],
    'is not put off by a hint that says nothing new, but its version is known': [
      [lucky(1_000), seen(freed), at(1_005, { random: 0.9 }), seen(labelled)],
      { command: { do: 'wait', untilMs: 1_000 + SPREAD_MS }, version: labelled },
    ],
  });

  it('is taken at once by who reads it', () => {
    expect(planOf(after(aFollower(other), 2_000, timeUp, got(freed)))).toBe('updates');
  });

  it('ends a wait for another read', () => {
    const state = after(aStart(), lost, lucky(10), seen(free));
    expect(planOf(state)).toBe(`decides at ${10 + SPREAD_MS}`);
    const known = after(state, 30, timeUp, 40, lost);
    expect(planOf(known)).toBe('reads at 240');
    expect(planOf(after(known, 50, seen({ ...free, resourceVersion: '10' })))).toBe(
      'decides at 50',
    );
  });
});

describe('a watch', () => {
  const polled = [2_100, timeUp, got(other)] as const;
  const tried = [15_000, timeUp, conflict] as const;
  const missing = [1, gone('10'), 15_001, timeUp, conflict] as const;
  const [silent, current, isClosed] = [
    { watch: 'silent' },
    { watch: 'current' },
    { watch: 'closed' },
  ];

  const polling = () => aFollower(other);
  decisions(polling, {
    'that opens is followed by a read of what happened before': [[100, opened], 'reads'],
    'is silent until it shows something': [[100, opened], silent],
    'that is silent does not end polling': [[100, opened, 200, got(other)], 'reads at 2200'],
    'that stays silent does not, either': [[100, opened, got(other), ...polled], 'reads at 4100'],
    'ends polling by an event': [[100, opened, got(other), 201, seen(other)], 'decides at 15000'],
    'that shows the past stays silent': [[opened, got(other), seen(aVersion('8'))], silent],
    'that shows a deletion is current': [[opened, got(other), gone('12')], current],
    'that is closed is not current by a late event': [[seen(renewed)], isClosed],
    'that is closed is not current by a late deletion': [[gone('12')], isClosed],
    'that is closed is not current by a read': [[2_000, timeUp, got(renewed)], isClosed],
  });

  decisions(aWatcher, {
    'that is lost is replaced by polling': [[100, closed], 'reads at 2100'],
    'that is lost is closed': [[100, closed], isClosed],
    'that did not tell what was read is silent': [[...tried, got(renewed)], silent],
    'that did not tell it is replaced by polling': [[...tried, got(renewed)], 'reads at 17000'],
    'that did not tell it stays silent': [[...tried, got(renewed), timeUp, got(renewed)], silent],
    'that did not tell of a deletion is silent': [[...tried, got()], silent],
    'is current by its next event': [[...tried, got(), 15_001, gone('12')], 'decides at 30000'],
    'that told what was read is current': [[...tried, got(other)], current],
    'that told of a deletion is current': [[...missing, got()], current],
    'that did not tell of a new lock is silent': [[...missing, got(other)], silent],
  });

  it('that is lost does not bring a read forward that was put off', () => {
    const state = after(aStart(), refused(60_000), 100, closed);
    expect(planOf(state)).toBe('reads at 60000');
  });
});

describe('LEASE-1: an elector begins to lead', () => {
  const slept = at(100, { bootMs: 20_100 });
  const waits = { phase: 'following', next: 'get', command: { do: 'wait' } };
  const doubts = { ...waits, writeUnconfirmed: true };

  const asking = () => aFollower(free);
  decisions(asking, {
    'when its write is answered': [[lucky(300), stored('10')], 'leads, decides at 2320'],
    'proven from when the write was decided': [[300, stored('10')], { renewedAt: at(0) }],
    'with nothing left of earlier trouble': [
      [300, stored('10')],
      {
        written: { record: { holderIdentity: 'me', leaseTransitions: 4 } },
        ...{ failures: 0, conflicts: 0, writeUnconfirmed: false },
      },
    ],
    'by an answer just in time': [[9_999, stored('10')], { phase: 'leading' }],
    'not by one that took as long as it would prove': [[10_000, stored('10')], 'reads'],
    'not by one after a suspension as long': [[slept, stored('10')], 'reads'],
    'not by an answer that names another': [[10, written(other)], doubts],
    'not by an answer that names nobody': [[10, stored('10', { holderIdentity: '' })], doubts],
  });

  it('when it has created the lock', () => {
    const state = after(aFollower(), 300, stored('1'));
    const record = { ...MINE.record, leaseTransitions: 0 };
    expect(state).toMatchObject({ phase: 'leading', renewedAt: at(0), written: { record } });
    expect(holderOf(state)).toBe('me');
  });

  it('by a second write if the answer to the first was late', () => {
    const late = after(asking(), 10_000, stored('10'));
    const { version } = after(asking(), stored('10'));
    expect(planOf(after(late, 10_001, got(version)))).toBe('updates');
  });
});
