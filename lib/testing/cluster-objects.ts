import type { V1ConfigMap, V1Lease, V1Namespace, V1Node, V1Pod } from '@kubernetes/client-node';
import type { ApiModel } from './api-model.ts';
import type {
  ConfigMapContent,
  DeletePodOptions,
  PodEnding,
  PodOptions,
  Ref,
} from './cluster-options.ts';
import { CONFIG_MAPS, LEASES, NAMESPACES, NODES, PODS } from './kinds.ts';
import type { Kubelet } from './kubelet.ts';
import type { JsonObject, KubeObject, Stored } from './objects.ts';
import {
  checkConfigMapContent,
  checkDeletePodOptions,
  checkPodEnding,
  checkPodOptions,
  checkQuotaLimits,
  checkText,
} from './options.ts';
import { parts } from './refs.ts';
import type { QuotaLimits } from './registry.ts';
import type { ResourceType } from './resource-type.ts';
import { invalidArgument } from '../errors.ts';

/** Base of URLs of which only the path matters. */
const ORIGIN = 'http://cluster';

/** Phases in which a Pod has ended. */
const PHASES: ReadonlySet<string> = new Set(['Failed', 'Succeeded']);

const CASCADE = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' } as const;

/** The objects of a cluster, and how a test changes them. */
export class ClusterObjects {
  readonly #model: ApiModel;
  readonly #kubelet: Kubelet;
  /** What each Pod was created from, by its UID. */
  readonly #templates = new Map<string, PodOptions>();
  #placed = 0;

  /** @internal */
  constructor(model: ApiModel, kubelet: Kubelet) {
    this.#model = model;
    this.#kubelet = kubelet;
    model.store.listen(({ type, before, after }) => {
      if (type === PODS && before && !after) this.#templates.delete(before.metadata.uid);
    });
  }

  // --- Pods ---

  /** Creates a Pod that runs and is ready. Throws if there is one of that name. */
  createPod(name: string, options: PodOptions = {}): Stored<V1Pod> {
    checkText('name', name);
    checkPodOptions(options);
    const { namespace = 'default', labels, annotations, ownerReferences } = options;
    const { nodeName = this.#nextNode(), containerName = 'container' } = options;
    this.#ensure(NAMESPACES, namespace, () => this.createNamespace(namespace));
    this.#ensure(NODES, nodeName, () => this.createNode(nodeName));
    const pod = this.#model.registry.create(PODS, namespace, {
      metadata: {
        name,
        ...(labels && { labels }),
        ...(annotations && { annotations }),
        ...(ownerReferences && { ownerReferences }),
      },
      spec: { nodeName, containers: [{ name: containerName, image: 'example.com/image' }] },
    });
    this.#templates.set(pod.metadata.uid, copy(options) as PodOptions);
    return given<V1Pod>(this.#kubelet.run(pod));
  }

  /**
   * Deletes a Pod. Without a grace period it is gone when this returns, unless a finalizer keeps it,
   * such as that of a deletion in the foreground.
   */
  deletePod(pod: Ref, options: DeletePodOptions = {}): void {
    checkDeletePodOptions(options);
    const { gracePeriodSeconds = 0, cascade } = options;
    const { namespace, name } = this.find(PODS, pod).metadata;
    const policy = cascade && { propagationPolicy: CASCADE[cascade] };
    this.#model.registry.delete(PODS, namespace, name, { gracePeriodSeconds, ...policy });
  }

  /** Ends a Pod's containers. The Pod stays, in a terminal phase. */
  finishPod(pod: Ref, phase: 'Failed' | 'Succeeded', options: PodEnding = {}): Stored<V1Pod> {
    if (!PHASES.has(phase)) throw invalidArgument('phase', "'Failed' or 'Succeeded'", phase);
    checkPodEnding(options);
    const { reason, message } = options;
    return given<V1Pod>(this.#kubelet.finish(this.find(PODS, pod), phase, reason, message));
  }

  /** Evicts a Pod as a node under pressure does: it fails, with the reason `Evicted`. */
  evictPod(pod: Ref): Stored<V1Pod> {
    const message = 'The node was low on resource: memory.';
    return this.finishPod(pod, 'Failed', { reason: 'Evicted', message });
  }

  /**
   * Deletes a Pod and creates another of the same name, as a StatefulSet does: its UID is new, and
   * labels and annotations that were written since `createPod` are gone.
   */
  replacePod(pod: Ref): Stored<V1Pod> {
    const old = this.find(PODS, pod);
    const { name, namespace = 'default', uid, labels, annotations, ownerReferences } = old.metadata;
    const { nodeName } = old['spec'] as { readonly nodeName: string };
    // A Pod that a request created has no options: its own metadata serves.
    const template = this.#templates.get(uid) ?? {
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(ownerReferences && { ownerReferences }),
    };
    this.deletePod(pod);
    return this.createPod(name, { ...template, namespace, nodeName });
  }

  /** Restarts a Pod's container: the Pod, and its UID, stay. */
  restartContainer(pod: Ref): Stored<V1Pod> {
    return given<V1Pod>(this.#kubelet.restart(this.find(PODS, pod)));
  }

  // --- Nodes and namespaces ---

  /** Creates a node that is ready. */
  createNode(name: string): Stored<V1Node> {
    checkText('name', name);
    const node = this.#model.registry.create(NODES, undefined, { metadata: { name } });
    this.#kubelet.setNodeReady(node, true);
    return given<V1Node>(this.find(NODES, name));
  }

  /**
   * Sets whether a node's kubelet is heard from. While it is not, its Pods are not ready, and
   * deleted Pods stay terminating; their processes may go on.
   */
  setNodeReady(name: string, isReady: boolean): void {
    checkText('name', name);
    this.#kubelet.setNodeReady(this.find(NODES, name), isReady);
  }

  /** Creates a namespace. Throws if there is one of that name. */
  createNamespace(name: string): Stored<V1Namespace> {
    checkText('name', name);
    return given<V1Namespace>(
      this.#model.registry.create(NAMESPACES, undefined, { metadata: { name } }),
    );
  }

  /** Begins to delete a namespace: it terminates, and nothing can be created in it. */
  deleteNamespace(name: string): void {
    checkText('name', name);
    this.#model.registry.delete(NAMESPACES, undefined, name, {});
  }

  /** Finishes the deletion of a namespace: its objects go, and so does the namespace. */
  finalizeNamespace(name: string): void {
    checkText('name', name);
    const namespace = this.find(NAMESPACES, name);
    for (const type of this.#model.types.all.filter(({ namespaced }) => namespaced)) {
      for (const object of this.#model.store.list(type, name))
        this.#model.store.remove(type, object);
    }
    this.#model.store.remove(NAMESPACES, namespace);
  }

  /** Limits how many objects a namespace may hold, as in `{ 'count/configmaps': 3 }`. */
  setQuota(limits: QuotaLimits | undefined, namespace = 'default'): void {
    if (limits !== undefined) checkQuotaLimits(limits);
    this.#model.registry.setQuota(namespace, 'quota', limits);
  }

  // --- Objects ---

  /** Creates a ConfigMap, for example one that is nobody's lock. */
  createConfigMap(ref: string, content: ConfigMapContent = {}): Stored<V1ConfigMap> {
    checkConfigMapContent(content);
    const { namespace, name } = parts(ref);
    const { data, metadata } = content;
    const body: JsonObject = { metadata: { ...metadata, name }, ...(data && { data }) };
    return given<V1ConfigMap>(this.#model.registry.create(CONFIG_MAPS, namespace, body));
  }

  /** Deletes a ConfigMap, no matter who owns it. */
  deleteConfigMap(ref: Ref): void {
    const { namespace, name } = this.find(CONFIG_MAPS, ref).metadata;
    this.#model.registry.delete(CONFIG_MAPS, namespace, name, {});
  }

  /** The current Pod, or `undefined`. */
  getPod(ref: Ref): Stored<V1Pod> | undefined {
    return this.#get<V1Pod>(PODS, ref);
  }

  /** The current ConfigMap, or `undefined`. */
  getConfigMap(ref: Ref): Stored<V1ConfigMap> | undefined {
    return this.#get<V1ConfigMap>(CONFIG_MAPS, ref);
  }

  /** The current Lease, or `undefined`. */
  getLease(ref: Ref): Stored<V1Lease> | undefined {
    return this.#get<V1Lease>(LEASES, ref);
  }

  /** The current node, or `undefined`. */
  getNode(name: string): Stored<V1Node> | undefined {
    return this.#get<V1Node>(NODES, name);
  }

  /** The current namespace, or `undefined`. */
  getNamespace(name: string): Stored<V1Namespace> | undefined {
    return this.#get<V1Namespace>(NAMESPACES, name);
  }

  /**
   * Sends a request as the administrator directly to the model: nothing delays, breaks or records
   * it. For everything without a method of its own. The answer's body is parsed if it is JSON; a
   * watch cannot be followed this way.
   */
  request(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): { readonly status: number; readonly body: unknown } {
    checkText('method', method);
    checkText('contentType', contentType);
    const { pathname, searchParams } = urlOf(path);
    const query = Object.fromEntries(searchParams);
    const raw = { method, path: pathname, query, contentType, ...bodyOf(body) };
    const answer = this.#model.handle(raw, 'system:administrator');
    const isJson = answer.headers['content-type'] === 'application/json' && answer.body !== '';
    const answered = isJson ? (JSON.parse(answer.body) as unknown) : answer.body;
    return { status: answer.status, body: answered };
  }

  /** Forgets the history of writes: older watches and lists get `410 Expired`. */
  compact(): void {
    this.#model.store.compact();
  }

  #nextNode(): string {
    const nodes = this.#model.store.list(NODES);
    const node = nodes[this.#placed % Math.max(nodes.length, 1)];
    this.#placed += 1;
    return node?.metadata.name ?? 'node-1';
  }

  #ensure(type: ResourceType, name: string, create: () => void): void {
    if (!this.#model.store.get(type, undefined, name)) create();
  }

  #get<T>(type: ResourceType, ref: Ref): Stored<T> | undefined {
    const { namespace, name } = parts(ref);
    const home = type.namespaced ? namespace : undefined;
    const object = this.#model.store.get(type, home, name);
    return object && given<T>(object);
  }

  /** @internal */
  find(type: ResourceType, ref: Ref): KubeObject {
    const { namespace, name } = parts(ref);
    const object = this.#model.registry.get(type, type.namespaced ? namespace : undefined, name);
    if (typeof ref !== 'string' && ref.metadata.uid !== object.metadata.uid) {
      throw new Error(`The ${type.kind} ${name} is another one now: its UID has changed`);
    }
    return object;
  }
}

function urlOf(path: unknown): URL {
  const isPath = typeof path === 'string' && /^\/(?!\/)/.test(path);
  if (!isPath || !URL.canParse(path, ORIGIN)) {
    throw invalidArgument('path', 'a path that begins with one /', path);
  }
  return new URL(path, ORIGIN);
}

function bodyOf(body: unknown): { readonly body?: string } {
  if (body === undefined) return {};
  try {
    const text = JSON.stringify(body) as string | undefined;
    if (text !== undefined) return { body: text };
  } catch {
    // A cycle, or a bigint.
  }
  throw invalidArgument('body', 'what can be written as JSON', body);
}

/** Of JSON. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copy(field)]));
}

/** A copy for the caller: what is stored must not change. */
function given<T>(object: KubeObject): Stored<T> {
  return copy(object) as Stored<T>;
}
