import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { eventually } from '../behaviour/cluster.ts';

/** A namespace with Pods that no node runs: their processes are elsewhere. */
export class Space implements AsyncDisposable {
  readonly name: string;
  /** By the Pods' names. */
  readonly uids: Readonly<Record<string, string>>;
  readonly #core: CoreV1Api;

  private constructor(core: CoreV1Api, name: string, uids: Readonly<Record<string, string>>) {
    this.#core = core;
    this.name = name;
    this.uids = uids;
  }

  static async create(kubeconfig: string, name: string, pods: readonly string[]): Promise<Space> {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(kubeconfig);
    const core = kubeConfig.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name } } });
    const uids: Record<string, string> = {};
    for (const pod of pods) {
      const body = {
        metadata: { name: pod },
        // Of no scheduler that there is.
        spec: {
          schedulerName: 'nobody',
          automountServiceAccountToken: false,
          containers: [{ name: 'main', image: 'none' }],
        },
      };
      // Without a service account, which a new namespace has only after a moment, it is refused.
      const made = await eventually(() => core.createNamespacedPod({ namespace: name, body }));
      uids[pod] = made.metadata?.uid ?? '';
    }
    return new Space(core, name, uids);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#core.deleteNamespace({ name: this.name });
  }
}
