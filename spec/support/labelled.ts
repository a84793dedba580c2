import type { Cluster } from '../../lib/testing/index.ts';

const COST = 'controller.kubernetes.io/pod-deletion-cost';

/** Which Pods had a label, at any time. */
export class LabelHistory {
  readonly #cluster: Cluster;
  readonly #key: string;
  /** Each change of the Pods that have the label, as their names. */
  readonly changes: string[] = [];

  constructor(cluster: Cluster, key = 'role') {
    this.#cluster = cluster;
    this.#key = key;
    cluster.onChange(() => {
      if (this.now !== (this.changes.at(-1) ?? '')) this.changes.push(this.now);
    });
  }

  /** The names of the Pods that have the label. */
  get now(): string {
    const { body } = this.#cluster.request('GET', '/api/v1/namespaces/default/pods');
    const { items } = body as { items: { metadata: { name: string; labels?: object } }[] };
    return items
      .filter(({ metadata }) => Object.hasOwn(metadata.labels ?? {}, this.#key))
      .map(({ metadata }) => metadata.name)
      .join();
  }

  costOf(pod: string): string | undefined {
    return this.#cluster.getPod(pod)?.metadata.annotations?.[COST];
  }
}
