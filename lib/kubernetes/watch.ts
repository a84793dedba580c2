import { linked } from '../platform/abort.ts';
import type { Clock } from '../platform/clock.ts';
import { sleep } from '../platform/clock.ts';
import { backoffMs } from '../protocol/delay.ts';
import type { Api } from './api.ts';
import { type Json, child, isObject, text } from './json.ts';
import { ApiError } from './outcome.ts';

/** Bookmarks arrive about once a minute; a watch that is silent for longer may be dead. */
const PATIENCE_MS = 150_000;

/** A watch shows an existing object as soon as it opens. This long is more than enough. */
const PROOF_MS = 5_000;

/** Watches that ended sooner than this are not reopened at once. */
const HEALTHY_MS = 30_000;

/**
 * A watch was opened and shows nothing: a proxy passes an answer's head and holds back its body.
 */
export class SilentWatchError extends Error {
  override readonly name = 'SilentWatchError';
}

export interface WatchListener {
  /** The server has begun to send changes: later reads miss none. */
  onOpen(): void;
  onEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Json): void;
  /** The watch ended, for any reason, and is being reopened. */
  onLost(error: unknown): void;
  /** The watch was refused for good, and is not retried. */
  onRefused(error: ApiError): void;
}

export interface WatchTarget {
  /** The collection, for example `/api/v1/namespaces/x/configmaps`. */
  readonly path: string;
  readonly name: string;
}

/** One connection of a watch, from the head of its answer on. */
interface Stream {
  readonly openedMs: number;
  /** Since when a read has found the object. */
  expectedMs: number | undefined;
  /** Whether it has shown an event of the object, or a bookmark. */
  hasShown: boolean;
}

/**
 * Watches one object by name until the signal aborts. What it reports is a hint: each time it
 * opens, the state has to be read again, because changes may have been missed. So it starts without
 * a resourceVersion, and never gets `410 Gone` for one that is too old.
 *
 * A watch that shows nothing does not count: see `isOpen` and `expect`.
 */
export class ObjectWatch {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #target: WatchTarget;
  readonly #listener: WatchListener;
  readonly #maxBackoffMs: number;
  #failures = 0;
  #refused = false;
  #stream: Stream | undefined;
  #silence = new AbortController();
  /**
   * The last stream fell silent: the next one may pass its first events and hold back the others.
   */
  #isWary = false;

  constructor(
    api: Api,
    clock: Clock,
    target: WatchTarget,
    listener: WatchListener,
    maxBackoffMs: number,
  ) {
    this.#api = api;
    this.#clock = clock;
    this.#target = target;
    this.#listener = listener;
    this.#maxBackoffMs = maxBackoffMs;
  }

  /** Whether it can be relied on: it is open, and its events arrive. */
  get isOpen(): boolean {
    return this.#stream?.hasShown === true && !this.#isWary;
  }

  get isRefused(): boolean {
    return this.#refused;
  }

  /**
   * To be called after each read that found the object. If the watch has not shown the object a few
   * seconds after the first such read, it is lost with a `SilentWatchError`, and reopened after a
   * long pause. This includes an object that was deleted meanwhile, because its deletion is shown.
   */
  expect(): void {
    const stream = this.#stream;
    if (!stream || stream.hasShown) return;
    stream.expectedMs ??= this.#clock.now();
    if (this.#clock.now() - stream.expectedMs < PROOF_MS) return;
    this.#silence.abort(
      this.#silent(`it has shown nothing for ${PROOF_MS / 1_000} s, although the object exists`),
    );
  }

  /** Never rejects; resolves once the signal aborts or the watch is refused. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const startedMs = this.#clock.now();
      const error = await this.#once(signal).catch((reason: unknown) => reason);
      const healthy = this.#stream !== undefined && this.#clock.now() - startedMs >= HEALTHY_MS;
      this.#stream = undefined;
      if (signal.aborted) return;
      if (error instanceof ApiError && !this.#api.isTransient(error) && error.status !== 410) {
        this.#refused = true;
        this.#listener.onRefused(error);
        return;
      }
      this.#failures = healthy ? 0 : this.#failures + 1;
      this.#listener.onLost(error);
      await sleep(this.#clock, this.#reopenDelayMs(error), signal).catch(() => undefined);
    }
  }

  /** A server that goes down ends all watches at the same moment: spread what follows. */
  #reopenDelayMs(error: unknown): number {
    const random = this.#clock.random();
    if (error instanceof SilentWatchError) return PATIENCE_MS * (1 + 0.2 * random);
    if (this.#failures === 0) return 200 * random;
    const wantedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const backoff = backoffMs(this.#failures - 1, this.#maxBackoffMs, random);
    return Math.max(backoff, wantedMs * (1 + 0.2 * random));
  }

  /** Resolves when the watch ends in an orderly way. */
  async #once(outer: AbortSignal): Promise<void> {
    const silence = new AbortController();
    this.#silence = silence;
    const { controller, end } = linked(outer, silence.signal);
    let heardMs = Number.NaN;
    let cancel: () => void = () => undefined;
    // One timer for many events: a new one for each would cost more than the event.
    const listen = () => {
      const leftMs = heardMs + PATIENCE_MS - this.#clock.now();
      if (leftMs <= 0) silence.abort(this.#fellSilent());
      else cancel = this.#clock.after(leftMs, listen);
    };
    try {
      for await (const event of this.#api.stream(this.#request(), controller.signal)) {
        const isFirst = Number.isNaN(heardMs);
        heardMs = this.#clock.now();
        if (isFirst) listen();
        if (event === undefined && !this.#stream) {
          const openedMs = this.#clock.now();
          this.#stream = { openedMs, expectedMs: undefined, hasShown: false };
          this.#listener.onOpen();
        } else if (text(event, 'type') === 'BOOKMARK') {
          this.#noteSign();
        } else {
          this.#deliver(event);
        }
      }
    } finally {
      cancel();
      end();
    }
  }

  #noteSign(): void {
    const stream = this.#stream;
    if (!stream) return;
    stream.hasShown = true;
    if (this.#clock.now() - stream.openedMs >= PROOF_MS) this.#isWary = false;
  }

  /** Once may be a dead connection. */
  #fellSilent(): Error {
    const what = `silent for ${PATIENCE_MS} ms`;
    if (this.#isWary) return this.#silent(what);
    this.#isWary = true;
    return new Error(what);
  }

  #silent(what: string): SilentWatchError {
    const { path, name } = this.#target;
    const cause = 'a proxy on the way to the API server seems to hold back responses';
    return new SilentWatchError(`WATCH ${path} (metadata.name=${name}): ${what}; ${cause}`);
  }

  #deliver(event: unknown): void {
    const type = text(event, 'type');
    const object = child(event, 'object');
    if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
      // The server applies field selectors; ignore an object of another name.
      if (text(child(object, 'metadata'), 'name') === this.#target.name) {
        this.#noteSign();
        this.#listener.onEvent(type, object);
      }
      return;
    }
    const reason = isObject(event) ? text(object, 'message') : undefined;
    throw new Error(`the watch failed: ${reason ?? 'an event that is not understood'}`);
  }

  #request() {
    const { path, name } = this.#target;
    return {
      method: 'GET' as const,
      path,
      query: {
        watch: 'true',
        fieldSelector: `metadata.name=${name}`,
        allowWatchBookmarks: 'true',
        // The server's own choice is half an hour to an hour; longer means fewer requests.
        timeoutSeconds: String(3_000 + Math.floor(600 * this.#clock.random())),
      },
    };
  }
}
