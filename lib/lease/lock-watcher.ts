import type { Clock } from '../platform/clock.ts';
import { HintQueue } from '../platform/hint-queue.ts';
import { type HolderContainer, isSameContainer } from '../protocol/lease/record.ts';
import { type Hint, isEcho, type State } from '../protocol/lease/state.ts';
import type { LockListener, OpenLock } from './resource-lock.ts';

export interface LockWatcherOptions {
  readonly clock: Clock;
  readonly lock: OpenLock;
  /** The lock cannot be watched, or no longer. */
  readonly onUnwatched: (error: unknown) => void;
}

/** Watches the lock and its holder's container, and keeps the hints until they are read. */
export class LockWatcher {
  readonly #options: LockWatcherOptions;
  readonly #closed = new AbortController();
  readonly #hints: HintQueue<Hint>;
  #state: State;
  /** The container of the present holder, while it is watched. */
  #container: HolderContainer | undefined;
  #stop = new AbortController();

  constructor(options: LockWatcherOptions, state: State) {
    this.#options = options;
    this.#state = state;
    this.#hints = new HintQueue<Hint>(
      options.clock,
      () => [{ type: 'watch-opened' }], // A read shows what was missed.
      (hint) => isEcho(this.#state, hint),
    );
    void this.#watch();
    void this.#identify();
  }

  /**
   * Resolves with the next hint, or with undefined when the time is up. Rejects when the signal
   * aborts.
   */
  next(untilMs: number, signal: AbortSignal): Promise<Hint | undefined> {
    return this.#hints.next(untilMs, signal);
  }

  /** The elector may take the lock again. */
  unbar(): void {
    this.#hints.push({ type: 'unbarred' });
  }

  /** To be called after each step: a follower watches the container of the present holder. */
  follow(state: State): void {
    this.#state = state;
    const { phase, version, gone, ended } = state;
    const found = phase === 'following' && !gone ? version?.container : undefined;
    const isKnown = found && ended && isSameContainer(ended, found);
    const container = isKnown ? undefined : found;
    if (container && isSameContainer(this.#container, container)) return;
    if (!container && !this.#container) return;
    this.#stop.abort();
    this.#container = container;
    if (container) void this.#watchHolder(container);
  }

  close(): void {
    this.#closed.abort();
    this.#stop.abort();
  }

  async #identify(): Promise<void> {
    const isKnown = await this.#options.lock.identify?.(this.#closed.signal);
    if (isKnown) this.#hints.push({ type: 'container-known' });
  }

  async #watchHolder(container: HolderContainer): Promise<void> {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const isOver = await this.#options.lock.ended?.(container, signal);
    if (isOver && !signal.aborted) this.#hints.push({ type: 'holder-ended', container });
  }

  /** A watch that ends counts as lost. */
  async #watch(): Promise<void> {
    const { lock, onUnwatched } = this.#options;
    const listener: LockListener = {
      onOpen: () => {
        this.#hints.push({ type: 'watch-opened' });
      },
      onSeen: (version) => {
        this.#hints.push({ type: 'seen', version });
      },
      onGone: (resourceVersion) => {
        this.#hints.push({ type: 'gone', resourceVersion });
      },
      onLost: (error) => {
        if (this.#closed.signal.aborted) return;
        onUnwatched(error);
        this.#hints.push({ type: 'watch-lost' });
      },
    };
    try {
      await lock.watch?.(listener, this.#closed.signal);
      this.#hints.push({ type: 'watch-lost' });
    } catch (error) {
      listener.onLost(error);
    }
  }
}
