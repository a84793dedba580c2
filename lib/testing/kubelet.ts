import type { Clock } from '../platform/clock.ts';
import type { ApiModel } from './api-model.ts';
import { NODES, PODS } from './kinds.ts';
import { asObject, isJsonObject, type JsonObject, type KubeObject } from './objects.ts';
import type { Change } from './store.ts';
import { wireTime } from './timestamps.ts';

type Json = Readonly<JsonObject>;

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function withCondition(status: Json, type: string, value: string, now: string, more: Json = {}) {
  const others = listOf(status['conditions']).filter((condition) => condition['type'] !== type);
  const condition = { type, status: value, lastProbeTime: null, lastTransitionTime: now, ...more };
  return { ...status, conditions: [...others, condition] };
}

/** Another one for each start of a container. */
function containerId({ metadata: { uid } }: KubeObject, name: unknown, restarts: number): string {
  return `containerd://${uid}-${String(name)}-${restarts}`;
}

/** Plays the nodes: writes what kubelets and the node controller write about Pods and Nodes. */
export class Kubelet {
  readonly #model: ApiModel;
  readonly #clock: Clock;
  readonly #shutdownMs: number;
  readonly #pending = new Map<string, { readonly graceSeconds: number; cancel: () => void }>();
  readonly #unlisten: () => void;

  /** `shutdownMs`: how long the containers of a deleted Pod take to exit, within its grace. */
  constructor(model: ApiModel, clock: Clock, shutdownMs: number) {
    this.#model = model;
    this.#clock = clock;
    this.#shutdownMs = shutdownMs;
    this.#unlisten = model.store.listen((change) => this.#notice(change));
  }

  close(): void {
    for (const uid of [...this.#pending.keys()]) this.#forget(uid);
    this.#unlisten();
  }

  /** Starts the Pod's containers. */
  run(pod: KubeObject): KubeObject {
    const now = this.#now();
    const names = listOf(asObject(pod['spec'])['containers']).map(({ name }) => name);
    const status = {
      ...asObject(pod['status']),
      phase: 'Running',
      startTime: now,
      containerStatuses: names.map((name) => ({
        name,
        containerID: containerId(pod, name, 0),
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: now } },
        lastState: {},
      })),
    };
    return this.#setStatus(pod, withCondition(status, 'Ready', 'True', now));
  }

  /** Ends the Pod's containers and gives it a terminal phase. */
  finish(pod: KubeObject, phase: 'Failed' | 'Succeeded', reason = '', message = ''): KubeObject {
    const now = this.#now();
    const status = asObject(pod['status']);
    const exit = phase === 'Failed' ? { exitCode: 137, reason: 'Error' } : { exitCode: 0 };
    const terminated = { reason: 'Completed', ...exit, finishedAt: now };
    const statuses = listOf(status['containerStatuses']).map((container) => ({
      ...container,
      ready: false,
      started: false,
      state: { terminated: { ...terminated, containerID: container['containerID'] } },
    }));
    const ended = {
      ...status,
      phase,
      ...(reason && { reason }),
      ...(message && { message }),
      containerStatuses: statuses,
    };
    const why = phase === 'Failed' ? 'PodFailed' : 'PodCompleted';
    return this.#setStatus(pod, withCondition(ended, 'Ready', 'False', now, { reason: why }));
  }

  /** Ends the first container and starts it again; the Pod stays the same. */
  restart(pod: KubeObject): KubeObject {
    const now = this.#now();
    const status = asObject(pod['status']);
    const [first = {}, ...others] = listOf(status['containerStatuses']);
    const { name, containerID, restartCount } = first;
    const restarts = Number(restartCount) + 1;
    const terminated = { exitCode: 1, reason: 'Error', finishedAt: now, containerID };
    const restarted = {
      ...first,
      containerID: containerId(pod, name, restarts),
      restartCount: restarts,
      state: { running: { startedAt: now } },
      lastState: { terminated },
    };
    return this.#setStatus(pod, { ...status, containerStatuses: [restarted, ...others] });
  }

  /**
   * Sets whether the node's kubelet is heard from. While it is not, its Pods count as not ready,
   * and deleted Pods stay terminating.
   */
  setNodeReady(node: KubeObject, isReady: boolean): void {
    const now = this.#now();
    const reason = isReady
      ? { reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' };
    const value = isReady ? 'True' : 'Unknown';
    this.#setStatus(node, withCondition(asObject(node['status']), 'Ready', value, now, reason));
    for (const pod of this.#podsOn(node.metadata.name)) {
      const status = asObject(pod['status']);
      if (status['phase'] !== 'Running') continue;
      const ready = isReady ? 'True' : 'False';
      this.#setStatus(pod, withCondition(status, 'Ready', ready, now));
    }
    if (!isReady) return;
    for (const pod of this.#podsOn(node.metadata.name)) this.#stopLater(pod);
  }

  #notice({ type, before, after }: Change): void {
    if (type !== PODS) return;
    if (after) this.#stopLater(after);
    else if (before) this.#forget(before.metadata.uid);
  }

  #stopLater(pod: KubeObject): void {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds: graceSeconds = 0 } = pod.metadata;
    if (deletionTimestamp === undefined || graceSeconds === 0) return;
    if (this.#pending.get(uid)?.graceSeconds === graceSeconds) return;
    this.#forget(uid);
    const ms = Math.min(this.#shutdownMs, graceSeconds * 1000);
    const cancel = this.#clock.after(ms, () => {
      this.#pending.delete(uid);
      this.#stop(pod);
    });
    this.#pending.set(uid, { graceSeconds, cancel });
  }

  #forget(uid: string): void {
    this.#pending.get(uid)?.cancel();
    this.#pending.delete(uid);
  }

  /** Like a real kubelet: the Pod first gets its last phase, then it goes. */
  #stop({ metadata: { namespace, name, uid } }: KubeObject): void {
    const pod = this.#model.store.get(PODS, namespace, name);
    if (pod?.metadata.uid !== uid || !this.#isNodeReady(pod)) return;
    const { phase } = asObject(pod['status']);
    if (phase === 'Running' || phase === 'Pending') this.finish(pod, 'Succeeded');
    this.#model.registry.delete(PODS, namespace, name, { gracePeriodSeconds: 0 });
  }

  #isNodeReady(pod: KubeObject): boolean {
    const name = String(asObject(pod['spec'])['nodeName']);
    const node = this.#model.store.get(NODES, undefined, name);
    const conditions = listOf(asObject(node?.['status'])['conditions']);
    const ready = conditions.find(({ type }) => type === 'Ready');
    return ready?.['status'] === 'True';
  }

  #podsOn(node: string): KubeObject[] {
    const pods = this.#model.store.list(PODS);
    return pods.filter((pod) => asObject(pod['spec'])['nodeName'] === node);
  }

  #setStatus(object: KubeObject, status: Json): KubeObject {
    const type = object.kind === 'Pod' ? PODS : NODES;
    const { namespace, name } = object.metadata;
    const apply = (current: KubeObject) => ({ ...current, status });
    return this.#model.registry.patch(type, namespace, name, apply, 'status');
  }

  #now(): string {
    return wireTime(this.#clock.date());
  }
}
