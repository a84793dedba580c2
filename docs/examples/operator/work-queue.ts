/**
 * Processes keys. A key that is added again while it waits is processed once; one that is added while
 * it is processed is processed again afterwards, never twice at the same time. What fails is tried
 * again after 1 s, doubling up to 5 minutes.
 */
export class WorkQueue {
  readonly #process: (key: string) => Promise<void>;
  readonly #concurrency: number;
  /** In the order in which they were added. */
  readonly #waiting = new Set<string>();
  readonly #active = new Map<string, { sinceMs: number; done: Promise<void> }>();
  readonly #failures = new Map<string, number>();
  readonly #retries = new Map<string, NodeJS.Timeout>();
  #stopped = false;

  constructor(process: (key: string) => Promise<void>, concurrency = 4) {
    this.#process = process;
    this.#concurrency = concurrency;
  }

  /** How long the oldest key has been in process, in milliseconds: for a liveness probe. */
  get busyMs(): number {
    const since = [...this.#active.values()].map(({ sinceMs }) => sinceMs);
    return since.length === 0 ? 0 : performance.now() - Math.min(...since);
  }

  add(key: string): void {
    clearTimeout(this.#retries.get(key));
    this.#retries.delete(key);
    this.#waiting.add(key);
    this.#next();
  }

  /** Begins nothing more. Resolves when what was begun has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const retry of this.#retries.values()) clearTimeout(retry);
    await Promise.all([...this.#active.values()].map(({ done }) => done));
  }

  #next(): void {
    for (const key of this.#waiting) {
      if (this.#stopped || this.#active.size >= this.#concurrency) return;
      if (!this.#active.has(key)) this.#begin(key);
    }
  }

  #begin(key: string): void {
    this.#waiting.delete(key);
    const done = this.#attempt(key).finally(() => {
      this.#active.delete(key);
      this.#next();
    });
    this.#active.set(key, { sinceMs: performance.now(), done });
  }

  async #attempt(key: string): Promise<void> {
    try {
      await this.#process(key);
      this.#failures.delete(key);
    } catch (error) {
      console.error(`${key}:`, error);
      this.#retryLater(key);
    }
  }

  #retryLater(key: string): void {
    if (this.#stopped) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delayMs = Math.min(1_000 * 2 ** failures, 5 * 60_000);
    clearTimeout(this.#retries.get(key));
    this.#retries.set(
      key,
      setTimeout(() => this.add(key), delayMs),
    );
  }
}
