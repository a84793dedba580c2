import { readFile } from 'node:fs/promises';

import {
  AuthenticationV1TokenRequest,
  CoreV1Api,
  KubeConfig,
  RbacAuthorizationV1Api,
  type V1PolicyRule,
} from '@kubernetes/client-node';

import { type Cluster, NODE, type SeenRequest } from './cluster.ts';

/** What the specs can do to a cluster of the project's own, and not to another. */
export interface Powers {
  readonly auditLog: string;
  stopGarbageCollector(): Promise<void>;
  startGarbageCollector(): Promise<void>;
}

/**
 * A real cluster as the behaviour specs want it; the project's own, by its name, with the node of their
 * Pods. Nothing outside of namespaces is made on another.
 */
export async function openRealCluster(
  kubeConfigPath: string,
  name: string | undefined,
  powers?: Powers,
): Promise<Cluster> {
  const cluster = realCluster(kubeConfigPath, powers);
  if (name === undefined) return cluster;
  return { ...cluster, [Symbol.asyncDispose]: await createNode(cluster.admin) };
}

/** The same without that node: where no Pod is needed for long. */
export function realCluster(kubeConfigPath: string, powers: Powers | undefined): Cluster {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeConfigPath);
  const admin = kubeConfig.makeApiClient(CoreV1Api);
  const rbac = kubeConfig.makeApiClient(RbacAuthorizationV1Api);
  let users = 0;

  async function user(namespace: string, rules: V1PolicyRule[]) {
    users += 1;
    const name = `user-${users}`;
    const metadata = { name, namespace };
    await admin.createNamespacedServiceAccount({ namespace, body: { metadata } });
    await rbac.createNamespacedRole({ namespace, body: { metadata, rules } });
    await rbac.createNamespacedRoleBinding({
      namespace,
      body: {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    });
    const body = { spec: { audiences: [] } } as unknown as AuthenticationV1TokenRequest;
    const { status } = await admin.createNamespacedServiceAccountToken({ name, namespace, body });
    const limited = new KubeConfig();
    const cluster = kubeConfig.getCurrentCluster();
    if (!cluster || !status) throw new Error('no cluster, or no token');
    limited.loadFromClusterAndUser(cluster, { name, token: status.token ?? '' });
    return { name: `system:serviceaccount:${namespace}:${name}`, kubeConfig: limited };
  }

  async function requestsOf(name: string): Promise<readonly SeenRequest[]> {
    if (!powers) throw new Error('there is no audit log of this cluster');
    const lines = (await readFile(powers.auditLog, 'utf8')).split('\n');
    return lines.flatMap((line) => {
      if (!line.includes(name)) return [];
      const event = JSON.parse(line) as AuditEvent;
      if (event.user.username !== name || event.stage === 'RequestReceived') return [];
      const { resource } = event.objectRef ?? {};
      return [
        { verb: event.verb, resource: resource ?? '', status: event.responseStatus?.code ?? 0 },
      ];
    });
  }

  return {
    admin,
    kubeConfig,
    user,
    requestsOf,
    ...powers,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Kubernetes deletes all Pods of a node that has been missing for a minute, at any moment. */
async function createNode(admin: CoreV1Api): Promise<() => Promise<void>> {
  await admin.createNode({ body: { metadata: { name: NODE }, spec: { unschedulable: true } } });
  return async () => {
    await admin.deleteNode({ name: NODE });
  };
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string };
  readonly responseStatus?: { readonly code?: number };
}
