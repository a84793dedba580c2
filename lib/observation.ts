import { linked } from './abort.ts';
import { type Clock, sleep } from './clock.ts';
import { type Holder, type LockKind, NOBODY, type Sighting } from './holder.ts';
import type { Api } from './kubernetes/api.ts';
import type { Json } from './kubernetes/json.ts';
import { type ApiError, isAbsent } from './kubernetes/outcome.ts';
import { ObjectWatch, type WatchTarget } from './kubernetes/watch.ts';
import { WATCHED_POLL_MS } from './protocol/for-life.ts';
import { isOlder } from './protocol/lease-record.ts';

/** How often to look at what cannot be watched. */
const POLL_MS = 5_000;

const MAX_BACKOFF_MS = 16_000;

export interface ObservationOptions<H extends Holder> {
  readonly api: Api;
  readonly clock: Clock;
  readonly kind: LockKind<H>;
  readonly namespace: string;
  readonly name: string;
  readonly onHolder: (holder: H | null) => void;
  /** A request failed and is tried again; undefined once one has succeeded. */
  readonly onTrouble: (error: Error | undefined) => void;
  /** The watch was lost. */
  readonly onLost: (error: unknown) => void;
  /** It may not be watched. */
  readonly onRefused: (error: ApiError) => void;
}

/** The version of a lock that was seen last; empty before any. */
interface Seen {
  readonly uid: string;
  readonly version: string;
  /** A read found nothing afterwards. */
  readonly isMissing: boolean;
}

/** Looks on who holds a lock: by a watch and, for what that does not tell, by reads. */
export class Observation<H extends Holder> {
  readonly #options: ObservationOptions<H>;
  readonly #target: WatchTarget;
  readonly #watch: ObjectWatch;
  /** Which time of holding was told last; undefined before any. */
  #term: string | undefined;
  /**
   * The object seen last, to tell late news. Undefined while anything is news: an API server that was
   * restored from a backup counts anew.
   */
  #last: Seen | undefined;
  #isConnected = false;
  /** How many events were believed. */
  #events = 0;
  #lookAgain: () => void = () => undefined;

  constructor(options: ObservationOptions<H>) {
    const { api, clock, kind, namespace, name } = options;
    this.#options = options;
    this.#target = { path: kind.path(namespace), name };
    this.#watch = new ObjectWatch(api, clock, this.#target, this.#listener(), MAX_BACKOFF_MS);
  }

  /** Rejects with what the API server refuses for good, or with the signal's reason. */
  async run(signal: AbortSignal): Promise<never> {
    const { controller: watching, end } = linked(signal);
    void this.#watch.run(watching.signal);
    try {
      return await this.#lookOn(signal);
    } finally {
      end();
      watching.abort();
    }
  }

  async #lookOn(signal: AbortSignal): Promise<never> {
    for (;;) {
      // Made before the look: what happens meanwhile calls for another.
      const { controller: rest, end } = linked(signal);
      this.#lookAgain = () => {
        rest.abort();
      };
      try {
        await this.#look(signal);
        await sleep(this.#options.clock, this.#pauseMs(), rest.signal).catch(() => undefined);
      } finally {
        end();
      }
      signal.throwIfAborted();
    }
  }

  /** A watch that opens says nothing of what is not there, and one that is lost misses things. */
  #listener() {
    return {
      onOpen: () => {
        this.#isConnected = true;
        this.#last = undefined;
        this.#lookAgain();
      },
      onEvent: (type: string, object: Json) => {
        this.#onEvent(type, object);
      },
      onLost: (error: unknown) => {
        this.#isConnected = false;
        this.#options.onLost(error);
        this.#lookAgain();
      },
      onRefused: (error: ApiError) => {
        this.#isConnected = false;
        this.#options.onRefused(error);
      },
    };
  }

  /** An event may come late. If it is not known to be news, a look decides. */
  #onEvent(type: string, object: Json): void {
    const sighting = this.#options.kind.read(object);
    const { uid, resourceVersion: version } = sighting;
    const last = this.#last;
    const isGone = type === 'DELETED';
    if (last) {
      if (isOlder(version, last.version) || (version === last.version && !isGone)) return;
      // A UID does not come back.
      if (last.isMissing && last.uid === uid) return;
    }
    const isNews = !last || last.version === '' || isOlder(last.version, version);
    if (isNews) {
      this.#events += 1;
      this.#see(isGone ? { ...sighting, ...NOBODY } : sighting);
    }
    if (!isNews || last?.isMissing === true) this.#lookAgain();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { api, onTrouble } = this.#options;
    const events = this.#events;
    if (!this.#isConnected) this.#last = undefined;
    const options = { signal, maxBackoffMs: MAX_BACKOFF_MS, onRetry: onTrouble };
    const sighting = await api.retry(() => this.#read(signal), options);
    onTrouble(undefined);
    if (sighting) this.#watch.expect();
    // An event that came in meanwhile tells more: that nothing is there has no version to compare.
    if (events !== this.#events) return;
    if (sighting) this.#see(sighting);
    else this.#miss();
  }

  async #read(signal: AbortSignal): Promise<Sighting<H> | undefined> {
    const { api, kind } = this.#options;
    const path = `${this.#target.path}/${this.#target.name}`;
    try {
      return await api.request({ method: 'GET', path }, (object) => kind.read(object), signal);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  #see({ holder, term, uid, resourceVersion: version }: Sighting<H>): void {
    if (isOlder(version, this.#last?.version ?? '')) return;
    this.#last = { uid, version, isMissing: false };
    this.#tell(holder, term);
  }

  /** A read has found nothing. */
  #miss(): void {
    const { uid, version } = this.#last ?? { uid: '', version: '' };
    this.#last = { uid, version, isMissing: true };
    this.#tell(NOBODY.holder, NOBODY.term);
  }

  #tell(holder: H | null, term: string): void {
    if (term === this.#term) return;
    this.#term = term;
    this.#options.onHolder(holder);
  }

  /** A watch is a hint: now and then it is looked whether it missed something. */
  #pauseMs(): number {
    const fullMs = this.#watch.isOpen ? WATCHED_POLL_MS : POLL_MS;
    return fullMs * (1 - 0.2 * this.#options.clock.random());
  }
}
