import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CoreV1Api,
  KubeConfig,
  PatchStrategy,
  RbacAuthorizationV1Api,
  type V1PodStatus,
  setHeaderOptions,
} from '@kubernetes/client-node';

import type { Cluster } from '../cluster/state.ts';
import { AuditLog } from './audit-log.ts';

const ACCOUNT = 'candidate';
const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

/** A node of the API server's imagination: no kubelet limits how many Pods it has. */
const NODE = 'nowhere';

/** The documented ones, for all names. */
const RIGHTS = [
  ['', 'configmaps', 'create get watch patch delete'],
  ['', 'pods', 'get list watch'],
  ['coordination.k8s.io', 'leases', 'create get watch update'],
] as const;

/** How many requests of the benchmark's own are under way at the same time. */
const CONCURRENCY = 8;

/** An API server that contenders compete on. */
export interface Target extends Pick<Cluster, 'kubeconfig' | 'auditLog' | 'folder'> {
  /** There are no service accounts: all candidates are the administrator. */
  readonly isModel?: true;
}

/** What a candidate reaches the API server with. */
export interface Credential {
  /** The path of a file. */
  readonly kubeconfig: string;
  /** By which the audit log tells it from others. */
  readonly tokenId: string;
}

export interface PodIdentity {
  readonly name: string;
  readonly uid: string;
}

/** How a leader's Pod goes: its object is deleted, or it stays and has failed. */
export type Cause = 'deleted' | 'ended';

let serial = 0;

/** A namespace whose service account has the documented rights to all locks and Leases in it. */
export class Arena {
  readonly target: Target;
  readonly namespace: string;
  readonly log: AuditLog;
  readonly #core: CoreV1Api;
  #credentials = 0;
  #pods = 0;

  private constructor(target: Target, namespace: string, core: CoreV1Api) {
    this.target = target;
    this.namespace = namespace;
    this.#core = core;
    this.log = new AuditLog(target.auditLog, namespace);
  }

  static async open(target: Target): Promise<Arena> {
    serial += 1;
    // None of these is the beginning of another.
    const namespace = `arena-${String(serial).padStart(4, '0')}-bench`;
    const admin = kubeConfigOf(target.kubeconfig);
    const core = admin.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name: namespace } } });
    if (!target.isModel) await createAccount(admin, namespace);
    await mkdir(join(target.folder, 'arenas', namespace), { recursive: true });
    return new Arena(target, namespace, core);
  }

  /** A token of its own; all are of the same service account. */
  async credential(): Promise<Credential> {
    const { namespace, target } = this;
    if (target.isModel) return { kubeconfig: target.kubeconfig, tokenId: '' };
    const { status } = await this.#core.createNamespacedServiceAccountToken({
      namespace,
      name: ACCOUNT,
      body: { spec: { audiences: [] } },
    });
    const token = status?.token ?? '';
    this.#credentials += 1;
    const kubeconfig = join(target.folder, 'arenas', namespace, `kubeconfig-${this.#credentials}`);
    const cluster = kubeConfigOf(target.kubeconfig).getCurrentCluster();
    if (!cluster) throw new TypeError(`${target.kubeconfig} has no current cluster`);
    const config = new KubeConfig();
    config.loadFromClusterAndUser(cluster, { name: ACCOUNT, token });
    await writeFile(kubeconfig, config.exportConfig());
    return { kubeconfig, tokenId: tokenIdOf(token) };
  }

  /** Pods that are replicas of each other, and whose processes are elsewhere. */
  async createPods(count: number): Promise<PodIdentity[]> {
    const names = Array.from({ length: count }, () => `candidate-${(this.#pods += 1)}`);
    const pods: PodIdentity[] = [];
    for (let start = 0; start < names.length; start += CONCURRENCY) {
      const batch = names.slice(start, start + CONCURRENCY);
      pods.push(...(await Promise.all(batch.map((name) => this.#createPod(name)))));
    }
    return pods;
  }

  async #createPod(name: string): Promise<PodIdentity> {
    const { metadata } = await this.#core.createNamespacedPod({
      namespace: this.namespace,
      body: {
        metadata: { name, labels: { app: 'bench' } },
        spec: {
          nodeName: NODE,
          serviceAccountName: ACCOUNT,
          automountServiceAccountToken: false,
          // No process has to end, so that its deletion takes effect at once.
          terminationGracePeriodSeconds: 0,
          // It stays although its node is not ready.
          tolerations: [{ operator: 'Exists' }],
          containers: [{ name: 'main', image: 'none' }],
        },
      },
    });
    await this.#setStatus(name, { phase: 'Running' });
    return { name, uid: metadata?.uid ?? '' };
  }

  async endPod({ name }: PodIdentity, cause: Cause): Promise<void> {
    if (cause === 'deleted') return this.deletePod(name);
    const state = { terminated: { exitCode: 1 } };
    const main = { name: 'main', image: 'none', imageID: '', ready: false, restartCount: 0, state };
    await this.#setStatus(name, { phase: 'Failed', containerStatuses: [main] });
  }

  async deletePod(name: string): Promise<void> {
    await this.#core.deleteNamespacedPod({ namespace: this.namespace, name });
  }

  async #setStatus(name: string, status: V1PodStatus): Promise<void> {
    const { namespace } = this;
    await this.#core.patchNamespacedPodStatus({ namespace, name, body: { status } }, MERGE);
  }

  /** The UID of the Pod that owns this lock. */
  async holderUid(lockName: string): Promise<string | undefined> {
    const { namespace } = this;
    const { metadata } = await this.#core.readNamespacedConfigMap({ namespace, name: lockName });
    return metadata?.ownerReferences?.[0]?.uid;
  }
}

/** The node of all Pods that arenas create. */
export async function createNode({ kubeconfig }: Target): Promise<void> {
  const core = kubeConfigOf(kubeconfig).makeApiClient(CoreV1Api);
  await core.createNode({ body: { metadata: { name: NODE } } });
  const conditions = [{ type: 'Ready', status: 'Unknown' }];
  await core.patchNodeStatus({ name: NODE, body: { status: { conditions } } }, MERGE);
}

export function kubeConfigOf(path: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}

/** The `jti` of a JSON Web Token. */
export function tokenIdOf(token: string): string {
  const [, payload = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti?: unknown };
  if (typeof claims.jti !== 'string') throw new TypeError('the token has no jti');
  return claims.jti;
}

async function createAccount(admin: KubeConfig, namespace: string): Promise<void> {
  const metadata = { name: ACCOUNT };
  await admin.makeApiClient(CoreV1Api).createNamespacedServiceAccount({
    namespace,
    body: { metadata },
  });
  const rbac = admin.makeApiClient(RbacAuthorizationV1Api);
  const rules = RIGHTS.map(([group, resource, verbs]) => {
    return { apiGroups: [group], resources: [resource], verbs: verbs.split(' ') };
  });
  await rbac.createNamespacedRole({ namespace, body: { metadata, rules } });
  const apiGroup = 'rbac.authorization.k8s.io';
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: {
      metadata,
      roleRef: { apiGroup, kind: 'Role', name: ACCOUNT },
      subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace }],
    },
  });
}
