import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { selfSigned } from './certificate.ts';
import { gatewayOf } from './pod-network.ts';
import type { Cluster } from './state.ts';

/** The name that the node's kubelet gives to its Node object, and its address. */
export const NODE_NAME = '127.0.0.1';

interface User {
  /** The path of its kubeconfig in the cluster's folder. */
  kubeconfig: string;
  name: string;
  groups: readonly string[];
}

const ADMINISTRATOR: User = {
  kubeconfig: 'kubeconfig',
  name: 'administrator',
  groups: ['system:masters'],
};

const COMPONENTS: readonly User[] = [
  ...['system:kube-controller-manager', 'system:kube-scheduler'].map((name) => ({
    kubeconfig: kubeconfigOf(name.slice('system:'.length)),
    name,
    groups: [],
  })),
  {
    kubeconfig: kubeconfigOf('kubelet'),
    name: `system:node:${NODE_NAME}`,
    groups: ['system:nodes'],
  },
];

/** kubeconfigOf tells a component's kubeconfig, relative to the cluster's folder. */
export function kubeconfigOf(component: string): string {
  return join('kubeconfigs', component);
}

/** writeCredentials makes a cluster's certificate, keys, tokens and kubeconfigs. */
export async function writeCredentials(cluster: Cluster): Promise<void> {
  const write = (file: string, content: string): Promise<void> =>
    writeFile(join(cluster.folder, file), content, { mode: 0o600 });
  await mkdir(join(cluster.folder, 'kubeconfigs'), { recursive: true });

  const tls = selfSigned(`leader-for-life ${cluster.id}`, gatewayOf(cluster));
  await write('tls.crt', tls.certificate);
  await write('tls.key', tls.key);

  const accounts = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = accounts.privateKey.export({ type: 'pkcs8', format: 'pem' });
  await write('service-accounts.key', key.toString());
  const pub = accounts.publicKey.export({ type: 'spki', format: 'pem' });
  await write('service-accounts.pub', pub.toString());

  const rows: string[] = [];
  for (const user of [ADMINISTRATOR, ...COMPONENTS]) {
    const token = randomBytes(24).toString('base64url');
    rows.push(`${token},${user.name},${user.name},"${user.groups.join(',')}"\n`);
    await write(user.kubeconfig, kubeconfig(cluster, tls.certificate, user.name, token));
    if (user === ADMINISTRATOR) await write('token', token);
  }
  await write('tokens.csv', rows.join(''));
}

// JSON is YAML, too.
function kubeconfig(cluster: Cluster, authority: string, user: string, token: string): string {
  const name = `leader-for-life-${cluster.name}`;
  const data = Buffer.from(authority).toString('base64');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: cluster.server, 'certificate-authority-data': data } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name, context: { cluster: name, user } }],
    'current-context': name,
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}
