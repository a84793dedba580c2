import { expect, test } from 'vitest';

import { type Check, check } from './checks.ts';
import { actsOf, entriesOf, events } from './fixtures.ts';
import type { Act } from './stage.ts';

const entries = entriesOf(events);
const acts = actsOf(entries);

function problems(checks: readonly Check[]): string[] {
  return checks.flatMap((found) => found.problems);
}

/** The acts with one of them changed. */
function spoiled(number: number, change: (act: Act) => Partial<Act['after']>): Act[] {
  return acts.map((act) =>
    act.number === number ? { ...act, after: { ...act.after, ...change(act) } } : act,
  );
}

test('a play as it should be passes every check', () => {
  expect(problems(check(acts, entries))).toEqual([]);
});

test('two leaders at once are noticed, also for a moment', () => {
  const early = entriesOf(
    events.map(([atMs, ...event]) => [atMs === 2_010 ? 1_999 : atMs, ...event] as const),
  );
  expect(problems(check(acts, early))).toEqual([
    'app-b led from 2.00 s, but app-a had led since 1.00 s and did until 2.00 s',
  ]);
});

test('a leader that never ends is noticed', () => {
  const endless = entriesOf(
    events.filter(([, pod, what]) => !(pod === 'app-a' && what === 'exits')),
  );
  expect(problems(check(acts, endless))).toContainEqual(
    'app-b led from 2.01 s, but app-a had led since 1.00 s and still did',
  );
});

test('work of who does not lead is noticed', () => {
  const late = entriesOf([...events, [5_010, 'app-b', 'works']]);
  expect(problems(check(acts, late))).toEqual(['app-b worked at 5.01 s without leading']);
});

test('a leader that should not be is noticed', () => {
  const same = spoiled(2, () => ({ ...acts[0]?.after }));
  expect(problems(check(same, entries))).toContain('act 2: app-a still led');
  const other = spoiled(3, () => ({ ...acts[3]?.after }));
  expect(problems(check(other, entries))).toContain('act 3: app-c took over');
});

test("a lock that is not the leader's is noticed", () => {
  const foreign = spoiled(4, () => ({ lock: undefined }));
  expect(problems(check(foreign, entries))).toEqual(['act 4: app-c led without the lock']);
});

test('a lock that a restart changed is noticed', () => {
  const touched = spoiled(3, ({ after }) => ({
    lock: after.lock && { ...after.lock, resourceVersion: '10' },
  }));
  expect(problems(check(touched, entries))).toEqual([
    expect.stringMatching(/^act 3: the lock was .+"9".+ and became .+"10"/),
  ]);
});

test.each([
  ['9', 'app-c got 9 after app-b had 9'],
  ['10', undefined],
])('tokens that do not grow as numbers do are noticed (%s)', (token, problem) => {
  const stale = entriesOf(
    events.map((event) => (event[3] === '12' ? [event[0], event[1], event[2], token] : event)),
  );
  expect(problems(check(acts, stale))).toEqual(problem === undefined ? [] : [problem]);
});

test('a play without acts proves nothing', () => {
  expect(problems(check([], []))).toEqual([
    'no act was played to its end',
    'no container was restarted',
  ]);
});
