import { describe, expect, test } from 'vitest';

import { led, said } from './fixtures.ts';
import { historyOf, termsOf } from './history.ts';
import type { Entry } from './journal.ts';
import { handoversOf, overlapsOf, violations } from './verdict.ts';

describe('a term', () => {
  test('is from the first to the last act of a process, and open until it says that it has stopped', () => {
    const entries = [...led('a', 100, 300), said('a', 'lost', 310), ...led('a', 400, 500)];
    expect(termsOf(entries)).toMatchObject([
      { pod: 'a', fromMs: 100, toMs: 300, fromTime: 100, toTime: 300, endMs: 310, isOpen: false },
      { pod: 'a', fromMs: 400, toMs: 500, endMs: Infinity, isOpen: true },
    ]);
  });

  test.each(['releasing', 'lost', 'exit', 'gone'] as const)('ends with "%s"', (event) => {
    expect(termsOf([...led('a', 1, 2), said('a', event, 3)])).toMatchObject([{ endMs: 3 }]);
  });

  test('comes before another that began later, whichever is told of first', () => {
    const terms = termsOf([...led('a', 500, 600), ...led('b', 100, 200)]);
    expect(terms.map(({ pod }) => pod)).toEqual(['b', 'a']);
  });
});

const token = (fencingToken: string) => ({ fencingToken });
const TOGETHER = 'a and b led together for';

test.each<[string, readonly Entry[], string[]]>([
  ['one leads after the other', [...led('a', 0, 10), ...led('b', 20, 30)], []],
  [
    'one acts before the other has acted for the last time',
    [...led('b', 15, 30), ...led('a', 0, 20)],
    [`${TOGETHER} 5.0 ms`],
  ],
  ['they meet at one moment', [...led('a', 0, 10), ...led('b', 10, 30)], [`${TOGETHER} 0.0 ms`]],
  [
    'two lead in the midst of another’s term',
    [...led('a', 0, 90), ...led('b', 20, 30), ...led('c', 40, 60)],
    [`${TOGETHER} 10.0 ms`, 'a and c led together for 20.0 ms'],
  ],
  [
    'two processes of one Pod lead together',
    [...led('a', 0, 10, token('5')), ...led('a', 5, 30, { run: 'other', ...token('5') })],
    [],
  ],
  [
    'two Pods of one name do',
    [...led('a', 0, 10, { uid: 'x' }), ...led('a', 5, 30, { uid: 'y' })],
    ['a (x) and a (y) led together for 5.0 ms'],
  ],
  ['one acts before it leads', [said('a', 'heartbeat', 1)], ['a acted without leading']],
  [
    'one acts after it has stopped',
    [...led('a', 0, 10), said('a', 'lost', 11), said('a', 'heartbeat', 12)],
    ['a acted without leading'],
  ],
  [
    'a later token is larger, as numbers are',
    [...led('a', 0, 10, token('9')), ...led('b', 20, 30, token('10'))],
    [],
  ],
  [
    'a later token is the same',
    [...led('a', 0, 10, token('9')), ...led('b', 20, 30, token('9'))],
    ['b led with the token 9 after a with 9'],
  ],
  [
    'a later token is smaller, with a leader without a token in between',
    [...led('a', 0, 10, token('10')), ...led('c', 12, 14), ...led('b', 20, 30, token('9'))],
    ['b led with the token 9 after a with 10'],
  ],
  [
    'a token is smaller than before of the same Pod',
    [...led('a', 0, 10, token('9')), ...led('a', 20, 30, token('8'))],
    ['a led with the token 8 after a with 9'],
  ],
])('the verdict where %s', (_, entries, expected) => {
  expect(violations(historyOf(entries))).toEqual(expected);
});

test('a handover has a gap, which is negative for an overlap', () => {
  const terms = termsOf([...led('a', 0, 10), ...led('b', 20, 30), ...led('c', 25, 40)]);
  const told = handoversOf(terms).map(({ from, to, gapMs }) => [from.pod, to.pod, gapMs]);
  expect(told).toEqual([
    ['a', 'b', 10],
    ['b', 'c', -5],
  ]);
  expect(overlapsOf(terms)).toHaveLength(1);
});

test('a handover is not where the same one leads again', () => {
  expect(handoversOf(termsOf([...led('a', 0, 10), ...led('a', 20, 30)]))).toEqual([]);
});
