import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, onTestFinished, test } from 'vitest';

import { become } from '../../lib/index.ts';
import { createCluster } from '../../lib/testing/index.ts';

const child = fileURLToPath(new URL('child.ts', import.meta.url));

/** Runs the process to its end: one that something holds is killed, and fails. */
async function run(mode: string, kubeConfigText = '', env: NodeJS.ProcessEnv = {}) {
  const { stdout } = await promisify(execFile)(process.execPath, [child, mode, kubeConfigText], {
    env: { PATH: process.env['PATH'], ...env },
    timeout: 110_000,
  });
  return stdout.trim().split('\n');
}

async function cluster() {
  const created = await createCluster();
  onTestFinished(() => created.close());
  return created;
}

test.for(['once', 'guard', 'once-release', 'guard-release'])(
  'a process ends by itself after it led (%s)',
  async (mode) => {
    const world = await cluster();
    const env = world.env(world.createPod('a'));
    expect(await run(mode, world.kubeConfigText(), env)).toEqual(['leading a', 'end']);
    expect(world.getConfigMap('lock') === undefined).toBe(mode.endsWith('release'));
  },
);

test('a process ends by itself after its wait was aborted', async () => {
  const world = await cluster();
  await become('lock', world.optionsFor(world.createPod('a')));
  const env = world.env(world.createPod('b'));
  expect(await run('abort', world.kubeConfigText(), env)).toEqual(['aborted Error: enough']);
});

test('outside a cluster every process leads at once', async () => {
  expect(await run('outside')).toEqual(['skipped true 0']);
});

test('DEBUG tells the story of a wait in a few lines, without the token', async () => {
  const world = await cluster();
  await become('lock', world.optionsFor(world.createPod('a')));
  const env = { ...world.env(world.createPod('b')), DEBUG: 'leader-for-life:*' };
  const { stderr } = await promisify(execFile)(
    process.execPath,
    [child, 'abort', world.kubeConfigText()],
    { env: { PATH: process.env['PATH'], ...env }, timeout: 110_000 },
  );
  const story = stderr.split('\n').map((line) => line.replace(/^\S+ /, ''));
  expect(story).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /^leader-for-life:become default\/lock: Pod default\/b \(.+\) asks for it$/,
      ),
      'leader-for-life:become default/lock: Pod a on node node-1 leads',
      'leader-for-life:become default/lock: stopped waiting: enough',
    ]),
  );
  expect(story.filter((line) => line !== '').length).toBeLessThanOrEqual(6);
  expect(stderr).not.toContain(world.token());
});
