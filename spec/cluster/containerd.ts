import { randomUUID } from 'node:crypto';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeImage } from './image.ts';
import type { Image } from './image.ts';
import { inNamespace } from './namespace.ts';
import { writePodNetwork } from './pod-network.ts';
import { start, until } from './process.ts';
import { SYSTEM_FOLDERS, findProgram, run } from './program.ts';
import type { Cluster } from './state.ts';

/** The image of the process that holds a Pod's namespaces. */
export const PAUSE_IMAGE = 'localhost/pause:1';

const OVERLAY_MAGIC = 0x794c7630;

/** socketOf tells the path of containerd's socket. */
export function socketOf(cluster: Cluster): string {
  return join(cluster.folder, 'node', 'containerd.sock');
}

/** findRunc finds runc, in the system's folders too: Debian's is in /usr/sbin. */
function findRunc(): string | undefined {
  return findProgram('runc', SYSTEM_FOLDERS);
}

/** startContainerd starts containerd, and waits until it answers. */
export async function startContainerd(cluster: Cluster): Promise<void> {
  const folder = join(cluster.folder, 'node');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'containerd.toml');
  await writeFile(file, await configuration(cluster));

  const command = { file: join(cluster.binaries.node, 'containerd'), args: ['--config', file] };
  const pid = await start(cluster, 'containerd', inNamespace(cluster, command));
  await until(cluster, 'containerd', pid, () =>
    ctr(cluster, 'version').then(
      () => true,
      () => false,
    ),
  );
}

/** importImage builds an image and makes it known to the cluster's node. */
export async function importImage(cluster: Cluster, image: Image): Promise<void> {
  const snapshotter = await snapshotterFor(cluster);
  const args = ['images', 'import', '--local', '--snapshotter', snapshotter];
  const path = join(cluster.folder, 'node', `image-${randomUUID()}.tar`);
  try {
    await writeImage(image, path);
    await ctr(cluster, ...args, path);
  } finally {
    await rm(path, { force: true });
  }
}

/** hasImage tells whether the node knows an image of that name. */
export async function hasImage(cluster: Cluster, name: string): Promise<boolean> {
  const names = await ctr(cluster, 'images', 'list', '--quiet');
  return names.split('\n').includes(name);
}

async function ctr(cluster: Cluster, ...args: string[]): Promise<string> {
  const client = join(cluster.binaries.node, 'ctr');
  return run(client, ['--address', socketOf(cluster), '--namespace', 'k8s.io', ...args]);
}

async function configuration(cluster: Cluster): Promise<string> {
  const folder = join(cluster.folder, 'node');
  const network = await writePodNetwork(cluster);
  const runc = findRunc();
  if (!runc) throw new Error('runc is missing');
  const cri = 'io.containerd.cri.v1';
  const unused = ['snapshotter.v1.btrfs', 'snapshotter.v1.devmapper', 'snapshotter.v1.zfs'];
  const disabled = ['nri.v1.nri', 'tracing.processor.v1.otlp', ...unused];
  return `version = 3
root = ${text(folder, 'containerd')}
state = ${text(folder, 'state')}
imports = []
disabled_plugins = ${JSON.stringify(disabled.map((name) => `io.containerd.${name}`))}

[grpc]
address = ${text(socketOf(cluster))}

[plugins.'${cri}.images']
snapshotter = '${await snapshotterFor(cluster)}'

[plugins.'${cri}.images'.pinned_images]
sandbox = '${PAUSE_IMAGE}'

[plugins.'${cri}.runtime']
# A machine's root may not be allowed to lower the score.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
cdi_spec_dirs = []

[plugins.'${cri}.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'

[plugins.'${cri}.runtime'.containerd.runtimes.runc.options]
BinaryName = ${text(runc)}
SystemdCgroup = false

[plugins.'${cri}.runtime'.cni]
bin_dirs = [${text(cluster.binaries.node)}, ${text(network.plugins)}]
conf_dir = ${text(network.configuration)}
`;
}

// An overlay cannot lie on an overlay, as the disk of a container is.
async function snapshotterFor(cluster: Cluster): Promise<'native' | 'overlayfs'> {
  const { type } = await statfs(cluster.folder);
  return type === OVERLAY_MAGIC ? 'native' : 'overlayfs';
}

function text(...path: string[]): string {
  return JSON.stringify(join(...path));
}
