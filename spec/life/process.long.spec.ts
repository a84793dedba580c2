import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, onTestFinished, test } from 'vitest';

import { become } from '../../lib/index.ts';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';

const child = fileURLToPath(new URL('child.ts', import.meta.url));

/** Runs a process to its end: one that something holds is killed, and fails. */
function run(modes: string, kubeConfigText = '', variables: NodeJS.ProcessEnv = {}) {
  const env = { PATH: process.env['PATH'], ...variables };
  return promisify(execFile)(process.execPath, [child, modes, kubeConfigText], {
    env,
    timeout: 110_000,
  });
}

/** The same in a new Pod, `b`. */
function runIn(cluster: Cluster, modes: string, variables: NodeJS.ProcessEnv = {}) {
  const env = { ...cluster.env(cluster.createPod('b')), ...variables };
  return run(modes, cluster.kubeConfigText(), env);
}

async function emptyCluster() {
  const cluster = await createCluster();
  onTestFinished(() => cluster.close());
  return cluster;
}

test.for(['', 'guard', 'release', 'guard and release'])(
  'a process ends by itself after it led (%s)',
  async (modes) => {
    const cluster = await emptyCluster();
    expect((await runIn(cluster, modes)).stdout).toBe('leads b false false\n');
    expect(cluster.getConfigMap('lock') === undefined).toBe(modes.includes('release'));
  },
);

test('a process ends by itself after its wait was aborted; DEBUG logs that in a few lines, without the token', async () => {
  const cluster = await emptyCluster();
  await become('lock', cluster.optionsFor(cluster.createPod('a')));
  const { stdout, stderr } = await runIn(cluster, '', { DEBUG: 'leader-for-life:*' });
  expect(stdout).toBe('Error: enough\n');
  const lines = stderr.split('\n').map((line) => line.replace(/^\S+ /, ''));
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /^leader-for-life:become default\/lock: Pod default\/b \(.+\) asks for it$/,
      ),
      'leader-for-life:become default/lock: Pod a on node node-1 leads',
      'leader-for-life:become default/lock: stopped waiting: enough',
    ]),
  );
  expect(lines.filter((line) => line !== '').length).toBeLessThanOrEqual(6);
  expect(stderr).not.toContain(cluster.token());
});

test('outside a cluster every process leads at once', async () => {
  expect((await run('release')).stdout).toBe('leads  true true\n');
});
