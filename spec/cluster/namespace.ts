import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { processes } from './process.ts';
import type { Command } from './process.ts';
import type { Cluster } from './state.ts';

// A mount namespace for containerd, the kubelet and the containers. The mounts in it go with its
// last process, however that ends, and never appear outside. It hides what kubelets and shims
// would share with others by fixed paths, and keeps the kubelet from tuning the machine's kernel
// (which would, for one, reboot it after an oops).
const SCRIPT = `
set -eu
# (mount -n: no notes of it below /run.)
folder=$1
shift

hide() {
  parent=$1
  hidden=$2
  mkdir -p "$folder/hidden/$hidden"
  cd "$folder/hidden/$hidden"
  mount -n --rbind "$parent" .
  cd "$folder/hidden/$hidden"
  mount -n -t tmpfs -o mode=755 tmpfs "$parent"
  for name in * .[!.]*; do
    if [ "$name" = "$hidden" ]; then
      continue
    elif [ -L "$name" ]; then
      cp -P "$name" "$parent/$name"
    elif [ -d "$name" ]; then
      mkdir -p "$parent/$name"
      mount -n --rbind "$name" "$parent/$name"
    elif [ -e "$name" ]; then
      : > "$parent/$name"
      mount -n --bind "$name" "$parent/$name"
    fi
  done
  mkdir "$parent/$hidden"
}

hide /run containerd
hide /var/lib kubelet
hide /var/log containers

for tunable in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \\
  kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  copy=$folder/sysctl/$tunable
  mkdir -p "\${copy%/*}"
  cat "/proc/sys/$tunable" > "$copy"
  mount -n --bind "$copy" "/proc/sys/$tunable"
done

cd "$folder"
exec "$@"
`;

/**
 * inNamespace makes of a command one that runs in the cluster's mount namespace: the one that its
 * processes are in, or a new one when there is none.
 */
export function inNamespace(cluster: Cluster, command: Command): Command {
  const member = memberOf(cluster);
  const entered = ['--', command.file, ...command.args];
  if (member !== undefined) {
    return { file: 'nsenter', args: [`--mount=/proc/${member}/ns/mnt`, ...entered] };
  }
  const script = ['sh', '-c', SCRIPT, 'sh', join(cluster.folder, 'node')];
  const args = ['--mount', '--propagation', 'slave', '--', ...script];
  return { file: 'unshare', args: [...args, ...entered.slice(1)] };
}

function memberOf({ folder }: Cluster): number | undefined {
  const ours = namespaceOf('self');
  return processes(folder)
    .map(({ pid }) => pid)
    .find((pid) => ![undefined, ours].includes(namespaceOf(pid)));
}

function namespaceOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined;
  }
}
