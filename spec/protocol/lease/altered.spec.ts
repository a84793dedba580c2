import { describe, expect, it } from 'vitest';

import { type LeaderElectionRecord, alteration } from '../../../lib/protocol/lease/record.ts';
import type { State } from '../../../lib/protocol/lease/state.ts';
import {
  MINE,
  aFollower,
  aLeader,
  aVersion,
  after,
  at,
  planOf,
  seen,
  storedBy,
  timeUp,
  written,
} from './fixtures.ts';

const free = aVersion('9', { holderIdentity: '' });

/** What is stored with this duration is another's for a third longer than it is its leader's. */
const leading = (leaseDurationSeconds: number): State => {
  const asking = aFollower(free);
  return after(asking, [written(storedBy(asking, '10', { leaseDurationSeconds })), at(100)]);
};

describe('a record that is stored otherwise than it was sent', () => {
  const sent = MINE.record;

  it.each<[keyof LeaderElectionRecord | undefined, Partial<LeaderElectionRecord>]>([
    [undefined, {}],
    [undefined, { leaseDurationSeconds: 1 }],
    [undefined, { leaseDurationSeconds: 3_600 }],
    [undefined, { renewTime: '2026-01-01T00:00:00Z' }],
    ['holderIdentity', { holderIdentity: 'other' }],
    ['holderIdentity', { holderIdentity: '' }],
    ['renewTime', { renewTime: '2025-12-31T23:59:59.999000Z' }],
    ['renewTime', { renewTime: undefined }],
    ['acquireTime', { acquireTime: '2026-01-01T00:00:00.001000Z' }],
    ['leaseTransitions', { leaseTransitions: 4 }],
    ['leaseDurationSeconds', { leaseDurationSeconds: 0 }],
    ['leaseDurationSeconds', { leaseDurationSeconds: undefined }],
  ])('differs in %s if it has %o', (field, changes) => {
    expect(alteration(sent, { ...sent, ...changes })).toBe(field);
  });

  it.each<Partial<LeaderElectionRecord>>([
    { holderIdentity: 'other' },
    { renewTime: '2020-01-01T00:00:00.000000Z' },
    { acquireTime: '2020-01-01T00:00:00.000000Z' },
    { leaseTransitions: 0 },
    { leaseDurationSeconds: undefined },
  ])('makes no leader with %o, and proves nothing to one', (changes) => {
    const asking = aFollower(free);
    const state = after(asking, [written(storedBy(asking, '10', changes)), at(100)]);
    expect(planOf(state)).toMatchObject({ phase: 'following', do: 'wait', next: 'get' });
    const renewing = after(aLeader(), [timeUp, at(2_000)]);
    const altered = after(renewing, [written(storedBy(renewing, '11', changes)), at(2_100)]);
    expect(altered).toMatchObject({ phase: 'leading', renewedAt: at(0), command: { do: 'wait' } });
  });
});

describe('a duration that is stored shorter than it was sent', () => {
  it.each([
    [15, 10_000, 2_000],
    [60, 10_000, 2_000],
    [6, 4_000, 800],
    [3, 2_000, 400],
  ])('of %d s proves leadership for %d ms, and is renewed after %d', (seconds, forMs, renewMs) => {
    const state = leading(seconds);
    expect(state).toMatchObject({ phase: 'leading', renewedAt: at(0) });
    expect(state.deadlineMs).toBeCloseTo(forMs);
    expect(planOf(state)).toMatchObject({ do: 'wait' });
    expect(state.command.do === 'wait' && state.command.untilMs).toBeCloseTo(100 + renewMs);
    expect(after(state, [timeUp, at(forMs - 1)]).phase).toBe('leading');
    expect(after(state, [timeUp, at(forMs)]).loss).toEqual({ because: 'expired' });
  });

  it('proves nothing by an answer that took longer', () => {
    const asking = aFollower(free);
    const stored = storedBy(asking, '10', { leaseDurationSeconds: 3 });
    expect(planOf(after(asking, [written(stored), at(2_000)]))).toEqual({
      phase: 'following',
      do: 'get',
    });
  });

  it('counts for each write anew', () => {
    const renewing = after(leading(3), [timeUp, at(400)]);
    const state = after(renewing, [written(storedBy(renewing, '11')), at(401)]);
    expect(state).toMatchObject({ phase: 'leading', deadlineMs: 10_000 });
  });

  it('by somebody’s hand counts since the last renewal, and is mended at once', () => {
    const record = { ...MINE.record, leaseDurationSeconds: 6 };
    const edit = seen({ ...MINE, record, resourceVersion: '11' });
    const state = after(aLeader(), [edit, at(1_000)]);
    expect(state).toMatchObject({
      phase: 'leading',
      deadlineMs: 4_000,
      command: { do: 'update', record: { leaseDurationSeconds: 15 } },
    });
    expect(after(aLeader(), [edit, at(4_000)]).loss).toEqual({ because: 'expired' });
  });
});
