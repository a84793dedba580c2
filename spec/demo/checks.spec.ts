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

test.each<[string, Parameters<typeof entriesOf>[0], string]>([
  [
    'two leaders at once, for a moment',
    events.map(([atMs, ...event]) => [atMs === 2_010 ? 1_979 : atMs, ...event] as const),
    'app-a and app-b led together for 0.0 ms',
  ],
  [
    'work of one that does not lead',
    [...events, [5_010, 'app-b', 'heartbeat']],
    'app-b acted without leading',
  ],
  [
    'tokens that do not grow as numbers do',
    events.map(([atMs, pod, event, token]) => {
      return [atMs, pod, event, token === '12' ? '8' : token] as const;
    }),
    'app-c led with the token 8 after app-b with 9',
  ],
])('%s: that is noticed', (_, spoilt, problem) => {
  expect(problems(checkLives(acts, entriesOf(spoilt)))).toEqual([problem]);
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

test('a play without acts proves nothing', () => {
  expect(problems(checkLives([], []))).toEqual([
    'no act was played to its end',
    'no container was restarted',
  ]);
});

describe('a play of leases', () => {
  const LEASE_MS = 3_000;
  const leaseEntries = entriesOf([
    [0, 'app-a', 'start'],
    [0, 'app-b', 'start'],
    [0, 'app-c', 'start'],
    [1_000, 'app-a', 'leading', '5'],
    [1_500, 'app-a', 'heartbeat'],
    [2_000, 'app-a', 'releasing'],
    [2_010, 'app-b', 'leading', '9'],
    [3_000, 'app-b', 'gone'],
    [5_900, 'app-c', 'leading', '12'],
    [8_000, 'app-c', 'lost'],
    [9_000, 'app-d', 'leading', '15'],
    [9_100, 'app-c', 'waiting'],
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
    const stubborn = leaseEntries.filter(({ event }) => event !== 'lost');
    expect(found({ entries: stubborn })).toEqual(['no leader stepped down by itself']);
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
