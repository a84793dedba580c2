import { describe, expect, it } from 'vitest';
import { projectFiles, read } from '../public/project.ts';
import { play } from './play.ts';
import { parseRegression, regressionText } from './regression.ts';

const files = projectFiles('spec/simulate/regressions/*');

describe('schedules that once found something', () => {
  it.each(files)('%s', async (file) => {
    const { found, schedule } = parseRegression(read(file));
    expect(found).not.toBe('');
    expect(regressionText({ found, schedule })).toBe(read(file));
    expect((await play(schedule)).violations).toEqual([]);
  });
});
