import { describe, expect, it } from 'vitest';

import {
  acquiredRecord,
  type LeaderElectionRecord,
  microTime,
} from '../../../lib/protocol/lease/record.ts';
import { type Event, type State, start } from '../../../lib/protocol/lease/state.ts';
import {
  DATE_MS,
  MINE,
  SETTINGS,
  aFollower,
  aLeader,
  aVersion,
  after,
  at,
  closed,
  conflict,
  decisions,
  finish,
  free,
  gone,
  got,
  lost,
  mine,
  opened,
  planOf,
  seen,
  stored,
  storedBy,
  timeUp,
  written,
} from './fixtures.ts';

const renewing = [2_000, timeUp] as const;
const time = (nowMs: number) => microTime(DATE_MS + nowMs);
const takenBy = (holder: string) => ({ phase: 'ended', loss: { because: 'taken', holder } });
const emptied = (leaseTransitions: number, uid?: string) =>
  aVersion('11', { holderIdentity: '', leaseTransitions }, uid);

describe('a leader', () => {
  const labelled = { ...MINE, resourceVersion: '12' };
  const renewal = { ...MINE.record, renewTime: time(2_000) };

  decisions(aLeader, {
    'renews with one write': [
      renewing,
      { command: { do: 'update', version: MINE, record: renewal } },
    ],
    'renews again a retry period later': [
      [...renewing, 2_100, stored('11')],
      'leads, decides at 4100',
    ],
    'is proven from when it decided to renew': [
      [...renewing, 2_100, stored('11')],
      { renewedAt: at(2_000), version: { record: renewal } },
    ],
    'is not hurried by labels': [[1_000, seen(labelled)], 'leads, decides at 2000'],
    'replaces the version with the labels': [
      [1_000, seen(labelled), ...renewing],
      { command: { version: labelled } },
    ],
    'is not hurried by a watch that opens': [[1, opened], 'leads, decides at 2000'],
    'is not hurried by a watch that is lost': [[1, closed], 'leads, decides at 2000'],
    'reads at once after a conflict': [[...renewing, conflict], 'leads, reads'],
    'is patient after the next one': [
      [...renewing, conflict, got(MINE), conflict],
      'leads, reads at 2100',
    ],
    'is not too patient': [
      [...renewing, conflict, got(MINE), conflict, 9_900, timeUp, got(MINE), conflict],
      'leads, reads at 10000',
    ],
    'reads after an answer that names another': [
      [3_000, timeUp, written(aVersion('10'))],
      { phase: 'leading', next: 'get', renewedAt: at(0) },
    ],
  });
});

describe('LEASE-1: a leader stops leading', () => {
  const taken = aVersion('11');
  const slept = at(2_000, { bootMs: 10_000 });

  decisions(aLeader, {
    'not a moment before its deadline': [[9_999, timeUp], 'leads, updates'],
    'at the deadline after its last renewal': [[10_000, timeUp], 'ends: expired'],
    'after a suspension as long': [[slept, timeUp], 'ends: expired'],
    'if the answer took as long': [[...renewing, 12_000, written(mine('11'))], 'ends: expired'],
    'if it sees another hold the lock': [[100, seen(taken)], takenBy('other')],
    'if it reads that another does': [[100, timeUp, conflict, got(taken)], takenBy('other')],
    'if another has had it, and released it': [[100, seen(emptied(4))], takenBy('')],
    'if another has had the next one': [
      [100, timeUp, conflict, got(emptied(3, 'uid-2'))],
      takenBy(''),
    ],
    'if another was faster to create it': [
      [100, gone('11'), conflict, got(aVersion('12', {}, 'uid-2'))],
      takenBy('other'),
    ],
  });
});

describe('a leader whose lock somebody else has', () => {
  const slow: Event = { type: 'failed', ambiguous: true, retryAfterMs: 1_000 };
  const wiped = seen(emptied(3));
  const created = acquiredRecord('me', 15_000, time(100));

  decisions(aLeader, {
    'emptied takes it back at once': [
      [100, wiped],
      {
        phase: 'leading',
        renewedAt: at(0),
        command: { version: emptied(3), record: { holderIdentity: 'me', leaseTransitions: 4 } },
      },
    ],
    'emptied leads on by that': [
      [100, wiped, stored('12')],
      { phase: 'leading', written: { record: { leaseTransitions: 4 } } },
    ],
    'emptied is not hurried by the same again': [
      [100, wiped, slow, 200, wiped],
      'leads, reads at 1100',
    ],
    'deleted creates it at once': [
      [100, gone('11')],
      { phase: 'leading', renewedAt: at(0), command: { do: 'create', record: created } },
    ],
    'deleted leads on by that': [
      [100, gone('11'), 200, stored('12', {}, 'uid-2')],
      { phase: 'leading', renewedAt: at(100), written: { uid: 'uid-2' } },
    ],
    'deleted is not hurried by the same again': [
      [100, gone('11'), slow, 200, gone('11')],
      'leads, reads at 1100',
    ],
  });
});

describe('LEASE-1: a leader whose name another process uses', () => {
  const theirs = (version: string, uid?: string) =>
    aVersion(version, { ...MINE.record, renewTime: '2026-01-01T00:00:01.234000Z' }, uid);
  const stops = { phase: 'ended', loss: { because: 'namesake' }, namesake: true };
  const told = [1_234, seen(theirs('11')), got(theirs('11'))] as const;
  const again = (known: State) => start(SETTINGS, at(2_000), known);

  decisions(aLeader, {
    'reads, and stops': [told, stops],
    'stops by a read after a conflict': [[...renewing, conflict, got(theirs('11'))], stops],
    'stops by a read after a lost write': [
      [...renewing, lost, 3_100, timeUp, got(theirs('12'))],
      stops,
    ],
    'stops if the other created the next lock': [
      [1_000, gone('11'), conflict, got(theirs('12', 'uid-2'))],
      stops,
    ],
    'leads on if only labels have changed': [
      [100, seen(mine('11'))],
      { phase: 'leading', namesake: false },
    ],
    'leads on if only the duration has': [
      [100, seen(mine('11', { leaseDurationSeconds: 60 }))],
      { phase: 'leading', namesake: false },
    ],
    'does not release what the other holds': [
      [...renewing, lost, finish, got(theirs('12'))],
      'ends',
    ],
  });

  it('knows its own writes without an answer, in whatever order they land', () => {
    let state = after(aLeader(), ...renewing);
    const first = storedBy(state, '11');
    state = after(state, 4_000, lost, 4_100, timeUp, got(MINE));
    const second = storedBy(state, '11');
    expect(second.record.renewTime).not.toBe(first.record.renewTime);
    for (const landed of [first, second]) {
      expect(planOf(after(state, 6_000, lost, 6_200, timeUp, got(landed)))).toBe('leads, updates');
      const shown = after(state, 6_000, lost, 6_100, seen(landed));
      expect(shown).toMatchObject({ phase: 'leading', namesake: false });
    }
  });

  it('knows its own write although many had no answer since', () => {
    let state = after(aLeader(), ...renewing);
    const landed = storedBy(state, '11');
    for (let nowMs = 2_020; nowMs < 3_200; nowMs += 20) {
      state = after(state, nowMs, lost, timeUp, got(landed));
      expect(planOf(state)).toBe('leads, updates');
    }
  });

  it('reads if a watch shows an old record of its own, and leads on', () => {
    const before = after(aLeader(), ...renewing);
    const renewed = storedBy(before, 'x');
    const asked = after(before, written(renewed), 2_100, seen({ ...MINE, resourceVersion: 'w' }));
    expect(planOf(asked)).toBe('leads, reads');
    expect(after(asked, got(renewed))).toMatchObject({ phase: 'leading', namesake: false });
  });

  it('waits for its namesake as for any other when it campaigns again', () => {
    const state = after(again(after(aLeader(), ...told)), 2_000, got(theirs('12')));
    expect(state).toMatchObject({ phase: 'following', heldUntilMs: 16_234, namesake: true });
    expect(after(state, 17_000, timeUp, got(theirs('12')))).toMatchObject({
      command: { record: { holderIdentity: 'me', leaseTransitions: 4 } },
    });
  });

  it('goes on at once with what it has written itself when it campaigns again', () => {
    const state = after(again(after(aLeader(), 10_000, timeUp)), 10_001, got(MINE));
    expect(state).toMatchObject({ command: { do: 'update', version: MINE }, namesake: false });
  });

  it('goes on at once under the name on record when it starts: it may be a restart', () => {
    const { acquireTime } = MINE.record;
    expect(aFollower(theirs('11'))).toMatchObject({
      command: { do: 'update', record: { leaseTransitions: 3, acquireTime } },
      namesake: false,
    });
  });

  it('notices that the record it went on from is written again, by a clock that stands still', () => {
    const created = mine('11', { leaseTransitions: 0 });
    const leads = after(aFollower(created), 1, stored('12'));
    expect(leads.phase).toBe('leading');
    const copy = { ...created, resourceVersion: '13' };
    expect(after(leads, 500, seen(copy), got(copy))).toMatchObject(stops);
  });
});

describe('LEASE-1: a record that is stored otherwise than it was sent', () => {
  /** What is stored with this duration is another's for a third longer than it is its leader's. */
  const leading = (leaseDurationSeconds: number) =>
    after(aFollower(free), 100, stored('10', { leaseDurationSeconds }));

  it.each<Partial<LeaderElectionRecord>>([
    { holderIdentity: 'other' },
    { renewTime: '2020-01-01T00:00:00.000000Z' },
    { acquireTime: '2020-01-01T00:00:00.000000Z' },
    { leaseTransitions: 0 },
    { leaseDurationSeconds: undefined },
  ])('makes no leader with %o, and proves nothing to one', (changes) => {
    const waits = { next: 'get', command: { do: 'wait' } };
    const asked = after(aFollower(free), 100, stored('10', changes));
    expect(asked).toMatchObject({ phase: 'following', ...waits });
    const renewed = after(aLeader(), ...renewing, 2_100, stored('11', changes));
    expect(renewed).toMatchObject({ phase: 'leading', renewedAt: at(0), ...waits });
  });

  it.each([
    [15, 10_000, 2_000],
    [60, 10_000, 2_000],
    [6, 4_000, 800],
    [3, 2_000, 400],
  ])(
    'with %d s proves leadership for %d ms, and is renewed after %d',
    (seconds, forMs, renewMs) => {
      const state = leading(seconds);
      expect(state).toMatchObject({
        phase: 'leading',
        renewedAt: at(0),
        deadlineMs: expect.closeTo(forMs),
        command: { do: 'wait', untilMs: expect.closeTo(100 + renewMs) },
      });
      expect(after(state, forMs - 1, timeUp).phase).toBe('leading');
      expect(planOf(after(state, forMs, timeUp))).toBe('ends: expired');
    },
  );

  it('for a shorter time proves nothing by an answer that took longer', () => {
    const stored3 = stored('10', { leaseDurationSeconds: 3 });
    expect(planOf(after(aFollower(free), 2_000, stored3))).toBe('reads');
  });

  it('for a shorter time proves the full one when the next is stored as sent', () => {
    const state = after(leading(3), 400, timeUp, 401, stored('11'));
    expect(state).toMatchObject({ phase: 'leading', deadlineMs: 10_000 });
  });

  it('for a shorter time by hand proves that since the last renewal, and is mended at once', () => {
    const edit = seen(mine('11', { leaseDurationSeconds: 6 }));
    expect(after(aLeader(), 1_000, edit)).toMatchObject({
      phase: 'leading',
      deadlineMs: 4_000,
      command: { do: 'update', record: { leaseDurationSeconds: 15 } },
    });
    expect(planOf(after(aLeader(), 4_000, edit))).toBe('ends: expired');
  });
});
