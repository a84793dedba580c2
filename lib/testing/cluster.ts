import type {
  KubeConfig,
  V1ConfigMap,
  V1Lease,
  V1Namespace,
  V1Node,
  V1ObjectMeta,
  V1Pod,
} from '@kubernetes/client-node';
import { systemClock, type Clock } from '../clock.ts';
import { invalidArgument } from '../errors.ts';
import type { Transport } from '../kubernetes/transport.ts';
import type { ResourceLock } from '../lease/resource-lock.ts';
import type { PolicyRule } from './access.ts';
import { ApiModel } from './api-model.ts';
import { ApiServer } from './api-server.ts';
import type { Faults } from './faults.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { HttpServer, type TlsIdentity } from './http-server.ts';
import { CONFIG_MAPS, LEASES, NAMESPACES, NODES, PODS } from './kinds.ts';
import { Kubelet } from './kubelet.ts';
import { leaseLock } from './lease-lock.ts';
import { MemoryTransport } from './memory-transport.ts';
import type { JsonObject, KubeObject, OwnerReference, Stored, Wire } from './objects.ts';
import {
  checkClusterOptions,
  checkDeletePodOptions,
  checkFunction,
  checkKubeConfigOptions,
  checkLeaseLockOptions,
  checkMilliseconds,
  checkPodOptions,
  checkPolicyRules,
  checkQuotaLimits,
  checkText,
  checkTransportOptions,
} from './options.ts';
import type { QuotaLimits } from './registry.ts';
import { RequestLog } from './request-log.ts';
import type { ResourceDefinition, ResourceType } from './resource-type.ts';
import type { Change } from './store.ts';
import { Tokens } from './tokens.ts';

/** What a cluster is made of. */
export interface ClusterOptions {
  /** Time and randomness. Default: the machine's; a `SimulatedClock` for simulations. */
  readonly clock?: Clock;
  /** How many nodes there are, `node-1`, `node-2`, … Default 1. */
  readonly nodeCount?: number;
  /** Milliseconds until the garbage collector acts. Default 0. */
  readonly gcDelayMs?: number;
  /**
   * Milliseconds that the containers of a deleted Pod take to exit. Default: as long as the Pod's
   * grace period lasts.
   */
  readonly podShutdownMs?: number;
  /** Milliseconds between the bookmarks of a watch. Default 60 000. */
  readonly bookmarkMs?: number;
  /** How many writes a watch can resume over. Default 10 000. */
  readonly historyLimit?: number;
  /** Kinds to serve beside the built-in ones, for example those of custom resources. */
  readonly resources?: readonly ResourceDefinition[];
  /** Whether to listen on a port. Default `true`; without, only `transport()` leads to it. */
  readonly http?: boolean;
  /** Speaks TLS on the port, with this identity. */
  readonly https?: TlsIdentity;
}

/** `name` in the namespace `default`, `namespace/name`, or an object that the cluster gave. */
export type Ref = string | { readonly metadata: { readonly name: string; readonly uid: string } };

/** How a new Pod differs from an ordinary one. */
export interface PodOptions {
  /** Default `default`. It is created when missing. */
  readonly namespace?: string;
  /** Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: none. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Default: the nodes take turns. It is created when missing. */
  readonly nodeName?: string;
  /** Default: none. */
  readonly ownerReferences?: readonly OwnerReference[];
  /** Default `container`. */
  readonly containerName?: string;
}

/** How a Pod is deleted. */
export interface DeletePodOptions {
  /** Seconds for which it is seen terminating. Default 0: it is gone at once. */
  readonly gracePeriodSeconds?: number;
  /** What becomes of the objects it owns. Default `background`: they are collected. */
  readonly cascade?: 'background' | 'foreground' | 'orphan';
}

/** Who talks to the cluster. */
export interface UserOptions {
  /** Default `admin`, who may do everything. */
  readonly user?: string;
}

/** A ConfigMap's content, and what of its metadata matters. */
export interface ConfigMapContent {
  readonly data?: Readonly<Record<string, string>>;
  readonly metadata?: Partial<Wire<V1ObjectMeta>>;
}

/** What `become` needs to know of the Pod that it runs in. */
export interface PodIdentity {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
}

const ADMIN = 'admin';

/** How often `until` looks at what no write or answer changes. */
const POLL_MS = 10;

/** For what is only a path. */
const ORIGIN = 'http://cluster';

/** In which a Pod has ended. */
const PHASES: ReadonlySet<string> = new Set(['Failed', 'Succeeded']);

const CASCADE = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' } as const;

type Client = typeof import('@kubernetes/client-node');

interface Probe {
  readonly check: () => void;
  readonly fail: (error: unknown) => void;
}

interface Port {
  readonly server: HttpServer;
  readonly client: Client;
}

/** A Kubernetes cluster in this process. `createCluster` makes one. */
export class Cluster implements AsyncDisposable {
  /** What goes wrong. */
  readonly faults: Faults;
  /** Deletes what has lost its owner; can be delayed and stopped. */
  readonly garbageCollector: GarbageCollector;
  /** Every request that reached the cluster. */
  readonly requests: RequestLog;
  readonly #clock: Clock;
  readonly #model: ApiModel;
  readonly #server: ApiServer;
  readonly #kubelet: Kubelet;
  readonly #tokens = new Tokens();
  readonly #probes = new Set<Probe>();
  readonly #tls: TlsIdentity | undefined;
  #port: Port | undefined;
  #placed = 0;

  /** @internal Use `createCluster`. */
  constructor(options: ClusterOptions) {
    checkClusterOptions(options);
    const { clock = systemClock, nodeCount = 1, bookmarkMs = 60_000 } = options;
    this.#clock = clock;
    this.#tls = options.https;
    this.#model = new ApiModel({ ...options, clock });
    this.requests = new RequestLog(clock, () => this.#probe());
    this.#server = new ApiServer({
      model: this.#model,
      clock,
      tokens: this.#tokens,
      log: this.requests,
      bookmarkMs,
    });
    this.faults = this.#server.faults;
    this.garbageCollector = new GarbageCollector(this.#model, clock, options.gcDelayMs ?? 0);
    this.#kubelet = new Kubelet(this.#model, clock, options.podShutdownMs ?? Infinity);
    this.#model.store.listen(() => this.#probe());
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
      this.createNamespace(name);
    }
    for (let number = 1; number <= nodeCount; number += 1) this.createNode(`node-${number}`);
  }

  /** @internal */
  async listen(): Promise<void> {
    const [server, client] = await Promise.all([
      HttpServer.listen(this.#server, this.#tls),
      import('@kubernetes/client-node'),
    ]);
    this.#port = { server, client };
  }

  /** Where the API server listens. Throws when it does not. */
  get url(): string {
    return this.#listening().server.url;
  }

  // --- Pods ---

  /** Creates a Pod that runs and is ready. Throws when there is one of that name. */
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
    return given<V1Pod>(this.#kubelet.run(pod));
  }

  /** Deletes a Pod. Without a grace period it is gone when this returns. */
  deletePod(pod: Ref, options: DeletePodOptions = {}): void {
    checkDeletePodOptions(options);
    const { gracePeriodSeconds = 0, cascade = 'background' } = options;
    const { namespace, name } = this.#find(PODS, pod).metadata;
    const propagationPolicy = CASCADE[cascade];
    this.#model.registry.delete(PODS, namespace, name, { gracePeriodSeconds, propagationPolicy });
  }

  /** Ends a Pod's containers: it stays, in a phase from which it never runs again. */
  finishPod(
    pod: Ref,
    phase: 'Failed' | 'Succeeded',
    { reason, message }: { readonly reason?: string; readonly message?: string } = {},
  ): Stored<V1Pod> {
    if (!PHASES.has(phase)) throw invalidArgument('phase', "'Failed' or 'Succeeded'", phase);
    return given<V1Pod>(this.#kubelet.finish(this.#find(PODS, pod), phase, reason, message));
  }

  /** Evicts a Pod as a node under pressure does: it fails, with the reason `Evicted`. */
  evictPod(pod: Ref): Stored<V1Pod> {
    const message = 'The node was low on resource: memory.';
    return this.finishPod(pod, 'Failed', { reason: 'Evicted', message });
  }

  /** Deletes a Pod and creates another of the same name, as a StatefulSet does: its UID is new. */
  replacePod(pod: Ref): Stored<V1Pod> {
    const old = this.#find(PODS, pod);
    const { name, namespace = 'default', labels, annotations, ownerReferences } = old.metadata;
    const { nodeName } = old['spec'] as { readonly nodeName: string };
    this.deletePod(pod);
    return this.createPod(name, {
      namespace,
      nodeName,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(ownerReferences && { ownerReferences }),
    });
  }

  /** Restarts a Pod's container: the Pod, and its UID, stay. */
  restartContainer(pod: Ref): Stored<V1Pod> {
    return given<V1Pod>(this.#kubelet.restart(this.#find(PODS, pod)));
  }

  // --- Nodes and namespaces ---

  /** Creates a node that is ready. */
  createNode(name: string): Stored<V1Node> {
    checkText('name', name);
    const node = this.#model.registry.create(NODES, undefined, { metadata: { name } });
    this.#kubelet.setNodeReady(node, true);
    return given<V1Node>(this.#find(NODES, name));
  }

  /**
   * Says whether a node's kubelet is heard from. While it is not, its Pods are not ready, and
   * those that are deleted stay terminating; their processes may well go on.
   */
  setNodeReady(name: string, isReady: boolean): void {
    checkText('name', name);
    this.#kubelet.setNodeReady(this.#find(NODES, name), isReady);
  }

  /** Creates a namespace. Throws when there is one of that name. */
  createNamespace(name: string): Stored<V1Namespace> {
    checkText('name', name);
    return given<V1Namespace>(
      this.#model.registry.create(NAMESPACES, undefined, { metadata: { name } }),
    );
  }

  /** Begins to delete a namespace: it is terminating, and nothing can be created in it. */
  deleteNamespace(name: string): void {
    checkText('name', name);
    this.#model.registry.delete(NAMESPACES, undefined, name, {});
  }

  /** Ends the deletion of a namespace: what is in it goes, and so does the namespace. */
  finalizeNamespace(name: string): void {
    checkText('name', name);
    const namespace = this.#find(NAMESPACES, name);
    for (const type of this.#model.types.all.filter(({ namespaced }) => namespaced)) {
      for (const object of this.#model.store.list(type, name))
        this.#model.store.remove(type, object);
    }
    this.#model.registry.removeNamespace(namespace);
  }

  /** Limits how many objects a namespace may hold, as in `{ 'count/configmaps': 3 }`. */
  setQuota(limits: QuotaLimits | undefined, namespace = 'default'): void {
    if (limits !== undefined) checkQuotaLimits(limits);
    this.#model.registry.setQuota(namespace, 'quota', limits);
  }

  // --- Objects ---

  /** Creates a ConfigMap, for example one that is nobody's lock. */
  createConfigMap(ref: string, content: ConfigMapContent = {}): Stored<V1ConfigMap> {
    const { namespace, name } = parts(ref);
    const { data, metadata } = content;
    const body: JsonObject = { metadata: { ...metadata, name }, ...(data && { data }) };
    return given<V1ConfigMap>(this.#model.registry.create(CONFIG_MAPS, namespace, body));
  }

  /** Deletes a ConfigMap, whoever owns it. */
  deleteConfigMap(ref: Ref): void {
    const { namespace, name } = this.#find(CONFIG_MAPS, ref).metadata;
    this.#model.registry.delete(CONFIG_MAPS, namespace, name, {});
  }

  /** The Pod as it stands, or `undefined` when there is none. */
  getPod(ref: Ref): Stored<V1Pod> | undefined {
    return this.#get<V1Pod>(PODS, ref);
  }

  /** The ConfigMap as it stands, or `undefined` when there is none. */
  getConfigMap(ref: Ref): Stored<V1ConfigMap> | undefined {
    return this.#get<V1ConfigMap>(CONFIG_MAPS, ref);
  }

  /** The Lease as it stands, or `undefined` when there is none. */
  getLease(ref: Ref): Stored<V1Lease> | undefined {
    return this.#get<V1Lease>(LEASES, ref);
  }

  /** The node as it stands, or `undefined` when there is none. */
  getNode(name: string): Stored<V1Node> | undefined {
    return this.#get<V1Node>(NODES, name);
  }

  /** The namespace as it stands, or `undefined` when there is none. */
  getNamespace(name: string): Stored<V1Namespace> | undefined {
    return this.#get<V1Namespace>(NAMESPACES, name);
  }

  /**
   * Sends a request of the administrator's straight to the model: nothing delays, breaks or
   * records it. For everything that has no method of its own. The answer's body is parsed if it
   * is JSON; a watch cannot be followed this way.
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

  /** Forgets the history of writes: watches and lists from before it get `410 Expired`. */
  compact(): void {
    this.#model.store.compact();
  }

  // --- Users ---

  /**
   * Allows a user what the rules say, in one namespace or, with the scope `*`, everywhere. Once
   * something was granted to him he may do nothing else; before, a user may do everything.
   */
  grant(user: string, rules: readonly PolicyRule[], scope = 'default'): void {
    checkText('user', user);
    checkPolicyRules(rules);
    this.#model.access.grant(user, rules, scope);
  }

  /** Takes from a user everything that was granted to him: he may do nothing. */
  revoke(user: string): void {
    this.#model.access.revoke(user);
  }

  /** The bearer token of a user: the same until it expires, then a new one. */
  token(user: string = ADMIN): string {
    checkText('user', user);
    return this.#tokens.of(user);
  }

  /** Makes a user's token unknown: who still uses it gets `401 Unauthorized`. */
  expireToken(user: string = ADMIN): void {
    this.#tokens.expire(user);
  }

  /**
   * Calls `listener` after each write, whoever made it.
   * @internal
   */
  onChange(listener: (change: Change) => void): void {
    this.#model.store.listen(listener);
  }

  // --- Ways in ---

  /** A configuration for `@kubernetes/client-node`. Throws when the cluster has no port. */
  kubeConfig(options: KubeConfigOptions = {}): KubeConfig {
    const config = new (this.#listening().client.KubeConfig)();
    config.loadFromString(this.kubeConfigText(options));
    return config;
  }

  /** A kubeconfig file's text, for `kubectl` and child processes. Throws without a port. */
  kubeConfigText(options: KubeConfigOptions = {}): string {
    checkKubeConfigOptions(options);
    const { user = ADMIN, namespace = 'default' } = options;
    const authority = this.#tls && Buffer.from(this.#tls.cert).toString('base64');
    const cluster = {
      server: this.url,
      ...(authority
        ? { 'certificate-authority-data': authority }
        : { 'insecure-skip-tls-verify': true }),
    };
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'cluster',
      clusters: [{ name: 'cluster', cluster }],
      users: [{ name: user, user: { token: this.token(user) } }],
      contexts: [{ name: 'cluster', context: { cluster: 'cluster', user, namespace } }],
    });
  }

  /** Options that make `become` run as if in this Pod. Throws without a port. */
  optionsFor(pod: Ref, { user = ADMIN }: UserOptions = {}): PodIdentity {
    const { name, namespace = 'default', uid } = this.#find(PODS, pod).metadata;
    return {
      kubeConfig: this.kubeConfig({ user, namespace }),
      namespace,
      podName: name,
      podUid: uid,
    };
  }

  /** What the downward API would tell the Pod's containers. */
  env(pod: Ref): { POD_NAME: string; POD_NAMESPACE: string; POD_UID: string } {
    const { name, namespace = 'default', uid } = this.#find(PODS, pod).metadata;
    return { POD_NAME: name, POD_NAMESPACE: namespace, POD_UID: uid };
  }

  /**
   * Leads to the cluster within the process, without sockets. It keeps the token that the user
   * has now, unless `token` gives one for each request.
   */
  transport(options: TransportOptions = {}): Transport {
    checkTransportOptions(options);
    const { user = ADMIN, userAgent = 'leader-for-life' } = options;
    const current = this.token(user);
    return new MemoryTransport(this.#server, options.token ?? (() => current), userAgent);
  }

  /**
   * A Lease of the cluster as the lock of a `LeaderElector`, reached within the process, without
   * sockets. It can be watched; faults and rights apply to it as to any client.
   */
  leaseLock(options: ClusterLeaseLockOptions): ResourceLock {
    checkLeaseLockOptions(options);
    const { user = ADMIN } = options;
    return leaseLock(this.transport({ user }), this.#clock, options);
  }

  /** Cuts every connection, as a restart of the API server does; new ones work at once. */
  cutConnections(): void {
    this.#server.cut();
    this.#port?.server.cut();
  }

  // --- Waiting and leaving ---

  /**
   * Resolves with what `probe` returns as soon as that is true; it is called now, after each write
   * and answer, and every 10 ms. Rejects after `timeoutMs` (default 10 000). Both times are on the
   * cluster's clock.
   */
  until<T>(probe: () => T | undefined | null | false, timeoutMs = 10_000): Promise<T> {
    checkFunction('probe', probe);
    checkMilliseconds('timeoutMs', timeoutMs);
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        stop();
        stopPolling();
        this.#probes.delete(waiting);
        finish();
      };
      const fail = (error: unknown) => settle(() => reject(error));
      const check = () => {
        try {
          const value = probe();
          if (value) settle(() => resolve(value));
        } catch (error) {
          fail(error);
        }
      };
      const waiting: Probe = { check, fail };
      const stop = this.#clock.after(timeoutMs, () => {
        fail(new Error(`What was waited for did not come within ${timeoutMs} ms`));
      });
      let stopPolling = stop;
      const poll = () => {
        stopPolling = this.#clock.after(POLL_MS, poll);
        check();
      };
      this.#probes.add(waiting);
      poll();
    });
  }

  /** Cuts every connection and stops everything. Resolves when nothing is left running. */
  async close(): Promise<void> {
    this.#server.close();
    this.garbageCollector.close();
    this.#kubelet.close();
    for (const { fail } of [...this.#probes]) fail(new Error('The cluster was closed'));
    await this.#port?.server.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #listening(): Port {
    if (this.#port) return this.#port;
    throw new Error('This cluster has no port: it was created with http: false');
  }

  #probe(): void {
    for (const { check } of [...this.#probes]) check();
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

  #find(type: ResourceType, ref: Ref): KubeObject {
    const { namespace, name } = parts(ref);
    const object = this.#model.registry.get(type, type.namespaced ? namespace : undefined, name);
    if (typeof ref !== 'string' && ref.metadata.uid !== object.metadata.uid) {
      throw new Error(`The ${type.kind} ${name} is another one now: its UID has changed`);
    }
    return object;
  }
}

/** For whom, and for which namespace, a kubeconfig is. */
export interface KubeConfigOptions extends UserOptions {
  /** The context's. Default `default`. */
  readonly namespace?: string;
}

/** Which Lease, and who asks for it. */
export interface ClusterLeaseLockOptions extends UserOptions {
  /** The Lease's. It is created when somebody first leads. */
  readonly name: string;
  /** Who asks: another for each elector. */
  readonly identity: string;
  /** Default `default`. */
  readonly namespace?: string;
}

/** How requests reach a cluster without sockets. */
export interface TransportOptions extends UserOptions {
  /** Default `leader-for-life`. */
  readonly userAgent?: string;
  /** The bearer token to send with the next request; `undefined` for none. */
  readonly token?: () => string | undefined;
}

function parts(ref: Ref): { namespace: string; name: string } {
  if (typeof ref !== 'string') {
    checkRef(ref);
    const { name, namespace = 'default' } = ref.metadata as { name: string; namespace?: string };
    return { namespace, name };
  }
  const [namespace, name] = ref.split('/');
  return name === undefined
    ? { namespace: 'default', name: ref }
    : { namespace: namespace ?? '', name };
}

function checkRef(ref: unknown): void {
  const { metadata } = Object(ref) as { readonly metadata?: unknown };
  const { name, namespace = '' } = Object(metadata) as Readonly<Record<string, unknown>>;
  if (typeof name === 'string' && typeof namespace === 'string') return;
  throw invalidArgument('ref', "'name', 'namespace/name' or an object of the cluster", ref);
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

/** A copy to give away: what is stored must not change. */
function given<T>(object: KubeObject): Stored<T> {
  return copy(object) as Stored<T>;
}

/**
 * Makes a cluster in this process, with the namespace `default` and a ready node. Resolves once
 * it listens. Close it when done, or declare it with `await using`.
 */
export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = new Cluster(options);
  if (options.http !== false) await cluster.listen();
  return cluster;
}
