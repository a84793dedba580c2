import { describe, expect, it } from 'vitest';

import {
  type LeaderElectionRecord,
  acquiredRecord,
  alteration,
  durationMs,
  isOlder,
  isSameRecord,
  microTime,
  releasedRecord,
} from '../../../lib/protocol/lease/record.ts';

const NOW = '2026-01-01T00:00:02.000000Z';

const held: LeaderElectionRecord = {
  holderIdentity: 'me',
  leaseDurationSeconds: 40,
  acquireTime: '2026-01-01T00:00:00.000000Z',
  renewTime: '2026-01-01T00:00:00.000000Z',
  leaseTransitions: 3,
};
type Changes = Partial<LeaderElectionRecord>;

it.each([
  [0, '1970-01-01T00:00:00.000000Z'],
  [Date.UTC(2026, 0, 1, 12, 34, 56, 7), '2026-01-01T12:34:56.007000Z'],
  [Date.UTC(2026, 0, 1), '2026-01-01T00:00:00.000000Z'],
])('a time has six decimals, no more and no fewer: %d', (dateMs, text) => {
  expect(microTime(dateMs)).toBe(text);
});

describe('the record of an elector that takes the lock', () => {
  const acquired = {
    holderIdentity: 'me',
    leaseDurationSeconds: 15,
    acquireTime: NOW,
    renewTime: NOW,
  };

  it('counts from no transitions if there is none', () => {
    const record = acquiredRecord('me', 15_000, NOW);
    expect(record).toEqual({ ...acquired, leaseTransitions: 0 });
  });

  it.each<[string, Changes, Changes]>([
    ['counts a transition if another had it', { holderIdentity: 'other' }, { leaseTransitions: 4 }],
    [
      'counts a transition if nobody had it, as client-go does',
      { holderIdentity: '' },
      { leaseTransitions: 4 },
    ],
    ['renews its own, with its own duration', {}, { acquireTime: held.acquireTime }],
    ['gets the time of acquiring if that was left out', { acquireTime: undefined }, {}],
    [
      'counts up to the largest int32',
      { holderIdentity: '', leaseTransitions: 2 ** 31 - 2 },
      { leaseTransitions: 2 ** 31 - 1 },
    ],
    [
      'counts no further',
      { holderIdentity: '', leaseTransitions: 2 ** 31 - 1 },
      { leaseTransitions: 2 ** 31 - 1 },
    ],
    ...['me-2', 'm', 'Me', ' me'].map((holderIdentity): [string, Changes, Changes] => [
      `compares identities to the letter: "${holderIdentity}"`,
      { holderIdentity },
      { leaseTransitions: 4 },
    ]),
  ])('%s', (_, before, expected) => {
    expect(acquiredRecord('me', 15_000, NOW, { ...held, ...before })).toEqual({
      ...acquired,
      leaseTransitions: 3,
      ...expected,
    });
  });
});

it("the record of an elector that releases the lock is client-go's: nobody's, for a second", () => {
  expect(releasedRecord(held, NOW)).toEqual({
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: NOW,
    renewTime: NOW,
    leaseTransitions: 3,
  });
});

it.each([
  ['it says so', 40, 40_000],
  ['it says so, however short', 1, 1_000],
  ["that is the reader's, if it does not say", undefined, 15_000],
  ["that is the reader's, if it says 0", 0, 15_000],
  ["that is the reader's, if it says less", -5, 15_000],
])('a record counts for a duration because %s: %j', (_, leaseDurationSeconds, expected) => {
  expect(durationMs({ ...held, leaseDurationSeconds }, 15_000)).toBe(expected);
});

describe('a record', () => {
  it.each<[Changes, keyof LeaderElectionRecord | undefined]>([
    [{ leaseDurationSeconds: 1 }, undefined],
    [{ leaseDurationSeconds: 3_600 }, undefined],
    [{ leaseDurationSeconds: 0 }, 'leaseDurationSeconds'],
    [{ leaseDurationSeconds: undefined }, 'leaseDurationSeconds'],
    [{ holderIdentity: 'other' }, 'holderIdentity'],
    [{ holderIdentity: '' }, 'holderIdentity'],
    [{ renewTime: '2026-01-01T00:00:00Z' }, undefined],
    [{ renewTime: '2025-12-31T23:59:59.999000Z' }, 'renewTime'],
    [{ renewTime: undefined }, 'renewTime'],
    [{ acquireTime: '2026-01-01T00:00:00.001000Z' }, 'acquireTime'],
    [{ leaseTransitions: 4 }, 'leaseTransitions'],
  ])('with %o is not the same, and altered in %s', (changes, field) => {
    expect(isSameRecord(held, { ...held, ...changes })).toBe(false);
    expect(alteration(held, { ...held, ...changes })).toBe(field);
  });

  it('is the same as its copy, and unaltered', () => {
    expect(isSameRecord(held, { ...held })).toBe(true);
    expect(alteration(held, { ...held })).toBeUndefined();
  });
});

describe('a version', () => {
  it.each([
    ['9', '10', true],
    ['10', '9', false],
    ['10', '10', false],
    // Both are the same as floating-point numbers.
    ['9007199254740992', '9007199254740993', true],
    ['9007199254740993', '9007199254740992', false],
    ['9'.repeat(8_000_000), `1${'0'.repeat(8_000_000)}`, true],
  ])('is older by its number (%#)', (a, b, older) => {
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
  ])('is not older than one that cannot be compared: %j and %j', (a, b) => {
    expect(isOlder(a, b)).toBe(false);
  });
});
