import type { EventStream } from '../events/stream.ts';
import { explainRefusal } from '../kubernetes/failure.ts';
import { type Refused, remedyOf } from '../kubernetes/remedy.ts';
import { observerRoleYaml } from '../kubernetes/role.ts';
import { printable } from '../platform/printable.ts';
import { linked } from '../platform/abort.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import { type Holder, type LockReader, NOBODY, type Sighting } from './holder.ts';
import type { Api } from '../kubernetes/api.ts';
import { describeLock, locksPath } from '../kubernetes/lock-kind.ts';
import type { Json } from '../kubernetes/json.ts';
import type { ApiError } from '../kubernetes/outcome.ts';
import { ObjectWatch, SilentWatchError, type WatchTarget } from '../kubernetes/watch.ts';
import { WATCHED_POLL_MS } from '../protocol/life/look.ts';
import { isOlder } from '../protocol/lease/record.ts';

/** How often to read a lock that cannot be watched. */
const POLL_MS = 5_000;

const MAX_BACKOFF_MS = 16_000;

export interface LeaderObserverOptions<H extends Holder> {
  readonly api: Api;
  readonly clock: Clock;
  readonly reader: LockReader<H>;
  readonly namespace: string;
  readonly name: string;
  readonly events: EventStream;
  readonly onHolder: (holder: H | null) => void;
}

/** The last version of a lock that was seen; empty at first. */
interface Seen {
  readonly uid: string;
  readonly version: string;
  /** A later read found no object. */
  readonly isMissing: boolean;
}

/** Observes who holds a lock: by a watch, and by reads of what the watch does not show. */
export class LeaderObserver<H extends Holder> {
  readonly #options: LeaderObserverOptions<H>;
  readonly #target: WatchTarget;
  readonly #watch: ObjectWatch;
  /** The last reported time of holding; undefined at first. */
  #term: string | undefined;
  /**
   * The object seen last, to recognise late events. Undefined while every event is new: an API
   * server that was restored from a backup starts its versions again.
   */
  #last: Seen | undefined;
  #isConnected = false;
  /** Number of events that were believed. */
  #believed = 0;
  #lookAgain: () => void = () => undefined;

  constructor(options: LeaderObserverOptions<H>) {
    const { api, clock, reader, namespace, name } = options;
    this.#options = options;
    this.#target = { path: locksPath(reader.mode, namespace), name };
    this.#watch = new ObjectWatch(api, clock, this.#target, this.#listener(), MAX_BACKOFF_MS);
  }

  /** Rejects with an explained refusal of the API server, or with the signal's reason. */
  async run(signal: AbortSignal): Promise<never> {
    const { controller: watching, end } = linked(signal);
    void this.#watch.run(watching.signal);
    try {
      return await this.#lookOn(signal);
    } catch (error) {
      throw explainRefusal(error, this.#refused);
    } finally {
      end();
      watching.abort();
    }
  }

  async #lookOn(signal: AbortSignal): Promise<never> {
    for (;;) {
      // Made before the read: what happens meanwhile demands another one.
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

  /** A watch that opens does not show that an object is missing; a lost watch misses changes. */
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
        this.#onLost(error);
        this.#lookAgain();
      },
      onRefused: (error: ApiError) => {
        this.#isConnected = false;
        const { events } = this.#options;
        const { advice } = remedyOf(error, this.#refused);
        events.degraded('degraded', `${error.message}. ${this.#polled} ${advice}`);
      },
    };
  }

  /** An event may come late. If it is not certainly new, a read decides. */
  #onEvent(type: string, object: Json): void {
    const sighting = this.#options.reader.read(object);
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
      this.#believed += 1;
      this.#see(isGone ? { ...sighting, ...NOBODY } : sighting);
    }
    if (!isNews || last?.isMissing === true) this.#lookAgain();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { api, events, reader } = this.#options;
    const path = `${this.#target.path}/${this.#target.name}`;
    const read = () => api.find(path, reader.read, signal);
    const believed = this.#believed;
    if (!this.#isConnected) this.#last = undefined;
    const sighting = await api.retry(read, {
      signal,
      maxBackoffMs: MAX_BACKOFF_MS,
      onRetry: (error) => {
        events.trouble(error);
      },
    });
    events.succeeded();
    if (sighting) this.#watch.expect();
    // An event that came meanwhile is newer: an absent object has no version to compare.
    if (believed !== this.#believed) return;
    if (sighting) this.#see(sighting);
    else this.#miss();
  }

  #see({ holder, term, uid, resourceVersion: version }: Sighting<H>): void {
    if (isOlder(version, this.#last?.version ?? '')) return;
    this.#last = { uid, version, isMissing: false };
    this.#tell(holder, term);
  }

  /** A read has found no object. */
  #miss(): void {
    const { uid, version } = this.#last ?? { uid: '', version: '' };
    this.#last = { uid, version, isMissing: true };
    this.#tell(NOBODY.holder, NOBODY.term);
  }

  #tell(holder: H | null, term: string): void {
    if (term === this.#term) return;
    this.#term = term;
    const { events, onHolder } = this.#options;
    const leader = holder?.identity ?? '';
    const what = holder ? `${printable(leader)} holds it` : 'nobody holds it';
    events.emit({ type: 'observed', leader }, what);
    onHolder(holder);
  }

  #onLost(error: unknown): void {
    const { events } = this.#options;
    const why = error instanceof Error ? error.message : 'the server ended it';
    events.log(`lost the watch: ${why}`);
    if (error instanceof SilentWatchError) {
      events.degraded('silent-watch', `${why}. ${this.#polled}`);
    }
  }

  get #refused(): Refused {
    const { namespace, name, reader } = this.#options;
    const { mode } = reader;
    return {
      object: this.#what,
      namespace,
      role: (user) => observerRoleYaml({ mode, namespace, name, user }),
    };
  }

  get #polled(): string {
    return `${this.#what} is polled instead of watched, so its changes are noticed later.`;
  }

  get #what(): string {
    const { reader, namespace, name } = this.#options;
    return describeLock(reader.mode, namespace, name);
  }

  /** A watch is a hint, so now and then a read checks whether it missed something. */
  #pauseMs(): number {
    const fullMs = this.#watch.isOpen ? WATCHED_POLL_MS : POLL_MS;
    return fullMs * (1 - 0.2 * this.#options.clock.random());
  }
}
