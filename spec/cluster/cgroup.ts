import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rmdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { killAll } from './process.ts';
import type { Cluster } from './state.ts';

const ROOT = '/sys/fs/cgroup';
const CGROUP2_MAGIC = 0x63677270;
const KUBELET_CONTROLLERS = ['cpu', 'cpuset', 'memory', 'hugetlb', 'pids'];

/** cgroupOf tells the cgroup, in every hierarchy, that all containers of the cluster are in. */
export function cgroupOf({ id }: Pick<Cluster, 'id'>): string {
  return `/leader-for-life-${id}`;
}

/** createCgroup makes the cluster's cgroup: the kubelet demands that it exists. */
export async function createCgroup(cluster: Cluster): Promise<void> {
  if ((await statfs(ROOT)).type === CGROUP2_MAGIC) await delegateControllers();
  for (const hierarchy of hierarchies()) {
    await mkdir(join(hierarchy, cgroupOf(cluster)), { recursive: true });
  }
}

/** removeCgroup kills every process in the cluster's cgroup, then removes it. */
export async function removeCgroup(cluster: Pick<Cluster, 'id'>): Promise<void> {
  const folders = hierarchies().flatMap((hierarchy) => tree(join(hierarchy, cgroupOf(cluster))));
  await killAll(() => [...new Set(folders.flatMap(members))]);
  for (const folder of folders) await rmdir(folder);
}

async function delegateControllers(): Promise<void> {
  const available = (await readFile(join(ROOT, 'cgroup.controllers'), 'utf8')).trim().split(' ');
  const wanted = KUBELET_CONTROLLERS.filter((controller) => available.includes(controller));
  const file = join(ROOT, 'cgroup.subtree_control');
  const enabled = (await readFile(file, 'utf8')).trim().split(' ');
  const missing = wanted.filter((controller) => !enabled.includes(controller));
  if (missing.length === 0) return;
  try {
    await writeFile(file, missing.map((controller) => `+${controller}`).join(' '));
  } catch (cause) {
    // The kernel forbids it in a cgroup that has processes of its own, as a container's root has.
    throw new Error(
      `cannot enable the cgroup controllers ${missing.join(', ')} in ${file}: a node needs ` +
        'them. In a container, move its processes to a child cgroup first, or give it the ' +
        "host's cgroup namespace; or run `up` without --node",
      { cause },
    );
  }
}

function hierarchies(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n');
  return lines.filter((line) => / - cgroup2? /.test(line)).map((line) => line.split(' ')[4] ?? '');
}

// The deepest first, as they have to be removed.
function tree(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const children = readdirSync(folder, { withFileTypes: true }).filter((e) => e.isDirectory());
  return [...children.flatMap(({ name }) => tree(join(folder, name))), folder];
}

function members(folder: string): number[] {
  if (!existsSync(folder)) return [];
  const lines = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map(Number);
}
