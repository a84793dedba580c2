import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { expect, inject, onTestFinished, test } from 'vitest';

import { cgroupOf } from './cgroup.ts';
import { control } from './component.ts';
import { down, status } from './lifecycle.ts';
import { NODE_IMAGE } from './node.ts';
import { gatewayOf } from './pod-network.ts';
import { type Cluster, folderOf, idOf, load } from './state.ts';

const PATIENCE_MS = 240_000;
const { name: shared, noNode } = inject('cluster');

interface Ended {
  readonly code: number;
  /** The last line that it printed. */
  readonly result: string;
  readonly progress: string;
}

/** As `npm run cluster` does. */
function cluster(...args: readonly string[]): Promise<Ended> {
  const program = `${import.meta.dirname}/cluster.ts`;
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (error, stdout, stderr) => {
      const code = error ? Number(error.code) : 0;
      resolve({ code, result: stdout.trimEnd().split('\n').at(-1) ?? '', progress: stderr });
    });
  });
}

/** What this machine still has of a cluster, of whatever kind. */
function leftovers(folder: string): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const cgroup = cgroupOf({ id: idOf(folder) });
  const cgroups = mounts
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => `${line.split(' ')[4] ?? ''}${cgroup}`);
  return [
    ...mounts.filter((line) => line.includes(folder)),
    ...readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isAbout(pid, folder)),
    ...[folder, ...cgroups].filter((path) => existsSync(path)),
  ];
}

function isAbout(pid: string, folder: string): boolean {
  try {
    return ['cmdline', 'environ'].some((file) =>
      readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(folder),
    );
  } catch {
    return false;
  }
}

/** The node's ends of the ways to Pods: the kernel removes them some moments after the last process. */
function waysToPods(cluster: Cluster): unknown[] {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return addresses.filter(({ address }) => address === gatewayOf(cluster));
}

/** A Pod on the node, for there to be a container to end. */
async function runPod(kubeconfig: string): Promise<void> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const command = ['node', '-e', 'setInterval(() => {}, 1000)'];
  await core.createNamespacedPod({
    namespace: 'default',
    body: {
      metadata: { name: 'a' },
      spec: {
        containers: [{ name: 'main', image: NODE_IMAGE, imagePullPolicy: 'Never', command }],
      },
    },
  });
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const pod = await core.readNamespacedPod({ namespace: 'default', name: 'a' });
    if (pod.status?.phase === 'Running') return;
    if (performance.now() > deadline) throw new Error(`the Pod does not run: ${pod.status?.phase}`);
    await sleep(50);
  }
}

async function pids(name: string): Promise<Readonly<Record<string, number>>> {
  const { components } = await status(name);
  return Object.fromEntries([...components].map(([component, { pid }]) => [component, pid]));
}

test(
  'up brings up what is missing, down leaves nothing',
  { timeout: 900_000 },
  async ({ skip }) => {
    if (shared === undefined) skip('a cluster of yours is used (CLUSTER)');
    const name = `lifecycle-${process.pid}`;
    const folder = folderOf(name);
    const node = noNode === undefined ? ['--node'] : [];
    onTestFinished(() => down({ name, report: () => undefined }));

    const first = await cluster('up', ...node, '--name', name);
    expect(first).toMatchObject({ code: 0, result: load(name)?.kubeconfig });
    expect(first.progress).toContain('start kube-apiserver: done');
    expect(await cluster('status', '--name', name)).toMatchObject({ code: 0 });
    const running = await pids(name);
    expect(Object.keys(running)).toHaveLength(node.length > 0 ? 6 : 4);
    if (node.length > 0) await runPod(first.result);

    const again = await cluster('up', ...node, '--name', name);
    expect(again).toMatchObject({ code: 0, result: first.result });
    expect(await pids(name)).toEqual(running);

    const made = load(name);
    if (!made) throw new Error(`there is no cluster ${name}`);
    await control(made, 'kube-scheduler').kill();
    await control(made, 'kube-controller-manager').stop();
    expect(await cluster('status', '--name', name)).toMatchObject({ code: 1 });
    await cluster('up', ...node, '--name', name);
    expect(await cluster('status', '--name', name)).toMatchObject({ code: 0 });
    const { 'kube-scheduler': scheduler, ...others } = await pids(name);
    expect(scheduler).not.toBe(running['kube-scheduler']);
    expect(running).toMatchObject(others);

    expect(leftovers(folder)).not.toEqual([]);
    expect(waysToPods(made)).toHaveLength(node.length);
    expect(await cluster('down', '--name', name)).toMatchObject({ code: 0 });
    expect(leftovers(folder)).toEqual([]);
    await expect.poll(() => waysToPods(made)).toEqual([]);
    expect(await cluster('status', '--name', name)).toMatchObject({ code: 1 });
    expect(await cluster('down', '--name', name)).toMatchObject({ code: 0 });
  },
);
