import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../behaviour/cluster.ts';
import { clearAway, markOf, marked, variableOf } from './stray.ts';

/** Starts a caretaker, then a process that stands still, says so, and waits, or dismisses it. */
const RUN = `
import { spawn } from 'node:child_process';
import { Caretaker } from ${JSON.stringify(join(import.meta.dirname, 'caretaker.ts'))};
import { variableOf, markOf } from ${JSON.stringify(join(import.meta.dirname, 'stray.ts'))};
const [name, end] = process.argv.slice(1);
const caretaker = await Caretaker.start(name);
const env = variableOf(markOf(name, 'run'));
const candidate = spawn('/bin/sleep', ['1000'], { env, stdio: 'ignore', detached: true });
candidate.once('spawn', async () => {
  candidate.kill('SIGSTOP');
  if (end === 'dismiss') await caretaker.dismiss();
  process.stdout.write('ready');
});
`;

describe('a run that ends', () => {
  const name = `caretaker-${process.pid}`;

  afterEach(() => clearAway(name, () => undefined));

  async function begin(end: 'kill' | 'dismiss') {
    const args = ['--input-type=module', '--eval', RUN, name, end];
    const run = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(run.stdout, 'data');
    return run;
  }

  test('by SIGKILL leaves nothing behind for long: not even who cannot run', async () => {
    const run = await begin('kill');
    expect(marked(markOf(name))).toHaveLength(1);
    run.kill('SIGKILL');
    await eventually(() => {
      expect(marked(markOf(name))).toEqual([]);
      return Promise.resolve();
    });
  });

  test('by itself has cleared up: its caretaker does nothing', async () => {
    const run = await begin('dismiss');
    run.kill('SIGKILL');
    await once(run, 'exit');
    expect(marked(markOf(name))).toHaveLength(1);
  });

  test('is told from the runs on other clusters', () => {
    expect(variableOf(markOf('a', '1'))).not.toEqual(variableOf(markOf('b', '1')));
    expect(markOf('ab', '1').startsWith(markOf('a'))).toBe(false);
  });
});
