import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { get } from './api.ts';
import { kubeconfigOf, writeCredentials } from './credentials.ts';
import { find, resume, start, until } from './process.ts';
import type { Command } from './process.ts';
import { step } from './progress.ts';
import type { Report } from './progress.ts';
import type { Cluster } from './state.ts';
import { together } from './together.ts';

export const controlPlaneComponents = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
] as const;

export type ControlPlaneComponent = (typeof controlPlaneComponents)[number];

/** prepareControlPlane writes the files that the components read. */
export async function prepareControlPlane(cluster: Cluster): Promise<void> {
  await writeCredentials(cluster);
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata' }],
  };
  await writeFile(join(cluster.folder, 'audit-policy.json'), JSON.stringify(policy));
}

/** startServer starts etcd and the API server unless they run, and waits until they are ready. */
export async function startServer(cluster: Cluster, report: Report): Promise<void> {
  await ensure(cluster, 'etcd', report);
  await ensure(cluster, 'kube-apiserver', report);
}

/** startControllers starts what works on the API server's objects, and waits likewise. */
export async function startControllers(cluster: Cluster, report: Report): Promise<void> {
  await together([
    ensure(cluster, 'kube-controller-manager', report),
    ensure(cluster, 'kube-scheduler', report),
  ]);
}

/** startComponent starts a component that does not run, and waits until it is ready. */
export async function startComponent(
  cluster: Cluster,
  component: ControlPlaneComponent,
): Promise<void> {
  const pid = await start(cluster, component, commands[component](cluster));
  await untilReady(cluster, component, pid);
}

async function ensure(
  cluster: Cluster,
  component: ControlPlaneComponent,
  report: Report,
): Promise<void> {
  const running = find(cluster.folder, component);
  if (running) {
    resume(running);
    await untilReady(cluster, component, running.pid);
  } else {
    await step(report, `start ${component}`, () => startComponent(cluster, component));
  }
}

async function untilReady(
  cluster: Cluster,
  component: ControlPlaneComponent,
  pid: number,
): Promise<void> {
  const questions = readiness(cluster, component);
  await until(cluster, component, pid, async () => {
    const asked = questions.map(({ path, port }) => get(cluster, path, port));
    return (await Promise.all(asked)).every(({ status }) => status === 200);
  });
}

interface Question {
  path: string;
  /** @default the API server's */
  port?: number;
}

function readiness({ ports }: Cluster, component: ControlPlaneComponent): Question[] {
  switch (component) {
    case 'etcd':
      return [{ path: '/readyz', port: ports.etcd }];
    case 'kube-apiserver':
      return [{ path: '/readyz' }];
    case 'kube-controller-manager':
      return [
        { path: '/healthz', port: ports.controllerManager },
        // It makes this account; before that no Pod can be created.
        { path: '/api/v1/namespaces/default/serviceaccounts/default' },
      ];
    case 'kube-scheduler':
      return [{ path: '/healthz', port: ports.scheduler }];
  }
}

const commands: Record<ControlPlaneComponent, (cluster: Cluster) => Command> = {
  etcd: ({ folder, ports, binaries }) => {
    const client = `https://127.0.0.1:${ports.etcd}`;
    const peer = `https://127.0.0.1:${ports.etcdPeer}`;
    const args = {
      name: 'etcd',
      'data-dir': join(folder, 'etcd'),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `etcd=${peer}`,
      'cert-file': join(folder, 'tls.crt'),
      'key-file': join(folder, 'tls.key'),
      'trusted-ca-file': join(folder, 'tls.crt'),
      'client-cert-auth': 'true',
      'peer-cert-file': join(folder, 'tls.crt'),
      'peer-key-file': join(folder, 'tls.key'),
      'peer-trusted-ca-file': join(folder, 'tls.crt'),
      'peer-client-cert-auth': 'true',
      // A test's data need not outlive the machine's power.
      'unsafe-no-fsync': 'true',
    };
    return { file: join(binaries.controlPlane, 'etcd'), args: flags(args) };
  },

  'kube-apiserver': (cluster) => ({
    file: join(cluster.binaries.controlPlane, 'kube-apiserver'),
    args: flags({ ...serving(cluster), ...storage(cluster), ...access(cluster) }),
  }),

  'kube-controller-manager': (cluster) => ({
    file: join(cluster.binaries.controlPlane, 'kube-controller-manager'),
    args: flags({
      ...controller(cluster, 'kube-controller-manager', cluster.ports.controllerManager),
      'use-service-account-credentials': 'true',
      'service-account-private-key-file': join(cluster.folder, 'service-accounts.key'),
      'root-ca-file': join(cluster.folder, 'tls.crt'),
    }),
  }),

  'kube-scheduler': (cluster) => ({
    file: join(cluster.binaries.controlPlane, 'kube-scheduler'),
    args: flags(controller(cluster, 'kube-scheduler', cluster.ports.scheduler)),
  }),
};

function controller(
  { folder }: Cluster,
  component: ControlPlaneComponent,
  port: number,
): Record<string, string> {
  return {
    kubeconfig: join(folder, kubeconfigOf(component)),
    'leader-elect': 'false',
    'bind-address': '127.0.0.1',
    'secure-port': `${port}`,
    'tls-cert-file': join(folder, 'tls.crt'),
    'tls-private-key-file': join(folder, 'tls.key'),
  };
}

function serving({ folder, ports }: Cluster): Record<string, string> {
  return {
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': `${ports.apiServer}`,
    'tls-cert-file': join(folder, 'tls.crt'),
    'tls-private-key-file': join(folder, 'tls.key'),
    // Endpoints must not have loopback addresses: the Service `kubernetes` stays without any.
    'endpoint-reconciler-type': 'none',
    'service-cluster-ip-range': '10.0.0.0/24',
    'audit-policy-file': join(folder, 'audit-policy.json'),
    'audit-log-path': join(folder, 'audit.log'),
    // Whoever follows the log need not follow a rotation.
    'audit-log-maxsize': '100000',
  };
}

function storage({ folder, ports }: Cluster): Record<string, string> {
  return {
    'etcd-servers': `https://127.0.0.1:${ports.etcd}`,
    'etcd-cafile': join(folder, 'tls.crt'),
    'etcd-certfile': join(folder, 'tls.crt'),
    'etcd-keyfile': join(folder, 'tls.key'),
  };
}

function access({ folder }: Cluster): Record<string, string> {
  return {
    'token-auth-file': join(folder, 'tokens.csv'),
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'service-account-key-file': join(folder, 'service-accounts.pub'),
    'service-account-signing-key-file': join(folder, 'service-accounts.key'),
    'service-account-issuer': 'https://kubernetes.default.svc',
    'allow-privileged': 'true',
    'kubelet-preferred-address-types': 'InternalIP',
    'kubelet-certificate-authority': join(folder, 'tls.crt'),
    'kubelet-client-certificate': join(folder, 'tls.crt'),
    'kubelet-client-key': join(folder, 'tls.key'),
  };
}

function flags(values: Record<string, string>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}
