import { describe, expect, test } from 'vitest';

import { type Check, checkLeases, checkLives } from './checks.ts';
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
  expect(problems(checkLives(acts, entries))).toEqual([]);
});

test('two leaders at once are noticed, also for a moment', () => {
  const early = entriesOf(
    events.map(([atMs, ...event]) => [atMs === 2_010 ? 1_999 : atMs, ...event] as const),
  );
  expect(problems(checkLives(acts, early))).toEqual([
    'app-b led from 2.00 s, but app-a had led since 1.00 s and did until 2.00 s',
  ]);
});

test('a leader that never ends is noticed', () => {
  const endless = entriesOf(
    events.filter(([, pod, what]) => !(pod === 'app-a' && what === 'exits')),
  );
  expect(problems(checkLives(acts, endless))).toContainEqual(
    'app-b led from 2.01 s, but app-a had led since 1.00 s and still did',
  );
});

test('work of who does not lead is noticed', () => {
  const late = entriesOf([...events, [5_010, 'app-b', 'works']]);
  expect(problems(checkLives(acts, late))).toEqual(['app-b worked at 5.01 s without leading']);
});

test('a leader that should not be is noticed', () => {
  const same = spoiled(2, () => ({ ...acts[0]?.after }));
  expect(problems(checkLives(same, entries))).toContain('act 2: app-a still led');
  const other = spoiled(3, () => ({ ...acts[3]?.after }));
  expect(problems(checkLives(other, entries))).toContain('act 3: app-c took over');
});

test("a lock that is not the leader's is noticed", () => {
  const foreign = spoiled(4, () => ({ lock: undefined }));
  expect(problems(checkLives(foreign, entries))).toEqual(['act 4: app-c led without the lock']);
});

test('a lock that a restart changed is noticed', () => {
  const touched = spoiled(3, ({ after }) => ({
    lock: after.lock && { ...after.lock, resourceVersion: '10' },
  }));
  expect(problems(checkLives(touched, entries))).toEqual([
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
  expect(problems(checkLives(acts, stale))).toEqual(problem === undefined ? [] : [problem]);
});

test('a play without acts proves nothing', () => {
  expect(problems(checkLives([], []))).toEqual([
    'no act was played to its end',
    'no container was restarted',
  ]);
});

describe('a play of leases', () => {
  const LEASE_MS = 3_000;
  const leaseEntries = entriesOf([
    [0, 'app-a', 'starts'],
    [0, 'app-b', 'starts'],
    [0, 'app-c', 'starts'],
    [1_000, 'app-a', 'leads', '5'],
    [1_500, 'app-a', 'works'],
    [2_000, 'app-a', 'releases'],
    [2_010, 'app-b', 'leads', '9'],
    [3_000, 'app-b', 'exits'],
    [5_900, 'app-c', 'leads', '12'],
    [8_000, 'app-c', 'loses'],
    [9_000, 'app-d', 'leads', '15'],
    [9_100, 'app-c', 'waits'],
  ]);
  const leaseActs = actsOf(leaseEntries).map((act) => ({
    ...act,
    expected: act.before ? ('another Pod' as const) : ('anybody' as const),
  }));
  const writes = [
    { pod: 'app-a', atMs: 990 },
    { pod: 'app-a', atMs: 2_002 },
    { pod: 'app-b', atMs: 2_008 },
    { pod: 'app-b', atMs: 2_800 },
    { pod: 'app-c', atMs: 5_890 },
    { pod: 'app-c', atMs: 5_990 },
    { pod: 'app-d', atMs: 8_995 },
  ];
  const found = (
    changed: { entries?: typeof leaseEntries; writes?: typeof writes } = {},
    played = leaseActs,
  ) =>
    problems(
      checkLeases(played, changed.entries ?? leaseEntries, changed.writes ?? writes, LEASE_MS),
    );

  test('as it should be passes every check', () => {
    expect(found()).toEqual([]);
  });

  test('in which a lease is taken before it expires is noticed', () => {
    const late = [...writes.slice(0, -1), { pod: 'app-c', atMs: 6_001 }];
    expect(found({ writes: late })).toEqual(['act 4: app-d led 3.00 s after app-c renewed last']);
  });

  test('in which a lease is not released before another leads is noticed', () => {
    const renewed = writes.filter(({ atMs }) => atMs !== 2_002);
    expect(found({ writes: renewed })).toEqual([
      'act 2: app-b led, but app-a had not released the lease',
    ]);
  });

  test('in which nobody is seen to write is noticed', () => {
    expect(found({ writes: [] })).toHaveLength(3);
  });

  test('in which the leader that is cut off goes on is noticed', () => {
    const stubborn = leaseEntries.filter(({ what }) => what !== 'loses');
    expect(found({ entries: stubborn })).toEqual([
      'app-d led from 9.00 s, but app-c had led since 5.90 s and still did',
      'no leader stepped down by itself',
    ]);
  });

  test('in which it works on after it stepped down is noticed', () => {
    const late = [...leaseEntries];
    late.push({ atMs: 8_050, pod: 'app-c', run: 3, what: 'works' });
    expect(found({ entries: late })).toEqual(['app-c worked at 8.05 s without leading']);
  });

  test('without acts proves nothing', () => {
    expect(found({ entries: [], writes: [] }, [])).toEqual([
      'no act was played to its end',
      'no lease was released',
      'no lease expired',
      'no leader stepped down by itself',
    ]);
  });
});
