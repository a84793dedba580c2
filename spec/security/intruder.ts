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
import { afterAll, expect, test } from 'vitest';

import { leaseRoleYaml, roleYaml } from '../../lib/kubernetes/role.ts';
import { type Cluster, Namespace, eventually } from '../behaviour/cluster.ts';

/** The lock and the Lease that are attacked. */
export const LOCK = 'lock';
/** A UID that no Pod has. */
export const NOBODY = '00000000-0000-4000-8000-000000000000';

/** The annotation that asks this holder to hand over. */
export const askedOf = (holder: string) => ({ 'leader-for-life/step-down': holder });

/** What the printed Role allows in its namespace. */
function rulesIn(yaml: string): V1PolicyRule[] {
  const documents = loadAllYaml(yaml) as V1Role[];
  return documents.find(({ kind }) => kind === 'Role')?.rules ?? [];
}

export const documented = {
  life: (namespace: string) => rulesIn(roleYaml({ namespace, lockName: LOCK, takeOver: false })),
  lease: (namespace: string, events = false) =>
    rulesIn(leaseRoleYaml({ namespace, leaseName: LOCK, events })),
};

/** A test with this cluster, which it closes in the end, and with another namespace than the attacked. */
export function attackTest(cluster: Cluster) {
  afterAll(() => cluster[Symbol.asyncDispose]());
  return test
    .extend('cluster', () => cluster)
    .extend('elsewhere', async ({ cluster: at }, { onCleanup }) => {
      const namespace = await Namespace.create(at);
      onCleanup(() => namespace[Symbol.asyncDispose]());
      return namespace;
    });
}

export type AttackTest = ReturnType<typeof attackTest>;

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
    // An authorizer learns of Roles by a watch, and until then allows nothing.
    const isLife = rules.some(({ resources }) => resources?.includes('configmaps'));
    await eventually(async () => {
      const read = isLife ? intruder.readLock() : intruder.readLease();
      await read.catch((error: unknown) => {
        if ((error as { code?: number }).code !== 404) throw error;
      });
    });
    return intruder;
  }

  /** The lock, or the Lease, by its name and namespace. */
  get #target() {
    return { namespace: this.namespace, name: LOCK };
  }

  readLock() {
    return this.core.readNamespacedConfigMap(this.#target);
  }

  createLock(metadata: V1ObjectMeta = {}) {
    const body = { metadata: { name: LOCK, ...metadata } };
    return this.core.createNamespacedConfigMap({ namespace: this.namespace, body });
  }

  deleteLock() {
    return this.core.deleteNamespacedConfigMap(this.#target);
  }

  patchLock(metadata: V1ObjectMeta) {
    const options = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    return this.core.patchNamespacedConfigMap({ ...this.#target, body: { metadata } }, options);
  }

  readLease() {
    return this.coordination.readNamespacedLease(this.#target);
  }

  createLease(name: string, spec: object) {
    const body = { metadata: { name }, spec };
    return this.coordination.createNamespacedLease({ namespace: this.namespace, body });
  }

  /** Reads the Lease and replaces it once. */
  async replaceLease(change: Change) {
    const lease = await this.readLease();
    const metadata = { ...lease.metadata, ...change.metadata };
    const body = { ...lease, metadata, spec: { ...lease.spec, ...change.spec } };
    return this.coordination.replaceNamespacedLease({ ...this.#target, body });
  }

  /** Replaces it, again if somebody was faster. */
  rewriteLease(change: Change) {
    return eventually(() => this.replaceLease(change));
  }
}

export interface Change {
  readonly metadata?: V1ObjectMeta;
  readonly spec?: object;
}

export function ownedBy(name: string, uid: string, kind = 'Pod'): V1ObjectMeta {
  return { ownerReferences: [{ apiVersion: 'v1', kind, name, uid }] };
}

/** That the API server says of each that this is not allowed, and not something else. */
export async function expectForbidden(...requests: Promise<unknown>[]): Promise<void> {
  for (const request of requests) request.catch(() => undefined);
  for (const request of requests) await expect(request).rejects.toMatchObject({ code: 403 });
}

/** Resolves once it has aborted, with its reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const end = () => resolve(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}

export const lost = { code: 'ERR_LEADERSHIP_LOST' };
