import { type Clock, systemClock } from './clock.ts';
import { Elections } from './elections.ts';
import type { Credentials } from '../kubernetes/credentials.ts';
import type { Environment } from '../kubernetes/environment.ts';
import type { Transport } from '../kubernetes/transport.ts';
import { type PredecessorMap, shared } from './shared.ts';
import { UnconfirmedEnds } from './unconfirmed.ts';
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
  environment: { variables: process.env, root: '/' },
  elections: new Elections(shared().elections, shared().aside),
  unconfirmed: new UnconfirmedEnds(shared().unconfirmed),
  predecessors: shared().predecessors,
  connect: async (credentials) => {
    // Outside a cluster none of this is loaded.
    const { Connection } = await import('../kubernetes/connection.ts');
    return new Connection(credentials, systemClock, `leader-for-life/${version}`);
  },
  warn: (message, code) => {
    const warning = Object.assign(new Error(message), { name: 'LeaderElectionWarning', code });
    // With the name, and the place where it was given, for --trace-warnings.
    Error.captureStackTrace(warning, systemPlatform.warn);
    warnAtOnce(warning);
  },
};

/**
 * Calls the listeners at once. `process.emitWarning` waits for the next tick, and a program that
 * calls `process.exit()` as soon as its election has ended has none: a warning about a lock that is
 * left behind would be lost.
 */
function warnAtOnce(warning: Error): void {
  try {
    process.emit('warning', warning);
  } catch (error) {
    // What a listener throws is up to its program, and changes no election.
    process.nextTick(() => {
      throw error;
    });
  }
}
