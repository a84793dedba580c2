import { describe, expect, it } from 'vitest';

import {
  type LeaderElectionRecord,
  acquiredRecord,
  durationMs,
  isOlder,
  isSameRecord,
  microTime,
  releasedRecord,
} from '../../../lib/protocol/lease/record.ts';

const BEFORE = '2026-01-01T00:00:00.000000Z';
const NOW = '2026-01-01T00:00:02.000000Z';

const held: LeaderElectionRecord = {
  holderIdentity: 'me',
  leaseDurationSeconds: 40,
  acquireTime: BEFORE,
  renewTime: BEFORE,
  leaseTransitions: 3,
};

describe('a time', () => {
  it.each([
    [0, '1970-01-01T00:00:00.000000Z'],
    [Date.UTC(2026, 0, 1, 12, 34, 56, 7), '2026-01-01T12:34:56.007000Z'],
    [Date.UTC(2026, 0, 1), '2026-01-01T00:00:00.000000Z'],
  ])('has six decimals, no more and no fewer: %d', (dateMs, text) => {
    expect(microTime(dateMs)).toBe(text);
  });
});

describe('the record of who takes the lock', () => {
  it('is the first one where there is none', () => {
    expect(acquiredRecord('me', 15_000, NOW)).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: NOW,
      renewTime: NOW,
      leaseTransitions: 0,
    });
  });

  it('counts a transition where another one had it', () => {
    expect(acquiredRecord('me', 15_000, NOW, { ...held, holderIdentity: 'other' })).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: NOW,
      renewTime: NOW,
      leaseTransitions: 4,
    });
  });

  it('counts a transition where nobody had it, as client-go does', () => {
    const record = acquiredRecord('me', 15_000, NOW, { ...held, holderIdentity: '' });
    expect(record).toMatchObject({ acquireTime: NOW, leaseTransitions: 4 });
  });

  it('goes on where it is the same one: only the time of renewal is new, and the duration', () => {
    expect(acquiredRecord('me', 15_000, NOW, held)).toEqual({
      ...held,
      leaseDurationSeconds: 15,
      renewTime: NOW,
    });
  });

  it('gets the time of acquiring where that was left out', () => {
    const record = acquiredRecord('me', 15_000, NOW, { ...held, acquireTime: undefined });
    expect(record.acquireTime).toBe(NOW);
  });

  it.each([
    [2 ** 31 - 2, 2 ** 31 - 1],
    [2 ** 31 - 1, 2 ** 31 - 1],
  ])('counts no further than an int32 can: after %d comes %d', (before, after) => {
    const previous = { ...held, holderIdentity: 'other', leaseTransitions: before };
    expect(acquiredRecord('me', 15_000, NOW, previous).leaseTransitions).toBe(after);
  });

  it.each(['me', 'me-2', 'm', 'Me', ' me'])('compares identities to the letter: %j', (identity) => {
    const { leaseTransitions } = acquiredRecord(identity, 15_000, NOW, held);
    expect(leaseTransitions).toBe(identity === 'me' ? 3 : 4);
  });
});

describe('the record of who gives the lock up', () => {
  it("is client-go's: nobody holds it, for a second", () => {
    expect(releasedRecord(held, NOW)).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: NOW,
      renewTime: NOW,
      leaseTransitions: 3,
    });
  });
});

describe('how long a record counts', () => {
  it.each([
    ['as long as it says', 40, 40_000],
    ['as long as it says, be it ever so short', 1, 1_000],
    ['as long as the reader would, if it does not say', undefined, 15_000],
    ['as long as the reader would, if it says nothing sensible', 0, 15_000],
    ['as long as the reader would, if it says nothing sensible', -5, 15_000],
  ])('is %s: %j', (_, leaseDurationSeconds, expected) => {
    expect(durationMs({ ...held, leaseDurationSeconds }, 15_000)).toBe(expected);
  });
});

describe('whether a record is the same', () => {
  it('depends on each of its fields', () => {
    expect(isSameRecord(held, { ...held })).toBe(true);
    const others: Partial<LeaderElectionRecord>[] = [
      { holderIdentity: 'other' },
      { leaseDurationSeconds: 41 },
      { leaseDurationSeconds: undefined },
      { acquireTime: NOW },
      { renewTime: NOW },
      { renewTime: undefined },
      { leaseTransitions: 4 },
    ];
    for (const other of others) expect(isSameRecord(held, { ...held, ...other })).toBe(false);
  });
});

describe('whether a version is older', () => {
  it.each([
    ['9', '10', true],
    ['10', '9', false],
    ['10', '10', false],
    // Both are the same as floating-point numbers.
    ['9007199254740992', '9007199254740993', true],
    ['9007199254740993', '9007199254740992', false],
    ['9'.repeat(8_000_000), `1${'0'.repeat(8_000_000)}`, true],
  ])('is a matter of numbers (%#)', (a, b, older) => {
    expect(isOlder(a, b)).toBe(older);
  });

  it.each([
    ['a1', '2'],
    ['1', '2b'],
    ['1', 'b2'],
    ['1a', '2'],
    ['', '2'],
    ['1', ''],
    ['-1', '2'],
    ['01', '2'],
    ['1', '02'],
  ])('is not so where it cannot be told: %j and %j', (a, b) => {
    expect(isOlder(a, b)).toBe(false);
  });
});
