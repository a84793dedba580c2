import type { Clock } from '../../lib/platform/clock.ts';
import type { SimulatedClock } from '../../lib/testing/index.ts';

/** How a process's clock differs from the simulation's. */
export interface ClockOptions {
  /** How fast it goes. Default 1. */
  readonly rate?: number;
  /** What its monotonic clock shows at first. Default 0. */
  readonly startMs?: number;
  /** By how much its wall clock is wrong. Default 0. */
  readonly wallOffsetMs?: number;
}

interface Timer {
  readonly dueMs: number;
  readonly task: () => void;
  cancel: () => void;
}

/**
 * The clocks of one process, over the simulation's: each goes at its own rate. Its machine can be
 * suspended, when only the boot clock goes on, and the process can be stopped (`SIGSTOP`), when all
 * clocks go on but nothing is run. Timers are as coarse as those of Node.js, and may be early.
 */
export class ProcessClock implements Clock {
  readonly #base: SimulatedClock;
  readonly #rate: number;
  readonly #startMs: number;
  readonly #timers = new Set<Timer>();
  #wallOffsetMs: number;
  #haltedAt: Date | undefined;
  /** On the simulation's clock. */
  #suspendedMs = 0;
  #suspendedSinceMs: number | undefined;
  #overdue: Timer[] = [];
  #isStopped = false;

  constructor(base: SimulatedClock, options: ClockOptions = {}) {
    const { rate = 1, startMs = 0, wallOffsetMs = 0 } = options;
    this.#base = base;
    this.#rate = rate;
    this.#startMs = startMs;
    this.#wallOffsetMs = wallOffsetMs;
  }

  now(): number {
    const baseMs = this.#suspendedSinceMs ?? this.#base.now();
    return this.#startMs + (baseMs - this.#suspendedMs) * this.#rate;
  }

  boot(): number {
    return this.sinceBoot();
  }

  /** What the boot clock would show if it were exact. */
  sinceBoot(): number {
    return this.#startMs + this.#base.now() * this.#rate;
  }

  /** Whether its machine has been suspended. */
  get hasSlept(): boolean {
    return this.#suspendedMs > 0 || this.#suspendedSinceMs !== undefined;
  }

  date(): Date {
    return this.#haltedAt ?? new Date(this.#base.date().getTime() + this.#wallOffsetMs);
  }

  random(): number {
    return this.#base.random();
  }

  uuid(): string {
    return this.#base.uuid();
  }

  after(ms: number, task: () => void): () => void {
    const wholeMs = Math.max(Math.trunc(ms), 1);
    const timer: Timer = { dueMs: this.now() + wholeMs, task, cancel: () => undefined };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      timer.cancel();
      this.#timers.delete(timer);
    };
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Somebody sets the wall clock. */
  setWall(offsetMs: number): void {
    this.#wallOffsetMs = offsetMs;
  }

  /** The wall clock stands still. */
  haltWall(): void {
    this.#haltedAt = this.date();
  }

  /** The machine sleeps. */
  suspend(): void {
    this.#suspendedSinceMs ??= this.#base.now();
    for (const timer of this.#timers) timer.cancel();
  }

  /** It wakes up again. */
  resume(): void {
    if (this.#suspendedSinceMs === undefined) return;
    this.#suspendedMs += this.#base.now() - this.#suspendedSinceMs;
    this.#suspendedSinceMs = undefined;
    for (const timer of this.#timers) this.#arm(timer);
  }

  /** As `SIGSTOP`. */
  stop(): void {
    this.#isStopped = true;
  }

  /** As `SIGCONT`: what has become due runs in its order. */
  continue(): void {
    this.#isStopped = false;
    const overdue = this.#overdue.sort((a, b) => a.dueMs - b.dueMs);
    this.#overdue = [];
    for (const timer of overdue) this.#run(timer);
  }

  #arm(timer: Timer): void {
    if (this.#suspendedSinceMs !== undefined) return;
    const leftMs = Math.max(timer.dueMs - this.now(), 0) / this.#rate;
    timer.cancel = this.#base.after(leftMs, () => {
      if (this.#isStopped) this.#overdue.push(timer);
      else this.#run(timer);
    });
  }

  #run(timer: Timer): void {
    if (this.#timers.delete(timer)) timer.task();
  }
}
