import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Binaries } from './build.ts';
import { freePorts } from './port.ts';
import { folderFrom } from './xdg.ts';

const PORT_NAMES = [
  'etcd',
  'etcdPeer',
  'apiServer',
  'controllerManager',
  'scheduler',
  'kubelet',
  'kubeletHealth',
] as const;

/** Ports are those of 127.0.0.1 that belong to one cluster. */
export type Ports = Readonly<Record<(typeof PORT_NAMES)[number], number>>;

/** Cluster says where everything of one cluster is. */
export interface Cluster {
  readonly name: string;
  /** The name, made unique among all clusters of the machine. */
  readonly id: string;
  /** Everything that the cluster writes is in here. */
  readonly folder: string;
  readonly ports: Ports;
  readonly binaries: Binaries;
  /** The API server's URL. */
  readonly server: string;
  /** The certificate to trust. */
  readonly authority: string;
  /** The kubeconfig of a user in the group system:masters. */
  readonly kubeconfig: string;
  /** JSON lines at level Metadata, one for each answered request. */
  readonly auditLog: string;
  readonly kubectl: string;
}

type Saved = Pick<Cluster, 'name' | 'ports' | 'binaries'>;

// The kernel allows 107 bytes for the path of a socket; containerd's and the kubelet's are below.
const LONGEST_FOLDER = 70;

/** folderOf tells the folder of the cluster `name`, whether there is one or not. */
export function folderOf(name: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    throw new Error(`not a cluster's name: '${name}' (a-z, 0-9 and -, at most 32 characters)`);
  }
  const folder = join(
    folderFrom('XDG_STATE_HOME', '.local/state'),
    'leader-for-life',
    'cluster',
    name,
  );
  if (Buffer.byteLength(folder) > LONGEST_FOLDER) {
    throw new Error(
      `the path ${folder} is too long for sockets below it (over ${LONGEST_FOLDER} bytes): ` +
        'set XDG_STATE_HOME to a shorter one',
    );
  }
  return folder;
}

/** load reads the cluster `name` back; undefined when there is none. */
export function load(name: string): Cluster | undefined {
  const folder = folderOf(name);
  const file = join(folder, 'cluster.json');
  if (!existsSync(file)) return undefined;
  return describe(folder, JSON.parse(readFileSync(file, 'utf8')) as Saved);
}

/** create makes the folder of a new cluster, and chooses its ports. */
export async function create(name: string, binaries: Binaries): Promise<Cluster> {
  const folder = folderOf(name);
  await mkdir(join(folder, 'log'), { recursive: true, mode: 0o700 });
  const numbers = await freePorts(PORT_NAMES.length);
  const ports = Object.fromEntries(PORT_NAMES.map((port, i) => [port, numbers[i]])) as Ports;
  return describe(folder, { name, ports, binaries });
}

/** save writes down what `load` reads; a folder without it is none of a cluster. */
export async function save({ name, folder, ports, binaries }: Cluster): Promise<void> {
  const file = join(folder, 'cluster.json');
  const saved: Saved = { name, ports, binaries };
  await writeFile(`${file}.new`, `${JSON.stringify(saved, null, 2)}\n`);
  await rename(`${file}.new`, file);
}

/** erase removes a cluster's folder, and those above it that were made for clusters only. */
export async function erase(folder: string): Promise<void> {
  // Deleting goes through mounts, into what is not ours.
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const below = mounts.find((line) => line.split(' ')[4]?.startsWith(`${folder}/`));
  if (below) throw new Error(`something is mounted in ${folder}, unmount it first: ${below}`);

  await rm(folder, { recursive: true, force: true });
  for (const parent of [dirname(folder), dirname(dirname(folder))]) {
    // Another cluster may be in there.
    await rmdir(parent).catch(() => undefined);
  }
}

/** idOf tells the name of the cluster in `folder`, made unique among all of the machine. */
export function idOf(folder: string): string {
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 6);
  return `${basename(folder)}-${digest}`;
}

function describe(folder: string, { name, ports, binaries }: Saved): Cluster {
  return {
    name,
    id: idOf(folder),
    folder,
    ports,
    binaries,
    server: `https://127.0.0.1:${ports.apiServer}`,
    authority: join(folder, 'tls.crt'),
    kubeconfig: join(folder, 'kubeconfig'),
    auditLog: join(folder, 'audit.log'),
    kubectl: join(binaries.controlPlane, 'kubectl'),
  };
}
