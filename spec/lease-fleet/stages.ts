import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoordinationV1Api, CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { type Entry, Feed, type Kind } from '../lab/journal.ts';
import { MERGE } from '../lab/pods.ts';
import { CandidateProcess, type CommonOptions } from '../lab/process.ts';
import { storyOf } from '../lab/story.ts';
import { type Exchange, RecordingProxy } from './recording-proxy.ts';

/** What was written in the life of a Lease, each after the one before, by what it was. */
export type Stages = Readonly<Record<string, Exchange>>;

const LEASE = 'lease';

/** As short as client-go can keep. */
const durations = { leaseDurationMs: 2_000, renewDeadlineMs: 1_500, retryPeriodMs: 400 };

/** Others' marks on the Lease. */
const FOREIGN = { labels: { theirs: 'label' }, annotations: { theirs: 'annotation' } };
const LABELS = { app: 'fleet', theirs: 'overwritten' };

let serial = 0;

/** Has candidates of that kind go through all stages, and tells what they wrote. */
export async function play(kind: Kind, kubeConfig: KubeConfig): Promise<Stages> {
  const scene = await Scene.open(kind, kubeConfig);
  try {
    return await scene.play();
  } catch (error) {
    throw new Error(`${kind} did not come through all stages\n${scene.story}`, { cause: error });
  } finally {
    await scene.close();
  }
}

class Scene {
  readonly #kind: Kind;
  readonly #kubeConfig: KubeConfig;
  readonly #proxy: RecordingProxy;
  readonly #folder: string;
  readonly #namespace: string;
  readonly #journal = new Feed<Entry>(storyOf);
  readonly #running = new Set<CandidateProcess>();
  /** Where the last candidate began. */
  #begun = 0;
  /** Where the last write of the Lease that was told of was. */
  #told = 0;

  private constructor(kind: Kind, kubeConfig: KubeConfig, proxy: RecordingProxy, folder: string) {
    serial += 1;
    this.#kind = kind;
    this.#kubeConfig = kubeConfig;
    this.#proxy = proxy;
    this.#folder = folder;
    this.#namespace = `stages-${process.pid}-${serial}-${Math.random().toString(36).slice(2, 8)}`;
  }

  static async open(kind: Kind, kubeConfig: KubeConfig): Promise<Scene> {
    const proxy = await RecordingProxy.start(kubeConfig);
    const folder = await mkdtemp(join(tmpdir(), 'stages-'));
    const scene = new Scene(kind, kubeConfig, proxy, folder);
    await proxy.writeKubeconfig(join(folder, 'kubeconfig'));
    const core = kubeConfig.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name: scene.#namespace } } });
    return scene;
  }

  async play(): Promise<Stages> {
    const stages: Record<string, Exchange> = {};
    const a = await this.#start('a');
    stages['created'] = await this.#written('a');
    stages['renewed'] = await this.#written('a');
    await this.#end(a, 'SIGKILL');

    const b = await this.#start('b', { events: true });
    stages['taken over after it expired'] = await this.#written('b');
    const became = await this.#recorded('b became leader');
    stages['renewed by its new holder'] = await this.#written('b');
    await this.#end(b, 'SIGTERM');
    stages['released'] = await this.#written('');
    const stopped = await this.#recorded('b stopped leading');

    const c = await this.#start('c');
    stages['taken over after it was released'] = await this.#written('c');
    await this.#end(c, 'SIGKILL');
    const sameAgain = await this.#start('c');
    stages['acquired again by the same identity'] = await this.#written('c');
    await this.#end(sameAgain, 'SIGTERM');

    await this.#mark();
    const d = await this.#start('d', { labels: LABELS });
    stages['taken over with labels of its own, and others there'] = await this.#written('d');
    stages['renewed with labels'] = await this.#written('d');
    await this.#end(d, 'SIGKILL');

    await this.#delete();
    const e = await this.#start('e', { labels: LABELS });
    stages['created with labels'] = await this.#written('e');
    await this.#end(e, 'SIGKILL');
    // Events come beside the writes of the Lease: their place among them is not told.
    stages['an Event of who became the leader'] = became;
    stages['an Event of who stopped leading'] = stopped;
    return stages;
  }

  get story(): string {
    return storyOf(this.#journal.items);
  }

  async close(): Promise<void> {
    for (const candidate of this.#running) await candidate.end('SIGKILL');
    await this.#proxy[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
    const core = this.#kubeConfig.makeApiClient(CoreV1Api);
    await core.deleteNamespace({ name: this.#namespace });
  }

  async #start(name: string, more: CommonOptions = {}): Promise<CandidateProcess> {
    this.#begun = this.#told = this.#proxy.exchanges.mark;
    const where = {
      kubeconfig: join(this.#folder, 'kubeconfig'),
      namespace: this.#namespace,
      lock: LEASE,
    };
    const options = { ...durations, releaseOnCancel: true, ...more };
    const candidate = await CandidateProcess.start(
      // client-go's default is protobuf, which nobody can read.
      { kind: this.#kind, name, where, options, contentType: 'application/json' },
      this.#journal,
    );
    this.#running.add(candidate);
    return candidate;
  }

  async #end(candidate: CandidateProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await candidate.end(signal);
    this.#running.delete(candidate);
  }

  /** What was written next that makes this the holder. */
  async #written(holder: string): Promise<Exchange> {
    const found = await this.#next(
      `the Lease is held by '${holder}'`,
      ({ path, body }) => path.includes('/leases') && parse(body).spec?.holderIdentity === holder,
      this.#told,
    );
    this.#told = this.#proxy.exchanges.items.indexOf(found) + 1;
    return found;
  }

  /** Events are sent beside all else. */
  #recorded(message: string): Promise<Exchange> {
    return this.#next(
      `the Event ${message}`,
      ({ path, body }) => path.includes('/events') && parse(body).message === message,
      this.#begun,
    );
  }

  #next(what: string, fits: (exchange: Exchange) => boolean, mark: number): Promise<Exchange> {
    const succeeded = (exchange: Exchange) => exchange.status < 300 && fits(exchange);
    return this.#proxy.exchanges.next(what, succeeded, mark);
  }

  async #mark(): Promise<void> {
    await this.#coordination.patchNamespacedLease(
      { namespace: this.#namespace, name: LEASE, body: { metadata: FOREIGN } },
      MERGE,
    );
  }

  async #delete(): Promise<void> {
    await this.#coordination.deleteNamespacedLease({ namespace: this.#namespace, name: LEASE });
  }

  get #coordination(): CoordinationV1Api {
    return this.#kubeConfig.makeApiClient(CoordinationV1Api);
  }
}

interface Written {
  readonly spec?: { readonly holderIdentity?: string };
  readonly message?: string;
}

function parse(body: string): Written {
  return JSON.parse(body) as Written;
}
