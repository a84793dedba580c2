import { describe, expect, test } from 'vitest';

import { read } from '../public/project.ts';
import { requestsReport } from './lease/consumption.ts';
import { crashReport } from './lease/crash.ts';
import { type LeaseResult, leaseTables } from './lease/page.ts';
import { releaseReport } from './lease/release.ts';
import { type ClusterResult, fillIn, lifeTables } from './page.ts';
import { goalsOf } from './succession.ts';

const page = read('docs/benchmark.md');
const picture = read('docs/benchmark/handover.svg');
const result = JSON.parse(read('docs/benchmark/result.json')) as ClusterResult;
const leasePicture = read('docs/benchmark/lease.svg');
const leaseResult = JSON.parse(read('docs/benchmark/lease.json')) as LeaseResult;
const tables = { ...lifeTables(result), ...leaseTables(leaseResult) };

describe('the page on the benchmark', () => {
  test('has the figures of the stored results: if not, run `node spec/bench/page.ts`', async () => {
    expect(await fillIn(page, tables)).toBe(page);
  });

  test.each(Object.keys(tables))('shows %s', (name) => {
    expect(page).toContain(`<!-- measured: ${name} -->\n\n`);
  });

  test('would get the figures of another result', async () => {
    const [ours, ...others] = result.handover;
    const handover = [{ program: 'x', handoverMs: [1_234], outageMs: [] }, ours ?? [], ...others];
    const other = { ...result, handover } as ClusterResult;
    const filled = await fillIn(page, { ...tables, ...lifeTables(other) });
    expect(filled).toMatch(/^\| x +\| 1 +\| 1234 ms +\|/m);
  });

  test('cannot ask for what is not measured', async () => {
    const wrong = '<!-- measured: luck -->\n<!-- /measured -->\n';
    await expect(fillIn(wrong, tables)).rejects.toThrow('nothing is measured that is called luck');
  });
});

describe('the stored result', () => {
  test('is what the picture shows', () => {
    expect(picture).toContain(result.machine.date);
    for (const { program } of result.handover) expect(picture).toContain(`>${program}</text>`);
  });

  test('has at least 20 handovers of each, with their outages', () => {
    for (const { handoverMs, outageMs } of result.handover) {
      expect(handoverMs.length).toBeGreaterThanOrEqual(20);
      expect(outageMs.length).toBe(handoverMs.length);
    }
  });

  test('is compared with the goals of today', () => {
    expect(result.goals).toEqual(expect.arrayContaining(goalsOf(result.handover)));
  });
});

describe('the stored result of lease mode', () => {
  test('is what the picture shows', () => {
    expect(leasePicture).toContain(leaseResult.machine.date);
    for (const { program } of leaseResult.release) {
      expect(leasePicture).toContain(`>${program}</text>`);
    }
  });

  test('has at least 20 handovers of each', () => {
    for (const { handoverMs } of leaseResult.release) {
      expect(handoverMs.length).toBeGreaterThanOrEqual(20);
    }
    for (const { beyondMs } of leaseResult.crash) {
      expect(beyondMs.length).toBeGreaterThanOrEqual(20);
    }
  });

  test('is of at least three minutes, a hundred candidates and a thousand electors', () => {
    const { requests, herd, many } = leaseResult;
    const minutes = requests.processes.map(({ windowMs }) => windowMs / 60_000);
    expect(Math.min(...minutes)).toBeGreaterThanOrEqual(3);
    expect(herd.map(({ size }) => size)).toEqual([100, 100, 100, 100]);
    expect(many.map(({ electors }) => electors)).toEqual([1_000, 1_000]);
  });

  test('is compared with the goals of today', () => {
    const { goals, release, crash, requests } = leaseResult;
    const today = [
      ...(releaseReport(release).goals ?? []),
      ...(crashReport(crash).goals ?? []),
      ...(requestsReport(requests.processes, requests.day).goals ?? []),
    ];
    expect(today.length).toBe(4);
    expect(goals).toEqual(today);
  });
});
