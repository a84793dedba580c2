import { expect, test } from 'vitest';

import { led } from '../lab/fixtures.ts';
import { termsOf } from '../lab/history.ts';
import { unfounded, usurpations } from './checker.ts';

const terms = termsOf(led('a', 10, 50));
const creation = (podUid: string, receivedTime: number, answeredTime = receivedTime) => {
  return { podUid, receivedTime, answeredTime };
};

test('a lock that another Pod got while one led is told', () => {
  const creations = [creation('a', 9), creation('b', 11, 49)];
  expect(usurpations(terms, creations)).toEqual(['the Pod b got the lock while a led']);
});

test.each([
  ['before it led', creation('b', 9)],
  ['when it may have stopped', creation('b', 11, 50)],
  ['itself', creation('a', 11)],
])('a lock that was created %s is not', (_, created) => {
  expect(usurpations(terms, [created])).toEqual([]);
});

test.each<[string, ReturnType<typeof creation>[], number]>([
  ['nobody', [], 1],
  ['another Pod', [creation('b', 1)], 1],
  ['it, but later', [creation('a', 11)], 1],
  ['it', [creation('a', 9)], 0],
])('a leader is told of if the lock was created for %s', (_, creations, count) => {
  expect(unfounded(terms, creations)).toHaveLength(count);
});
