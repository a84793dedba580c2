import { setTimeout as sleep } from 'node:timers/promises';

/** For whatever is awaited: nothing here is about how fast the machine is. */
const PATIENCE_MS = 120_000;

/** Things as they come, all of which are kept. */
export class Feed<T> {
  readonly items: T[] = [];
  readonly #story: (items: readonly T[]) => string;
  #changed = Promise.withResolvers<undefined>();

  /** The story of what came is told when something does not. */
  constructor(story: (items: readonly T[]) => string) {
    this.#story = story;
  }

  /** Whatever comes from now on is behind this. */
  get mark(): number {
    return this.items.length;
  }

  add(item: T): void {
    this.items.push(item);
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }

  /** Resolves with the first item behind the mark that fits. */
  async next(what: string, fits: (item: T) => boolean, mark = this.mark): Promise<T> {
    const over = new AbortController();
    const timeUp = sleep(PATIENCE_MS, 'late' as const, { signal: over.signal });
    timeUp.catch(() => undefined);
    try {
      for (let index = mark; ; index += 1) {
        while (index >= this.items.length) {
          if ((await Promise.race([this.#changed.promise, timeUp])) === 'late') {
            throw new Error(`this did not happen: ${what}\n${this.#story(this.items)}`);
          }
        }
        const item = this.items[index] as T;
        if (fits(item)) return item;
      }
    } finally {
      over.abort();
    }
  }
}
