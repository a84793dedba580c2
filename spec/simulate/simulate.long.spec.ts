import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadArgument } from '../world/arguments.ts';
import { readArguments } from './arguments.ts';
import { modes } from './mode.ts';
import { transcribe } from './play.ts';
import { generate, seedOf } from './schedule.ts';

const run = promisify(execFile);
const command = join(import.meta.dirname, 'simulate.ts');
const schedules = Number(process.env['SIMULATE_SCHEDULES'] ?? 100);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'leader-for-life-simulate-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.each(modes)('the mode %s', (mode) => {
  it('has no violations', async () => {
    const args = ['--mode', mode, '--seed=1', `--schedules=${schedules}`, '--workers=1'];
    const { stdout } = await run(process.execPath, [command, ...args]);
    expect(stdout).toContain(`${schedules} schedules, 0 violations`);
  }, 600_000);

  it('plays the same schedule to the same transcript, whoever plays it', async () => {
    const seed = seedOf(1, mode, 3);
    const schedule = generate(mode, seed);
    expect(generate(mode, seed)).toEqual(schedule);
    const here = (await transcribe(schedule)).join('\n');
    const file = join(folder, mode);
    const args = ['--mode', mode, '--seed', String(seed), '--schedules', '1', '--transcript', file];
    await run(process.execPath, [command, ...args]);
    expect(readFileSync(file, 'utf8')).toBe(`${here}\n`);
    expect(here).toContain('LEADS');
    expect(here).not.toMatch(/token-\d+-of-/);
  }, 60_000);
});

describe('arguments', () => {
  it.each([
    [['--seed', '-1']],
    [['--seed', 'x']],
    [['--schedules', '0']],
    [['--minutes', '0']],
    [['--mode', 'death']],
    [['--transcript', 'file']],
    [['--unknown']],
  ])('%j is refused', (args) => expect(() => readArguments(args, 1)).toThrow(BadArgument));

  it('are a minute of all modes by default', () => {
    const { seed, modes: given, minutes, schedules: count } = readArguments([], 5);
    expect({ seed, given, minutes, count }).toEqual({ seed: 5, given: modes, minutes: 1 });
  });
});
