import { beforeEach, expect, test } from 'vitest';

import { Warnings } from '../../lib/platform/warnings.ts';
import { ManualClock } from '../support/manual-clock.ts';

let clock: ManualClock;
let given: { message: string; code: string }[];
let warnings: Warnings;

beforeEach(() => {
  clock = new ManualClock();
  given = [];
  warnings = new Warnings(clock, (message, code) => given.push({ message, code }));
});

test('a warning of each kind is given once', () => {
  warnings.give('degraded', 'first');
  warnings.give('degraded', 'second');
  warnings.give('left-behind', 'third');
  warnings.give('onNewLeader', 'fourth');
  expect(given).toEqual([
    { message: 'first', code: 'LEADER_FOR_LIFE_DEGRADED' },
    { message: 'third', code: 'LEADER_FOR_LIFE_LEFT_BEHIND' },
    { message: 'fourth', code: 'LEADER_FOR_LIFE_ON_NEW_LEADER' },
  ]);
});

test('a warning keeps its lines, but nothing else that draws on the screen', () => {
  warnings.give('degraded', 'one\n\u001b[2Jtwo');
  expect(given[0]?.message).toBe('one\n [2Jtwo');
});

test('failures count as trouble once they have lasted for ten seconds', async () => {
  expect(warnings.failed()).toBe(false);
  await clock.advance(9_999);
  expect(warnings.failed()).toBe(false);
  await clock.advance(1);
  expect(warnings.failed()).toBe(true);
});

test('failures before a success do not count', async () => {
  warnings.failed();
  await clock.advance(9_000);
  warnings.succeeded();
  expect(warnings.failed()).toBe(false);
  await clock.advance(9_000);
  expect(warnings.failed()).toBe(false);
});
