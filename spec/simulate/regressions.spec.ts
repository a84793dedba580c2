import { describe, expect, it } from 'vitest';
import { projectFiles, read } from '../public/project.ts';
import { play } from './play.ts';
import type { Schedule } from './schedule.ts';

interface Regression {
  /** What the schedule once found. */
  readonly found: string;
  readonly schedule: Schedule;
}

const files = projectFiles('spec/simulate/regressions/*');

describe('schedules that once found something', () => {
  it.each(files)('%s', async (file) => {
    const { found, schedule } = JSON.parse(read(file)) as Regression;
    expect(found).not.toBe('');
    expect((await play(schedule)).violations).toEqual([]);
  });
});
