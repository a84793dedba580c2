import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AppsV1Api,
  BatchV1Api,
  CoreV1Api,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
  RbacAuthorizationV1Api,
  type V1ConfigMap,
  type V1ObjectMeta,
  type V1Pod,
  type V1PolicyRule,
  loadAllYaml,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { type PodRights, leaseRoleYaml, roleYaml } from '../../lib/kubernetes/role.ts';
import { type Component, type Control, control } from '../cluster/component.ts';
import type { Cluster } from '../cluster/state.ts';
import { writeKubeconfig } from '../lab/kubeconfig.ts';
import type { LockPlace } from '../lab/lock-history.ts';
import { MERGE, unlessNotFound } from '../lab/pods.ts';
import { type CandidateOptions, type Platform, podSpec, workload } from './manifest.ts';

const SERVICE_ACCOUNT = 'candidate';

/** What the candidates may do beyond what every election needs. */
export interface Rights {
  readonly takeOver?: boolean;
  readonly pods?: PodRights;
}

let serial = 0;

/** A namespace with the documented rights for one lock, and the Pods in it. */
export class Arena {
  readonly cluster: Cluster;
  readonly where: Platform;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly batch: BatchV1Api;
  readonly rbac: RbacAuthorizationV1Api;
  readonly kubeConfig: KubeConfig;

  protected constructor(cluster: Cluster, image: string) {
    serial += 1;
    const namespace = `scene-${process.pid}-${serial}-${Math.random().toString(36).slice(2, 8)}`;
    this.cluster = cluster;
    this.where = {
      namespace,
      image,
      folder: join(cluster.folder, 'scenes', namespace),
      lockName: 'lock',
      serviceAccount: SERVICE_ACCOUNT,
      apiServerPort: cluster.ports.apiServer,
    };
    this.kubeConfig = new KubeConfig();
    this.kubeConfig.loadFromFile(cluster.kubeconfig);
    this.core = this.kubeConfig.makeApiClient(CoreV1Api);
    this.apps = this.kubeConfig.makeApiClient(AppsV1Api);
    this.batch = this.kubeConfig.makeApiClient(BatchV1Api);
    this.rbac = this.kubeConfig.makeApiClient(RbacAuthorizationV1Api);
  }

  get namespace(): string {
    return this.where.namespace;
  }

  /** With `takeOver` only. */
  get #clusterRoleName(): string {
    return `leader-for-life:${this.namespace}:${this.where.lockName}`;
  }

  /** Of the lock of either mode. */
  lockPlace(mode: 'life' | 'lease'): LockPlace {
    const { kubeConfig, cluster, namespace } = this;
    const resource = mode === 'life' ? 'configmaps' : 'leases';
    return { kubeConfig, cluster, namespace, resource, name: this.where.lockName };
  }

  /** Makes the namespace, in which the service account has the documented Roles and nothing more. */
  protected async prepare({ takeOver = false, pods }: Rights): Promise<void> {
    const { namespace, lockName, folder } = this.where;
    await mkdir(join(folder, 'commands'), { recursive: true });
    await this.core.createNamespace({ body: { metadata: { name: namespace } } });
    const account = { metadata: { name: SERVICE_ACCOUNT, namespace } };
    await this.core.createNamespacedServiceAccount({ namespace, body: account });
    const objects = KubernetesObjectApi.makeApiClient(this.kubeConfig);
    const user = `system:serviceaccount:${namespace}:${SERVICE_ACCOUNT}`;
    const roles = [
      roleYaml({ namespace, lockName, takeOver, pods, user }),
      leaseRoleYaml({ namespace, leaseName: lockName, events: false, pods, user }),
    ];
    for (const object of roles.flatMap((role) => loadAllYaml(role) as KubernetesObject[])) {
      await objects.create(object);
    }
  }

  /** Power over a component of the cluster. */
  control(component: Component): Control {
    return control(this.cluster, component);
  }

  async pod(name: string, options: CandidateOptions = {}): Promise<V1Pod> {
    const { namespace } = this;
    const body = {
      metadata: { name, namespace, labels: { app: 'candidate' } },
      spec: podSpec(this.where, options),
    };
    return this.core.createNamespacedPod({ namespace, body });
  }

  async deployment(name: string, replicas: number, options: CandidateOptions = {}): Promise<void> {
    const { metadata, ...spec } = workload(this.where, name, options);
    const body = { metadata, spec: { replicas, ...spec } };
    await this.apps.createNamespacedDeployment({ namespace: this.namespace, body });
  }

  async scale(name: string, replicas: number): Promise<void> {
    const { namespace } = this;
    const body = { spec: { replicas } };
    await this.apps.patchNamespacedDeployment({ namespace, name, body }, MERGE);
  }

  /** Deletes a Pod, by default as `kubectl delete pod` does. */
  async deletePod(
    name: string,
    options: { gracePeriodSeconds?: number; propagationPolicy?: string } = {},
  ): Promise<void> {
    await this.core.deleteNamespacedPod({ namespace: this.namespace, name, body: options });
  }

  async patchPod(name: string, body: object): Promise<void> {
    await this.core.patchNamespacedPod(
      { namespace: this.namespace, name, body },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    );
  }

  /** Takes one right of the documented Role, or ClusterRole, away. */
  async revoke(resource: 'configmaps' | 'pods' | 'nodes', verb: string): Promise<void> {
    const { namespace, rbac } = this;
    const less = (rules: readonly V1PolicyRule[] = []): V1PolicyRule[] =>
      rules
        .map((rule) =>
          rule.resources?.includes(resource)
            ? { ...rule, verbs: rule.verbs.filter((allowed) => allowed !== verb) }
            : rule,
        )
        .filter(({ verbs }) => verbs.length > 0);
    if (resource === 'nodes') {
      const name = this.#clusterRoleName;
      const role = await rbac.readClusterRole({ name });
      await rbac.replaceClusterRole({ name, body: { ...role, rules: less(role.rules) } });
    } else {
      const name = `${this.where.lockName}-leader-for-life`;
      const role = await rbac.readNamespacedRole({ namespace, name });
      const body = { ...role, rules: less(role.rules) };
      await rbac.replaceNamespacedRole({ namespace, name, body });
    }
  }

  /** A token of the candidates' account. One that is bound to a new Secret lives no longer than that. */
  async token(secret?: V1ObjectMeta): Promise<{ token: string; secretName: string }> {
    const { core, namespace } = this;
    const made =
      secret && (await core.createNamespacedSecret({ namespace, body: { metadata: secret } }));
    const { name: secretName = '', uid = '' } = made?.metadata ?? {};
    const boundObjectRef = { kind: 'Secret', apiVersion: 'v1', name: secretName, uid };
    const { status } = await core.createNamespacedServiceAccountToken({
      namespace,
      name: SERVICE_ACCOUNT,
      body: { spec: { audiences: [], ...(made && { boundObjectRef }) } },
    });
    return { token: status?.token ?? '', secretName };
  }

  /** A kubeconfig file with the service account's rights, for those who cannot have its files. */
  async kubeconfigFile(): Promise<string> {
    const { cluster, namespace } = this;
    const path = join(this.where.folder, 'kubeconfig');
    const ca = await readFile(cluster.authority, 'utf8');
    const { token } = await this.token();
    await writeKubeconfig(path, { server: cluster.server, ca, token, namespace });
    return path;
  }

  async pods(): Promise<V1Pod[]> {
    return (await this.core.listNamespacedPod({ namespace: this.namespace })).items;
  }

  async findPod(name: string): Promise<V1Pod | undefined> {
    return (await this.pods()).find(({ metadata }) => metadata?.name === name);
  }

  async lock(): Promise<V1ConfigMap | undefined> {
    const { namespace, lockName } = this.where;
    const { items } = await this.core.listNamespacedConfigMap({ namespace });
    return items.find(({ metadata }) => metadata?.name === lockName);
  }

  /** Ends its Pods and removes all that it made. What was said stays until the cluster goes. */
  async close(): Promise<void> {
    const name = this.#clusterRoleName;
    const deletions: Promise<unknown>[] = [
      this.core.deleteNamespace({ name: this.namespace }),
      this.rbac.deleteClusterRole({ name }),
      this.rbac.deleteClusterRoleBinding({ name }),
    ];
    await Promise.all(deletions.map((deletion) => deletion.catch(unlessNotFound)));
  }
}
