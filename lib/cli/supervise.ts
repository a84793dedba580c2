import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { systemClock } from '../platform/clock.ts';
import { Exit } from './command.ts';
import { beforeCrash } from './crash.ts';
import { LEADERSHIP_LOST, NOT_EXECUTABLE, NOT_FOUND } from './exit-codes.ts';
import { findExecutable } from './executable.ts';
import { quote, type Variables } from './option.ts';
import type { ProcessGroup } from './process-group.ts';
import type { Signals } from './signals.ts';
import type { Watchdog } from './watchdog.ts';

/** How long the command may run, which leadership decides. */
export interface Term {
  /** Variables that tell the command about its leadership. */
  readonly env: Readonly<Record<string, string>>;
  /** Aborts when leadership is lost or handed over. */
  readonly lost: AbortSignal;
  /** Milliseconds from now until the command must be dead, after that. */
  readonly graceMs: () => number;
  /** Milliseconds from now until it must be dead if nothing is renewed; missing if nothing expires. */
  readonly livesForMs?: (() => number) | undefined;
  /** Calls the listener when either time has changed. */
  readonly onChange?: ((listener: () => void) => void) | undefined;
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
    const group = new groups.ProcessGroup({ file, args, env }, watchdog && this.#shell);
    const onExit = () => group.kill();
    process.once('exit', onExit);
    if (group.id !== undefined) watchdog?.watch(group.id);
    const ending = new Ending(term, group);
    const onChange = () => {
      if (term.livesForMs) watchdog?.renew(Math.max(term.livesForMs(), 0));
      ending.check();
    };
    onChange();
    group.letGo();
    term.onChange?.(onChange);
    term.lost.addEventListener('abort', onChange, { once: true });
    const survived = beforeCrash(async () => {
      ending.crash();
      await group.exitCode.catch(() => undefined);
      await group.end();
    });
    const detach = this.#signals.passTo((name) => {
      // After a stop of both, the command goes on only if it still may, which the clock says.
      if (name !== 'SIGCONT' || ending.check()) group.signal(name);
    });
    try {
      const exitCode = await group.exitCode;
      // The watchdog may have ended it: the clock is asked before the end counts as the command's own.
      return isLost() ? LEADERSHIP_LOST : exitCode;
    } finally {
      await group.end();
      ending.close();
      detach();
      survived();
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

/** The end of a command whose leadership is over: it is asked to end, and killed in time. */
class Ending {
  readonly #term: Term;
  readonly #group: ProcessGroup;
  #wasAsked = false;
  #isClosed = false;
  /** When the command must be dead after a crash of this process. */
  #crashEndMs = Infinity;
  #cancel: () => void = () => undefined;

  constructor(term: Term, group: ProcessGroup) {
    this.#term = term;
    this.#group = group;
  }

  /** Does what is due. Returns whether the command may still run. */
  check(): boolean {
    const isLost = this.#term.lost.aborted;
    if (this.#isClosed || !(isLost || this.#crashEndMs < Infinity)) return true;
    const afterLossMs = isLost ? this.#term.graceMs() : Infinity;
    const leftMs = Math.min(afterLossMs, this.#crashEndMs - systemClock.now());
    this.#cancel();
    if (leftMs <= 0) {
      this.#group.kill();
      return false;
    }
    if (!this.#wasAsked) this.#group.signal('SIGTERM');
    this.#wasAsked = true;
    if (leftMs < Infinity) this.#cancel = systemClock.after(leftMs, () => this.check());
    return true;
  }

  /** As if leadership was lost now; what is renewed from now on gives no more time. */
  crash(): void {
    this.#crashEndMs = systemClock.now() + (this.#term.livesForMs?.() ?? 0);
    this.check();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }
}

function checkCommand([name = '']: readonly string[], variables: Variables): void {
  const found = findExecutable(name, variables);
  if ('path' in found) return;
  if (found.missing === 'found')
    throw new Exit(NOT_FOUND, `there is no command ${quote(name)} on the PATH.`);
  throw new Exit(
    NOT_EXECUTABLE,
    `${quote(name)} is not executable. It must be a file that this user may reach, with the mode +x.`,
  );
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
