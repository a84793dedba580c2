import type { KubeConfigLike } from '../kubernetes/kube-config.ts';
import type { Transport } from '../kubernetes/transport.ts';
import type { Clock } from '../platform/clock.ts';
import { Elections } from '../platform/elections.ts';
import type { Platform } from '../platform/platform.ts';
import { simulated } from '../platform/simulated.ts';
import { UnconfirmedEnds } from '../platform/unconfirmed.ts';
import { warn } from '../platform/warn.ts';

/** What the elections of one process share. */
export type ProcessState = Pick<Platform, 'elections' | 'unconfirmed' | 'predecessors'>;

export function newProcess(): ProcessState {
  return {
    elections: new Elections(),
    unconfirmed: new UnconfirmedEnds(),
    predecessors: new Map(),
  };
}

/** A platform whose requests go through these transports. */
export function simulatedPlatform(
  state: ProcessState,
  clock: Clock,
  transportOf: () => Transport,
  variables: Readonly<Record<string, string>>,
): Platform {
  const environment = { variables, root: '/nonexistent' };
  const connect = () => Promise.resolve(transportOf());
  return { ...state, clock, environment, connect, warn };
}

/** Stands for a kubeConfig of `@kubernetes/client-node`, and brings its platform along. */
export class SimulatedKubeConfig implements KubeConfigLike {
  readonly [simulated]: Platform;
  readonly #namespace: string;

  constructor(platform: Platform, namespace: string) {
    this[simulated] = platform;
    this.#namespace = namespace;
  }

  getCurrentCluster() {
    return { name: 'cluster', server: 'http://cluster.invalid', skipTLSVerify: true };
  }

  getCurrentContext() {
    return 'cluster';
  }

  getContextObject() {
    return { namespace: this.#namespace };
  }

  applyToHTTPSOptions(): Promise<void> {
    return Promise.resolve();
  }
}
