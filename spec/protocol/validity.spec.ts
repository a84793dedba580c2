import { describe, expect, it } from 'vitest';

import { type Instant, leftMs, provenMs } from '../../lib/protocol/validity.ts';

const since: Instant = { nowMs: 1_000, bootMs: 700_000 };

/** That much later on both clocks. */
function later(passedMs: number, suspendedMs = 0): Instant {
  return { nowMs: 1_000 + passedMs, bootMs: 700_000 + passedMs + suspendedMs };
}

describe('LEASE-1: what is left of a time limit', () => {
  it.each([
    ['all, at first', 0, 0, 10_000],
    ['what has not passed', 4_000, 0, 6_000],
    ['nothing, exactly when it is over', 10_000, 0, 0],
    ['less than nothing afterwards', 12_500, 0, -2_500],
    ['what neither passed nor went by unnoticed in a suspension', 4_000, 5_000, 1_000],
    ['less than nothing after a long suspension', 0, 60_000, -50_000],
  ])('is %s', (_, passedMs, suspendedMs, left) => {
    expect(leftMs(since, 10_000, later(passedMs, suspendedMs))).toBe(left);
  });

  it.each([
    [100, 6_000],
    [101, 5_899],
  ])('takes %d ms between the clocks for what they are', (driftMs, left) => {
    expect(leftMs(since, 10_000, later(4_000, driftMs))).toBe(left);
  });

  it('does not grow when the boot clock lags', () => {
    expect(leftMs(since, 10_000, later(4_000, -3_000))).toBe(6_000);
  });
});

describe('LEASE-1: what is proven', () => {
  it.each([
    ['what is left', 4_000, 0, 6_000],
    ['nothing, and not less, once it is over', 12_500, 0, 0],
    ['nothing after a suspension, however much would be left', 4_000, 101, 0],
    ['what is left if the clocks hardly differ', 4_000, 100, 6_000],
  ])('is %s', (_, passedMs, suspendedMs, proven) => {
    expect(provenMs(since, 10_000, later(passedMs, suspendedMs))).toBe(proven);
  });
});
