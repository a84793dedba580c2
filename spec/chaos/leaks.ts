import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import {
  AdmissionregistrationV1Api,
  CoreV1Api,
  FlowcontrolApiserverV1Api,
  KubeConfig,
} from '@kubernetes/client-node';
import { processes } from '../cluster/process.ts';
import { folderOf } from '../cluster/state.ts';
import type { Cluster } from '../cluster/state.ts';
import { markOf, marked } from './stray.ts';

/** What this program has of these while it runs is to be gone at its end. */
const HANDLES = /^(TCP|TLS|UDP|HTTP|Process|Worker|MessagePort|FSEvent|Stat)/;

/** What of a run there is on the cluster when its parts are closed. */
export async function objectsLeft({ kubeconfig }: Cluster): Promise<string[]> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  const core = kubeConfig.makeApiClient(CoreV1Api);
  const admission = kubeConfig.makeApiClient(AdmissionregistrationV1Api);
  const fairness = kubeConfig.makeApiClient(FlowcontrolApiserverV1Api);
  const lists = await Promise.all([
    core.listNamespace(),
    admission.listValidatingWebhookConfiguration(),
    admission.listValidatingAdmissionPolicy(),
    admission.listValidatingAdmissionPolicyBinding(),
    fairness.listFlowSchema(),
    fairness.listPriorityLevelConfiguration(),
  ]);
  const names = lists.flatMap((list) => list.items.map(({ metadata }) => metadata?.name ?? ''));
  const { items: pods } = await core.listPodForAllNamespaces();
  return [
    ...names.filter((name) => name.startsWith('scene-')),
    ...pods.map(({ metadata }) => `Pod ${metadata?.name ?? ''}`),
  ].map((name) => `on the cluster: ${name}`);
}

/** What of a run there is on the machine when its cluster is down. */
export function machineLeft(clusterName: string): string[] {
  const folder = folderOf(clusterName);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return [
    ...marked(markOf(clusterName)).map((pid) => `process ${pid} of a candidate`),
    ...processes(folder).map(({ pid, program }) => `process ${pid} of the cluster (${program})`),
    ...mounts.filter((line) => line.includes(folder)).map((line) => `mount ${line}`),
    ...(existsSync(folder) ? [`folder ${folder}`] : []),
  ];
}

/** Sockets, processes and threads of this program. */
export function handlesLeft(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((handle) => HANDLES.test(handle))
    .map((handle) => `handle ${handle} of this program`);
}

/** How many TCP sockets a process has, in whatever state. */
export function tcpSocketsOf(pid: number): number {
  const inodes = new Set(
    ['tcp', 'tcp6'].flatMap((file) =>
      readFileSync(`/proc/net/${file}`, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/)[9] ?? ''),
    ),
  );
  return descriptorsOf(pid).filter((target) => {
    return inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? 'none');
  }).length;
}

function descriptorsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}
