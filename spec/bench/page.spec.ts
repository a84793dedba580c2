import { describe, expect, test } from 'vitest';

import { read } from '../public/project.ts';
import type { Goal } from './goal.ts';
import { goalReport } from './goal.ts';
import { type Succession, goalsOf, successionReport } from './succession.ts';

interface Result {
  readonly machine: { readonly date: string; readonly versions: Readonly<Record<string, string>> };
  readonly handover: readonly Succession[];
  readonly goals: readonly Goal[];
}

const page = read('docs/benchmark.md').replaceAll(/ +/g, ' ');
const picture = read('docs/benchmark/handover.svg');
const result = JSON.parse(read('docs/benchmark/result.json')) as Result;

/** The rows of a report as Markdown has them, without the head. */
function rows(table: readonly (readonly string[])[]): string[] {
  return table.slice(1).map((cells) => `| ${cells.join(' | ')} |`);
}

describe('the page on the benchmark', () => {
  test('has the figures of the result that is stored', () => {
    const succession = rows(successionReport(result.handover).table);
    const goals = rows(goalReport(result.goals).table);
    expect(succession.length).toBe(4);
    expect(goals.length).toBeGreaterThan(5);
    expect([...succession, ...goals].filter((row) => !page.includes(row))).toEqual([]);
  });

  test('says what was measured, and when', () => {
    const { date, versions } = result.machine;
    const facts = [date.slice(0, 10), ...Object.values(versions)];
    expect(facts.filter((fact) => !page.includes(fact))).toEqual([]);
  });
});

test('the picture is of the same run', () => {
  expect(picture).toContain(result.machine.date);
  for (const { program, handoverMs } of result.handover) {
    expect(picture).toContain(`>${program}</text>`);
    expect(handoverMs.length).toBeGreaterThanOrEqual(20);
  }
});

test('the stored goals are those of today', () => {
  expect(result.goals).toEqual(expect.arrayContaining(goalsOf(result.handover)));
});
