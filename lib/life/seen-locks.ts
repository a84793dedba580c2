import { afterEnd, isSameTenure, predecessorsAt } from '../protocol/life/predecessors.ts';
import type { State } from '../protocol/life/state.ts';
import type { Lock, PodIdentity } from '../protocol/model.ts';

/** The locks that were read since the last report to the protocol, oldest first. */
export class SeenLocks {
  #locks: readonly Lock[] = [];

  add(lock: Lock | undefined): void {
    if (lock) this.#locks = [...this.#locks.filter((other) => !isSameTenure(other, lock)), lock];
  }

  /** The protocol knows of them. */
  forget(): void {
    this.#locks = [];
  }

  /** The Pods that may still lead, in case every lock that was seen has ended by now. */
  predecessors(state: State): readonly PodIdentity[] {
    return this.#locks.reduce(
      (predecessors, lock) => afterEnd({ ...state, lock: undefined, predecessors }, lock),
      predecessorsAt(state, undefined),
    );
  }
}

/** The predecessors and the holders of these locks; the candidate's own lock does not count. */
export function withHolders(state: State, locks: readonly Lock[]): readonly PodIdentity[] {
  const others = new SeenLocks();
  for (const lock of locks) if (!isSameTenure(lock, state.lock)) others.add(lock);
  return others.predecessors(state);
}
