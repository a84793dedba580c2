import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';

import type { Cluster } from '../cluster/state.ts';
import { candidateImage } from '../scenarios/image.ts';
import { Scene } from '../scenarios/scene.ts';
import { AuditLog, type AuditedRequest } from './audit-log.ts';
import type { Arena, Cause, Handover, PodIdentity, Requests, Target } from './target.ts';

const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
const HANDOVER_LIMIT_MS = 120_000;
const POLL_MS = 20;
/** Candidates say themselves when they are ready; this is for requests that are still under way. */
const QUIET_MS = 500;
const OK = 200;
const CREATED = 201;

/** A node of the API server's imagination: no kubelet limits how many Pods it has. */
const NODE = 'nowhere';

/** How many requests of the benchmark's own are under way at the same time. */
const CONCURRENCY = 8;

/** A real API server, with Pods that nobody runs: their candidates are in this process. */
export class ClusterTarget implements Target {
  readonly description = 'real API server (Pods without processes; their candidates run in one)';
  readonly #cluster: Cluster;
  readonly #scenes: Scene[] = [];

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  static async create(cluster: Cluster): Promise<ClusterTarget> {
    const target = new ClusterTarget(cluster);
    const { core } = await target.#openScene();
    await core.createNode({ body: { metadata: { name: NODE } } });
    const conditions = [{ type: 'Ready', status: 'Unknown' }];
    await core.patchNodeStatus({ name: NODE, body: { status: { conditions } } }, MERGE);
    return target;
  }

  async createArena(): Promise<Arena> {
    const scene = await this.#openScene();
    return ClusterArena.create(scene);
  }

  async close(): Promise<void> {
    await Promise.all(this.#scenes.map((scene) => scene.close()));
    await this.#scenes[0]?.core.deleteNode({ name: NODE });
  }

  async #openScene(): Promise<Scene> {
    const scene = await Scene.open(this.#cluster, await candidateImage(this.#cluster));
    this.#scenes.push(scene);
    return scene;
  }
}

class ClusterArena implements Arena {
  readonly lockName: string;
  readonly namespace: string;
  readonly kubeConfig: KubeConfig;
  readonly access: Arena['access'];
  readonly #scene: Scene;
  readonly #log: AuditLog;
  #pods = 0;

  private constructor(scene: Scene, kubeConfig: KubeConfig, access: Arena['access']) {
    this.#scene = scene;
    this.#log = new AuditLog(scene.cluster.auditLog, scene.namespace);
    this.namespace = scene.namespace;
    this.lockName = scene.where.lockName;
    this.kubeConfig = kubeConfig;
    this.access = access;
  }

  /** All candidates have the documented rights, and share one service account's token. */
  static async create(scene: Scene): Promise<Arena> {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(await scene.kubeconfigFile());
    const token = kubeConfig.getCurrentUser()?.token ?? '';
    const url = new URL(scene.cluster.server);
    const ca = await readFile(scene.cluster.authority, 'utf8');
    return new ClusterArena(scene, kubeConfig, { url, token, ca });
  }

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
    const { core, namespace } = this.#scene;
    const { metadata } = await core.createNamespacedPod({
      namespace,
      body: {
        metadata: { name, labels: { app: 'bench' } },
        spec: {
          nodeName: NODE,
          automountServiceAccountToken: false,
          // Nobody is there to end it, so that its deletion takes effect at once.
          terminationGracePeriodSeconds: 0,
          // Nothing speaks for its node: it stays all the same.
          tolerations: [{ operator: 'Exists' }],
          containers: [{ name: 'main', image: 'none' }],
        },
      },
    });
    await this.#setPhase(name, 'Running');
    return { name, uid: metadata?.uid ?? '' };
  }

  async #setPhase(name: string, phase: 'Running' | 'Failed'): Promise<void> {
    const { core, namespace } = this.#scene;
    await core.patchNamespacedPodStatus({ namespace, name, body: { status: { phase } } }, MERGE);
  }

  async handOver(leader: PodIdentity, cause: Cause): Promise<Handover> {
    this.#log.skip();
    if (cause === 'deleted') await this.#scene.deletePod(leader.name);
    else await this.#setPhase(leader.name, 'Failed');
    const deadline = performance.now() + HANDOVER_LIMIT_MS;
    while (performance.now() < deadline) {
      const times = this.#times(leader, cause);
      if (times) return { ...times, leaderUid: await this.#holderUid() };
      await sleep(POLL_MS);
    }
    throw new Error(`nobody followed ${leader.name} in ${this.namespace}`);
  }

  /** Once the audit log tells of all three: the end of the Pod, that of its lock, the new lock. */
  #times({ name }: PodIdentity, cause: Cause): Omit<Handover, 'leaderUid'> | undefined {
    const requests = this.#log.read();
    const verb = cause === 'deleted' ? 'delete' : 'patch';
    const ended = requests.find(
      (request) => request.verb === verb && request.resource === 'pods' && request.name === name,
    );
    const freed = requests.find((request) => this.#isDone(request, 'delete', OK));
    const taken = requests.find((request) => this.#isDone(request, 'create', CREATED));
    if (!ended || !freed || !taken) return undefined;
    return {
      freedMs: freed.answeredTime - ended.answeredTime,
      takenMs: taken.answeredTime - freed.answeredTime,
    };
  }

  #isDone(request: AuditedRequest, verb: 'create' | 'delete', status: number): boolean {
    return this.#isOfLock(request, verb) && request.status === status;
  }

  #isOfLock({ verb, resource, name }: AuditedRequest, expected: 'create' | 'delete'): boolean {
    return verb === expected && resource === 'configmaps' && name === this.lockName;
  }

  async #holderUid(): Promise<string> {
    const lock = await this.#scene.lock();
    return lock?.metadata?.ownerReferences?.[0]?.uid ?? '';
  }

  async clear({ name }: PodIdentity): Promise<void> {
    const pod = await this.#scene.findPod(name);
    if (pod) await this.#scene.deletePod(name);
  }

  async settle(): Promise<Requests> {
    for (let seen = -1; seen !== this.#log.read().length;) {
      seen = this.#log.read().length;
      await sleep(QUIET_MS);
    }
    const count = (verb: 'create' | 'delete') =>
      this.#log.read().filter((request) => this.#isOfLock(request, verb)).length;
    return { creates: count('create'), deletes: count('delete') };
  }
}
