import { becomeIn } from '../../lib/become.ts';
import type { BecomeOptions, Leadership } from '../../lib/index.ts';
import { Releases } from '../../lib/release.ts';
import type { Surroundings } from '../../lib/surroundings.ts';
import type { Transport } from '../../lib/kubernetes/transport.ts';
import {
  type Cluster,
  type ClusterOptions,
  SimulatedClock,
  createCluster,
} from '../../lib/testing/index.ts';

/** A warning that a user of the library would have seen. */
export interface SeenWarning {
  readonly message: string;
  readonly code: string;
}

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

  static async create(
    options: ClusterOptions & { readonly seed?: number } = {},
  ): Promise<Simulation> {
    const { seed = 1, ...rest } = options;
    const clock = new SimulatedClock({ seed });
    const cluster = await createCluster({ clock, http: false, ...rest });
    return new Simulation(clock, cluster);
  }

  /** Calls `become` as the process of this Pod, who is a user of his own (of the Pod's name). */
  become(podName: string, options: BecomeOptions = {}, lockName = 'lock'): Promise<Leadership> {
    return this.process(podName).become(options, lockName);
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

  /** The Pod that owns the lock. */
  get holder(): string | undefined {
    return this.cluster.getConfigMap('lock')?.metadata.ownerReferences?.[0]?.name;
  }
}

/** A process: what it asked for goes on until it is killed. */
export class SimulatedProcess {
  readonly podName: string;
  readonly podUid: string;
  readonly #simulation: Simulation;
  readonly #transports = new Set<Transport>();
  readonly #releases = new Releases();
  isAlive = true;

  constructor(simulation: Simulation, podName: string, podUid: string) {
    this.#simulation = simulation;
    this.podName = podName;
    this.podUid = podUid;
  }

  become(options: BecomeOptions = {}, lockName = 'lock'): Promise<Leadership> {
    const { clock, warnings } = this.#simulation;
    const surroundings: Surroundings = {
      clock,
      environment: { variables: {}, root: '/nonexistent' },
      releases: this.#releases,
      connect: () => Promise.resolve(this.#connect()),
      warn: (message, code) => {
        warnings.push({ message, code });
      },
    };
    const { podName, podUid } = this;
    const leadership = becomeIn(surroundings, lockName, {
      kubeConfig,
      namespace: 'default',
      podName,
      podUid,
      ...options,
    });
    leadership.catch(() => undefined);
    return leadership;
  }

  /** From now on nothing leaves the process, and nothing reaches it. What is under way may arrive. */
  kill(): void {
    this.isAlive = false;
    for (const transport of this.#transports) transport.close();
  }

  #connect(): Transport {
    const simulation = this.#simulation;
    const transport = simulation.cluster.transport({ user: this.podName });
    this.#transports.add(transport);
    let isOpen = false;
    return {
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
    };
  }
}

/** Passes for a KubeConfig; the simulation's transport needs none. */
const kubeConfig = {
  getCurrentCluster: () => ({
    name: 'simulation',
    server: 'http://simulation.invalid',
    skipTLSVerify: true,
  }),
  getCurrentContext: () => 'simulation',
  getContextObject: () => null,
  applyToHTTPSOptions: () => Promise.resolve(),
};
