import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';

import { root } from '../public/entry-points.ts';
import { atLeast, atMost, goalReport, times } from './goal.ts';
import { format, ms, ratio } from './report.ts';
import { maximum, median, minimum } from './statistics.ts';

/** Runs the benchmark; rejects when it fails. */
async function bench(...args: string[]): Promise<string> {
  const script = join(root, 'spec/bench/bench.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], {
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  return stdout;
}

// How fast it is says nothing here: this is about whether it measures at all.
describe('npm run bench', () => {
  test('measures handovers, and writes them to a file if asked to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-bench-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const json = join(folder, 'bench.json');
    const handovers = ['handover', '--candidates', '3', '--handovers', '2'];
    const stdout = await bench(...handovers, '--json', json);
    expect(stdout).toMatch(/^leader-for-life .+ Node\.js .+\n\d+ cores .+\n\nHandover on the in-p/);
    expect(stdout).toMatch(/^ {2}The floor is a bare client: 3 candidates take [\d.]+ times/m);
    expect(stdout).toMatch(/^3 +deleted +2 +[\d.]+ ms +[\d.]+ ms +[\d.]+ ms +25\.0 ms /m);
    expect(stdout).toMatch(/^3 +ended +2 /m);
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({
      machine: { cores: expect.any(Number) },
      handover: [
        { contender: 'become', size: 3, cause: 'deleted', handovers: [{}, {}] },
        { contender: 'become', size: 3, cause: 'ended', handovers: [{}, {}] },
        { contender: 'bare client', size: 3, cause: 'deleted', handovers: [{}, {}] },
      ],
    });
  }, 60_000);

  test('counts the requests of an uncontested call, and of hours of waiting and leading', async () => {
    const stdout = await bench('requests');
    expect(stdout).toMatch(/ nobody contests +2 +1 create configmaps, 1 get pods$/m);
    expect(stdout).toMatch(/^the costliest of 24 hours of leading +0$/m);
  });

  test.each([
    ['speed', 'speed is none of handover, requests, import, size'],
    ['--lease call', 'call is none of release, crash, requests, footprint, herd, many'],
    ['--cluster --lease', '--cluster and --lease are two benchmarks'],
    ['--lease --electors=0', 'a whole number was expected, 1 or more, not 0'],
    ['--lease many --svg=x', '--svg shows the part handover of --cluster, or release, crash and'],
    ['--cluster import', 'import is none of handover, call, herd, requests'],
    ['--candidates=3,many', 'a whole number was expected, 2 or more, not many'],
    ['--svg=x', '--svg shows the part handover of --cluster, or'],
    ['--cluster herd --svg=x', '--svg shows the part handover of --cluster'],
    ['--fast', "Unknown option '--fast'"],
  ])('explains why it does not know what to do with %s', async (args, message) => {
    await expect(bench(...args.split(' '))).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(message),
    });
  });
});

test.each([
  [[1], 1, 1, 1],
  [[3, 1, 2], 1, 2, 3],
  [[4, 1, 10, 2], 1, 3, 10],
  [[], NaN, NaN, NaN],
])('of %j the minimum is %f, the median %f and the maximum %f', (values, least, middle, most) => {
  expect(minimum(values)).toBe(least);
  expect(median(values)).toBe(middle);
  expect(maximum(values)).toBe(most);
});

test('a report is a table with numbers to the right', () => {
  const table = [
    ['what', 'time', 'ratio'],
    ['short', ms(9.94), ratio(9.94, 20)],
    ['a long one', ms(1_234.5), ratio(1, undefined)],
  ];
  expect(format({ title: 'Title', notes: ['note'], table, data: {} })).toBe(`\
Title
  note

what           time  ratio
short        9.9 ms   0.50
a long one  1235 ms`);
});

describe('a goal', () => {
  test('is met as it is reached, and missed beyond', () => {
    const goals = [249.9, 250, 250.1].flatMap((measured) => atMost('wait', measured, 250, ms));
    expect(goals.map(({ isMet }) => isMet)).toEqual([true, true, false]);
    const ratios = [19.9, 20, 20.1].flatMap((measured) => atLeast('gain', measured, 20, times));
    expect(ratios.map(({ isMet }) => isMet)).toEqual([false, true, true]);
  });

  test('is none where nothing was measured, or aimed at', () => {
    expect(atMost('wait', NaN, 250, ms)).toEqual([]);
    expect(atLeast('gain', NaN, 20, times)).toEqual([]);
    expect(atMost('wait', 1, undefined, ms)).toEqual([]);
  });

  test('is shown beside what was measured', () => {
    const goals = [...atMost('wait', 184, 250, ms), ...atLeast('gain', 2.5, 20, times)];
    expect(format(goalReport(goals))).toBe(`\
Goals

      goal               measured
wait  at most 250 ms     184 ms      met
gain  at least 20 times  2.50 times  missed`);
  });
});
