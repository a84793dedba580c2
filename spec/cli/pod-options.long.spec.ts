import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { CliProcess } from './cli-process.ts';

const COST = 'controller.kubernetes.io/pod-deletion-cost';
const WORK = [
  '--',
  '/bin/sh',
  '-c',
  "trap 'exit 0' TERM; echo working; while :; do sleep 0.05; done",
];

let cluster: Cluster;
let folder: string;
let number = 0;
let pod = '';

beforeAll(async () => {
  cluster = await createCluster();
  folder = mkdtempSync(join(tmpdir(), 'leader-for-life-pod-options-'));
});

beforeEach(() => {
  number += 1;
  pod = `pod-${number}`;
  for (const name of [pod, `other-${number}`]) cluster.createPod(name, { labels: { app: pod } });
});

afterAll(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = (...args: string[]) => new CliProcess(cluster, args, { pod, user: pod });

/** The label and the deletion cost of the Pod. */
const marks = () => {
  const { labels = {}, annotations = {} } = cluster.getPod(pod)?.metadata ?? {};
  return [labels['role'], annotations[COST]];
};

describe.each([
  ['for life', []],
  ['by a Lease', ['--lease']],
])('%s', (_, mode) => {
  const MARKS = ['--label', 'role=leader', '--deletion-cost', '100'];

  it('run marks the Pod while it leads', async () => {
    await using process = start('run', ...mode, ...MARKS, pod, ...WORK);
    await expect.poll(marks).toEqual(['leader', '100']);
    // From then on it ends in order on SIGTERM.
    await expect.poll(() => process.stdout).toBe('working\n');
    process.kill('SIGTERM');
    expect(await process.end()).toMatchObject({ code: 0 });
    expect(marks()).toEqual([undefined, undefined]);
  });

  it('serve marks the Pod while it leads', async () => {
    const options = ['--http', '127.0.0.1:0', '--release', ...mode, ...MARKS];
    await using process = start('serve', ...options, pod);
    await expect.poll(marks).toEqual(['leader', '100']);
    process.kill('SIGTERM');
    expect(await process.end()).toMatchObject({ code: 0 });
    expect(marks()).toEqual([undefined, undefined]);
  });

  it('run leads only while the checks pass', async () => {
    const file = join(folder, pod);
    const args = [...mode, '--health-file', file, pod, ...WORK];
    await using process = start('run', ...args);
    await process.prints(/health check/, 'stderr');
    expect(process.stdout).toBe('');
    writeFileSync(file, '');
    await process.prints(/working/);
    rmSync(file);
    expect(await process.end()).toMatchObject({ code: 75 });
  });
});

it.each([
  ['run', ['--', 'true']],
  ['wait', []],
])('%s looks whom the preference means', async (command, rest) => {
  await using process = start(command, '--preference', 'zone=a', pod, ...rest);
  expect(await process.end()).toMatchObject({ code: 0 });
  expect(cluster.requests.count({ verb: 'get', resource: 'nodes', user: pod })).toBeGreaterThan(0);
});
