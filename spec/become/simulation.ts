import { becomeIn } from '../../lib/become.ts';
import type { BecomeOptions, Leadership } from '../../lib/index.ts';
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
    const pod = this.cluster.getPod(podName);
    const surroundings = {
      clock: this.clock,
      environment: { variables: {}, root: '/nonexistent' },
      connect: () => {
        const transport = this.cluster.transport({ user: podName });
        let isOpen = false;
        return {
          send: (request: Parameters<typeof transport.send>[0], signal: AbortSignal) => {
            if (!isOpen) this.open += 1;
            isOpen = true;
            return transport.send(request, signal);
          },
          close: () => {
            if (isOpen) this.open -= 1;
            isOpen = false;
            transport.close();
          },
        };
      },
      warn: (message: string, code: string) => {
        this.warnings.push({ message, code });
      },
    };
    const leadership = becomeIn(surroundings, lockName, {
      kubeConfig,
      namespace: 'default',
      podName,
      podUid: pod?.metadata.uid,
      ...options,
    });
    leadership.catch(() => undefined);
    return leadership;
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
