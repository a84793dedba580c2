import { describe, expect, it } from 'vitest';

import { trendOf } from './trend.ts';

describe('a trend', () => {
  it('is exact for a line', () => {
    const trend = trendOf([0, 10, 20, 30].map((x) => ({ x, y: 5 + 3 * x })));
    expect(trend.slope).toBeCloseTo(3, 9);
    expect(trend.low).toBeCloseTo(3, 6);
    expect(trend.high).toBeCloseTo(3, 6);
  });

  it('has the confidence interval of the textbook', () => {
    // The squares of what is off add up to 0.091, and t of 3 degrees of freedom is 3.182.
    const ys = [1.1, 1.9, 3.2, 3.8, 5.0];
    const { slope, low, high } = trendOf(ys.map((y, x) => ({ x, y })));
    expect(slope).toBeCloseTo(0.97, 9);
    const error = Math.sqrt(0.091 / 3 / 10);
    expect(high - slope).toBeCloseTo(3.182 * error, 2);
    expect(slope - low).toBeCloseTo(3.182 * error, 2);
  });

  it('includes no slope at all where there is noise only', () => {
    const { low, high } = trendOf([4, 6, 5, 5, 6, 4, 5].map((y, x) => ({ x, y })));
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
  });

  it('is not told from too little', () => {
    expect(() => trendOf([{ x: 0, y: 0 }])).toThrow('1 samples');
    expect(() => trendOf(Array(5).fill({ x: 1, y: 2 }))).toThrow('the same x');
  });
});
