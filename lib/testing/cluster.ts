import type { KubeConfig } from '@kubernetes/client-node';
import type { PolicyRule } from './access.ts';
import { ApiModel } from './api-model.ts';
import { ApiServer } from './api-server.ts';
import type {
  ClusterLeaseLockOptions,
  ClusterOptions,
  KubeConfigOptions,
  PodIdentity,
  ProcessOptions,
  Ref,
  TransportOptions,
} from './cluster-options.ts';
import type { Faults } from './faults.ts';
import { GarbageCollector } from './garbage-collector.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { ClusterObjects } from './cluster-objects.ts';
import { PODS } from './kinds.ts';
import { Kubelet } from './kubelet.ts';
import { leaseLock } from './lease-lock.ts';
import type { Port } from './port.ts';
import { MemoryTransport } from './memory-transport.ts';
import {
  checkClusterOptions,
  checkFunction,
  checkKubeConfigOptions,
  checkLeaseLockOptions,
  checkMilliseconds,
  checkPolicyRules,
  checkProcessOptions,
  checkText,
  checkTransportOptions,
} from './options.ts';
import { RequestLog } from './request-log.ts';
import { newProcess, SimulatedKubeConfig, simulatedPlatform } from './simulated-process.ts';
import type { Change } from './store.ts';
import { Tokens } from './tokens.ts';
import type { Transport } from '../kubernetes/transport.ts';
import type { ResourceLock } from '../lease/resource-lock.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { simulated } from '../platform/simulated.ts';

const ADMIN = 'admin';

/** How often `until` checks what no write or answer changes. */
const POLL_MS = 10;
const CLOSED = 'The cluster was closed';

interface Probe {
  readonly check: () => void;
  readonly fail: (error: unknown) => void;
}

/** A Kubernetes cluster in this process. `createCluster` makes one. */
export class Cluster extends ClusterObjects implements AsyncDisposable {
  /** The faults of the cluster. */
  readonly faults: Faults;
  /** Deletes objects that have lost their owners; can be delayed and stopped. */
  readonly garbageCollector: GarbageCollector;
  /** Every request that reached the cluster. */
  readonly requests: RequestLog;
  readonly #clock: Clock;
  readonly #model: ApiModel;
  readonly #server: ApiServer;
  readonly #kubelet: Kubelet;
  readonly #tokens = new Tokens();
  readonly #probes = new Set<Probe>();
  readonly #process = newProcess();
  readonly #tls: TlsIdentity | undefined;
  #port: Port | undefined;
  #isClosed = false;

  /** @internal Use `createCluster`. */
  constructor(options: ClusterOptions) {
    checkClusterOptions(options);
    const { clock = systemClock, nodeCount = 1, bookmarkMs = 60_000 } = options;
    const model = new ApiModel({ ...options, clock });
    const kubelet = new Kubelet(model, clock, options.podShutdownMs ?? Infinity);
    super(model, kubelet);
    this.#clock = clock;
    this.#tls = options.https;
    this.#model = model;
    this.#kubelet = kubelet;
    this.requests = new RequestLog(clock, () => this.#probe());
    this.#server = new ApiServer({
      model,
      clock,
      tokens: this.#tokens,
      log: this.requests,
      bookmarkMs,
    });
    this.faults = this.#server.faults;
    this.garbageCollector = new GarbageCollector(this.#model, clock, options.gcDelayMs ?? 0);
    this.#model.store.listen(() => this.#probe());
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
      this.createNamespace(name);
    }
    for (let number = 1; number <= nodeCount; number += 1) this.createNode(`node-${number}`);
  }

  /** @internal */
  async listen(): Promise<void> {
    const { openPort } = await import('./port.ts');
    this.#port = await openPort(this.#server, this.#tls);
  }

  /** URL of the API server. Throws if it does not listen. */
  get url(): string {
    return this.#listening().server.url;
  }

  /**
   * Allows a user what the rules say, in one namespace or, with the scope `*`, everywhere. Until
   * the first grant a user may do everything; from then on only what was granted.
   */
  grant(user: string, rules: readonly PolicyRule[], scope = 'default'): void {
    checkText('user', user);
    checkPolicyRules(rules);
    this.#model.access.grant(user, rules, scope);
  }

  /** Revokes everything that was granted to a user, who then may do nothing. */
  revoke(user: string): void {
    this.#model.access.revoke(user);
  }

  /** The bearer token of a user: the same until it expires, then a new one. */
  token(user: string = ADMIN): string {
    checkText('user', user);
    return this.#tokens.of(user);
  }

  /** Expires a user's token: requests with it get `401 Unauthorized`. */
  expireToken(user: string = ADMIN): void {
    this.#tokens.expire(user);
  }

  /**
   * Calls `listener` after each write, by anybody.
   * @internal
   */
  onChange(listener: (change: Change) => void): void {
    this.#model.store.listen(listener);
  }

  /** A configuration for `@kubernetes/client-node`. Throws if the cluster has no port. */
  kubeConfig(options: KubeConfigOptions = {}): KubeConfig {
    const config = new (this.#listening().client.KubeConfig)();
    config.loadFromString(this.kubeConfigText(options));
    return config;
  }

  /** Text of a kubeconfig file, for `kubectl` and child processes. Throws without a port. */
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

  /**
   * Options that make `become` run as if in this Pod; the `kubeConfig` alone makes `lead` do so.
   * Without a port, or with a clock or a transport, the election runs on these within the process,
   * without sockets: an hour of a `SimulatedClock` takes a moment.
   */
  optionsFor(pod: Ref, options: ProcessOptions = {}): PodIdentity {
    checkProcessOptions(options);
    const { user = ADMIN, clock, transport } = options;
    const { name, namespace = 'default', uid } = this.find(PODS, pod).metadata;
    const identity = { namespace, podName: name, podUid: uid };
    if (this.#port && !clock && !transport) {
      return { kubeConfig: this.kubeConfig({ user, namespace }), ...identity };
    }
    const state = (clock ?? transport) ? newProcess() : this.#process;
    const connect = () => transport ?? this.transport({ user });
    const variables = { ...this.env(pod) };
    const platform = simulatedPlatform(state, clock ?? this.#clock, connect, variables);
    return { kubeConfig: new SimulatedKubeConfig(platform, namespace), ...identity };
  }

  /** Environment variables that the downward API would give the Pod's containers. */
  env(pod: Ref): { POD_NAME: string; POD_NAMESPACE: string; POD_UID: string } {
    const { name, namespace = 'default', uid } = this.find(PODS, pod).metadata;
    return { POD_NAME: name, POD_NAMESPACE: namespace, POD_UID: uid };
  }

  /**
   * A transport to the cluster within the process, without sockets. It uses the user's current
   * token, unless `token` returns one for each request.
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
    const transport = this.transport({ user });
    const platform = simulatedPlatform(this.#process, this.#clock, () => transport, {});
    return Object.assign(leaseLock(transport, this.#clock, options), { [simulated]: platform });
  }

  /** Cuts every connection, as a restart of the API server does; new ones work at once. */
  cutConnections(): void {
    this.#server.cut();
    this.#port?.server.cut();
  }

  /**
   * Resolves with the result of `probe` as soon as that is true. Calls it now, after each write and
   * answer, and every 10 ms. Rejects after `timeoutMs` (default 10 000). Both times are on the
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
      if (this.#isClosed) fail(new Error(CLOSED));
    });
  }

  /** Cuts every connection and stops everything. Resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#server.close();
    this.garbageCollector.close();
    this.#kubelet.close();
    for (const { fail } of [...this.#probes]) fail(new Error(CLOSED));
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
}

/**
 * Makes a cluster in this process, with the namespace `default` and a ready node. Resolves once it
 * listens. Close it in the end, or declare it with `await using`.
 */
export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = new Cluster(options);
  if (options.http !== false) await cluster.listen();
  return cluster;
}
