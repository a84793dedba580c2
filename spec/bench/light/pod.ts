import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { root } from '../../public/entry-points.ts';
import { Arena, type PodIdentity, type Target, createNode, kubeConfigOf } from '../arena.ts';
import { startInProcessTarget } from '../in-process-target.ts';
import type { Options } from '../situation.ts';
import { until } from '../until.ts';

/**
 * Puts the service account's files where Pods have them, in a mount namespace of its own: outside
 * of it nothing changes. Then it says so, and becomes the program, which ends with the benchmark.
 */
const ENTER = [
  'mount -t tmpfs none /var/run',
  'mkdir -p /var/run/secrets/kubernetes.io',
  'cp -r "$0" /var/run/secrets/kubernetes.io/serviceaccount',
  `echo '{"event":"exec"}'`,
  'exec setpriv --pdeathsig KILL "$@"',
].join(' && ');

/** A program and its arguments. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A line that a process writes, and when it arrived. */
export interface Line {
  readonly event: string;
  readonly atMs: number;
  readonly [more: string]: unknown;
}

/** A process that finds around it what a Pod has, on this machine. */
export class PodProcess {
  readonly lines: readonly Line[];
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #isEnding = false;
  #failure: Error | undefined;

  constructor(name: string, child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close');
    this.#closed.catch(() => undefined);
    const lines: Line[] = [];
    this.lines = lines;
    if (!child.stdout) throw new TypeError('its output is not read');
    createInterface(child.stdout).on('line', (line) => {
      const atMs = performance.now();
      lines.push({ ...(JSON.parse(line) as object), atMs } as Line);
    });
    child.once('error', (error) => (this.#failure = error));
    child.once('exit', (code, signal) => {
      if (!this.#isEnding) this.#failure ??= new Error(`${name} has ended (${signal ?? code})`);
    });
  }

  get pid(): number {
    return this.#child.pid ?? NaN;
  }

  /** Resolves with the first such line, or the one that makes them that many. */
  said(event: string, count = 1): Promise<Line> {
    return until(`${event} is said`, () => {
      if (this.#failure) throw this.#failure;
      return this.lines.filter((line) => line.event === event)[count - 1];
    });
  }

  async kill(): Promise<void> {
    this.#isEnding = true;
    this.#child.kill('SIGKILL');
    await this.#closed;
  }
}

/** What these situations run on: a real Kubernetes, or the in-process API server without Go. */
export interface LightBench extends Options {
  readonly cluster: Target | undefined;
}

/** What Pods of one namespace have in common. Linux only. */
export class PodHost implements AsyncDisposable {
  readonly arena: Arena;
  readonly kubeconfig: string;
  readonly #folder: string;
  readonly #server: URL;
  readonly #processes = new Set<PodProcess>();
  #inProcess: AsyncDisposable | undefined;

  private constructor(arena: Arena, kubeconfig: string, folder: string, server: URL) {
    this.arena = arena;
    this.kubeconfig = kubeconfig;
    this.#folder = folder;
    this.#server = server;
  }

  static async open({ cluster }: LightBench): Promise<PodHost> {
    if (cluster) return PodHost.#open(cluster);
    const target = await startInProcessTarget('h2');
    const host = await PodHost.#open(target);
    host.#inProcess = target;
    return host;
  }

  static async #open(target: Target): Promise<PodHost> {
    // Its Pods need one. A situation before this one may have created it.
    await createNode(target).catch((error: unknown) => {
      if ((error as { readonly code?: unknown }).code !== 409) throw error;
    });
    const arena = await Arena.open(target);
    const { kubeconfig } = await arena.credential();
    const config = kubeConfigOf(kubeconfig);
    const { server = '', caData = '' } = config.getCurrentCluster() ?? {};
    const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-bench-'));
    const token = config.getCurrentUser()?.token ?? '';
    const files = { token, namespace: arena.namespace, 'ca.crt': Buffer.from(caData, 'base64') };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(folder, name), content);
    }
    return new PodHost(arena, kubeconfig, folder, new URL(server));
  }

  /** A process of a Pod of its own. */
  async start(name: string, command: Command, env: Readonly<Record<string, string>> = {}) {
    const [pod] = await this.arena.createPods(1);
    if (!pod) throw new RangeError('a Pod was expected');
    const { file, args } = command;
    const child = spawn('unshare', ['--mount', 'sh', '-c', ENTER, this.#folder, file, ...args], {
      cwd: root,
      env: { ...this.#variables(pod), ...command.env, ...env },
      // client-go ends with its input.
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const process = new PodProcess(name, child);
    this.#processes.add(process);
    return process;
  }

  #variables({ name, uid }: PodIdentity): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      KUBERNETES_SERVICE_HOST: this.#server.hostname,
      KUBERNETES_SERVICE_PORT: this.#server.port,
      POD_NAME: name,
      POD_UID: uid,
      POD_NAMESPACE: this.arena.namespace,
    };
  }

  async end(process: PodProcess): Promise<void> {
    if (this.#processes.delete(process)) await process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) await this.end(process);
    await rm(this.#folder, { recursive: true });
    await this.#inProcess?.[Symbol.asyncDispose]();
  }
}
