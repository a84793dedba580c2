import { expect, test } from 'vitest';

import type { Entry } from '../../scenarios/journal.ts';
import { outagesOf } from './fleet.ts';

function entry(run: string, event: Entry['event'], atMs: number): Entry {
  return { event, pod: run, uid: run, container: 'main', run, atMs, time: atMs };
}

test.each([
  {
    what: 'lasts from the end of a leader to the first act of the next',
    entries: [
      entry('a', 'start', 0),
      entry('a', 'leading', 1),
      entry('a', 'heartbeat', 50),
      entry('a', 'sigterm', 60),
      entry('a', 'exit', 61),
      entry('c', 'start', 100),
      entry('b', 'start', 0),
      entry('b', 'waiting', 2),
      entry('b', 'leading', 211),
      entry('b', 'exit', 300),
      entry('c', 'leading', 1_300),
    ],
    expected: [150, 1_000],
  },
  {
    what: 'begins when a leader that releases stops working, not when its process ends',
    entries: [
      entry('a', 'leading', 1),
      entry('a', 'releasing', 60),
      entry('a', 'released', 75),
      entry('a', 'exit', 90),
      entry('b', 'leading', 80),
    ],
    expected: [20],
  },
  {
    what: 'is negative if two led at once',
    entries: [entry('a', 'leading', 1), entry('b', 'leading', 50), entry('a', 'exit', 60)],
    expected: [-10],
  },
  {
    what: 'is unknown if a leader never said that it ended',
    entries: [entry('a', 'leading', 1), entry('b', 'leading', 50)],
    expected: [],
  },
])('an outage $what', ({ entries, expected }) => {
  expect(outagesOf(entries)).toEqual(expected);
});
