import { becomeOn } from '../../lib/life/become.ts';
import type { BecomeOptions, Leadership } from '../../lib/index.ts';
import type { Clock } from '../../lib/platform/clock.ts';
import { Elections } from '../../lib/platform/elections.ts';
import type { PredecessorMap } from '../../lib/platform/shared.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import type { Transport } from '../../lib/kubernetes/transport.ts';
import {
  type Cluster,
  type ClusterOptions,
  type FaultRule,
  SimulatedClock,
  createCluster,
} from '../../lib/testing/index.ts';
import { kubeConfig } from '../world/kube-config.ts';

export { kubeConfig };

export const LOCK_PATH = '/api/v1/namespaces/default/configmaps/lock';

/** A warning that a user of the library would have seen. */
export interface SeenWarning {
  readonly message: string;
  readonly code: string;
}

type CreateOptions = ClusterOptions & { readonly seed?: number };

/** A cluster and processes in it, all on one simulated clock: an hour passes in an instant. */
export class Simulation {
  readonly clock: SimulatedClock;
  readonly cluster: Cluster;
  readonly warnings: SeenWarning[] = [];
  /** How many transports are open: every one has to be closed in the end. */
  open = 0;

  private constructor(clock: SimulatedClock, cluster: Cluster) {
    this.clock = clock;
    this.cluster = cluster;
  }

  static async create({ seed = 1, ...rest }: CreateOptions = {}): Promise<Simulation> {
    const clock = new SimulatedClock({ seed });
    return new Simulation(clock, await createCluster({ clock, http: false, ...rest }));
  }

  /** With the Pods `a`, `b` and `c` of one workload. */
  static async withPods(options?: CreateOptions): Promise<Simulation> {
    const simulation = await Simulation.create(options);
    const labels = { app: 'x' };
    for (const name of ['a', 'b', 'c']) simulation.cluster.createPod(name, { labels });
    return simulation;
  }

  /** Calls `become` as the process of this Pod, which is a user of its own (of the Pod's name). */
  become(podName: string, options: BecomeOptions = {}, lockName = 'lock'): Promise<Leadership> {
    return this.process(podName).become(options, lockName);
  }

  /** The same, until the Pod leads. */
  lead(podName: string, options?: BecomeOptions): Promise<Leadership> {
    return this.settled(this.become(podName, options));
  }

  /** A process in this Pod. */
  process(podName: string): SimulatedProcess {
    const pod = this.cluster.getPod(podName);
    if (!pod) throw new Error(`there is no Pod ${podName}`);
    return new SimulatedProcess(this, podName, pod.metadata.uid);
  }

  /** Lets time pass until the promise settles; then as that. */
  async settled<T>(promise: Promise<T>, maxMs?: number): Promise<T> {
    let done = false;
    const mark = () => {
      done = true;
    };
    promise.then(mark, mark);
    await this.clock.runUntil(() => done, maxMs);
    return promise;
  }

  /** How much time passes until the promise resolves. */
  async duration(promise: Promise<unknown>): Promise<number> {
    const startedMs = this.clock.now();
    await this.settled(promise);
    return this.clock.now() - startedMs;
  }

  /** Aborts the call: resolves with how long it takes to reject with the reason. */
  abortable(start: (signal: AbortSignal) => Promise<unknown>): () => Promise<number> {
    const stop = new AbortController();
    const outcome = start(stop.signal).catch((error: unknown) => error);
    return async () => {
      const startedMs = this.clock.now();
      stop.abort(new Error('enough'));
      if ((await this.settled(outcome)) !== stop.signal.reason) throw new Error('not aborted');
      return this.clock.now() - startedMs;
    };
  }

  fault(rule: FaultRule) {
    return this.cluster.faults.add(rule);
  }

  /** Terminating from now on; its processes run for another hour. */
  terminate(podName: string, cascade: 'background' | 'foreground'): void {
    this.cluster.deletePod(podName, { cascade, gracePeriodSeconds: 3_600 });
  }

  /** Gone, with its processes. */
  end(podName: string): void {
    this.cluster.deletePod(podName, { gracePeriodSeconds: 0 });
  }

  get lock() {
    return this.cluster.getConfigMap('lock');
  }

  /** The Pod that owns the lock. */
  get holder(): string | undefined {
    return this.lock?.metadata.ownerReferences?.[0]?.name;
  }

  /** Of the warnings. */
  get codes(): string[] {
    return this.warnings.map(({ code }) => code);
  }
}

/**
 * The platform of one process: its requests go on until it is killed. It can have a clock of its own, and
 * be far away: `carry` says what becomes of its requests.
 */
export class SimulatedSurroundings implements Platform {
  readonly clock: Clock;
  readonly environment = { variables: {} as Record<string, string>, root: '/nonexistent' };
  readonly elections = new Elections();
  readonly unconfirmed = new UnconfirmedEnds();
  readonly predecessors: PredecessorMap = new Map();
  readonly #simulation: Simulation;
  readonly #user: string;
  readonly #carry: (transport: Transport) => Transport;
  readonly #transports = new Set<Transport>();
  isAlive = true;

  constructor(
    simulation: Simulation,
    user: string,
    clock: Clock = simulation.clock,
    carry: (transport: Transport) => Transport = (transport) => transport,
  ) {
    this.#simulation = simulation;
    this.#user = user;
    this.clock = clock;
    this.#carry = carry;
  }

  readonly warn = (message: string, code: string): void => {
    this.#simulation.warnings.push({ message, code });
  };

  connect(): Promise<Transport> {
    const simulation = this.#simulation;
    const transport = this.#carry(simulation.cluster.transport({ user: this.#user }));
    this.#transports.add(transport);
    let isOpen = false;
    return Promise.resolve({
      send: (request, signal) => {
        if (!this.isAlive) return new Promise(() => undefined);
        if (!isOpen) simulation.open += 1;
        isOpen = true;
        return transport.send(request, signal);
      },
      close: () => {
        if (isOpen) simulation.open -= 1;
        isOpen = false;
        transport.close();
      },
    });
  }

  /** From now on nothing leaves the process, and nothing reaches it. What is under way may arrive. */
  kill(): void {
    this.isAlive = false;
    for (const transport of this.#transports) transport.close();
  }
}

/** A process in a Pod. */
export class SimulatedProcess {
  readonly podName: string;
  readonly podUid: string;
  readonly #platform: SimulatedSurroundings;

  constructor(
    simulation: Simulation,
    podName: string,
    podUid: string,
    platform = new SimulatedSurroundings(simulation, podName),
  ) {
    this.#platform = platform;
    this.podName = podName;
    this.podUid = podUid;
  }

  get isAlive(): boolean {
    return this.#platform.isAlive;
  }

  become(options: BecomeOptions = {}, lockName = 'lock'): Promise<Leadership> {
    const { podName, podUid } = this;
    const identity = { kubeConfig, namespace: 'default', podName, podUid };
    const leadership = becomeOn(this.#platform, lockName, { ...identity, ...options });
    leadership.catch(() => undefined);
    return leadership;
  }

  /** As `SimulatedSurroundings.kill`. */
  kill(): void {
    this.#platform.kill();
  }
}
