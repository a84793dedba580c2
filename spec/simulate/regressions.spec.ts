import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { play } from './play.ts';
import type { Schedule } from './schedule.ts';

interface Regression {
  /** What the schedule once found. */
  readonly found: string;
  readonly schedule: Schedule;
}

const folder = join(import.meta.dirname, 'regressions');

describe('schedules that once found something', () => {
  it.each(readdirSync(folder))('%s', async (file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const { found, schedule } = JSON.parse(text) as Regression;
    expect(found).not.toBe('');
    expect((await play(schedule)).violations).toEqual([]);
  });
});
