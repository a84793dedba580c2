import { describe, expect, test } from 'vitest';

import { moduleVersion } from './bench-cluster.ts';
import { crash, podHandover, release } from './handover.ts';
import { inProcessHerd, leaseHerd } from './herd.ts';
import { type Idling, footprint, leaseRequests, podRequests } from './idle.ts';
import { many, spanMs } from './many.ts';
import { podCrash } from './pods/crash.ts';
import { rollout } from './pods/rollout.ts';
import { format } from './report.ts';

const OURS = 'leader-for-life';

test('Pods are judged by medians of the same run', () => {
  const { goals } = podHandover.report([
    { program: OURS, handoverMs: [5, 6, 100], outageMs: [100, 260, 300] },
    { program: 'operator-lib', handoverMs: [90, 110, 700], outageMs: [1_600] },
    { program: 'bare client', handoverMs: [4, 5, 5], outageMs: [1_000] },
  ]);
  expect(goals).toMatchObject([
    { measured: '18 times', isMet: false },
    { measured: '260 ms', isMet: false },
    { measured: '1.20 times', isMet: true },
  ]);
});

test('a release is judged by its median, and drawn', () => {
  const { table, goals, panels } = release.report([
    { program: OURS, handoverMs: [5, 50, 900], outageMs: [6, 60, 950] },
    { program: 'client-go', handoverMs: [1_100], outageMs: [1_101] },
  ]);
  expect(table[1]).toEqual([
    ...[OURS, '3', '5.0 ms', '50.0 ms', '900 ms', '6.0 ms', '60.0 ms', '950 ms'],
  ]);
  expect(goals).toMatchObject([{ measured: '50.0 ms', isMet: true }]);
  expect(panels?.[0]?.samples).toEqual([
    { name: OURS, valuesMs: [5, 50, 900] },
    { name: 'client-go', valuesMs: [1_100] },
  ]);
});

test('a crash is judged by the longest of all', () => {
  const all = [
    { program: 'client-go', beyondMs: [4_000], outageMs: [] },
    { program: OURS, beyondMs: [20, 100.1, 30], outageMs: [] },
  ];
  expect(crash.report(all).goals).toMatchObject([{ measured: '100 ms', isMet: false }]);
  expect(crash.report(all.slice(0, 1)).goals).toEqual([]);
});

describe('a waiting Pod', () => {
  const waiting = (program: string, within: number[]) => {
    return { program, windowMs: 300_000, before: [7, 8], within, kinds: {} };
  };

  test.each([
    { by: 'what the window was too short to show', ours: [0, 0], fewer: '86 times', isMet: true },
    { by: 'what was counted if that is more', ours: [4, 4], fewer: '18 times', isMet: false },
  ])('is judged by $by', ({ ours, fewer, isMet }) => {
    const fleets = [waiting(OURS, ours), waiting('operator-lib', [70, 74])];
    const { table, goals } = podRequests.report({ fleets, simulatedHour: 10 });
    expect(goals).toMatchObject([{ measured: fewer, isMet }]);
    expect(table[2]).toEqual(['operator-lib', '7.5', '70, 74', '864.0']);
  });
});

describe('an idle process', () => {
  const idling = (role: Idling['role'], requests: number, more: Partial<Idling> = {}): Idling => ({
    ...{ program: OURS, role, windowMs: 180_000, requestsBefore: 4, requests },
    ...{ cpuMs: 90, residentBytes: 80 * 2 ** 20, ownBytes: 30 * 2 ** 20, ...more },
  });
  const day = { leading: [1_783, 1_784], waiting: [5, 2] };

  test('has its requests extrapolated to an hour, as a leader and as a waiter', () => {
    const processes = [idling('leader', 89), idling('waiter', 0), idling('waiter', 1)];
    const { table, goals } = leaseRequests.report({ processes, day });
    expect(table.slice(1)).toEqual([
      [OURS, 'leader', '1', '4', '89', '1780'],
      [OURS, 'waiter', '2', '4', '0, 1', '10'],
      [`${OURS}, simulated`, 'leader', '', '', '', '1784'],
      [`${OURS}, simulated`, 'waiter', '', '', '', '5'],
    ]);
    // What a day has shown to be more often, counts.
    expect(goals).toMatchObject([
      { what: 'requests of a leader in an hour', measured: '1784', isMet: true },
      { what: 'requests of a waiter in an hour', measured: '10', isMet: true },
    ]);
  });

  test('misses its goal by what was seen', () => {
    const processes = [idling('leader', 91), idling('waiter', 2)];
    expect(leaseRequests.report({ processes, day }).goals).toMatchObject([
      { measured: '1820', isMet: false },
      { measured: '40', isMet: false },
    ]);
  });

  test('of another library has no goal', () => {
    const theirs = { program: 'client-go' };
    const processes = [idling('leader', 900, theirs), idling('waiter', 900, theirs)];
    expect(leaseRequests.report({ processes, day }).goals).toEqual([]);
  });

  test('costs CPU and memory, beside a process without an elector', () => {
    const { table } = footprint.report([
      idling('leader', 0),
      idling('waiter', 0, { cpuMs: 40 }),
      idling('waiter', 0, { cpuMs: 50 }),
      idling('no elector', 0, { cpuMs: 0, residentBytes: 70 * 2 ** 20 }),
    ]);
    expect(table.slice(1)).toEqual([
      [OURS, 'leader', '1.8 s', '0.05 %', '80.0 MB', '30.0 MB'],
      [OURS, 'waiter', '0.9 s', '0.03 %', '80.0 MB', '30.0 MB'],
      [OURS, 'no elector', '0.0 s', '0.00 %', '70.0 MB', '30.0 MB'],
    ]);
  });
});

test('a crowd is judged by its median, its most creates, and beside the floor', () => {
  const series = (contender: string, size: number, takenMs: number[], creates = 2) => ({
    ...{ contender, size, cause: 'deleted' as const },
    handovers: takenMs.map((taken) => {
      return { takenMs: taken, creates, freedMs: 1, deletes: 1, leaderUid: '' };
    }),
  });
  const { table, goals } = inProcessHerd.report([
    series('become', 3, [4, 6, 90]),
    { ...series('become', 3, [26]), cause: 'ended' },
    series('bare client', 3, [5]),
    series('become', 100, [150], 31),
  ]);
  expect(table.slice(1).map(([first, runs]) => [first, runs])).toEqual([
    ['3', '3'],
    ['3, Pod ended', '1'],
    ['3, bare client', '1'],
    ['100', '1'],
  ]);
  expect(goals).toMatchObject([
    { what: '3 candidates, Pod deleted: median handover', measured: '6.0 ms', isMet: true },
    { what: '3 candidates, Pod ended: median handover', measured: '26.0 ms', isMet: false },
    { what: '100 candidates, Pod deleted: median handover', measured: '150 ms', isMet: true },
    { what: '100 candidates, Pod deleted: most creates in a handover', isMet: false },
    { measured: '1.20 times', isMet: true },
  ]);
});

test('of many candidates for a Lease, it is told how many tried', () => {
  const { table, panels } = leaseHerd.report([
    { program: OURS, size: 100, cause: 'release', takenMs: [10, 20, 40], attempts: [1, 3, 2] },
    { program: OURS, size: 100, cause: 'crash', takenMs: [30], attempts: [2] },
  ]);
  expect(table.slice(1)).toEqual([
    ['100', OURS, 'release', '3', '20.0 ms', '40.0 ms', '2', '3'],
    ['100', OURS, 'crash', '1', '30.0 ms', '30.0 ms', '2', '2'],
  ]);
  expect(panels?.map(({ title }) => title)).toEqual([
    '100 candidates: the Lease is released → acquired',
    '100 candidates: the stored duration has run out → acquired',
  ]);
});

test('of many electors, it is told what one of them takes', () => {
  const report = many.report([
    {
      ...{ program: OURS, electors: 1_000, startMs: 4_321, windowMs: 30_000 },
      ...{ requests: 14_850, cpuMs: 12_000, lost: 0, endMs: 1_500 },
      ...{ residentBytes: 170 * 2 ** 20, residentBytesWithout: 70 * 2 ** 20 },
    },
  ]);
  expect(format(report)).toContain('of 30 s after all led');
  expect(report.table[1]).toEqual([
    ...['1000', OURS, '4321 ms', '495', '40 %', '170.0 MB', '102 kB', '0', '1500 ms'],
  ]);
});

test('crashes of Pods are judged by ours alone, all causes together', () => {
  const crashes = (program: string, cause: string, outageMs: number[], sinceStartMs = [300]) => {
    return { program, cause, outageMs, sinceStartMs };
  };
  const { table, goals, panels } = podCrash.report([
    crashes(OURS, 'killed', [500, 700, 1_400]),
    crashes('client-go', 'killed', [17_000]),
    crashes(OURS, 'only replica killed', [1_600], [900, 1_001]),
  ]);
  expect(table[1]).toEqual(['killed', OURS, '3', '700 ms', '1400 ms', '1400 ms']);
  expect(goals).toMatchObject([
    { measured: '700 ms', isMet: false },
    { measured: '1400 ms', isMet: true },
    { measured: '1001 ms', isMet: false },
  ]);
  expect(panels?.[0]?.samples[1]).toEqual({ name: 'client-go', row: 'killed', valuesMs: [17_000] });
});

test('rolling updates are judged by how many handed over once, to a new Pod', () => {
  const strategy = 'all Pods at once';
  const updates = (program: string, direct: number, how?: string) => ({
    ...{ program, strategy, direct, ...(how && { how }) },
    ...{ handovers: Array<number>(20).fill(1), outageMs: Array<number>(20).fill(40) },
  });
  const { table, goals, panels } = rollout.report([
    updates(OURS, 19, 'life, newest'),
    updates(OURS, 18, 'lease, newest'),
    { ...updates('operator-lib', 0), handovers: [2, 3], outageMs: [1_000, 9_000] },
  ]);
  expect(goals).toMatchObject([{ isMet: true }, { isMet: false }]);
  const last = ['operator-lib', strategy, '2', '0', '2.5', '3', '5000 ms', '9000 ms', '9000 ms'];
  expect(table.at(-1)).toEqual(last);
  expect(panels?.map(({ samples }) => samples.map(({ row, name }) => row ?? name))).toEqual([
    [],
    ['life, newest', 'lease, newest', 'operator-lib'],
  ]);
});

test('a span is from the first of one kind to the last of another', () => {
  const entries = [
    { event: 'start', atMs: 10 },
    { event: 'leading', identity: 'a', atMs: 30 },
    { event: 'leading', identity: 'b', atMs: 45 },
    { event: 'exit', atMs: 90 },
  ] as const;
  expect(spanMs(entries, 'start', 'leading')).toBe(35);
  expect(spanMs(entries, 'sigterm', 'exit')).toBeNaN();
});

test('the version of a Go module is that which a program requires', () => {
  expect(moduleVersion('../lab/client-go/go.mod', 'client-go')).toMatch(/^0\.\d+\.\d+$/);
  expect(moduleVersion('../lab/client-go/go.mod', 'example.com/none')).toBe('unknown');
});
