import { linked } from '../platform/abort.ts';

/** Number of unread values to keep; the oldest are dropped. */
const BACKLOG = 100;

/** Yields values until the signal aborts, and settles once it has cleaned up. */
export type Producer<T> = (tell: (value: T) => void, signal: AbortSignal) => Promise<void>;

/**
 * The values of a producer as an async iterable. Each loop runs its own producer, which starts with
 * the loop and stops when the loop ends or the signal aborts. If a producer rejects, the loop
 * throws after the earlier values.
 */
export function streamOf<T>(
  produce: Producer<T>,
  signal: AbortSignal | undefined,
): AsyncIterable<T, undefined> {
  return { [Symbol.asyncIterator]: () => new Stream(produce, signal) };
}

class Stream<T> implements AsyncIterator<T, undefined> {
  readonly #produce: Producer<T>;
  readonly #signal: AbortSignal | undefined;
  readonly #backlog: T[] = [];
  readonly #readers: PromiseWithResolvers<IteratorResult<T, undefined>>[] = [];
  #running: Promise<void> | undefined;
  #stop: () => void = () => undefined;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(produce: Producer<T>, signal: AbortSignal | undefined) {
    this.#produce = produce;
    this.#signal = signal;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    this.#running ??= this.#run();
    const reader = Promise.withResolvers<IteratorResult<T, undefined>>();
    this.#readers.push(reader);
    this.#serve();
    return reader.promise;
  }

  /** Ends the loop. Resolves once the producer has cleaned up. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#end();
    this.#stop();
    await this.#running;
    return { done: true, value: undefined };
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    if (this.#isOver) return;
    const { controller, end } = linked(...(this.#signal ? [this.#signal] : []));
    const { signal } = controller;
    this.#stop = () => {
      controller.abort();
    };
    const onAbort = () => {
      this.#end();
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (!signal.aborted) await this.#produce((value) => this.#tell(value), signal);
    } catch (error) {
      this.#fail(error);
    } finally {
      end();
      this.#isOver = true;
      this.#serve();
    }
  }

  #tell(value: T): void {
    if (this.#isOver) return;
    this.#backlog.push(value);
    if (this.#backlog.length > BACKLOG) this.#backlog.shift();
    this.#serve();
  }

  #fail(error: unknown): void {
    if (!this.#isOver) this.#failure = { error };
  }

  /** Drops unread values. */
  #end(): void {
    this.#isOver = true;
    this.#backlog.length = 0;
    this.#failure = undefined;
    this.#serve();
  }

  /** Gives waiting readers, in order, the values there are. */
  #serve(): void {
    while (this.#readers.length > 0) {
      if (this.#backlog.length > 0) {
        const value = this.#backlog.shift() as T;
        this.#readers.shift()?.resolve({ done: false, value });
      } else if (this.#failure) {
        const { error } = this.#failure;
        this.#failure = undefined;
        this.#readers.shift()?.reject(error);
      } else if (this.#isOver) {
        this.#readers.shift()?.resolve({ done: true, value: undefined });
      } else {
        return;
      }
    }
  }
}
