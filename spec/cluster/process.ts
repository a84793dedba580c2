import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SYSTEM_FOLDERS } from './program.ts';
import type { Cluster } from './state.ts';

/** Command is a program, by its path, and its arguments. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/** Running is a process as it was when looked at. */
export interface Running {
  readonly pid: number;
  /** The file name of what it executes. */
  readonly program: string;
  readonly isSessionLeader: boolean;
  readonly isStopped: boolean;
}

// Every process of a cluster bears its folder's name in the environment. So a process is found,
// and known for ours, without a file of process numbers that could be late, lost or outlived.
const MARK = 'LEADER_FOR_LIFE_CLUSTER';

const READY_TIMEOUT_MS = 180_000;
const READY_POLL_MS = 100;
const KILL_TIMEOUT_MS = 30_000;
const KILL_POLL_MS = 50;

/** logOf tells the file that a component's output goes to. */
export function logOf(cluster: Cluster, component: string): string {
  return join(cluster.folder, 'log', `${component}.log`);
}

/** start starts a component that goes on after this process ends, and tells its process id. */
export async function start(
  cluster: Cluster,
  component: string,
  command: Command,
): Promise<number> {
  const log = openSync(logOf(cluster, component), 'a');
  try {
    const child = spawn(command.file, command.args, {
      cwd: cluster.folder,
      env: {
        [MARK]: cluster.folder,
        HOME: cluster.folder,
        // containerd looks up its shim there.
        PATH: [cluster.binaries.node, ...SYSTEM_FOLDERS].join(':'),
      },
      detached: true,
      stdio: ['ignore', log, log],
    });
    await once(child, 'spawn');
    child.unref();
    return child.pid ?? 0;
  } finally {
    closeSync(log);
  }
}

/** processes finds the living processes of the cluster in `folder`. */
export function processes(folder: string): Running[] {
  const mark = `${MARK}=${folder}`;
  const found: Running[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // Empty for a process that has died and that nobody has waited for yet.
      const environment = readFileSync(`/proc/${entry}/environ`, 'latin1').split('\0');
      if (environment.includes(mark)) found.push(look(Number(entry)));
    } catch {
      // It ended meanwhile, or is another user's.
    }
  }
  return found;
}

/** find finds a component of the cluster by its program's name. */
export function find(folder: string, component: string): Running | undefined {
  // Between fork and exec a child looks like its parent, but leads no session.
  return processes(folder).find(
    ({ program, isSessionLeader }) => program === component && isSessionLeader,
  );
}

/** until waits for `check` to hold while the process `pid` of the component lives. */
export async function until(
  cluster: Cluster,
  component: string,
  pid: number,
  check: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!(await check())) {
    const late = performance.now() > deadline;
    if (late || !isAlive(pid)) {
      const what = late ? `is not ready after ${READY_TIMEOUT_MS / 1000} s` : 'ended';
      const log = logOf(cluster, component);
      throw new Error(`${component} ${what}; the end of ${log}:\n${tail(log)}`);
    }
    await sleep(READY_POLL_MS);
  }
}

/** signal sends a signal; a process that has ended is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** resume lets a stopped process go on. */
export function resume({ pid, isStopped }: Running): void {
  if (isStopped) signal(pid, 'SIGCONT');
}

/** killAll kills what `list` lists until it lists nothing: some may be starting others. */
export async function killAll(list: () => readonly number[]): Promise<void> {
  const deadline = performance.now() + KILL_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const pids = list();
    if (pids.length === 0) return;
    for (const pid of pids) signal(pid, 'SIGKILL');
    await sleep(KILL_POLL_MS);
  }
  throw new Error(`processes that SIGKILL does not end: ${list().join(' ')}`);
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^[ZX]?$/.test(status(pid)[0] ?? '');
}

function look(pid: number): Running {
  const [state, , , session] = status(pid);
  return {
    pid,
    program: basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, ''),
    isSessionLeader: Number(session) === pid,
    isStopped: state === 'T',
  };
}

// The state, the parent, the group, the session and more: what follows the name in parentheses.
function status(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}
