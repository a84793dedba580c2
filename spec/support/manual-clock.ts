import type { Clock } from '../../lib/platform/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly unref: boolean;
  readonly task: () => void;
}

/** A clock that stands still until it is moved by hand, with luck that is known in advance. */
export class ManualClock implements Clock {
  #nowMs = 1_000_000;
  #uuids = 0;
  readonly #timers = new Set<Timer>();
  /** What `random` hands out, in turn; 0.5 when it has run out. */
  luck: number[] = [];

  now(): number {
    return this.#nowMs;
  }

  boot(): number {
    return this.#nowMs;
  }

  date(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#nowMs);
  }

  random(): number {
    return this.luck.shift() ?? 0.5;
  }

  uuid(): string {
    this.#uuids += 1;
    return `uuid-${this.#uuids}`;
  }

  after(ms: number, task: () => void, options?: { readonly unref?: boolean }): () => void {
    const timer = { dueMs: this.#nowMs + ms, unref: options?.unref ?? false, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** In how many milliseconds which timers are due, soonest first. */
  get delays(): number[] {
    return this.#byTime().map(({ dueMs }) => dueMs - this.#nowMs);
  }

  /** How many timers keep the process alive. */
  get holding(): number {
    return this.#byTime().filter(({ unref }) => !unref).length;
  }

  /** Moves on, and does on the way what is due, each with all that follows from it at once. */
  async advance(ms: number): Promise<void> {
    await settled();
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const [next] = this.#byTime();
      if (!next || next.dueMs > untilMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#timers.delete(next);
      next.task();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** Moves on at once, as for an event loop that was held up: what was due is done only now. */
  async stall(ms: number): Promise<void> {
    this.#nowMs += ms;
    await this.advance(0);
  }

  #byTime(): Timer[] {
    return [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
  }
}

/** Resolves once everything that needs neither time nor the network has been done. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
