/**
 * Two replicas of candidate.ts, each a process of its own, compete in a cluster in this process.
 * Both have to end by themselves: a leader for life needs nothing that keeps running.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createCluster } from 'leader-for-life/testing';

const LOCK = 'my-app-lock';

const cluster = await createCluster();
const folder = await mkdtemp(join(tmpdir(), 'my-app-'));
const config = join(folder, 'config');
try {
  await writeFile(config, cluster.kubeConfigText());
  cluster.createPod('my-app-0');
  cluster.createPod('my-app-1');

  await start('my-app-0');
  assert.ok(cluster.getConfigMap(LOCK), 'the lock stays, for the Pod does');

  await start('my-app-1', {
    args: ['--release'],
    onLine: (line) => {
      if (line.endsWith('waits for my-app-0')) cluster.deletePod('my-app-0');
    },
  });
  assert.equal(cluster.getConfigMap(LOCK), undefined);
  console.log('the lock is gone');
} finally {
  await cluster.close();
  await rm(folder, { recursive: true });
}

interface StartOptions {
  args?: readonly string[];
  onLine?: (line: string) => void;
}

/** Runs a candidate as if in this Pod; resolves once its process has ended by itself. */
async function start(podName: string, { args = [], onLine }: StartOptions = {}): Promise<void> {
  const candidate = spawn(process.execPath, ['candidate.ts', ...args], {
    env: { ...process.env, ...cluster.env(podName), KUBECONFIG: config },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  });
  createInterface(candidate.stdout).on('line', (line) => {
    console.log(line);
    onLine?.(line);
  });
  const [code, signal] = (await once(candidate, 'close')) as [number | null, string | null];
  assert.equal(signal ?? code, 0, `${podName} ended with ${signal ?? code}`);
  console.log(`${podName} ended by itself`);
}
