import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Cluster } from '../cluster/state.ts';
import { type Body, type Watch, type WatchEvent, Wire } from '../contract/wire.ts';
import { changesOf } from './etcd.ts';
import { nowMs } from './say.ts';
import type { Span } from './spans.ts';

/** A watch is looked after at least so often; a server that is stopped says nothing at all. */
const LOOK_MS = 1_000;
const RETRY_MS = 200;
const OK = 200;
const GONE = 410;

/** One version of a lock's object. */
export interface Version {
  /** Who held the lock: the candidate's name in the journal. Empty for nobody. */
  readonly holder: string;
  readonly resourceVersion: string;
  /** When it was seen, at the earliest: it was stored before. */
  readonly seenMs: number;
  /** When it was stored, at the earliest, if that is not just before: it was read up on later. */
  readonly sinceMs?: number;
  /** Missing where it was deleted. */
  readonly object?: Body;
}

export interface LockPlace {
  readonly kubeConfig: KubeConfig;
  readonly resource: 'configmaps' | 'leases';
  readonly namespace: string;
  readonly name: string;
  /** Where etcd may be asked. */
  readonly cluster?: Cluster;
}

/**
 * All versions of a lock's object, however often the API server goes away: a watch goes on from the
 * last version that was seen, and what an API server that was started anew does not remember is read
 * up on in etcd.
 */
export class LockHistory {
  readonly versions: Version[] = [];
  readonly #wire: Wire;
  readonly #place: LockPlace;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  readonly #holes: Span[] = [];
  /** Something is to be read up on. */
  #isBehind = false;
  #watch: Watch | undefined;
  #resourceVersion: string;
  #seenMs = nowMs();

  private constructor(wire: Wire, place: LockPlace, resourceVersion: string) {
    this.#wire = wire;
    this.#place = place;
    this.#resourceVersion = resourceVersion;
    this.#ended = this.#follow();
  }

  /** Before there is a lock. */
  static async begin(place: LockPlace): Promise<LockHistory> {
    const wire = await Wire.of(place.kubeConfig);
    const { body } = await wire.send('GET', pathOf(place));
    return new LockHistory(wire, place, body.metadata?.resourceVersion ?? '');
  }

  /** Times of which it is not known who held the lock: etcd has forgotten them, too. */
  get holes(): readonly Span[] {
    const now = { fromMs: this.#seenMs, toMs: nowMs() };
    return this.#isBehind ? [...this.#holes, now] : this.#holes;
  }

  /** Resolves once the version that the lock has now was seen. */
  async caughtUp(): Promise<void> {
    const { items } = await this.#list();
    const last = items?.[0]?.metadata?.resourceVersion;
    const isSeen = () => this.versions.some(({ resourceVersion }) => resourceVersion === last);
    while (last !== undefined && !isSeen()) await sleep(RETRY_MS);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#watch?.close();
    await this.#ended;
  }

  async #follow(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#watchOn().catch(() => undefined);
      this.#watch?.close();
      await sleep(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #watchOn(): Promise<void> {
    const watch = await this.#wire.watch(pathOf(this.#place), {
      resourceVersion: this.#resourceVersion,
      fieldSelector: `metadata.name=${this.#place.name}`,
      allowWatchBookmarks: 'true',
    });
    this.#watch = watch;
    for (let next = 0; !this.#stop.signal.aborted;) {
      await watch.first(next + 1, LOOK_MS).catch((error: unknown) => {
        if (watch.events.length === next && !isTimeUp(error)) throw error;
      });
      for (const event of watch.events.slice(next)) {
        next += 1;
        await this.#take(event);
      }
    }
  }

  async #take({ type, object }: WatchEvent): Promise<void> {
    if (type === 'ERROR') {
      if (object.code === GONE) await this.#skip();
      throw new Error(object.message);
    }
    const { resourceVersion = '' } = object.metadata ?? {};
    this.#resourceVersion = resourceVersion;
    if (type !== 'BOOKMARK') this.#add(type === 'DELETED' ? undefined : object);
    this.#seenMs = nowMs();
  }

  #add(object: Body | undefined): void {
    const { resourceVersion = this.#resourceVersion } = object?.metadata ?? {};
    this.versions.push({ ...versionOf(resourceVersion, object), seenMs: nowMs() });
  }

  /** Reads up on the versions in between, once there is a lock. */
  async #skip(): Promise<void> {
    this.#isBehind = true;
    const list = await this.#list();
    const [now] = list.items ?? [];
    const until = now?.metadata?.resourceVersion;
    if (now === undefined || until === undefined) throw new Error('there is no lock now');
    const sinceMs = this.#seenMs;
    const found = await this.#between(BigInt(this.#resourceVersion), BigInt(until)).catch(
      (error: unknown) => {
        if (!isForgotten(error)) throw error;
        this.#holes.push({ fromMs: sinceMs, toMs: nowMs() });
        return [versionOf(until, now)];
      },
    );
    const seenMs = nowMs();
    this.versions.push(...found.map((version) => ({ ...version, sinceMs, seenMs })));
    this.#resourceVersion = list.metadata?.resourceVersion ?? until;
    this.#seenMs = seenMs;
    this.#isBehind = false;
  }

  async #between(after: bigint, until: bigint) {
    if (until <= after) return [];
    const { cluster, namespace, resource, name } = this.#place;
    if (!cluster) throw new Error('too old: etcd cannot be asked');
    const key = `/registry/${resource}/${namespace}/${name}`;
    const versions: Omit<Version, 'seenMs'>[] = [];
    for (const { revision, isDeletion } of await changesOf(cluster, key, after, until)) {
      const [object] = isDeletion ? [] : ((await this.#list(revision)).items ?? []);
      versions.push(versionOf(`${revision}`, object));
    }
    return versions;
  }

  /** A list of the lock's object as of a revision, or as it is now. */
  async #list(revision?: bigint): Promise<Body> {
    const query = new URLSearchParams({
      fieldSelector: `metadata.name=${this.#place.name}`,
      ...(revision !== undefined && {
        resourceVersion: `${revision}`,
        resourceVersionMatch: 'Exact',
      }),
    });
    const { body, status } = await this.#wire.send(
      'GET',
      `${pathOf(this.#place)}?${query.toString()}`,
    );
    if (status !== OK) throw new Error(body.message);
    return body;
  }
}

function versionOf(resourceVersion: string, object?: Body): Omit<Version, 'seenMs'> {
  const { holderIdentity } = (object?.spec ?? {}) as { holderIdentity?: string };
  const holder = holderIdentity ?? object?.metadata?.ownerReferences?.[0]?.name ?? '';
  return { holder, resourceVersion, ...(object && { object }) };
}

function pathOf({ resource, namespace }: LockPlace): string {
  const group = resource === 'leases' ? '/apis/coordination.k8s.io/v1' : '/api/v1';
  return `${group}/namespaces/${namespace}/${resource}`;
}

function isTimeUp(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('not within');
}

/** By etcd, which keeps five minutes and more. */
function isForgotten(error: unknown): boolean {
  return error instanceof Error && /compact|too old|expired/.test(error.message);
}
