import { linked } from '../abort.ts';
import type { Clock } from '../clock.ts';
import { sleep } from '../clock.ts';
import { backoffMs } from '../protocol/delay.ts';
import type { Api } from './api.ts';
import { type Json, child, isObject, text } from './json.ts';
import { ApiError } from './outcome.ts';

/** Bookmarks arrive about once a minute; a watch that is silent for longer may be dead. */
const PATIENCE_MS = 150_000;

/** Where bookmarks never come, silence means less. */
const MAX_PATIENCE_MS = 20 * 60_000;

/** Watches that ended sooner than this are not reopened at once. */
const HEALTHY_MS = 30_000;

export interface WatchListener {
  /** The server has begun to send changes: what is read from now on misses none. */
  onOpen(): void;
  onEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Json): void;
  /** It ended, for whatever reason; it is being reopened. */
  onLost(error: unknown): void;
  /** It was refused for good, and is not tried again. */
  onRefused(error: ApiError): void;
}

export interface WatchTarget {
  /** The collection, for example `/api/v1/namespaces/x/configmaps`. */
  readonly path: string;
  readonly name: string;
}

/**
 * Watches one object by name until the signal aborts. What it tells is a hint: each time it opens,
 * the state has to be read afresh, for there is no telling what was missed. That is also why it
 * starts without a resourceVersion, and so is never told `410 Gone` for one that is too old.
 */
export class ObjectWatch {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #target: WatchTarget;
  readonly #listener: WatchListener;
  readonly #maxBackoffMs: number;
  #patienceMs = PATIENCE_MS;
  #failures = 0;
  #open = false;
  #refused = false;

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

  get isOpen(): boolean {
    return this.#open;
  }

  get isRefused(): boolean {
    return this.#refused;
  }

  /** Never rejects; resolves once the signal aborted or the watch was refused. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const startedMs = this.#clock.now();
      const error = await this.#once(signal).catch((reason: unknown) => reason);
      const healthy = this.#open && this.#clock.now() - startedMs >= HEALTHY_MS;
      this.#open = false;
      if (signal.aborted) return;
      if (error instanceof ApiError && !this.#api.isTransient(error) && error.status !== 410) {
        this.#refused = true;
        this.#listener.onRefused(error);
        return;
      }
      this.#failures = healthy ? 0 : this.#failures + 1;
      this.#listener.onLost(error);
      await sleep(this.#clock, this.#reopenDelayMs(), signal).catch(() => undefined);
    }
  }

  /** A server that goes down ends all watches at the same moment: spread what follows. */
  #reopenDelayMs(): number {
    const random = this.#clock.random();
    if (this.#failures === 0) return 200 * random;
    return backoffMs(this.#failures - 1, this.#maxBackoffMs, random);
  }

  /** Resolves when the watch ends in an orderly way. */
  async #once(outer: AbortSignal): Promise<void> {
    const silence = new AbortController();
    const { controller, end } = linked(outer, silence.signal);
    let sawBookmark = false;
    let cancel: () => void = () => undefined;
    const listen = () => {
      cancel();
      cancel = this.#clock.after(this.#patienceMs, () => {
        silence.abort(new Error(`silent for ${this.#patienceMs} ms`));
      });
    };
    try {
      for await (const event of this.#api.stream(this.#request(), controller.signal)) {
        listen();
        if (event === undefined && !this.#open) {
          this.#open = true;
          this.#listener.onOpen();
        } else if (text(event, 'type') === 'BOOKMARK') {
          sawBookmark = true;
          this.#patienceMs = PATIENCE_MS;
        } else {
          this.#deliver(event);
        }
      }
    } finally {
      cancel();
      end();
      if (silence.signal.aborted && !sawBookmark) {
        this.#patienceMs = Math.min(this.#patienceMs * 2, MAX_PATIENCE_MS);
      }
    }
  }

  #deliver(event: unknown): void {
    const type = text(event, 'type');
    const object = child(event, 'object');
    if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
      // Field selectors are the server's to honour; an object of another name is none of ours.
      if (text(child(object, 'metadata'), 'name') === this.#target.name) {
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
        // The server's own choice is half an hour to an hour; the longer, the fewer requests.
        timeoutSeconds: String(3_000 + Math.floor(600 * this.#clock.random())),
      },
    };
  }
}
