import { CoreV1Api } from '@kubernetes/client-node';

import { createCluster } from '../../lib/testing/index.ts';
import type { Cluster } from './cluster.ts';

/** The cluster in the process as the behaviour specs want it: over HTTP, like any other. */
export async function inProcess(): Promise<Cluster> {
  const cluster = await createCluster({ nodeCount: 1, gcDelayMs: 10 });
  const kubeConfig = cluster.kubeConfig();
  let users = 0;
  return {
    admin: kubeConfig.makeApiClient(CoreV1Api),
    kubeConfig,
    user: (namespace, rules) => {
      users += 1;
      const name = `user-${users}`;
      cluster.grant(
        name,
        rules.map(({ apiGroups = [], resources = [], verbs, resourceNames }) => ({
          apiGroups,
          resources,
          verbs,
          ...(resourceNames && { resourceNames }),
        })),
        namespace,
      );
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
