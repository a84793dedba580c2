import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';

import { type Cluster, Namespace } from './cluster.ts';

/** The cluster of the tests in a `describe`, and a namespace of its own for each of them. */
export interface TestCluster {
  readonly cluster: Cluster;
  namespace(): Promise<Namespace>;
}

export function describeOn(
  title: string,
  open: () => Promise<Cluster>,
  tests: (on: TestCluster) => void,
): void {
  describe(title, () => {
    let cluster: Cluster | undefined;
    const opened = () => {
      if (!cluster) throw new Error('the cluster is not open');
      return cluster;
    };

    beforeAll(async () => {
      cluster = await open();
    }, 120_000);

    afterAll(async () => {
      await cluster?.[Symbol.asyncDispose]();
    });

    tests({
      get cluster() {
        return opened();
      },
      namespace: async () => {
        const created = await Namespace.create(opened());
        onTestFinished(() => created[Symbol.asyncDispose]());
        return created;
      },
    });
  });
}
