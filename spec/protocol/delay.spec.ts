import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { backoffMs, staggerMs, suppressionDelayMs } from '../../lib/protocol/delay.ts';

/** What `Clock.random` may return: in [0, 1). */
const luck = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const crowds = fc.integer({ min: 1, max: 5_000 });

/** Random numbers that cover [0, 1) evenly. */
const evenly = Array.from({ length: 10_000 }, (_, i) => i / 10_000);

describe('backoffMs', () => {
  it.each([
    { failures: 0, random: 0, expected: 1_000 },
    { failures: 1, random: 0, expected: 2_000 },
    { failures: 2, random: 0, expected: 4_000 },
    { failures: 3, random: 0, expected: 8_000 },
    { failures: 4, random: 0, expected: 16_000 },
    { failures: 5, random: 0, expected: 16_000 },
    { failures: 5_000, random: 0, expected: 16_000 },
    { failures: 0, random: 0.5, expected: 900 },
    { failures: 3, random: 0.25, expected: 7_600 },
    { failures: 9, random: 0.5, expected: 14_400 },
  ])(
    'is $expected ms after $failures failures with luck $random',
    ({ failures, random, expected }) => {
      expect(backoffMs(failures, 16_000, random)).toBeCloseTo(expected, 6);
    },
  );

  it('starts at its first delay, or at the maximum if that is smaller', () => {
    const delays = [0, 1, 2].map((failures) => backoffMs(failures, 16_000, 0, 100));
    expect(delays).toEqual([100, 200, 400]);
    expect(backoffMs(0, 300, 0)).toBe(300);
  });

  it('stops doubling after thirty failures', () => {
    const huge = Number.MAX_VALUE;
    expect(backoffMs(30, huge, 0, 1)).toBe(2 ** 30);
    expect(backoffMs(31, huge, 0, 1)).toBe(2 ** 30);
    expect(backoffMs(Number.POSITIVE_INFINITY, huge, 0, 1)).toBe(2 ** 30);
  });

  it('never overshoots its maximum, and never takes off more than a fifth', () => {
    const failures = fc.nat({ max: 10_000 });
    const durations = fc.double({ min: 0.001, max: 2 ** 31 - 1, noNaN: true });
    fc.assert(
      fc.property(failures, durations, durations, luck, (count, maxMs, firstMs, random) => {
        const delay = backoffMs(count, maxMs, random, firstMs);
        expect(delay).toBeLessThanOrEqual(maxMs);
        expect(delay).toBeGreaterThan(0.8 * Math.min(firstMs, maxMs) * (1 - Number.EPSILON));
        expect(delay).toBeLessThanOrEqual(backoffMs(count + 1, maxMs, random, firstMs));
      }),
    );
  });

  it('spreads a crowd at the maximum over the last fifth', () => {
    const delays = evenly.map((random) => backoffMs(9, 16_000, random));
    expect(mean(delays)).toBeCloseTo(14_400, -1);
    expect(Math.min(...delays)).toBeCloseTo(12_800, -1);
  });
});

describe('suppressionDelayMs', () => {
  it.each([1, 2, 3, 4, 5])('lets %i candidates act at once', (crowd) => {
    expect(suppressionDelayMs(crowd, 0.999)).toBe(0);
  });

  it('thins out more of them than that', () => {
    expect(suppressionDelayMs(6, 0.999)).toBeGreaterThan(0);
  });

  it.each([
    { crowd: 6, windowMs: 19.17 },
    { crowd: 100, windowMs: 158.11 },
    { crowd: 1_000, windowMs: 889.14 },
  ])('takes at most $windowMs ms for $crowd candidates', ({ crowd, windowMs }) => {
    expect(suppressionDelayMs(crowd, 1)).toBeCloseTo(windowMs, 2);
    expect(suppressionDelayMs(crowd, 0)).toBe(0);
  });

  it.each([
    { random: 0.001, expected: 6.77 },
    { random: 0.01, expected: 36.97 },
    { random: 0.1, expected: 94.08 },
    { random: 0.5, expected: 138.68 },
  ])('is $expected ms for one of 100 with luck $random', ({ random, expected }) => {
    expect(suppressionDelayMs(100, random)).toBeCloseTo(expected, 1);
  });

  it('grows with luck and stays within its window', () => {
    fc.assert(
      fc.property(crowds, luck, luck, (crowd, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(suppressionDelayMs(crowd, low)).toBeGreaterThanOrEqual(0);
        expect(suppressionDelayMs(crowd, low)).toBeLessThanOrEqual(suppressionDelayMs(crowd, high));
        expect(suppressionDelayMs(crowd, high)).toBeLessThan(5 * crowd ** 0.75 + 1e-9);
      }),
    );
  });

  it.each([20, 100, 1_000])('has few of %i candidates early and most of them late', (crowd) => {
    const window = 5 * crowd ** 0.75;
    const drawn = evenly.map((random) => suppressionDelayMs(crowd, random));
    const within = (share: number) =>
      (drawn.filter((delay) => delay < share * window).length / drawn.length) * crowd;
    expect(within(0.1)).toBeLessThan(1);
    expect(within(0.5)).toBeLessThan(crowd / 4);
    expect(within(0.9)).toBeLessThan(crowd * 0.7);
  });

  it.each([20, 100, 1_000])('has someone of %i candidates soon', (crowd) => {
    // The luckiest of a crowd draws about 1 / crowd.
    expect(suppressionDelayMs(crowd, 1 / crowd)).toBeLessThan(0.35 * 5 * crowd ** 0.75);
  });
});

describe('staggerMs', () => {
  it.each([
    { crowd: 1, random: 0.9, expected: 0 },
    { crowd: 5, random: 0.9, expected: 0 },
    { crowd: 6, random: 0.5, expected: 15 },
    { crowd: 1_000, random: 0, expected: 0 },
    { crowd: 1_000, random: 0.5, expected: 2_500 },
  ])('is $expected ms for one of $crowd with luck $random', ({ crowd, random, expected }) => {
    expect(staggerMs(crowd, random)).toBeCloseTo(expected, 6);
  });

  it('spreads evenly', () => {
    const drawn = evenly.map((random) => staggerMs(100, random));
    expect(mean(drawn)).toBeCloseTo(250, 0);
    expect(drawn.filter((delay) => delay < 125)).toHaveLength(2_500);
  });
});

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
