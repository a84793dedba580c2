import { readFile } from 'node:fs/promises';

import {
  AuthenticationV1TokenRequest,
  CoreV1Api,
  KubeConfig,
  RbacAuthorizationV1Api,
  type V1PolicyRule,
} from '@kubernetes/client-node';

import type { Cluster, SeenRequest } from '../behaviour/cluster.ts';

/** What a real cluster can do for the specs beyond its API. */
export interface RealClusterOptions {
  readonly kubeConfigPath: string;
  readonly auditLogPath: string;
  stopGarbageCollector(): void;
  startGarbageCollector(): void;
}

/** A real cluster as the behaviour specs want it. */
export function realCluster(options: RealClusterOptions): Cluster {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(options.kubeConfigPath);
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
    const lines = (await readFile(options.auditLogPath, 'utf8')).split('\n');
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
    stopGarbageCollector: () => {
      options.stopGarbageCollector();
    },
    startGarbageCollector: () => {
      options.startGarbageCollector();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string };
  readonly responseStatus?: { readonly code?: number };
}
