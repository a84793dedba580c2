import { constants } from 'node:os';
import { Exit } from './command.ts';

/** Signals that end a program. */
export const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];

/** A signal has asked this process to end, which is no error. The message is the name of the signal. */
export class Interrupted extends Exit {
  constructor(signal: NodeJS.Signals) {
    super(signalExitCode(signal), signal);
  }
}

/** The exit code of a program that this signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/**
 * A signal that aborts when this process is asked to end. Its reason is `Interrupted` with the code that
 * the signal stands for, so a command that rejects with it ends with that code.
 */
export function untilAsked(): AbortSignal {
  const controller = new AbortController();
  for (const name of ENDING) {
    process.on(name, () => controller.abort(new Interrupted(name)));
  }
  return controller.signal;
}
