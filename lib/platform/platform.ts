import { nodeProcess } from './node-process.ts';
import { type Clock, systemClock } from './clock.ts';
import { Elections } from './elections.ts';
import type { Credentials } from '../kubernetes/credentials.ts';
import type { Environment } from '../kubernetes/environment.ts';
import type { Transport } from '../kubernetes/transport.ts';
import { type PredecessorMap, shared } from './shared.ts';
import { simulated } from './simulated.ts';
import { UnconfirmedEnds } from './unconfirmed.ts';
import { warn } from './warn.ts';
import { version } from '../version.ts';

/** Everything that a call takes from outside, replaceable for specs and simulations. */
export interface Platform {
  readonly clock: Clock;
  readonly environment: Environment;
  /** The elections of this process. */
  readonly elections: Elections;
  readonly unconfirmed: UnconfirmedEnds;
  readonly predecessors: PredecessorMap;
  connect(credentials: Credentials): Promise<Transport>;
  readonly warn: (message: string, code: string) => void;
}

/** The real platform. */
export const systemPlatform: Platform = {
  clock: systemClock,
  environment: { variables: nodeProcess?.env ?? {}, root: '/' },
  elections: new Elections(shared().elections, shared().aside),
  unconfirmed: new UnconfirmedEnds(shared().unconfirmed),
  predecessors: shared().predecessors,
  connect: async (credentials) => {
    // Outside a cluster none of this is loaded.
    const { Connection } = await import('../kubernetes/connection.ts');
    return new Connection(credentials, systemClock, `leader-for-life/${version}`);
  },
  warn,
};

/** The platform for these options: the system's, unless their kubeConfig or lock is simulated. */
export function platformOf(options: unknown): Platform {
  const { kubeConfig, lock } = Object(options) as { kubeConfig?: unknown; lock?: unknown };
  return simulatedBy(kubeConfig) ?? simulatedBy(lock) ?? systemPlatform;
}

function simulatedBy(value: unknown): Platform | undefined {
  return (Object(value) as { readonly [simulated]?: Platform })[simulated];
}
