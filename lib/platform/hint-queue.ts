import { type Clock, sleep } from './clock.ts';

/** A timer that is later than this was held up: the event loop was busy. */
const LATE_MS = 5;

/** Number of hints to keep. More come if a server is broken, or nobody reads for long. */
const CAPACITY = 100;

/** Keeps items that come unasked until they are read. */
export class HintQueue<T> {
  readonly #clock: Clock;
  /** What takes the place of items that are too many. */
  readonly #shorten: (items: readonly T[]) => T[];
  /** Whether an item says nothing new: it wakes nobody, and is not read. */
  readonly #isStale: (item: T) => boolean;
  #items: T[] = [];
  #wake: () => void = () => undefined;

  constructor(
    clock: Clock,
    shorten: (items: readonly T[]) => T[],
    isStale: (item: T) => boolean = () => false,
  ) {
    this.#clock = clock;
    this.#shorten = shorten;
    this.#isStale = isStale;
  }

  push(item: T): void {
    if (this.#isStale(item)) return;
    this.#makeRoom();
    this.#items.push(item);
    this.#wake();
  }

  get kept(): readonly T[] {
    return this.#items;
  }

  /** Takes the first such item out. */
  take(test: (item: T) => boolean): T | undefined {
    const index = this.#items.findIndex(test);
    return index < 0 ? undefined : this.#items.splice(index, 1)[0];
  }

  drop(test: (item: T) => boolean): void {
    this.#items = this.#items.filter((item) => !test(item));
  }

  /**
   * Resolves with the next item, or with undefined when the time is up. Rejects when the signal
   * aborts.
   */
  async next(untilMs: number, signal: AbortSignal): Promise<T | undefined> {
    signal.throwIfAborted();
    this.drop(this.#isStale);
    // Even a timer of zero takes a millisecond.
    if (this.#isEmpty() && untilMs > this.#clock.now()) {
      await this.#wait(untilMs - this.#clock.now(), signal);
      // An event loop that was held up runs its timers before it reads what has arrived meanwhile.
      const late = this.#isEmpty() && this.#clock.now() > untilMs + LATE_MS;
      if (late) await sleep(this.#clock, 0, signal);
      signal.throwIfAborted();
    }
    return this.#items.shift();
  }

  /** Calls the listener with each new item, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#wake = listener;
    return () => {
      this.#wake = () => undefined;
    };
  }

  #makeRoom(): void {
    if (this.#items.length >= CAPACITY) this.#items = this.#shorten(this.#items);
  }

  #isEmpty(): boolean {
    return this.#items.length === 0;
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = () => {
      resolve(undefined);
    };
    const end = this.listen(wake);
    signal.addEventListener('abort', wake, { once: true });
    const cancel = this.#clock.after(ms, wake);
    await promise;
    cancel();
    signal.removeEventListener('abort', wake);
    end();
  }
}
