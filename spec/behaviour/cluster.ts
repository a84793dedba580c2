import {
  type CoreV1Api,
  type KubeConfig,
  type V1ConfigMap,
  type V1Pod,
  type V1PolicyRule,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';

import { becomeOn } from '../../lib/life/become.ts';
import { type BecomeOptions, type Leadership, become } from '../../lib/index.ts';
import { systemPlatform } from '../../lib/platform/platform.ts';
import { containerStatus } from '../cluster/container-status.ts';
import { aPlatform } from '../life/platform.ts';

/** Where Pods are whose processes are in this one. */
export const NODE = 'nowhere';

/** A request as the API server saw it. */
export interface SeenRequest {
  readonly verb: string;
  readonly resource: string;
  readonly status: number;
}

/** What the behaviour specs need of a cluster; in the process, or real. */
export interface Cluster extends AsyncDisposable {
  /** May do everything. */
  readonly admin: CoreV1Api;
  readonly kubeConfig: KubeConfig;
  /** A user with exactly these rights, in this namespace. */
  user(namespace: string, rules: V1PolicyRule[]): Promise<{ name: string; kubeConfig: KubeConfig }>;
  /** Every request of that user so far; only where the cluster is the project's own. */
  requestsOf(user: string): Promise<readonly SeenRequest[]>;
  /** Missing where the cluster is not the project's own. */
  stopGarbageCollector?(): Promise<void>;
  startGarbageCollector?(): Promise<void>;
}

/** One replica: a Pod and the process in it, which is this one. */
export interface Replica {
  readonly name: string;
  readonly uid: string;
  /** Calls `become` as the process of that Pod would. */
  become(lockName: string, options?: BecomeOptions): Promise<Leadership>;
  /** The same Pod after its container was restarted: a process that knows nothing of the former. */
  restarted(): Replica;
}

export interface PodEnd {
  readonly phase: 'Failed' | 'Succeeded';
  readonly reason?: string;
  /** Statuses of containers; by default the one container has terminated. */
  readonly statuses?: Pick<
    NonNullable<V1Pod['status']>,
    'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses'
  >;
}

let serial = 0;

/** A namespace of its own for each test, and what happens in it. */
export class Namespace implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly name: string;
  readonly #aborts: AbortController[] = [];
  readonly #leaderships: Promise<Leadership>[] = [];

  private constructor(cluster: Cluster, name: string) {
    this.cluster = cluster;
    this.name = name;
  }

  static async create(cluster: Cluster): Promise<Namespace> {
    serial += 1;
    const name = `behaviour-${process.pid}-${serial}-${Math.random().toString(36).slice(2, 8)}`;
    await cluster.admin.createNamespace({ body: { metadata: { name } } });
    return new Namespace(cluster, name);
  }

  /** A Pod that runs, on a node without a kubelet, and its process. */
  async replica(
    name: string,
    options: { nodeName?: string; serviceAccountName?: string } = {},
  ): Promise<Replica> {
    const { nodeName = NODE, serviceAccountName = 'default' } = options;
    const body = {
      metadata: { name, labels: { app: 'behaviour' } },
      spec: {
        nodeName,
        serviceAccountName,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 30,
        containers: [{ name: 'main', image: 'example.com/image' }],
      },
    };
    // A new namespace has no default service account for a moment, and Pods are refused.
    const pod = await eventually(() =>
      this.cluster.admin.createNamespacedPod({ namespace: this.name, body }),
    );
    await this.#patchStatus(name, {
      phase: 'Running',
      containerStatuses: [containerStatus('running')],
    });
    const uid = pod.metadata?.uid ?? '';
    return this.#replicaOf(name, uid, (lock, options) => become(lock, options));
  }

  #replicaOf(name: string, uid: string, call: typeof become): Replica {
    const identity = { podName: name, podUid: uid };
    return {
      name,
      uid,
      become: (lock, options) => this.#become(call, lock, { ...identity, ...options }),
      restarted: () => {
        const { elections, unconfirmed, predecessors } = aPlatform();
        const process = { ...systemPlatform, elections, unconfirmed, predecessors };
        return this.#replicaOf(name, uid, (lock, options) =>
          becomeOn(process, lock, options ?? {}),
        );
      },
    };
  }

  /** Its processes are gone, and so is the object. */
  async deletePod(name: string, options: { orphan?: boolean } = {}): Promise<void> {
    const propagationPolicy = options.orphan ? 'Orphan' : 'Background';
    await this.cluster.admin.deleteNamespacedPod({
      namespace: this.name,
      name,
      body: { gracePeriodSeconds: 0, propagationPolicy },
    });
  }

  /** Asked to go; its processes may go on. */
  async terminatePod(name: string, options: { foreground?: boolean } = {}): Promise<void> {
    const propagationPolicy = options.foreground ? 'Foreground' : 'Background';
    await this.cluster.admin.deleteNamespacedPod({
      namespace: this.name,
      name,
      body: { gracePeriodSeconds: 30, propagationPolicy },
    });
  }

  async endPod(name: string, end: PodEnd): Promise<void> {
    const { phase, reason, statuses } = end;
    await this.#patchStatus(name, {
      phase,
      ...(reason !== undefined && { reason }),
      containerStatuses: [containerStatus('terminated')],
      ...statuses,
    });
  }

  async lock(name: string): Promise<V1ConfigMap | undefined> {
    const { items } = await this.cluster.admin.listNamespacedConfigMap({ namespace: this.name });
    return items.find((item) => item.metadata?.name === name);
  }

  createConfigMap(metadata: V1ConfigMap['metadata']): Promise<V1ConfigMap> {
    const body = { metadata: metadata ?? {}, data: { key: 'value' } };
    return this.cluster.admin.createNamespacedConfigMap({ namespace: this.name, body });
  }

  patchConfigMap(name: string, metadata: object): Promise<V1ConfigMap> {
    return this.cluster.admin.patchNamespacedConfigMap(
      { namespace: this.name, name, body: { metadata } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  }

  async deleteConfigMap(name: string): Promise<void> {
    await this.cluster.admin.deleteNamespacedConfigMap({ namespace: this.name, name });
  }

  /** Ends every wait, gives up every lock, deletes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.startGarbageCollector?.();
    for (const abort of this.#aborts) abort.abort(new Error('the test is over'));
    for (const outcome of await Promise.allSettled(this.#leaderships)) {
      if (outcome.status === 'fulfilled') await outcome.value.release().catch(() => undefined);
    }
    await this.cluster.admin.deleteNamespace({ name: this.name }).catch(() => undefined);
  }

  #become(call: typeof become, lockName: string, options: BecomeOptions): Promise<Leadership> {
    const abort = new AbortController();
    this.#aborts.push(abort);
    const signal = options.signal ? AbortSignal.any([options.signal, abort.signal]) : abort.signal;
    const leadership = call(lockName, {
      kubeConfig: this.cluster.kubeConfig,
      namespace: this.name,
      ...options,
      signal,
    });
    this.#leaderships.push(leadership);
    leadership.catch(() => undefined);
    return leadership;
  }

  async #patchStatus(name: string, status: V1Pod['status']): Promise<void> {
    await this.cluster.admin.patchNamespacedPodStatus(
      { namespace: this.name, name, body: { status } },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    );
  }
}

/** Repeats what fails until it does not; for what a real cluster takes a moment to do. */
export async function eventually<T>(attempt: () => T | Promise<T>, withinMs = 60_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The states that a candidate goes through while it waits, and a way to await one. */
export class Waits {
  readonly reasons: string[] = [];
  readonly messages: string[] = [];
  readonly #listeners: (() => void)[] = [];

  /** For `options.onWaiting`. */
  readonly record: NonNullable<BecomeOptions['onWaiting']> = (state) => {
    this.reasons.push(state.reason);
    this.messages.push(state.message);
    for (const listener of this.#listeners.splice(0)) listener();
  };

  /** Resolves once the candidate has waited for this reason. */
  async for(reason: string): Promise<void> {
    while (!this.reasons.includes(reason)) {
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }
}
