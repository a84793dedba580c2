import { describe, expect, test } from 'vitest';

import {
  atLeast,
  atMost,
  format,
  goalReport,
  maximum,
  median,
  minimum,
  ms,
  quantile,
  tail,
  times,
} from './report.ts';

test.each([
  [[1], 1, 1, 1],
  [[3, 1, 2], 1, 2, 3],
  [[4, 1, 10, 2], 1, 3, 10],
  [[], NaN, NaN, NaN],
])('of %j the minimum is %f, the median %f and the maximum %f', (values, least, middle, most) => {
  expect([minimum(values), median(values), maximum(values)]).toEqual([least, middle, most]);
});

test.each([
  [[3, 1, 2], 3],
  [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 9],
  [[], NaN],
])('nine of ten in %j are not above %f', (values, most) => {
  expect(quantile(values, 0.9)).toBe(most);
  expect(tail(values)[1]).toBe(ms(most));
});

test('a report is a table with numbers to the right', () => {
  const table = [
    ['what', 'time', 'count'],
    ['short', ms(9.94), '1'],
    ['a long one', ms(1_234.5), ''],
  ];
  expect(format({ title: 'Title', notes: ['note'], table })).toBe(`\
Title
  note

what           time  count
short        9.9 ms      1
a long one  1235 ms`);
});

describe('a goal', () => {
  test('is met as it is reached, and missed beyond', () => {
    const goals = [249.9, 250, 250.1].flatMap((measured) => atMost('wait', measured, 250, ms));
    expect(goals.map(({ isMet }) => isMet)).toEqual([true, true, false]);
    const ratios = [19.9, 20, 20.1].flatMap((measured) => atLeast('gain', measured, 20, times));
    expect(ratios.map(({ isMet }) => isMet)).toEqual([false, true, true]);
  });

  test('is none where nothing was measured, or aimed at', () => {
    expect(atMost('wait', NaN, 250, ms)).toEqual([]);
    expect(atLeast('gain', NaN, 20, times)).toEqual([]);
    expect(atMost('wait', 1, undefined, ms)).toEqual([]);
  });

  test('is shown beside what was measured', () => {
    const goals = [...atMost('wait', 184, 250, ms), ...atLeast('gain', 2.5, 20, times)];
    expect(format(goalReport(goals))).toBe(`\
Goals

      goal               measured
wait  at most 250 ms     184 ms      met
gain  at least 20 times  2.50 times  missed`);
  });
});
