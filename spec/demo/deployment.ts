import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { type Term, termsOf } from '../lab/history.ts';
import { type Entry, Feed } from '../lab/journal.ts';
import { CandidateProcess } from '../lab/process.ts';
import { nowMs } from '../lab/say.ts';
import { storyOf } from '../lab/story.ts';

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
  readonly atMs: number;
}

/** What the replicas run, and compete for. */
export interface App {
  readonly form: string;
  readonly options: Readonly<Record<string, number>>;
  /** Several times what a play takes. */
  readonly limitMs: number;
  lock(cluster: Cluster): LockState | undefined;
}

/**
 * Plays what lies between a cluster and the processes of an app: the ReplicaSet that creates Pods,
 * and the kubelet that starts and kills their containers, which are processes of this machine.
 */
export class Deployment {
  readonly cluster: Cluster;
  readonly journal: Feed<Entry>;
  readonly startMs = nowMs();
  readonly #app: App;
  readonly #folder: string;
  /** When the cluster's log of requests began. */
  readonly #logStartMs: number;
  readonly #replicas: Replica[] = [];
  readonly #processes = new Map<string, CandidateProcess>();

  private constructor(cluster: Cluster, app: App, folder: string, logStartMs: number) {
    this.cluster = cluster;
    this.#app = app;
    this.#folder = folder;
    this.#logStartMs = logStartMs;
    this.journal = new Feed(storyOf, app.limitMs);
  }

  static async create(app: App): Promise<Deployment> {
    const cluster = await createCluster();
    const folder = await mkdtemp(join(tmpdir(), 'demo-'));
    return new Deployment(cluster, app, folder, await logStart(cluster));
  }

  get lock(): LockState | undefined {
    return this.#app.lock(this.cluster);
  }

  /** All that was said, in milliseconds since the demo began. */
  get entries(): readonly Entry[] {
    return this.journal.items.map((entry) => ({ ...entry, atMs: entry.atMs - this.startMs }));
  }

  get terms(): readonly Term[] {
    return termsOf(this.entries);
  }

  /** Milliseconds since the demo began. */
  get nowMs(): number {
    return nowMs() - this.startMs;
  }

  /** Every write of a Lease, in the order in which they were asked for. */
  get writes(): Write[] {
    const shiftMs = this.#logStartMs - this.startMs;
    return this.cluster.requests
      .filter({ resource: 'leases', verb: ['create', 'update'] })
      .filter(({ status }) => status === 200 || status === 201)
      .map(({ user, time }) => ({ pod: user, atMs: time + shiftMs }));
  }

  /** Creates a Pod, and starts its container. */
  async add(): Promise<Replica> {
    const pod = `app-${String.fromCharCode('a'.charCodeAt(0) + this.#replicas.length)}`;
    const { uid } = this.cluster.createPod(pod, { labels: { app: 'demo' } }).metadata;
    const replica = { pod, uid };
    this.#replicas.push(replica);
    await writeFile(this.#kubeconfig(pod), this.cluster.kubeConfigText({ user: pod }));
    await this.#start(replica);
    return replica;
  }

  find(pod: string): Replica {
    const replica = this.#replicas.find((other) => other.pod === pod);
    if (!replica) throw new Error(`there is no replica ${pod}`);
    return replica;
  }

  /** Kills the process at once, as `kill -9` does. Resolves when it is gone, with the moment. */
  async kill({ pod }: Replica): Promise<number> {
    await this.#process(pod).end('SIGKILL');
    return this.nowMs;
  }

  /** Starts the container of a Pod anew. */
  async restart(replica: Replica): Promise<void> {
    this.cluster.restartContainer(replica.pod);
    await this.#start(replica);
  }

  /** Asks the process to end in good order. Resolves with the moment at which it has stopped. */
  async stop({ pod }: Replica): Promise<number> {
    const candidate = this.#process(pod);
    const releasing = candidate.said('releasing');
    candidate.signal('SIGTERM');
    return (await releasing).atMs - this.startMs;
  }

  /** Resolves once the process of a Pod has ended in good order. */
  async ended({ pod }: Replica): Promise<void> {
    await this.until(`${pod} ends`, () => this.#process(pod).isGone);
  }

  /** Cuts the connections of the process to the API server, and lets it make no other. */
  cutOff({ pod }: Replica): Disposable {
    const fault = this.cluster.faults.add({ user: pod, reset: true });
    this.cluster.faults.cutWatches({ user: pod });
    return fault;
  }

  /** Whether each of the other processes said last that it waits for this one. */
  allWaitFor(leader: Replica): boolean {
    const others = [...this.#processes.values()].filter(
      ({ name, isGone }) => name !== leader.pod && !isGone,
    );
    return others.every(({ name }) => {
      const last = this.journal.items.findLast(
        ({ pod, event }) => pod === name && (event === 'waiting' || event === 'start'),
      );
      return last?.holderPod === leader.pod;
    });
  }

  /** Resolves with what `probe` finds; rejects if a process ends by itself. */
  until<T>(what: string, probe: () => T | undefined | false): Promise<T> {
    return this.journal.until(what, () => {
      for (const { pod, event, run } of this.journal.items) {
        if (event !== 'gone') continue;
        const signals = this.journal.items.filter((entry) => entry.event === 'signal');
        if (!signals.some((signal) => signal.run === run))
          throw new Error(`${pod} ended by itself`);
      }
      return probe();
    });
  }

  /** Ends everything. Resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((candidate) => candidate.end('SIGKILL')));
    await this.cluster.close();
    await rm(this.#folder, { recursive: true });
  }

  async #start({ pod, uid }: Replica): Promise<void> {
    const { form, options } = this.#app;
    const candidate = await CandidateProcess.start(
      {
        kind: 'leader-for-life',
        name: pod,
        where: { kubeconfig: this.#kubeconfig(pod), namespace: 'default', lock: 'demo' },
        form,
        options,
        podUid: uid,
        heartbeatMs: 50,
      },
      this.journal,
    );
    this.#processes.set(pod, candidate);
  }

  #process(pod: string): CandidateProcess {
    const found = this.#processes.get(pod);
    if (!found) throw new Error(`${pod} has no process`);
    return found;
  }

  #kubeconfig(pod: string): string {
    return join(this.#folder, pod);
  }
}

/** The log tells times since it began; one request tells when that was. */
async function logStart(cluster: Cluster): Promise<number> {
  const atMs = nowMs();
  const path = '/api/v1/namespaces';
  await cluster.transport().send({ method: 'GET', path }, new AbortController().signal);
  const [record] = cluster.requests;
  return atMs - (record?.time ?? 0);
}
