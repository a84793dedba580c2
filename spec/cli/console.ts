import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import { main } from '../../lib/cli/main.ts';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';

/** A user at a laptop, with a cluster that has the Pods `a` and `b`. */
export async function atLaptop(user?: string) {
  const cluster = await createCluster({ resources: [] });
  onTestFinished(() => cluster.close());
  for (const name of ['a', 'b']) cluster.createPod(name, { labels: { app: 'x' } });
  const folder = mkdtempSync(join(tmpdir(), 'laptop-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const kubeconfig = join(folder, 'config');
  writeFileSync(kubeconfig, cluster.kubeConfigText(user === undefined ? {} : { user }));
  return {
    cluster,
    kubeconfig,
    run: (...args: string[]) =>
      run(args, { KUBECONFIG: kubeconfig, LEADER_FOR_LIFE_KUBECONFIG: kubeconfig }),
  };
}

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function run(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const exitCode = await main(args, variables, {
    stdout: (text) => void stdout.push(text),
    stderr: (text) => void stderr.push(text),
  });
  return { exitCode, stdout: stdout.join(''), stderr: stderr.join('') };
}

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

/** Stores a Lease that was renewed just now. */
export function hold(cluster: Cluster, name: string, holderIdentity: string, spec: object = {}) {
  const now = new Date().toISOString().replace('Z', '000Z');
  const times = { acquireTime: now, renewTime: now, leaseDurationSeconds: 15 };
  const body = { metadata: { name }, spec: { holderIdentity, ...times, ...spec } };
  const { status } = cluster.request('POST', LEASES, body);
  if (status !== 201) throw new Error(`the Lease was refused: ${status}`);
}

/** Changes the record of a Lease. */
export function change(cluster: Cluster, name: string, spec: object): void {
  const type = 'application/merge-patch+json';
  cluster.request('PATCH', `${LEASES}/${name}`, { spec }, type);
}
