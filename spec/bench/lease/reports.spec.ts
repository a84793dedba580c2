import { describe, expect, test } from 'vitest';

import type { AuditedRequest } from '../audit-log.ts';
import { moduleVersion } from '../bench-cluster.ts';
import { format } from '../report.ts';
import { footprintReport, requestsReport } from './consumption.ts';
import { crashReport } from './crash.ts';
import { herdReport } from './herd.ts';
import { type Idling, countRequests } from './idle.ts';
import { manyReport, spanMs } from './many.ts';
import { releaseReport } from './release.ts';

test('a release is judged by its median, and drawn', () => {
  const ours = { program: 'leader-for-life', handoverMs: [5, 50, 900], outageMs: [6, 60, 950] };
  const theirs = { program: 'client-go', handoverMs: [1_100], outageMs: [1_101] };
  const { table, goals, plot } = releaseReport([ours, theirs]);
  expect(table[1]).toEqual([
    ...['leader-for-life', '3', '5.0 ms', '50.0 ms', '900 ms', '6.0 ms', '60.0 ms', '950 ms'],
  ]);
  expect(goals).toMatchObject([{ measured: '50.0 ms', isMet: true }]);
  expect(plot?.panels[0]?.samples).toEqual([
    { name: 'leader-for-life', valuesMs: [5, 50, 900] },
    { name: 'client-go', valuesMs: [1_100] },
  ]);
});

test('a crash is judged by the longest of all', () => {
  const crashed = (program: string, beyondMs: number[]) => ({ program, beyondMs, outageMs: [] });
  const all = [crashed('client-go', [4_000]), crashed('leader-for-life', [20, 100.1, 30])];
  expect(crashReport(all).goals).toMatchObject([{ measured: '100 ms', isMet: false }]);
  expect(crashReport(all.slice(0, 1)).goals).toEqual([]);
});

describe('what nothing happens in', () => {
  const idling = (role: Idling['role'], requests: number, more: Partial<Idling> = {}): Idling => ({
    ...{ program: 'leader-for-life', role, windowMs: 180_000, requestsBefore: 4, requests },
    ...{ cpuMs: 90, residentBytes: 80 * 2 ** 20, ownBytes: 30 * 2 ** 20, ...more },
  });
  const day = { leading: [1_783, 1_784], waiting: [5, 2] };

  test('is reckoned to an hour, for a leader and one that waits', () => {
    const processes = [idling('leader', 89), idling('waiter', 0), idling('waiter', 1)];
    const { table, goals } = requestsReport(processes, day);
    expect(table.slice(1)).toEqual([
      ['leader-for-life', 'leader', '1', '4', '89', '1780'],
      ['leader-for-life', 'waiter', '2', '4', '0, 1', '10'],
      ['leader-for-life, simulated', 'leader', '', '', '', '1784'],
      ['leader-for-life, simulated', 'waiter', '', '', '', '5'],
    ]);
    // What a day has shown to be more often, counts.
    expect(goals).toMatchObject([
      { what: 'requests of a leader in an hour', measured: '1784', isMet: true },
      { what: 'requests of a waiter in an hour', measured: '10', isMet: true },
    ]);
  });

  test('misses its goal by what was seen', () => {
    const { goals } = requestsReport([idling('leader', 91), idling('waiter', 2)], day);
    expect(goals).toMatchObject([
      { measured: '1820', isMet: false },
      { measured: '40', isMet: false },
    ]);
  });

  test('is no goal for others', () => {
    const theirs = { program: 'client-go' };
    const processes = [idling('leader', 900, theirs), idling('waiter', 900, theirs)];
    expect(requestsReport(processes, day).goals).toEqual([]);
  });

  test('costs CPU and memory, beside a process without an elector', () => {
    const processes = [
      idling('leader', 0),
      idling('waiter', 0, { cpuMs: 40 }),
      idling('waiter', 0, { cpuMs: 50 }),
      idling('no elector', 0, { cpuMs: 0, residentBytes: 70 * 2 ** 20 }),
    ];
    expect(footprintReport(processes).table.slice(1)).toEqual([
      ['leader-for-life', 'leader', '1.8 s', '0.05 %', '80.0 MB', '30.0 MB'],
      ['leader-for-life', 'waiter', '0.9 s', '0.03 %', '80.0 MB', '30.0 MB'],
      ['leader-for-life', 'no elector', '0.0 s', '0.00 %', '70.0 MB', '30.0 MB'],
    ]);
  });

  test('is told by the token, the start apart', () => {
    const request = (tokenId: string, receivedTime: number): AuditedRequest => ({
      ...{ id: '', verb: 'get', resource: 'leases', namespace: 'arena', name: 'lease' },
      ...{
        podUid: undefined,
        resourceVersion: undefined,
        tokenId,
        status: 200,
        receivedTime,
        answeredTime: 999,
      },
    });
    const requests = [
      ...[request('a', 99), request('a', 100), request('a', 200)],
      ...[request('a', 201), request('b', 150)],
    ];
    expect(countRequests(requests, 'a', 100, 200)).toEqual({ requestsBefore: 1, requests: 2 });
  });
});

test('of many candidates, it is told how many tried', () => {
  const of = { program: 'leader-for-life', size: 100 };
  const { table, plot } = herdReport([
    { ...of, cause: 'release', takenMs: [10, 20, 40], attempts: [1, 3, 2] },
    { ...of, cause: 'crash', takenMs: [30], attempts: [2] },
  ]);
  expect(table.slice(1)).toEqual([
    ['100', 'leader-for-life', 'release', '3', '20.0 ms', '40.0 ms', '2', '3'],
    ['100', 'leader-for-life', 'crash', '1', '30.0 ms', '30.0 ms', '2', '2'],
  ]);
  expect(plot?.panels.map(({ title }) => title)).toEqual([
    '100 candidates: the Lease is released → acquired',
    '100 candidates: the stored duration has run out → acquired',
  ]);
});

test('of many electors, it is told what one of them takes', () => {
  const report = manyReport([
    {
      ...{ program: 'leader-for-life', electors: 1_000, startMs: 4_321, windowMs: 30_000 },
      ...{ requests: 14_850, cpuMs: 12_000, lost: 0, endMs: 1_500 },
      ...{ residentBytes: 170 * 2 ** 20, residentBytesWithout: 70 * 2 ** 20 },
    },
  ]);
  expect(format(report)).toContain('of 30 s after all led');
  expect(report.table[1]).toEqual([
    ...['1000', 'leader-for-life', '4321 ms', '495', '40 %', '170.0 MB', '102 kB', '0', '1500 ms'],
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
  const goMod = new URL('client-go/go.mod', import.meta.url);
  expect(moduleVersion(goMod, 'k8s.io/client-go')).toMatch(/^0\.\d+\.\d+$/);
  expect(moduleVersion(goMod, 'example.com/none')).toBe('unknown');
});
