import { existsSync } from 'node:fs';
import { createCgroup } from './cgroup.ts';
import { PAUSE_IMAGE, hasImage, importImage, startContainerd } from './containerd.ts';
import { nodeImage, pauseImage } from './image.ts';
import { startKubelet, untilReady } from './kubelet.ts';
import { find, resume } from './process.ts';
import { SYSTEM_FOLDERS, findProgram } from './program.ts';
import { step } from './progress.ts';
import type { Report } from './progress.ts';
import type { Cluster } from './state.ts';
import { together } from './together.ts';

/** An image with Node in it and nothing else, which every node has. */
export const NODE_IMAGE = 'localhost/node:1';

export const nodeComponents = ['containerd', 'kubelet'] as const;

export type NodeComponent = (typeof nodeComponents)[number];

/** requireNode throws when this machine cannot be a node, and says what to do. */
export function requireNode(locate: typeof findProgram = findProgram): void {
  const without = 'or run `up` without --node: that needs neither root nor runc';
  if (process.getuid?.() !== 0) {
    throw new Error(`a node needs root: run \`up --node\` as root, ${without}`);
  }
  if (!locate('runc', SYSTEM_FOLDERS)) {
    throw new Error(`a node needs runc: install it (Debian: \`apt-get install runc\`), ${without}`);
  }
  if (!existsSync('/etc/hosts')) {
    throw new Error(`a node needs /etc/hosts, which Pods get a copy of: make it, ${without}`);
  }
  const tools = ['unshare', 'nsenter', 'flock', 'mount', 'ip', 'sh', 'ldd', 'sleep'];
  const missing = tools.filter((tool) => !locate(tool, SYSTEM_FOLDERS));
  if (missing.length > 0) {
    const packages = 'Debian: `apt-get install util-linux mount iproute2 coreutils libc-bin`';
    throw new Error(`a node needs ${missing.join(', ')}: install them (${packages}), ${without}`);
  }
}

/** startNode starts what does not run yet, and waits until the node is ready. */
export async function startNode(cluster: Cluster, report: Report): Promise<void> {
  await createCgroup(cluster);
  const containerd = find(cluster.folder, 'containerd');
  if (containerd) resume(containerd);
  else await step(report, 'start containerd', () => startContainerd(cluster));

  const kubelet = find(cluster.folder, 'kubelet');
  if (kubelet) resume(kubelet);
  await together([
    importImages(cluster, report),
    kubelet
      ? untilReady(cluster, kubelet.pid)
      : step(report, 'start kubelet', () => startKubelet(cluster)),
  ]);
}

/** startNodeComponent starts a component that does not run, and waits until it is ready. */
export async function startNodeComponent(
  cluster: Cluster,
  component: NodeComponent,
): Promise<void> {
  if (component === 'containerd') await startContainerd(cluster);
  else await startKubelet(cluster);
}

async function importImages(cluster: Cluster, report: Report): Promise<void> {
  for (const image of [await pauseImage(PAUSE_IMAGE), await nodeImage(NODE_IMAGE)]) {
    if (await hasImage(cluster, image.name)) continue;
    await step(report, `import ${image.name}`, () => importImage(cluster, image));
  }
}
