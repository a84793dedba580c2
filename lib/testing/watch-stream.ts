import type { Clock } from '../platform/clock.ts';
import type { Faults, OpenWatch } from './faults.ts';
import type { RequestRecord } from './request-record.ts';
import type { Change, Store } from './store.ts';
import { tooOld, type WatchEvent, type WatchPlan } from './watch-plan.ts';

/** Receives the lines of a watch. */
export interface WatchSink {
  write(text: string): void;
  /** The server closes the watch cleanly. */
  end(): void;
  /** The connection breaks. */
  reset(): void;
}

export interface WatchContext {
  readonly clock: Clock;
  readonly store: Store;
  readonly faults: Faults;
  readonly record: RequestRecord;
  readonly bookmarkMs: number;
  readonly cutAfterEvents: number | undefined;
  /** Called once, when the watch is over. */
  readonly over: (watch: WatchStream) => void;
}

/** A watch without a timeout of its own ends after 30 to 60 minutes, as on the real server. */
const DEFAULT_TIMEOUT_MS = 1_800_000;

const END = Symbol('end');

/** Shows a client what a plan says, in time, and as the cluster's faults allow. */
export class WatchStream implements OpenWatch {
  readonly record: RequestRecord;
  readonly #plan: WatchPlan;
  readonly #context: WatchContext;
  readonly #cancels = new Set<() => void>();
  #sink: WatchSink | undefined;
  #queue: (string | typeof END)[] = [];
  #held: WatchEvent | undefined;
  #dueMs = 0;
  #shown = 0;
  #isOver = false;

  constructor(plan: WatchPlan, context: WatchContext) {
    this.record = context.record;
    this.#plan = plan;
    this.#context = context;
    const { store } = context;
    this.#cancels.add(store.listen((change) => this.#notice(change)));
    // Changes since the plan was made: the answer may have been delayed.
    const missed = store.changesAfter(plan.after);
    const refusal = plan.refusal ?? (missed ? undefined : tooOld(plan.after, store));
    if (refusal) {
      this.#queue.push(refusal.text, END);
      return;
    }
    for (const event of plan.initial) this.#arrive(event);
    for (const change of missed ?? []) this.#notice(change);
    this.#keepTime();
  }

  /** Sets where the lines go, which may happen at once. A watch that is over breaks. */
  attach(sink: WatchSink): void {
    this.#sink = sink;
    if (this.#isOver) sink.reset();
    else this.flush();
  }

  /** Ends the watch; its client has left. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const cancel of this.#cancels) cancel();
    this.#context.over(this);
  }

  cut(cleanly: boolean): void {
    if (cleanly) {
      this.#finish();
    } else {
      this.close();
      this.#sink?.reset();
    }
  }

  /** Shows what is ready to be shown. */
  flush(): void {
    const { faults, cutAfterEvents = Infinity } = this.#context;
    while (this.#sink && !this.#isOver && !faults.isFrozen(this.record)) {
      if (this.#shown >= cutAfterEvents) {
        this.cut(false);
        return;
      }
      const next = this.#queue.shift();
      if (next === undefined) return;
      if (next === END) {
        this.close();
        this.#sink.end();
        return;
      }
      this.#shown += 1;
      this.#sink.write(next);
    }
  }

  #notice(change: Change): void {
    const event = this.#plan.eventOf(change);
    if (event) this.#arrive(event);
  }

  #arrive(event: WatchEvent): void {
    const { clock, faults } = this.#context;
    const { delayMs, duplicate, reorder } = faults.strikeEvent(this.record);
    const now = clock.now();
    this.#dueMs = Math.max(this.#dueMs, now + delayMs);
    if (this.#dueMs <= now) this.#show(event, duplicate, reorder);
    else this.#later(this.#dueMs - now, () => this.#show(event, duplicate, reorder));
  }

  #show(event: WatchEvent, duplicate: boolean, reorder: boolean): void {
    if (reorder && !this.#held) {
      this.#held = event;
      return;
    }
    this.#queue.push(event.text);
    if (duplicate) this.#queue.push(event.text);
    this.#release();
    this.flush();
  }

  #release(): void {
    if (this.#held) this.#queue.push(this.#held.text);
    this.#held = undefined;
  }

  #finish(): void {
    this.#release();
    this.#queue.push(END);
    this.flush();
  }

  #keepTime(): void {
    const { clock, bookmarkMs } = this.#context;
    const { timeoutSeconds } = this.#plan;
    const timeoutMs = timeoutSeconds
      ? timeoutSeconds * 1000
      : DEFAULT_TIMEOUT_MS * (1 + clock.random());
    this.#later(timeoutMs, () => {
      if (this.#plan.bookmarks) this.#bookmark();
      this.#finish();
    });
    if (this.#plan.bookmarks) this.#bookmarkEvery(bookmarkMs);
  }

  #bookmarkEvery(ms: number): void {
    this.#later(ms, () => {
      this.#bookmark();
      this.#bookmarkEvery(ms);
    });
  }

  #bookmark(): void {
    // A bookmark confirms everything before it, so it must not overtake what is on its way.
    if (this.#held || this.#dueMs > this.#context.clock.now()) return;
    this.#queue.push(this.#plan.bookmark(this.#context.store.revision).text);
    this.flush();
  }

  #later(ms: number, task: () => void): void {
    const cancel = this.#context.clock.after(ms, () => {
      this.#cancels.delete(cancel);
      task();
    });
    this.#cancels.add(cancel);
  }
}
