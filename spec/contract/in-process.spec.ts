import { createCluster } from '../../lib/testing/index.ts';
import { users } from '../behaviour/in-process.ts';
import { contract } from './contract.ts';
import { type ContractCluster, contractTest } from './space.ts';
import { Wire } from './wire.ts';

/** The cluster in the process as the contract wants it: over HTTP, like any other. */
async function inProcess(): Promise<ContractCluster> {
  const cluster = await createCluster({ bookmarkMs: 300, gcDelayMs: 10 });
  const admin = await Wire.of(cluster.kubeConfig());
  const userWith = users(cluster);
  // From the start, for whoever resumes a watch meanwhile has to find the history.
  cluster.compact();
  return {
    admin,
    patienceMs: 20_000,
    user: (namespace, rules) => {
      const name = userWith(namespace, rules);
      const wire = admin.withToken(cluster.token(name));
      const renew = () => {
        cluster.expireToken(name);
        return Promise.resolve(admin.withToken(cluster.token(name)));
      };
      return Promise.resolve({ name, wire, renew });
    },
    limit: (namespace, hard) => {
      cluster.setQuota(hard, namespace);
      return Promise.resolve();
    },
    expiredToken: () => {
      const token = cluster.token('late');
      cluster.expireToken('late');
      return Promise.resolve({ token });
    },
    endless: 'this cluster ends a namespace only when it is told to (finalizeNamespace)',
    tooOld: () =>
      Promise.resolve({ path: '/api/v1/namespaces/default/configmaps', resourceVersion: '1' }),
    [Symbol.asyncDispose]: () => cluster.close(),
  };
}

contract('the cluster in the process', contractTest(inProcess));
