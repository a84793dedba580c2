import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';

/** For whatever is awaited: nothing here is about how fast the machine is. */
const PATIENCE_MS = 180_000;

/** A line of what electors say. */
export interface Entry {
  readonly event: 'start' | 'new-leader' | 'leading' | 'stopped' | 'sigterm' | 'exit';
  /** The machine's monotonic clock, which its processes share. */
  readonly atMs: number;
  /** The elector's; missing where it is the process that speaks. */
  readonly identity?: string;
  readonly leader?: string;
}

/** Now, on the clock of `Entry.atMs`. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What the electors of some processes say, and whoever waits for it. */
export class Journal {
  readonly #entries: Entry[] = [];
  readonly #waiting = new Set<() => void>();
  #failure: Error | undefined;

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Adds what this stream will say. */
  follow(stream: Readable): void {
    createInterface(stream).on('line', (line) => {
      this.add(JSON.parse(line) as Entry);
    });
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#look();
  }

  /** Whoever waits, does so in vain. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#look();
  }

  /** Resolves with what `probe` finds, as soon as it does. */
  async until<T>(what: string, probe: () => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      const found = probe();
      if (found !== undefined) resolve(found);
      else if (this.#failure) reject(this.#failure);
    };
    const timeout = setTimeout(() => {
      reject(new Error(`this did not happen within ${PATIENCE_MS} ms: ${what}`));
    }, PATIENCE_MS);
    this.#waiting.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timeout);
      this.#waiting.delete(look);
    }
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
