import { nodeProcess } from './node-process.ts';

/** Emits a warning of the process. */
export function warn(message: string, code: string): void {
  const warning = Object.assign(new Error(message), { name: 'LeaderElectionWarning', code });
  // With the name, and the place where it was given, for --trace-warnings.
  Error.captureStackTrace(warning, warn);
  warnAtOnce(warning);
}

/**
 * Calls the listeners at once. `process.emitWarning` waits for the next tick, and a program that
 * calls `process.exit()` as soon as its election has ended has none: a warning about a lock that is
 * left behind would be lost.
 */
function warnAtOnce(warning: Error): void {
  try {
    nodeProcess?.emit?.('warning', warning);
  } catch (error) {
    // What a listener throws is up to its program, and changes no election.
    process.nextTick(() => {
      throw error;
    });
  }
}
