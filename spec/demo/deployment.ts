import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

import { type Cluster, createCluster } from 'leader-for-life/testing';

import type { Entry, Journal } from './journal.ts';
import { type Report, now } from './report.ts';

/** A Pod of the deployment, and the process that is its container. */
export interface Replica {
  readonly pod: string;
  readonly uid: string;
}

/** What the cluster has on record about the lock. */
export interface LockState {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly ownerUid: string | undefined;
}

/** A lock that was written, successfully, by the process of a Pod. */
export interface Write {
  readonly pod: string;
  /** Milliseconds since the demo began. */
  readonly atMs: number;
}

/** What the replicas run, and compete for. */
export interface App {
  readonly app: URL;
  lock(cluster: Cluster): LockState | undefined;
}

interface Container {
  readonly run: number;
  readonly process: ChildProcess;
  isEnding: boolean;
}

/**
 * Plays what lies between a cluster and the processes of an app: the ReplicaSet that creates Pods,
 * and the kubelet that starts and kills their containers, which are processes of this machine.
 */
export class Deployment {
  readonly cluster: Cluster;
  readonly #app: App;
  readonly #journal: Journal;
  readonly #startMs: number;
  /** When the cluster's log of requests began. */
  readonly #logStartMs: number;
  readonly #replicas: Replica[] = [];
  readonly #containers = new Map<string, Container>();
  /** Whom each Pod said last that it waits for. */
  readonly #awaited = new Map<string, string | undefined>();
  #runs = 0;

  private constructor(cluster: Cluster, app: App, journal: Journal, logStartMs: number) {
    this.cluster = cluster;
    this.#app = app;
    this.#journal = journal;
    this.#startMs = now();
    this.#logStartMs = logStartMs;
  }

  static async create(app: App, journal: Journal): Promise<Deployment> {
    const cluster = await createCluster();
    return new Deployment(cluster, app, journal, await logStart(cluster));
  }

  /** Milliseconds since the demo began. */
  get nowMs(): number {
    return now() - this.#startMs;
  }

  get lock(): LockState | undefined {
    return this.#app.lock(this.cluster);
  }

  /** Every write of a Lease, in the order in which they were asked for. */
  get writes(): Write[] {
    const shiftMs = this.#logStartMs - this.#startMs;
    return this.cluster.requests
      .filter({ resource: 'leases', verb: ['create', 'update'] })
      .filter(({ status }) => status === 200 || status === 201)
      .map(({ user, time }) => ({ pod: user, atMs: time + shiftMs }));
  }

  /** Creates a Pod, and starts its container. */
  add(): Replica {
    const pod = `app-${String.fromCharCode('a'.charCodeAt(0) + this.#replicas.length)}`;
    const { uid } = this.cluster.createPod(pod, { labels: { app: 'demo' } }).metadata;
    const replica = { pod, uid };
    this.#replicas.push(replica);
    this.#start(replica);
    return replica;
  }

  find(pod: string): Replica {
    const replica = this.#replicas.find((other) => other.pod === pod);
    if (!replica) throw new Error(`there is no replica ${pod}`);
    return replica;
  }

  /** Kills the process at once, as `kill -9` does. Resolves when it is gone. */
  async kill({ pod }: Replica): Promise<void> {
    const container = this.#container(pod);
    container.isEnding = true;
    container.process.kill('SIGKILL');
    await this.#exit(container);
  }

  /** Starts the container of a Pod anew. */
  restart(replica: Replica): void {
    this.cluster.restartContainer(replica.pod);
    this.#start(replica);
  }

  /** Asks the process to end in good order. */
  stop({ pod }: Replica): void {
    const container = this.#container(pod);
    container.isEnding = true;
    container.process.send('stop');
  }

  /** Cuts the connections of the process to the API server, and lets it make no other. */
  cutOff({ pod }: Replica): Disposable {
    const fault = this.cluster.faults.add({ user: pod, reset: true });
    this.cluster.faults.cutWatches({ user: pod });
    return fault;
  }

  /** Whether each of the Pods said last that it waits for this one. */
  allWaitFor(leader: Replica): boolean {
    const others = [...this.#containers.keys()].filter((pod) => pod !== leader.pod);
    return others.every((pod) => this.#awaited.get(pod) === leader.pod);
  }

  hasProcess({ pod }: Replica): boolean {
    return this.#containers.has(pod);
  }

  /** Ends everything. Resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    const running = [...this.#containers.values()];
    for (const container of running) {
      container.isEnding = true;
      container.process.kill('SIGKILL');
    }
    await Promise.all(running.map((container) => this.#exit(container)));
    await this.cluster.close();
  }

  #start({ pod }: Replica): void {
    this.#runs += 1;
    const child = fork(this.#app.app, {
      env: {
        ...environment(),
        ...this.cluster.env(pod),
        DEMO_KUBECONFIG: this.cluster.kubeConfigText({ user: pod }),
      },
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const container: Container = { run: this.#runs, process: child, isEnding: false };
    this.#containers.set(pod, container);
    this.#awaited.delete(pod);
    this.#note(pod, container, 'starts');
    child.on('message', (report: Report) => {
      if (report.what === 'waits') this.#awaited.set(pod, report.holderPod);
      const { what, atMs } = report;
      const token = 'fencingToken' in report ? { fencingToken: report.fencingToken } : {};
      const { run } = container;
      this.#journal.add({ atMs: atMs - this.#startMs, pod, run, what, ...token });
    });
    child.once('exit', (code, signal) => {
      this.#containers.delete(pod);
      this.#note(pod, container, 'exits');
      if (!container.isEnding) this.#journal.surprise(`${pod} ended by itself (${signal ?? code})`);
    });
    child.once('error', (error) => this.#journal.surprise(`${pod}: ${error.message}`));
  }

  #note(pod: string, { run }: Container, what: Entry['what']): void {
    this.#journal.add({ atMs: this.nowMs, pod, run, what });
  }

  #container(pod: string): Container {
    const container = this.#containers.get(pod);
    if (!container) throw new Error(`${pod} has no process`);
    return container;
  }

  async #exit({ process: child }: Container): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

/** The log tells times since it began; one request tells when that was. */
async function logStart(cluster: Cluster): Promise<number> {
  const atMs = now();
  const path = '/api/v1/namespaces';
  await cluster.transport().send({ method: 'GET', path }, new AbortController().signal);
  const [record] = cluster.requests;
  return atMs - (record?.time ?? 0);
}

/** Ours, without what would tell the replicas of another cluster. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(?:KUBE|POD_)/.test(name));
  return Object.fromEntries(kept);
}
