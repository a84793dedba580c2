import { type HolderContainer, isSameContainer } from '../protocol/lease/record.ts';
import type { Hint, State } from '../protocol/lease/state.ts';
import type { OpenLock } from './resource-lock.ts';

/** Watches the container of the present holder, as long as this elector follows it. */
export class HolderWatch {
  readonly #lock: OpenLock;
  readonly #push: (hint: Hint) => void;
  #container: HolderContainer | undefined;
  #stop = new AbortController();

  constructor(lock: OpenLock, push: (hint: Hint) => void) {
    this.#lock = lock;
    this.#push = push;
  }

  /** To be called after each step. */
  follow({ phase, version, gone, ended }: State): void {
    const found = phase === 'following' && !gone ? version?.container : undefined;
    const isKnown = found && ended && isSameContainer(ended, found);
    const container = isKnown ? undefined : found;
    if (container && isSameContainer(this.#container, container)) return;
    if (!container && !this.#container) return;
    this.close();
    this.#container = container;
    if (container) void this.#watch(container);
  }

  close(): void {
    this.#stop.abort();
    this.#container = undefined;
  }

  async #watch(container: HolderContainer): Promise<void> {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const isOver = await this.#lock.ended?.(container, signal);
    if (isOver && !signal.aborted) this.#push({ type: 'holder-ended', container });
  }
}
