import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { get } from './api.ts';
import { cgroupOf } from './cgroup.ts';
import { socketOf } from './containerd.ts';
import { NODE_NAME, kubeconfigOf } from './credentials.ts';
import { inNamespace } from './namespace.ts';
import { start, until } from './process.ts';
import type { Cluster } from './state.ts';

interface Condition {
  type: string;
  status: string;
}

interface Node {
  spec: { taints?: { key: string }[] };
  status: { conditions?: Condition[] };
}

/** manifestsOf tells the folder whose manifests the kubelet runs as static Pods. */
export function manifestsOf(cluster: Cluster): string {
  return join(cluster.folder, 'node', 'manifests');
}

/** startKubelet starts the kubelet, and waits until Pods can be scheduled to its node. */
export async function startKubelet(cluster: Cluster): Promise<void> {
  const folder = join(cluster.folder, 'node');
  await mkdir(manifestsOf(cluster), { recursive: true });
  const resolver = join(folder, 'resolv.conf');
  await writeFile(resolver, 'nameserver 127.0.0.1\n');
  const file = join(folder, 'kubelet.json');
  await writeFile(file, JSON.stringify(configuration(cluster, resolver), null, 2));

  const pid = await start(
    cluster,
    'kubelet',
    inNamespace(cluster, {
      file: join(cluster.binaries.controlPlane, 'kubelet'),
      args: [
        `--config=${file}`,
        `--kubeconfig=${join(cluster.folder, kubeconfigOf('kubelet'))}`,
        `--root-dir=${join(folder, 'kubelet')}`,
        `--cert-dir=${join(folder, 'pki')}`,
        // An address in place of a name: the kubelet looks up no name then, and takes it for the
        // node's address, where the API server finds the kubelet. (--node-ip refuses loopback.)
        `--hostname-override=${NODE_NAME}`,
      ],
    }),
  );
  await untilReady(cluster, pid);
}

/** untilReady waits until the kubelet with this process id answers and its node is ready. */
export async function untilReady(cluster: Cluster, pid: number): Promise<void> {
  await until(cluster, 'kubelet', pid, async () => {
    const health = await fetch(`http://127.0.0.1:${cluster.ports.kubeletHealth}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    return health && isReady(cluster);
  });
}

async function isReady(cluster: Cluster): Promise<boolean> {
  const { status, text } = await get(cluster, `/api/v1/nodes/${NODE_NAME}`);
  if (status !== 200) return false;
  const node = JSON.parse(text) as Node;
  const ready = node.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  const tainted = node.spec.taints?.some(({ key }) => key === 'node.kubernetes.io/not-ready');
  return Boolean(ready) && !tainted;
}

function configuration(cluster: Cluster, resolver: string): object {
  const { folder, ports } = cluster;
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    port: ports.kubelet,
    healthzBindAddress: '127.0.0.1',
    healthzPort: ports.kubeletHealth,
    tlsCertFile: join(folder, 'tls.crt'),
    tlsPrivateKeyFile: join(folder, 'tls.key'),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: join(folder, 'tls.crt') },
    },
    // Only who can read the cluster's key gets here.
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${socketOf(cluster)}`,
    podLogsDir: join(folder, 'node', 'pod-logs'),
    staticPodPath: manifestsOf(cluster),
    resolvConf: resolver,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroupOf(cluster),
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    oomScoreAdj: 0,
    makeIPTablesUtilChains: false,
    // The machine is shared: its full disk is no reason to evict a test's Pods.
    evictionHard: {
      'memory.available': '16Mi',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
      'imagefs.inodesFree': '0%',
    },
    // How soon it notices that a Pod's emptyDir is over its limit.
    volumeStatsAggPeriod: '5s',
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
  };
}
