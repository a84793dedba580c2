import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import type { Cluster } from '../../lib/testing/index.ts';
import { root } from '../public/entry-points.ts';
import { type Example, rulesOf } from './manifest.ts';

/** An example as the process of a Pod, which may do what the example's manifest says. */
export class Program implements AsyncDisposable {
  readonly pod: string;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #closed: Promise<unknown>;
  readonly #stderr: Promise<string>;
  #stdout = '';
  #listeners: (() => void)[] = [];

  constructor(
    cluster: Cluster,
    example: Example,
    pod: string,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.pod = pod;
    cluster.createPod(pod, { labels: { app: example } });
    const user = `system:serviceaccount:default:${example}`;
    cluster.revoke(user);
    cluster.grant(user, rulesOf(example));
    this.#folder = mkdtempSync(join(tmpdir(), 'leader-for-life-example-'));
    const kubeConfig = join(this.#folder, 'kubeconfig');
    writeFileSync(kubeConfig, cluster.kubeConfigText({ user }));

    const hooks = join(import.meta.dirname, 'pod.hooks.ts');
    const main = join(root, `docs/examples/${example}/main.ts`);
    this.#process = spawn(process.execPath, ['--import', hooks, main], {
      env: { ...clean(process.env), ...cluster.env(pod), KUBECONFIG: kubeConfig, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#closed = once(this.#process, 'close');
    this.#stderr = this.#process.stderr ? text(this.#process.stderr) : Promise.resolve('');
    this.#process.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stdout += chunk;
      for (const listener of this.#listeners) listener();
    });
  }

  /** What it has printed so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** Resolves once it has printed this; rejects if it ends before. */
  async prints(expected: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const look = () => {
      if (this.#stdout.includes(expected)) resolve(undefined);
    };
    this.#listeners.push(look);
    look();
    const ended = this.#closed.then(async () => {
      const output = `${this.#stdout}${await this.#stderr}`;
      throw new Error(`${this.pod} ended without printing ${expected}: ${output}`);
    });
    await Promise.race([promise, ended]);
  }

  /** Resolves, once it has ended, with its exit code, or the signal that killed it. */
  async end(): Promise<{ code: number | string | null; stderr: string }> {
    await this.#closed;
    const { exitCode, signalCode } = this.#process;
    return { code: exitCode ?? signalCode, stderr: await this.#stderr };
  }

  /** Asks it to go, as the kubelet would. */
  terminate(): Promise<{ code: number | string | null; stderr: string }> {
    this.#process.kill('SIGTERM');
    return this.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#closed;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The environment without what would tell the example of another cluster. */
function clean(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^(?:KUBE|POD_|DEBUG|NODE_)/.test(name));
  return Object.fromEntries(kept);
}
