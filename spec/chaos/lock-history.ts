import { setTimeout as sleep } from 'node:timers/promises';
import type { Body, Watch, WatchEvent, Wire } from '../contract/wire.ts';
import type { Version } from './evidence.ts';
import type { Span } from './spans.ts';
import type { Mode } from './trouble.ts';

/** A watch is looked after at least so often; a server that is stopped says nothing at all. */
const LOOK_MS = 1_000;
const RETRY_MS = 200;
const OK = 200;
const GONE = 410;

export interface LockPlace {
  readonly mode: Mode;
  readonly namespace: string;
  readonly name: string;
}

/**
 * All versions of a lock's object, however often the API server goes away: a watch goes on from the
 * last version that was seen, so nothing is missed but what an API server that was
 * started anew does not remember.
 */
export class LockHistory {
  readonly versions: Version[] = [];
  /** Times of which it is not known who held the lock: an API server that starts remembers nothing. */
  readonly holes: Span[] = [];
  readonly #wire: Wire;
  readonly #place: LockPlace;
  readonly #nowMs: () => number;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #watch: Watch | undefined;
  #resourceVersion: string;
  #seenMs: number;

  private constructor(wire: Wire, place: LockPlace, resourceVersion: string, nowMs: () => number) {
    this.#wire = wire;
    this.#place = place;
    this.#resourceVersion = resourceVersion;
    this.#nowMs = nowMs;
    this.#seenMs = nowMs();
    this.#ended = this.#follow();
  }

  /** Before there is a lock. */
  static async begin(wire: Wire, place: LockPlace, nowMs: () => number): Promise<LockHistory> {
    const { body } = await wire.send('GET', pathOf(place));
    return new LockHistory(wire, place, body.metadata?.resourceVersion ?? '', nowMs);
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

  /** The versions in between are lost; the one that there is now is not. */
  async #skip(): Promise<void> {
    const { body, status } = await this.#wire.send('GET', pathOf(this.#place));
    if (status !== OK) throw new Error(body.message);
    this.#resourceVersion = body.metadata?.resourceVersion ?? '';
    this.#add(body.items?.find(({ metadata }) => metadata?.name === this.#place.name));
    const nowMs = this.#nowMs();
    this.holes.push({ fromMs: this.#seenMs, toMs: nowMs });
    this.#seenMs = nowMs;
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
