import { CoreV1Api, type V1PolicyRule } from '@kubernetes/client-node';

import { type Cluster as TestingCluster, createCluster } from '../../lib/testing/index.ts';
import type { Cluster } from './cluster.ts';

/** Creates a user with these rights and no others, and resolves with its name. */
export function users(cluster: TestingCluster) {
  let count = 0;
  return (namespace: string, rules: readonly V1PolicyRule[]): string => {
    count += 1;
    const name = `user-${count}`;
    cluster.grant(
      name,
      rules.map(({ apiGroups = [], resources = [], verbs, resourceNames }) => ({
        ...{ apiGroups, resources, verbs },
        ...(resourceNames && { resourceNames }),
      })),
      namespace,
    );
    return name;
  };
}

/** The cluster in the process as the behaviour specs want it: over HTTP, like any other. */
export async function inProcess(): Promise<Cluster> {
  const cluster = await createCluster({ nodeCount: 1, gcDelayMs: 10 });
  const kubeConfig = cluster.kubeConfig();
  const userWith = users(cluster);
  return {
    admin: kubeConfig.makeApiClient(CoreV1Api),
    kubeConfig,
    user: (namespace, rules) => {
      const name = userWith(namespace, rules);
      return Promise.resolve({ name, kubeConfig: cluster.kubeConfig({ user: name }) });
    },
    requestsOf: (user) => Promise.resolve(cluster.requests.filter({ user })),
    stopGarbageCollector: () => {
      cluster.garbageCollector.stop();
      return Promise.resolve();
    },
    startGarbageCollector: () => {
      cluster.garbageCollector.start();
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => cluster.close(),
  };
}
