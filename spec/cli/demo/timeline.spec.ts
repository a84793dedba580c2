import { expect, test } from 'vitest';

import { END_MS, actsOf, entriesOf, events, printed } from '../../demo/fixtures.ts';
import { termsOf } from '../../lab/history.ts';
import { tenures } from '../../demo/tenures.ts';
import { marksOf } from '../../demo/stage.ts';
import { timeline } from '../../../lib/cli/demo/timeline.ts';

const entries = entriesOf(events);
const acts = actsOf(entries);
const marks = marksOf(acts);

test('the timeline shows who led when, and how long the handovers took', () => {
  expect(printed(timeline(entries, marks, END_MS))).toBe(`\
  act       1                  2          3                  4
  app-a     ··········██████████╳
  app-b     ···········░░░░░░░░░██████████╳╌╌╌╌╌╌╌╌╌██████████○
  app-c                                             ·····░░░░░██████████████████
  time      0 s       1 s       2 s       3 s       4 s       5 s       6 s
  handover                      10 ms                         5.0 ms

            █ leads   ░ waits   · starts   ╌ restarts   ╳ killed   ○ released
`);
});

test('the table says it in numbers', () => {
  const terms = termsOf(entries);
  expect(printed(tenures(terms, acts, END_MS))).toBe(`\
  leader  from      to        led for   token   took over in
  app-a   1.00 s    2.00 s    1.00 s    5
  app-b   2.01 s    5.00 s    2.99 s    9       10 ms
  app-c   5.00 s    the end   1.79 s    12      5.0 ms
`);
});

test('a play in which nothing happened can be shown', () => {
  expect(printed(timeline([], [], 100))).toContain('act\n  time');
});

test('a leader that was cut off is seen to stand aside, and to wait again', () => {
  const cutOff = entriesOf([
    [0, 'app-a', 'start'],
    [1_000, 'app-a', 'leading', '5'],
    [3_000, 'app-a', 'lost'],
    [5_000, 'app-a', 'waiting'],
    [6_900, 'app-a', 'gone'],
  ]);
  const drawn = printed(timeline(cutOff, [], 7_000));
  expect(drawn).toMatch(/^ {2}app-a +·{10}█{19,21}┄{19,20}░{18,19}╳$/m);
  expect(drawn).toMatch(/^ +█ leads {3}░ waits {3}· starts {3}┄ cut off {3}╳ killed$/m);
});
