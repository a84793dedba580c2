import {
  CoordinationV1Api,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  type V1ObjectMeta,
  type V1PolicyRule,
  type V1Role,
  loadAllYaml,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { expect } from 'vitest';

import { leaseRoleYaml, roleYaml } from '../../lib/kubernetes/role.ts';
import { type Cluster, eventually } from '../behaviour/cluster.ts';

/** The lock and the Lease that are attacked. */
export const LOCK = 'lock';

/** What the printed Role allows in its namespace. */
export function rulesIn(yaml: string): V1PolicyRule[] {
  const documents = loadAllYaml(yaml) as V1Role[];
  return documents.find(({ kind }) => kind === 'Role')?.rules ?? [];
}

export const documented = {
  life: (namespace: string) => rulesIn(roleYaml({ namespace, lockName: LOCK, takeOver: false })),
  lease: (namespace: string, events = false) =>
    rulesIn(leaseRoleYaml({ namespace, leaseName: LOCK, events })),
};

/** Somebody who has the candidates' rights, and means no good. */
export class Intruder {
  readonly namespace: string;
  readonly core: CoreV1Api;
  readonly coordination: CoordinationV1Api;

  constructor(namespace: string, kubeConfig: KubeConfig) {
    this.namespace = namespace;
    this.core = kubeConfig.makeApiClient(CoreV1Api);
    this.coordination = kubeConfig.makeApiClient(CoordinationV1Api);
  }

  static async enter(cluster: Cluster, namespace: string, rules: V1PolicyRule[]) {
    const { kubeConfig } = await cluster.user(namespace, rules);
    const intruder = new Intruder(namespace, kubeConfig);
    await intruder.#whenLetIn(rules);
    return intruder;
  }

  /** An authorizer learns of Roles by a watch, and until then allows nothing. */
  async #whenLetIn(rules: V1PolicyRule[]): Promise<void> {
    const isLife = rules.some(({ resources }) => resources?.includes('configmaps'));
    await eventually(async () => {
      const read = isLife ? this.readLock() : this.readLease();
      await read.catch((error: unknown) => {
        if ((error as { code?: number }).code !== 404) throw error;
      });
    });
  }

  readLock() {
    return this.core.readNamespacedConfigMap({ namespace: this.namespace, name: LOCK });
  }

  createLock(metadata: V1ObjectMeta = {}) {
    const body = { metadata: { name: LOCK, ...metadata } };
    return this.core.createNamespacedConfigMap({ namespace: this.namespace, body });
  }

  deleteLock() {
    return this.core.deleteNamespacedConfigMap({ namespace: this.namespace, name: LOCK });
  }

  patchLock(metadata: V1ObjectMeta) {
    return this.core.patchNamespacedConfigMap(
      { namespace: this.namespace, name: LOCK, body: { metadata } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  }

  readLease() {
    return this.coordination.readNamespacedLease({ namespace: this.namespace, name: LOCK });
  }

  createLease(name: string, spec: object) {
    const body = { metadata: { name }, spec };
    return this.coordination.createNamespacedLease({ namespace: this.namespace, body });
  }

  /** Reads the Lease and replaces it, again if somebody was faster. */
  rewriteLease(change: { readonly metadata?: V1ObjectMeta; readonly spec?: object }) {
    return eventually(async () => {
      const lease = await this.readLease();
      const body = {
        ...lease,
        metadata: { ...lease.metadata, ...change.metadata },
        spec: { ...lease.spec, ...change.spec },
      };
      return this.coordination.replaceNamespacedLease({
        namespace: this.namespace,
        name: LOCK,
        body,
      });
    });
  }
}

export function ownedBy(name: string, uid: string, kind = 'Pod'): V1ObjectMeta {
  return { ownerReferences: [{ apiVersion: 'v1', kind, name, uid }] };
}

/** That the API server says that this is not allowed, and not something else. */
export async function expectForbidden(request: Promise<unknown>): Promise<void> {
  await expect(request).rejects.toMatchObject({ code: 403 });
}
