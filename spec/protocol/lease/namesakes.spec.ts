import { describe, expect, it } from 'vitest';

import { type Event, type State, start } from '../../../lib/protocol/lease/state.ts';
import {
  MINE,
  SETTINGS,
  aFollower,
  aLeader,
  aVersion,
  after,
  at,
  got,
  planOf,
  seen,
  storedBy,
  timeUp,
  written,
} from './fixtures.ts';

const lost: Event = { type: 'failed', ambiguous: true };

/** What a namesake stores that goes on with the lock of this elector. */
const theirs = (resourceVersion: string, renewTime = '2026-01-01T00:00:01.234000Z') =>
  aVersion(resourceVersion, { ...MINE.record, renewTime });

describe('a leader whose name another process uses', () => {
  it.each<readonly [string, readonly (readonly [Event, number])[]]>([
    [
      'its watch, and a read',
      [
        [seen(theirs('11')), 1_234],
        [got(theirs('11')), 1_235],
      ],
    ],
    [
      'a read after a conflict',
      [
        [timeUp, 2_000],
        [written('conflict'), 2_000],
        [got(theirs('11')), 2_001],
      ],
    ],
    [
      'a read after a write without an answer',
      [
        [timeUp, 2_000],
        [lost, 3_000],
        [timeUp, 3_100],
        [got(theirs('12')), 3_101],
      ],
    ],
    [
      'the lock that the other created after a deletion',
      [
        [{ type: 'gone', resourceVersion: '11' }, 1_000],
        [written('conflict'), 1_001],
        [got({ ...theirs('12'), uid: 'uid-2' }), 1_002],
      ],
    ],
  ])('stops leading when it learns that by %s', (_, events) => {
    const state = after(aLeader(), ...events.map(([event, ms]) => [event, at(ms)] as const));
    expect(state).toMatchObject({
      phase: 'ended',
      loss: { because: 'namesake' },
      namesake: true,
    });
  });

  it('is not taken in by writes of its own that had no answer, in whatever order they land', () => {
    let state = after(aLeader(), [timeUp, at(2_000)]);
    const first = storedBy(state, '11');
    state = after(state, [lost, at(4_000)], [timeUp, at(4_100)], [got(MINE), at(4_100)]);
    const second = storedBy(state, '11');
    expect(second.record.renewTime).not.toBe(first.record.renewTime);
    for (const landed of [first, second]) {
      const read = after(state, [lost, at(6_000)], [timeUp, at(6_200)], [got(landed), at(6_200)]);
      expect(read).toMatchObject({ phase: 'leading', namesake: false });
      expect(planOf(read)).toEqual({ phase: 'leading', do: 'update' });
      const told = after(state, [lost, at(6_000)], [seen(landed), at(6_100)]);
      expect(told).toMatchObject({ phase: 'leading', namesake: false });
    }
  });

  it('reads the lock if a watch shows an old record of its own, and leads on', () => {
    const renewing = after(aLeader(), [timeUp, at(2_000)]);
    const renewed = { ...storedBy(renewing, 'x'), uid: 'uid-1' };
    const state = after(renewing, [written(renewed), at(2_001)]);
    const old = { ...MINE, resourceVersion: 'w' };
    const asked = after(state, [seen(old), at(2_100)]);
    expect(planOf(asked)).toEqual({ phase: 'leading', do: 'get' });
    expect(after(asked, [got(renewed), at(2_101)])).toMatchObject({
      phase: 'leading',
      namesake: false,
    });
  });

  it('is not taken in by labels, nor by a duration that somebody has changed', () => {
    for (const record of [MINE.record, { ...MINE.record, leaseDurationSeconds: 60 }]) {
      const state = after(aLeader(), [seen({ ...MINE, record, resourceVersion: '11' }), at(100)]);
      expect(state).toMatchObject({ phase: 'leading', namesake: false });
    }
  });

  it('knows a write of its own although many have had no answer since', () => {
    let state = after(aLeader(), [timeUp, at(2_000)]);
    const landed = storedBy(state, '11');
    for (let count = 1; count < 60; count += 1) {
      const nowMs = 2_000 + count * 20;
      state = after(state, [lost, at(nowMs)], [timeUp, at(nowMs)], [got(landed), at(nowMs)]);
      expect(state).toMatchObject({ phase: 'leading', command: { do: 'update' } });
    }
  });
});

describe('an elector that campaigns again', () => {
  const told = after(aLeader(), [seen(theirs('11')), at(1_234)]);
  const ended = after(told, [got(theirs('11')), at(1_234)]);
  const again = (known: State) => start(SETTINGS, at(2_000), known);

  it('waits for its namesake as for any other', () => {
    const state = after(again(ended), [got(theirs('12')), at(2_000)]);
    expect(state).toMatchObject({ phase: 'following', heldUntilMs: 16_234, namesake: true });
    const free = after(state, [timeUp, at(17_000)], [got(theirs('12')), at(17_000)]);
    expect(free.command).toMatchObject({
      do: 'update',
      record: { holderIdentity: 'me', leaseTransitions: MINE.record.leaseTransitions + 1 },
    });
  });

  it('goes on at once with what it has written itself', () => {
    const expired = after(aLeader(), [timeUp, at(10_000)]);
    expect(expired.loss).toEqual({ because: 'expired' });
    const state = after(again(expired), [got(MINE), at(10_001)]);
    expect(state.command).toMatchObject({ do: 'update', version: MINE });
    expect(state.namesake).toBe(false);
  });

  it('that begins under the name on record goes on at once: it may have been restarted', () => {
    const state = aFollower(theirs('11'));
    expect(state.command).toMatchObject({
      do: 'update',
      record: { leaseTransitions: 3, acquireTime: MINE.record.acquireTime },
    });
    expect(state.namesake).toBe(false);
  });

  it('notices if the record that it went on from is written again, by a wall clock that stands still', () => {
    const created = aVersion('11', { ...MINE.record, leaseTransitions: 0 });
    const begun = aFollower(created);
    const leads = after(begun, [written(storedBy(begun, '12')), at(1)]);
    expect(leads.phase).toBe('leading');
    const again = { ...created, resourceVersion: '13' };
    const told = after(leads, [seen(again), at(500)], [got(again), at(501)]);
    expect(told.loss).toEqual({ because: 'namesake' });
  });
});

describe('an elector that is told to stop', () => {
  const finish: Event = { type: 'finish' };

  it('does not release what its namesake holds', () => {
    const doubtful = after(aLeader(), [timeUp, at(2_000)], [lost, at(3_000)], [finish, at(3_000)]);
    expect(planOf(doubtful)).toEqual({ phase: 'releasing', do: 'get' });
    expect(planOf(after(doubtful, [got(theirs('12')), at(3_001)]))).toEqual({
      phase: 'ended',
      do: 'end',
    });
  });

  it('releases what a write without an answer has made its own', () => {
    const renewing = after(aLeader(), [timeUp, at(2_000)]);
    const landed = storedBy(renewing, '11');
    const state = after(renewing, [lost, at(3_000)], [finish, at(3_000)], [got(landed), at(3_001)]);
    expect(state.command).toMatchObject({ do: 'update', record: { holderIdentity: '' } });
  });
});
