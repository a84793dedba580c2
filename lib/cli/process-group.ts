import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { systemClock, sleep } from '../platform/clock.ts';
import { Exit } from './command.ts';
import { FAILED, NOT_EXECUTABLE, NOT_FOUND } from './exit-codes.ts';
import { signalExitCode } from './stop.ts';

/** A program, and its environment. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Waits until it is let go, and becomes the program then. If this process ends before, it ends, too:
 * a program that began at once could go on before its watchdog knows of it.
 */
const GATE = 'read -r _ <&3 && exec 3<&- && exec "$0" "$@"';

/** Nothing reports the end of processes that are not our children. */
const POLL_MS = 10;

const GONE = new Set(['Z', 'X']);

/** A program and what it starts, in a session of their own. A process that makes its own is outside. */
export class ProcessGroup {
  readonly #child: ChildProcess;
  /** Resolves with the exit code of the program; rejects with an `Exit` if it cannot be started. */
  readonly exitCode: Promise<number>;

  /** With a shell, the program begins only when it is let go. */
  constructor({ file, args, env }: Program, shell?: string) {
    this.#child =
      shell === undefined
        ? spawn(file, args, { env, detached: true, stdio: 'inherit' })
        : spawn(shell, ['-c', GATE, file, ...args], {
            ...{ env, detached: true },
            stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
          });
    this.#child.stdio[3]?.on('error', () => undefined);
    this.exitCode = new Promise((resolve, reject) => {
      this.#child.once('error', (error: NodeJS.ErrnoException) => reject(cannotStart(file, error)));
      this.#child.once('exit', (code, signal) => {
        resolve(signal === null ? (code ?? FAILED) : signalExitCode(signal));
      });
    });
    this.exitCode.catch(() => undefined);
  }

  /** The ID of the group; undefined if the program could not be started. */
  get id(): number | undefined {
    return this.#child.pid;
  }

  /** Lets the program begin. */
  letGo(): void {
    const gate = this.#child.stdio[3];
    if (gate && 'end' in gate) gate.end('\n');
  }

  /** Sends a signal to every process of the group. */
  signal(name: NodeJS.Signals): void {
    if (this.id !== undefined) signalGroup(this.id, name);
  }

  /** Kills the group, and what has left it for another group of the session, as jobs of a shell do. */
  kill(): void {
    if (this.id !== undefined) killGroup(this.id);
  }

  /** Kills what is left, and resolves when nothing runs any more. */
  async end(): Promise<void> {
    if (this.id !== undefined) await endGroup(this.id);
  }
}

/** Sends a signal to every process of a group, if any is left. */
export function signalGroup(id: number, name: NodeJS.Signals): void {
  send(-id, name);
}

/** Resolves with true as soon as nothing of a group and its session runs, or with false at this time. */
export async function isGoneBy(atMs: number, id: number): Promise<boolean> {
  for (;;) {
    if (running(id).length === 0) return true;
    if (systemClock.now() >= atMs) return false;
    await sleep(systemClock, POLL_MS);
  }
}

/** Kills a group and its session, and resolves when nothing of them runs any more. */
export async function endGroup(id: number): Promise<void> {
  for (;;) {
    killGroup(id);
    if (running(id).length === 0) return;
    await sleep(systemClock, POLL_MS);
  }
}

function killGroup(id: number): void {
  signalGroup(id, 'SIGKILL');
  for (const pid of running(id)) send(pid, 'SIGKILL');
}

/** The processes that run, as far as `/proc` tells; a zombie does not run. */
function running(id: number): number[] {
  const listed = processes();
  if (!listed) return send(-id, 0) ? [-id] : [];
  return listed
    .filter(({ state, group, session }) => !GONE.has(state) && [group, session].includes(id))
    .map(({ pid }) => pid);
}

function cannotStart(file: string, { code, message }: NodeJS.ErrnoException): Exit {
  const exitCode = code === 'ENOENT' ? NOT_FOUND : code === 'EACCES' ? NOT_EXECUTABLE : FAILED;
  return new Exit(exitCode, `${file} cannot be started: ${message}`);
}

interface Process {
  readonly pid: number;
  readonly state: string;
  readonly group: number;
  readonly session: number;
}

/** Undefined without `/proc`. */
function processes(): Process[] | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.flatMap((pid) => statOf(Number(pid)) ?? []);
  } catch {
    return undefined;
  }
}

/** Undefined if it has ended. The name, in brackets, may contain anything. */
function statOf(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, state, group: Number(group), session: Number(session) };
  } catch {
    return undefined;
  }
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // One that we may not signal still runs.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
