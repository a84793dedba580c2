import type { Mode } from './modes.ts';
import { resources } from './vitals.ts';

/** Looks on all the while: what does not end must not grow either. */
export class Observer {
  readonly #over = new AbortController();
  readonly #opened = Promise.withResolvers<undefined>();
  readonly #looking: Promise<void>;
  /** What it takes to look on. */
  resources: Readonly<Record<string, number>> = {};
  /** How many states it has seen. */
  seen = 0;

  constructor(mode: Mode, lockName: string) {
    this.#looking = this.#look(mode.observe(lockName, this.#over.signal));
    this.#looking.catch(this.#opened.reject);
  }

  /** Resolves once it has seen the first state. */
  get opened(): Promise<undefined> {
    return this.#opened.promise;
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#looking;
  }

  async #look(states: AsyncIterable<unknown>): Promise<void> {
    try {
      const each = states[Symbol.asyncIterator]();
      while (!(await each.next()).done) {
        this.seen += 1;
        this.resources = resources();
        this.#opened.resolve(undefined);
      }
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    }
  }
}
