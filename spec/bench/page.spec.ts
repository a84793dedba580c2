import { describe, expect, test } from 'vitest';

import { read } from '../public/project.ts';
import { toSvg } from './plot.ts';
import { type Results, fillIn, tablesOfPage } from './page.ts';
import { type Result, SUITES, type Suite, goalsOf, plotOf, reportsOf } from './suites.ts';

const page = read('docs/benchmark.md');
const stored = (name: string) => JSON.parse(read(`docs/benchmark/${name}.json`)) as Result;
const results: Results = {
  cluster: stored('result'),
  lease: stored('lease'),
  pods: stored('pods'),
  light: stored('light'),
};
const tables = tablesOfPage(results);

describe('the page on the benchmark', () => {
  test('has the figures of the stored results: if not, run `node spec/bench/page.ts`', async () => {
    expect(await fillIn(page, tables)).toBe(page);
  });

  test.each([...tables.keys()])('shows %s', (name) => {
    expect(page).toContain(`<!-- measured: ${name} -->\n\n`);
  });

  test('would get the figures of another result', async () => {
    const handover = [{ program: 'x', handoverMs: [1_234], outageMs: [] }];
    const other = tablesOfPage({ ...results, cluster: { ...results.cluster, handover } });
    expect(await fillIn(page, other)).toMatch(/^\| x +\| 1 +\| 1234 ms +\|/m);
  });

  test('cannot ask for what is not measured', async () => {
    const wrong = '<!-- measured: luck -->\n<!-- /measured -->\n';
    await expect(fillIn(wrong, tables)).rejects.toThrow('nothing is measured that is called luck');
  });
});

describe.each([
  { name: 'cluster', suite: SUITES.cluster, picture: 'handover' },
  { name: 'lease', suite: SUITES.lease, picture: 'lease' },
  { name: 'pods', suite: SUITES.pods, picture: 'pods' },
  { name: 'light', suite: SUITES.light, picture: 'light' },
] satisfies { name: keyof Results; suite: Suite; picture: string }[])(
  'the stored result of --$name',
  ({ name, suite, picture }) => {
    const result = results[name];

    test('has all situations', () => {
      expect([...reportsOf(suite, result).keys()]).toEqual(Object.keys(suite.situations));
    });

    test('is what the picture shows', () => {
      expect(read(`docs/benchmark/${picture}.svg`)).toBe(toSvg(plotOf(suite, result)));
    });

    test('is compared with the goals of today', () => {
      expect(result['goals']).toEqual(goalsOf(suite, result));
    });
  },
);

test('the stored results have at least 20 handovers of each, with their outages', () => {
  const { cluster, lease } = results;
  const all = [cluster['handover'], lease['release'], lease['crash']] as Record<
    string,
    number[]
  >[][];
  for (const { outageMs, handoverMs, beyondMs = handoverMs } of all.flat()) {
    expect(beyondMs?.length).toBeGreaterThanOrEqual(20);
    expect(outageMs?.length).toBe(beyondMs?.length);
  }
});

test('the stored result of --pods has at least 5 crashes and 10 updates of each kind', () => {
  const { crash, rollout } = results.pods as Record<string, { outageMs: number[] }[]>;
  expect(crash).toHaveLength(10);
  const least = (of: typeof crash = []) => Math.min(...of.map(({ outageMs }) => outageMs.length));
  expect(least(crash)).toBeGreaterThanOrEqual(5);
  expect(rollout).toHaveLength(12);
  expect(least(rollout)).toBeGreaterThanOrEqual(10);
});

test('the stored result of --light has 15 starts, five minutes and 1000 electors of each', () => {
  const { start, renewals, thousand } = results.light;
  const runs = (start as { leadingMs: number[] }[]).map(({ leadingMs }) => leadingMs.length);
  expect(runs).toEqual(Array(5).fill(15));
  const windows = (renewals as { windowMs: number }[]).map(({ windowMs }) => windowMs);
  expect(Math.min(...windows)).toBeGreaterThanOrEqual(300_000);
  expect(thousand).toMatchObject(Array(4).fill({ electors: 1_000 }));
});

test('the stored result of --lease is of three minutes, 100 candidates and 1000 electors', () => {
  expect(results.lease).toMatchObject({
    footprint: Array(8).fill({ windowMs: expect.any(Number) }),
    herd: Array(4).fill({ size: 100 }),
    many: Array(2).fill({ electors: 1_000 }),
  });
  const windows = (results.lease['footprint'] as { windowMs: number }[]).map((of) => of.windowMs);
  expect(Math.min(...windows)).toBeGreaterThanOrEqual(180_000);
});
