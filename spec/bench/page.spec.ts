import { describe, expect, test } from 'vitest';

import { read } from '../public/project.ts';
import { type ClusterResult, fillIn } from './page.ts';
import { goalsOf } from './succession.ts';

const page = read('docs/benchmark.md');
const picture = read('docs/benchmark/handover.svg');
const result = JSON.parse(read('docs/benchmark/result.json')) as ClusterResult;

describe('the page on the benchmark', () => {
  test('has the figures of the stored result: if not, run `node spec/bench/page.ts`', async () => {
    expect(await fillIn(page, result)).toBe(page);
  });

  test.each(['machine', 'handover', 'requests', 'call', 'herd', 'goals'])('shows %s', (name) => {
    expect(page).toContain(`<!-- measured: ${name} -->\n\n`);
  });

  test('would get the figures of another result', async () => {
    const [ours, ...others] = result.handover;
    const handover = [{ program: 'x', handoverMs: [1_234], outageMs: [] }, ours ?? [], ...others];
    const other = { ...result, handover } as ClusterResult;
    const filled = await fillIn(page, other);
    expect(filled).toMatch(/^\| x +\| 1 +\| 1234 ms +\|/m);
  });

  test('cannot ask for what is not measured', async () => {
    const wrong = '<!-- measured: luck -->\n<!-- /measured -->\n';
    await expect(fillIn(wrong, result)).rejects.toThrow('nothing is measured that is called luck');
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
