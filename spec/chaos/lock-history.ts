import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/state.ts';
import { type Body, type Watch, type WatchEvent, Wire } from '../contract/wire.ts';
import type { Scene } from '../scenarios/scene.ts';
import { changesOf } from './etcd.ts';
import type { Version } from './evidence.ts';
import type { Span } from './spans.ts';
import type { Mode } from './trouble.ts';

/** A watch is looked after at least so often; a server that is stopped says nothing at all. */
const LOOK_MS = 1_000;
const RETRY_MS = 200;
const OK = 200;
const GONE = 410;

interface LockPlace {
  readonly mode: Mode;
  readonly namespace: string;
  readonly name: string;
}

/**
 * All versions of a lock's object, however often the API server goes away: a watch goes on from the
 * last version that was seen, and what an API server that was started anew does not remember is read
 * up on in etcd.
 */
export class LockHistory {
  readonly versions: Version[] = [];
  readonly #cluster: Cluster;
  readonly #wire: Wire;
  readonly #place: LockPlace;
  readonly #nowMs: () => number;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  readonly #holes: Span[] = [];
  /** Something is to be read up on. */
  #isBehind = false;
  #watch: Watch | undefined;
  #resourceVersion: string;
  #seenMs: number;

  private constructor(
    cluster: Cluster,
    wire: Wire,
    place: LockPlace,
    resourceVersion: string,
    nowMs: () => number,
  ) {
    this.#cluster = cluster;
    this.#wire = wire;
    this.#place = place;
    this.#resourceVersion = resourceVersion;
    this.#nowMs = nowMs;
    this.#seenMs = nowMs();
    this.#ended = this.#follow();
  }

  /** Before there is a lock. */
  static async begin(scene: Scene, mode: Mode, nowMs: () => number): Promise<LockHistory> {
    const place = { mode, namespace: scene.namespace, name: 'lock' };
    const wire = await Wire.of(scene.kubeConfig);
    const { body } = await wire.send('GET', pathOf(place));
    return new LockHistory(scene.cluster, wire, place, body.metadata?.resourceVersion ?? '', nowMs);
  }

  /** Times of which it is not known who held the lock: etcd has forgotten them, too. */
  get holes(): readonly Span[] {
    const now = { fromMs: this.#seenMs, toMs: this.#nowMs() };
    return this.#isBehind ? [...this.#holes, now] : this.#holes;
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
    this.#seenMs = this.#nowMs();
  }

  #add(object: Body | undefined): void {
    const { resourceVersion = this.#resourceVersion } = object?.metadata ?? {};
    const holder = object ? holderOf(object) : '';
    this.versions.push({ holder, resourceVersion, seenMs: this.#nowMs() });
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
        this.#holes.push({ fromMs: sinceMs, toMs: this.#nowMs() });
        return [{ holder: holderOf(now), resourceVersion: until }];
      },
    );
    const seenMs = this.#nowMs();
    this.versions.push(...found.map((version) => ({ ...version, sinceMs, seenMs })));
    this.#resourceVersion = list.metadata?.resourceVersion ?? until;
    this.#seenMs = seenMs;
    this.#isBehind = false;
  }

  async #between(after: bigint, until: bigint) {
    if (until <= after) return [];
    const changes = await changesOf(this.#cluster, keyOf(this.#place), after, until);
    const versions: Pick<Version, 'holder' | 'resourceVersion'>[] = [];
    for (const { revision, isDeletion } of changes) {
      const [object] = isDeletion ? [] : ((await this.#list(revision)).items ?? []);
      versions.push({ holder: object ? holderOf(object) : '', resourceVersion: `${revision}` });
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

/** In both modes: the identity that the candidate has in its journal. */
export function holderOf({ spec, metadata }: Body): string {
  const { holderIdentity } = (spec ?? {}) as { holderIdentity?: string };
  return holderIdentity ?? metadata?.ownerReferences?.[0]?.name ?? '';
}

function pathOf({ mode, namespace }: LockPlace): string {
  return mode === 'life'
    ? `/api/v1/namespaces/${namespace}/configmaps`
    : `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
}

function isTimeUp(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('not within');
}

function keyOf({ mode, namespace, name }: LockPlace): string {
  return `/registry/${mode === 'life' ? 'configmaps' : 'leases'}/${namespace}/${name}`;
}

/** By etcd, which keeps five minutes and more. */
function isForgotten(error: unknown): boolean {
  return error instanceof Error && /compact|too old|expired/.test(error.message);
}
