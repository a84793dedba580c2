/** Something that happened, in milliseconds since the demo began. */
export interface Entry {
  readonly atMs: number;
  readonly pod: string;
  /** Which process, counted over all Pods: a container that restarts is another process. */
  readonly run: number;
  readonly what: 'starts' | 'waits' | 'leads' | 'works' | 'releases' | 'loses' | 'exits';
  /** Of whoever leads. */
  readonly fencingToken?: string;
}

/** From when to when a process led. Its end may have been seen a little later than it was. */
export interface Term {
  readonly pod: string;
  readonly run: number;
  readonly fencingToken: string;
  readonly fromMs: number;
  /** Infinity while it lasts. */
  readonly toMs: number;
}

/** What was to happen did not, or something else did. */
export class Surprise extends Error {}

/** Everything that happened, and whoever waits for something to happen. */
export class Journal {
  readonly #entries: Entry[] = [];
  readonly #probes = new Set<() => void>();
  readonly #surprise = Promise.withResolvers<never>();
  readonly #timer: NodeJS.Timeout;

  /** After `limitMs` nothing is waited for any longer. */
  constructor(limitMs: number) {
    this.#surprise.promise.catch(() => undefined);
    this.#timer = setTimeout(() => {
      this.surprise(`what comes next did not come within ${limitMs / 1000} s of the beginning`);
    }, limitMs);
  }

  /** As they became known: in the order of time only for each process. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get terms(): readonly Term[] {
    return termsOf(this.#entries);
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    for (const probe of [...this.#probes]) probe();
  }

  /** Whoever waits, now or later, is told so. */
  surprise(message: string): void {
    this.#surprise.reject(new Surprise(message));
  }

  /** Resolves with what `probe` finds, as soon as it does. */
  async until<T>(probe: () => T | undefined | false): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const look = () => {
      const found = probe();
      if (found !== undefined && found !== false) resolve(found);
    };
    this.#probes.add(look);
    look();
    try {
      return await Promise.race([promise, this.#surprise.promise]);
    } finally {
      this.#probes.delete(look);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

const ENDS: ReadonlySet<Entry['what']> = new Set(['releases', 'loses', 'exits']);

/** All terms, in the order in which they began. */
export function termsOf(entries: readonly Entry[]): Term[] {
  const ends = entries.filter(({ what }) => ENDS.has(what));
  return entries
    .filter(({ what }) => what === 'leads')
    .map(({ pod, run, fencingToken = '', atMs: fromMs }) => {
      const own = ends.filter((end) => end.run === run && end.atMs >= fromMs);
      return { pod, run, fencingToken, fromMs, toMs: Math.min(...own.map(({ atMs }) => atMs)) };
    })
    .sort((a, b) => a.fromMs - b.fromMs);
}
