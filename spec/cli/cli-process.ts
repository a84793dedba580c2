import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../../lib/testing/index.ts';
import { root } from '../public/entry-points.ts';

const BIN = join(root, 'lib/cli/bin.ts');

export interface CliOptions {
  /** The Pod that it is. @default none */
  readonly pod?: string;
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How it is started. @default this Node.js and the sources */
  readonly program?: readonly [string, ...string[]] | undefined;
}

const FAULTS =
  "process.on('SIGWINCH', () => { throw new Error('broken'); });" +
  "process.on('SIGURG', () => void Promise.reject(new Error('broken')));";

/** As usual, but with exceptions that nothing catches: SIGWINCH throws one, SIGURG rejects with one. */
export const FAULTY: CliOptions['program'] = [
  process.execPath,
  ...['--import', `data:text/javascript,${encodeURIComponent(FAULTS)}`, BIN],
];

/** How a process ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line as a process, with a kubeconfig for a cluster in this process. */
export class CliProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'leader-for-life-cli-'));
  readonly #closed: Promise<unknown>;
  readonly #listeners = new Set<() => void>();
  #stdout = '';
  #stderr = '';

  constructor(cluster: Cluster | undefined, args: readonly string[], options: CliOptions = {}) {
    const { pod, user, env, program = [process.execPath, BIN] } = options;
    const [file, ...first] = program;
    const kubeconfig = join(this.#folder, 'kubeconfig');
    if (cluster)
      writeFileSync(kubeconfig, cluster.kubeConfigText(user === undefined ? {} : { user }));
    this.#process = spawn(file, [...first, ...args], {
      env: {
        ...clean(process.env),
        ...(cluster && { KUBECONFIG: kubeconfig }),
        ...(pod !== undefined && cluster?.env(pod)),
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#closed = once(this.#process, 'close');
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      for (const listener of this.#listeners) listener();
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      for (const listener of this.#listeners) listener();
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  write(text: string): void {
    this.#process.stdin?.end(text);
  }

  /** Resolves with the match once it has printed this; rejects if it ends before. */
  async prints(expected: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<string[]> {
    const { promise, resolve } = Promise.withResolvers<string[]>();
    const look = () => {
      const match = expected.exec(stream === 'stdout' ? this.#stdout : this.#stderr);
      if (match) resolve([...match]);
    };
    this.#listeners.add(look);
    look();
    const ended = this.#closed.then(() => {
      throw new Error(
        `it ended without printing ${String(expected)}: ${this.#stdout}${this.#stderr}`,
      );
    });
    try {
      return await Promise.race([promise, ended]);
    } finally {
      this.#listeners.delete(look);
      ended.catch(() => undefined);
    }
  }

  /** Resolves once it and all who hold its output have ended. */
  async end(): Promise<End> {
    await this.#closed;
    const { exitCode: code, signalCode: signal } = this.#process;
    return { code, signal, stdout: this.#stdout, stderr: this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    this.#process.kill('SIGCONT');
    await this.#closed;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The environment without what would name another cluster. */
function clean(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(?:KUBE|POD_|DEBUG|NODE_|LEADER_)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}
