/** Something to be done at a time, unless it is cancelled before. */
export interface Timer {
  readonly dueMs: number;
  readonly task: () => void;
  isCancelled: boolean;
}

interface Entry {
  readonly timer: Timer;
  /** Among those that are due at the same time, the first one set comes first. */
  readonly number: number;
}

/** Not worth tidying up below. */
const MIN_TIDY = 64;

/** Timers in the order in which they are due: a binary heap. */
export class TimerQueue {
  #heap: Entry[] = [];
  #cancelled = 0;
  #numbers = 0;

  /** How many wait. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** The next one that is due; it stays. */
  get first(): Timer | undefined {
    for (;;) {
      const timer = this.#heap[0]?.timer;
      if (!timer?.isCancelled) return timer;
      this.#cancelled -= 1;
      this.#removeFirst();
    }
  }

  add(dueMs: number, task: () => void): Timer {
    const timer: Timer = { dueMs, task, isCancelled: false };
    this.#numbers += 1;
    this.#heap.push({ timer, number: this.#numbers });
    this.#rise(this.#heap.length - 1);
    return timer;
  }

  /** Takes the first one out. */
  shift(): Timer | undefined {
    const timer = this.first;
    if (!timer) return undefined;
    this.#removeFirst();
    timer.isCancelled = true;
    return timer;
  }

  /** Also of one that was taken out, which does nothing. */
  cancel(timer: Timer): void {
    if (timer.isCancelled) return;
    timer.isCancelled = true;
    this.#cancelled += 1;
    if (this.#heap.length >= MIN_TIDY && 2 * this.#cancelled > this.#heap.length) this.#tidy();
  }

  /** Forgets those that are cancelled: most are, long before they would be due. */
  #tidy(): void {
    this.#heap = this.#heap.filter(({ timer }) => !timer.isCancelled).sort(inOrder);
    this.#cancelled = 0;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (!last || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#swapUnlessInOrder(parent, at)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const child = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#swapUnlessInOrder(at, child)) return;
      at = child;
    }
  }

  /** Whether it was necessary. */
  #swapUnlessInOrder(parent: number, child: number): boolean {
    const [above, below] = [this.#heap[parent], this.#heap[child]];
    if (!above || !below || inOrder(above, below) < 0) return false;
    this.#heap[parent] = below;
    this.#heap[child] = above;
    return true;
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    return a !== undefined && b !== undefined && inOrder(a, b) < 0;
  }
}

function inOrder(a: Entry, b: Entry): number {
  return a.timer.dueMs - b.timer.dueMs || a.number - b.number;
}
