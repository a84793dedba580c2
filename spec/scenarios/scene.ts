import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
import { roleYaml } from '../../lib/kubernetes/role.ts';
import type { Component, Control } from '../cluster/component.ts';
import { control } from '../cluster/component.ts';
import type { Cluster } from '../cluster/state.ts';
import { type Term, historyOf, termsOf } from '../lab/history.ts';
import { type Entry, FolderJournal, PATIENCE_MS } from '../lab/journal.ts';
import { writeKubeconfig } from '../lab/kubeconfig.ts';
import type { LockPlace } from '../lab/lock-history.ts';
import { MERGE, unlessNotFound } from '../lab/pods.ts';
import { nowMs } from '../lab/say.ts';
import { storyOf } from '../lab/story.ts';
import { violations } from '../lab/verdict.ts';
import { creationsOf, requestsOf, unfounded, usurpations } from './checker.ts';
import { type CandidateOptions, type Platform, podSpec, workload } from './manifest.ts';

const POLL_MS = 50;
const CONFLICT = 409;
const SERVICE_ACCOUNT = 'candidate';

let serial = 0;

/** A namespace with the documented rights for one lock, the Pods in it, and what they say. */
export class Scene {
  readonly cluster: Cluster;
  readonly where: Platform;
  readonly journal: FolderJournal;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly batch: BatchV1Api;
  readonly rbac: RbacAuthorizationV1Api;
  readonly kubeConfig: KubeConfig;
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(cluster: Cluster, where: Platform) {
    this.cluster = cluster;
    this.where = where;
    this.journal = new FolderJournal(where.folder);
    this.kubeConfig = new KubeConfig();
    this.kubeConfig.loadFromFile(cluster.kubeconfig);
    this.core = this.kubeConfig.makeApiClient(CoreV1Api);
    this.apps = this.kubeConfig.makeApiClient(AppsV1Api);
    this.batch = this.kubeConfig.makeApiClient(BatchV1Api);
    this.rbac = this.kubeConfig.makeApiClient(RbacAuthorizationV1Api);
  }

  /** A new namespace, in which the service account has the documented Role and nothing more. */
  static async open(
    cluster: Cluster,
    image: string,
    options: { takeOver?: boolean } = {},
  ): Promise<Scene> {
    serial += 1;
    const namespace = `scene-${process.pid}-${serial}-${Math.random().toString(36).slice(2, 8)}`;
    const folder = join(cluster.folder, 'scenes', namespace);
    await mkdir(join(folder, 'commands'), { recursive: true });
    const scene = new Scene(cluster, {
      namespace,
      image,
      folder,
      lockName: 'lock',
      serviceAccount: SERVICE_ACCOUNT,
      apiServerPort: cluster.ports.apiServer,
    });
    await scene.#prepare(options.takeOver ?? false);
    return scene;
  }

  get namespace(): string {
    return this.where.namespace;
  }

  /** Of the lock of either mode. */
  lockPlace(mode: 'life' | 'lease'): LockPlace {
    const { kubeConfig, cluster, namespace } = this;
    const resource = mode === 'life' ? 'configmaps' : 'leases';
    return { kubeConfig, cluster, namespace, resource, name: this.where.lockName };
  }

  get #user(): string {
    return `system:serviceaccount:${this.namespace}:${SERVICE_ACCOUNT}`;
  }

  get #roleName(): string {
    return `${this.where.lockName}-leader-for-life`;
  }

  /** With `takeOver` only. */
  get #clusterRoleName(): string {
    return `leader-for-life:${this.namespace}:${this.where.lockName}`;
  }

  async #prepare(takeOver: boolean): Promise<void> {
    const { namespace, lockName } = this.where;
    await this.core.createNamespace({ body: { metadata: { name: namespace } } });
    const account = { metadata: { name: SERVICE_ACCOUNT, namespace } };
    await this.core.createNamespacedServiceAccount({ namespace, body: account });
    const objects = KubernetesObjectApi.makeApiClient(this.kubeConfig);
    const role = roleYaml({ namespace, lockName, takeOver, user: this.#user });
    for (const object of loadAllYaml(role) as KubernetesObject[]) await objects.create(object);
    // Every Pod mounts it; a kubelet that misses it tries again later and later.
    await this.until('the ConfigMap that every namespace has is there', async () => {
      const { items } = await this.core.listNamespacedConfigMap({ namespace });
      return items.some(({ metadata }) => metadata?.name === 'kube-root-ca.crt');
    });
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
      const name = this.#roleName;
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

  /** Has the process in a container of that Pod do something to itself. */
  async command(
    pod: string,
    command: 'begin' | 'exit' | 'crash' | 'exhaust' | 'fill',
    container = 'main',
  ): Promise<void> {
    await writeFile(join(this.where.folder, 'commands', `${pod}.${container}`), command);
  }

  get entries(): readonly Entry[] {
    return this.journal.read();
  }

  get terms(): readonly Term[] {
    return termsOf(this.entries);
  }

  /** What one Pod said, without its heartbeats. */
  saidBy(pod: string): readonly Entry[] {
    return this.entries.filter((entry) => entry.pod === pod && entry.event !== 'heartbeat');
  }

  /** Resolves with what `probe` finds, once it does; what it throws means: not yet. */
  async until<T>(
    what: string,
    probe: () => T | Promise<T>,
  ): Promise<Exclude<T, undefined | false>> {
    const deadline = performance.now() + PATIENCE_MS;
    let trouble: unknown;
    while (performance.now() < deadline) {
      try {
        const found = await probe();
        if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
        trouble = undefined;
      } catch (error) {
        trouble = error;
      }
      await sleep(POLL_MS);
    }
    throw new Error(`this did not happen: ${what}\n${storyOf(this.entries)}`, { cause: trouble });
  }

  /** Resolves with whoever holds the lock and says, from now on, that it leads. */
  leader(expected: (term: Term) => boolean = () => true): Promise<Term> {
    const sinceMs = nowMs();
    return this.until('somebody leads', async () => {
      const { terms } = this;
      const term = terms.findLast(({ isOpen, toMs }) => isOpen && toMs > sinceMs);
      if (!term || !expected(term)) return undefined;
      const owner = (await this.lock())?.metadata?.ownerReferences?.[0]?.uid;
      return owner === term.uid ? term : undefined;
    });
  }

  /** As `leader`, but another Pod than before. */
  successor(of: Term): Promise<Term> {
    return this.leader(({ uid }) => uid !== of.uid);
  }

  /** Pod `a` leads, and Pod `b` waits. */
  async leaderAndFollower(
    leaderOptions: CandidateOptions = {},
    followerOptions: CandidateOptions = {},
  ): Promise<Term> {
    await this.pod('a', leaderOptions);
    const leader = await this.leader();
    await this.pod('b', followerOptions);
    await this.followers(1, leader);
    return leader;
  }

  /** Resolves once Pod `b` has followed this leader, with its term. */
  async followedByB(leader: Term): Promise<Term> {
    const next = await this.successor(leader);
    if (next.pod !== 'b') throw new Error(`${next.pod} followed ${leader.pod}`);
    return next;
  }

  /** Resolves when so many Pods that live wait for this leader. */
  async followers(count: number, leader: Term): Promise<void> {
    await this.until(`${count} wait for ${leader.pod}`, () => {
      const runs = Map.groupBy(this.entries, ({ run }) => run);
      const waiting = [...runs.values()].filter((own) => {
        const last = own.findLast(({ event }) => event !== 'warning');
        return last?.event === 'waiting' && last.holderPod === leader.pod;
      });
      return waiting.length >= count;
    });
  }

  /** Resolves once that Pod said that. */
  said(pod: string, event: Entry['event'], more: Partial<Entry> = {}): Promise<Entry> {
    return this.until(`${pod} says ${event} ${JSON.stringify(more)}`, () =>
      this.saidBy(pod).findLast((entry) =>
        Object.entries({ event, ...more }).every(
          ([key, value]) => entry[key as keyof Entry] === value,
        ),
      ),
    );
  }

  /** Resolves once the API server told that Pod that somebody else has the lock. */
  async rejected(pod: string): Promise<void> {
    const { uid } = (await this.findPod(pod))?.metadata ?? {};
    await this.until(`${pod} asks for the lock in vain`, () =>
      this.#requests().some(
        ({ verb, name, status, podUid }) =>
          verb === 'create' &&
          name === this.where.lockName &&
          status === CONFLICT &&
          podUid === uid,
      ),
    );
  }

  /** Resolves when the Pod's object is gone, or is another's. */
  async gone({ pod, uid }: Pick<Term, 'pod' | 'uid'>): Promise<void> {
    await this.until(`${pod} is gone`, async () => {
      return (await this.findPod(pod))?.metadata?.uid !== uid;
    });
  }

  /** What speaks against the promise, from the Pods' words and the API server's. */
  violations(isComplete = true): string[] {
    const creations = creationsOf(this.#requests(), this.where.lockName);
    const history = historyOf(this.entries);
    return [
      ...violations(history),
      ...usurpations(history.terms, creations),
      // A server that is killed while it answers does not write that down.
      ...(isComplete ? unfounded(history.terms, creations) : []),
    ];
  }

  #requests() {
    return requestsOf(this.cluster.auditLog, this.namespace);
  }

  /** Another scene on the same cluster, which closes with this one; whoever made it checks it. */
  async another(options: { takeOver?: boolean } = {}): Promise<Scene> {
    const scene = await Scene.open(this.cluster, this.where.image, options);
    this.onClose(() => scene.close());
    return scene;
  }

  /** Has something done before the namespace is removed. */
  onClose(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  /** Ends its Pods and removes all that it made. What was said stays until the cluster goes. */
  async close(): Promise<void> {
    const name = this.#clusterRoleName;
    await Promise.all(this.#ends.map((end) => end()));
    await Promise.all(
      [
        this.core.deleteNamespace({ name: this.namespace }),
        this.rbac.deleteClusterRole({ name }),
        this.rbac.deleteClusterRoleBinding({ name }),
      ].map((deletion: Promise<unknown>) => deletion.catch(unlessNotFound)),
    );
  }
}
