import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { systemClock } from '../platform/clock.ts';
import { Exit } from './command.ts';
import { LEADERSHIP_LOST, NOT_EXECUTABLE, NOT_FOUND } from './exit-codes.ts';
import { findExecutable } from './executable.ts';
import type { Variables } from './option.ts';
import type { ProcessGroup } from './process-group.ts';
import type { Signals } from './signals.ts';
import type { Watchdog } from './watchdog.ts';

/** How long the command may run, which leadership decides. */
export interface Term {
  /** Variables that tell the command about its leadership. */
  readonly env: Readonly<Record<string, string>>;
  /** Aborts when leadership is lost. */
  readonly lost: AbortSignal;
  /** Milliseconds from now until the command must be dead, after leadership was lost. */
  readonly graceMs: () => number;
  /** Milliseconds from now until it must be dead if nothing is renewed; missing if nothing expires. */
  readonly livesForMs?: (() => number) | undefined;
  /** Calls the listener after each renewal. */
  readonly onRenewed?: ((listener: () => void) => void) | undefined;
}

/** Runs a command while this process leads. */
export class Supervisor {
  readonly #command: readonly string[];
  readonly #variables: Variables;
  readonly #signals: Signals;
  readonly #warn: (message: string) => void;
  /** What has the kernel kill the command with this process. */
  readonly #wrapper: readonly string[];
  readonly #shell: string | undefined;

  /** Throws an `Exit` if there is no such command: nobody should wait for that. */
  constructor(
    command: readonly string[],
    variables: Variables,
    signals: Signals,
    warn: (message: string) => void,
  ) {
    this.#command = command;
    this.#variables = variables;
    this.#signals = signals;
    this.#warn = warn;
    checkCommand(command, variables);
    this.#shell = pathOf('sh', variables);
    this.#wrapper = wrapperOf(variables);
    if (process.pid === 1 || this.#wrapper.length > 0 || this.#shell !== undefined) return;
    warn(
      'neither setpriv (of util-linux) nor sh is on the PATH: if this process is killed, the command ' +
        'goes on, and another may lead. Install one of them, or let this process be PID 1.',
    );
  }

  /**
   * Resolves with the command's exit code once nothing of it runs any more. What the command leaves
   * behind is killed, as it is in a container.
   */
  async run(term: Term): Promise<number> {
    // Not before: a candidate that waits needs no memory for it.
    const [groups, watchdogs] = await Promise.all([
      import('./process-group.ts'),
      import('./watchdog.ts'),
    ]);
    this.#signals.stop.throwIfAborted();
    const isLost = () => term.lost.aborted;
    if (isLost()) return LEADERSHIP_LOST;
    const watchdog = this.#watchdog(watchdogs.Watchdog, term);
    const [file = '', ...args] = [...this.#wrapper, ...this.#command];
    const env = { ...this.#variables, ...term.env };
    const group = new groups.ProcessGroup({ file, args, env });
    const onExit = () => group.kill();
    process.once('exit', onExit);
    if (group.id !== undefined) watchdog?.watch(group.id);
    const renew = () => {
      if (term.livesForMs) watchdog?.renew(Math.max(term.livesForMs(), 0));
    };
    renew();
    term.onRenewed?.(renew);
    const detach = this.#signals.passTo((name) => {
      // After a stop of both, the command goes on only if it still leads, which the clock says.
      if (name !== 'SIGCONT' || !isLost()) group.signal(name);
    });
    const endLoss = onLoss(term, group);
    try {
      const exitCode = await group.exitCode;
      // The watchdog may have ended it: the clock is asked before the end counts as the command's own.
      return isLost() ? LEADERSHIP_LOST : exitCode;
    } finally {
      await group.end();
      endLoss();
      detach();
      watchdog?.end();
      process.removeListener('exit', onExit);
    }
  }

  /** As PID 1 this process takes everything with it, except when it is stopped. */
  #watchdog(Shell: typeof Watchdog, { livesForMs }: Term): Watchdog | undefined {
    if (this.#shell === undefined || (process.pid === 1 && !livesForMs)) return undefined;
    return new Shell(this.#shell, () => {
      this.#warn(
        'the watchdog of the command has ended: if this process is killed, the command may go on',
      );
    });
  }
}

/** Asks the command to end, and kills it in time. */
function onLoss({ lost, graceMs }: Term, group: ProcessGroup): () => void {
  let cancel: () => void = () => undefined;
  const onAbort = () => {
    const leftMs = graceMs();
    if (leftMs <= 0) {
      group.kill();
      return;
    }
    group.signal('SIGTERM');
    cancel = systemClock.after(leftMs, () => group.kill());
  };
  if (lost.aborted) onAbort();
  else lost.addEventListener('abort', onAbort, { once: true });
  return () => {
    lost.removeEventListener('abort', onAbort);
    cancel();
  };
}

function checkCommand([name = '']: readonly string[], variables: Variables): void {
  const found = findExecutable(name, variables);
  if ('path' in found) return;
  if (found.missing === 'found')
    throw new Exit(NOT_FOUND, `there is no command ${name} on the PATH.`);
  throw new Exit(NOT_EXECUTABLE, `${name} is not executable. Set its mode: chmod +x.`);
}

function pathOf(name: string, variables: Variables): string | undefined {
  const found = findExecutable(name, variables);
  return 'path' in found ? found.path : undefined;
}

/** `setpriv`, unless it is that of busybox, which does not know the option. PID 1 does not need it. */
function wrapperOf(variables: Variables): readonly string[] {
  const setpriv = pathOf('setpriv', variables);
  if (setpriv === undefined || process.pid === 1) return [];
  return basename(realpathSync(setpriv)) === 'busybox'
    ? []
    : [setpriv, '--pdeathsig', 'KILL', '--'];
}
