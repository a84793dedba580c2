import type { Clock, SimulatedClock } from '../../lib/testing/index.ts';

interface Timer {
  readonly dueMs: number;
  readonly task: () => void;
  cancel: () => void;
}

/** The clock of one process, over the world's: it can run fast or slow, and its process can be stopped. */
export class PodClock implements Clock {
  readonly #world: SimulatedClock;
  readonly #timers = new Set<Timer>();
  #rate = 1;
  /** What this clock showed when its rate changed last, and what the world's did. */
  #shownMs = 0;
  #sinceMs: number;
  #overdue: Timer[] = [];
  #isHeld = false;
  #isDead = false;

  constructor(world: SimulatedClock) {
    this.#world = world;
    this.#sinceMs = world.now();
  }

  get rate(): number {
    return this.#rate;
  }

  now(): number {
    return this.#shownMs + (this.#world.now() - this.#sinceMs) * this.#rate;
  }

  boot(): number {
    return this.now();
  }

  date(): Date {
    return this.#world.date();
  }

  random(): number {
    return this.#world.random();
  }

  uuid(): string {
    return this.#world.uuid();
  }

  after(ms: number, task: () => void): () => void {
    const timer: Timer = { dueMs: this.now() + Math.max(ms, 1), task, cancel: () => undefined };
    if (this.#isDead) return timer.cancel;
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      timer.cancel();
      this.#timers.delete(timer);
    };
  }

  setRate(rate: number): void {
    this.#shownMs = this.now();
    this.#sinceMs = this.#world.now();
    this.#rate = rate;
    for (const timer of this.#timers) {
      timer.cancel();
      this.#arm(timer);
    }
  }

  /** As `SIGSTOP`: time passes, but nothing runs. */
  hold(): void {
    this.#isHeld = true;
  }

  /** As `SIGCONT`: what has become due runs in its order. */
  resume(): void {
    this.#isHeld = false;
    const overdue = this.#overdue.toSorted((one, other) => one.dueMs - other.dueMs);
    this.#overdue = [];
    for (const timer of overdue) this.#run(timer);
  }

  /** The process is dead: nothing runs any more. */
  end(): void {
    this.#isDead = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #arm(timer: Timer): void {
    const leftMs = Math.max(timer.dueMs - this.now(), 0) / this.#rate;
    timer.cancel = this.#world.after(leftMs, () => {
      if (this.#isHeld) this.#overdue.push(timer);
      else this.#run(timer);
    });
  }

  #run(timer: Timer): void {
    if (this.#timers.delete(timer)) timer.task();
  }
}
