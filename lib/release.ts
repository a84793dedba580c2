import type { Api } from './kubernetes/api.ts';
import type { ConfigMapLock } from './kubernetes/config-map-lock.ts';
import { type Lock, holderOf } from './protocol/model.ts';

/** With the last request's own time, less than the usual grace of a Pod that has to go. */
const PATIENCE = { maxBackoffMs: 2_000, withinMs: 15_000 };

/** So many locks that this process has deleted are remembered: answers may still tell of them. */
const MAX_ENDED = 1_000;

/**
 * What this process does to the locks of its Pod, by their UIDs. A lock that is about to be deleted,
 * or was, must not be taken for one that this Pod still holds; and one that a call leads with must not
 * be taken back by another call that happened to create it.
 */
export class Releases {
  /** Several calls may lead with one lock, and each deletes it. */
  readonly #underWay = new Map<string, Set<Promise<unknown>>>();
  readonly #ended = new Set<string>();
  #deletions = 0;
  readonly #claims = new Map<string, Set<object>>();
  /** Whoever created them has given up; the last one who claims them takes them back. */
  readonly #unwanted = new Map<string, Lock>();

  /** Deletes the lock that this Pod holds, in whichever version; leaves any other alone. */
  async release(api: Api, store: ConfigMapLock, held: Lock, podUid: string): Promise<void> {
    await this.#end(held, deleteHeld(api, store, held, podUid));
  }

  /**
   * How many deletions have come to an end, whatever came of them: what was read before the last one may
   * be out of date.
   */
  get deletions(): number {
    return this.#deletions;
  }

  /**
   * A call is about to lead with this lock, which it read after so many deletions had come to an end.
   * False if it is being deleted, or was, or may have been since.
   */
  claim(lock: Lock, call: object, deletions = this.#deletions): boolean {
    if (this.#deletions > deletions || this.isEnding(lock)) return false;
    if (this.#ended.has(lock.uid)) return false;
    const calls = this.#claims.get(lock.uid) ?? new Set();
    this.#claims.set(lock.uid, calls.add(call));
    return true;
  }

  /** A call does not lead after all. Returns the lock that others left to it to take back, if any. */
  disclaim(call: object): Lock | undefined {
    let left: Lock | undefined;
    for (const [uid, calls] of this.#claims) {
      if (!calls.delete(call) || calls.size > 0) continue;
      this.#claims.delete(uid);
      left = this.#unwanted.get(uid);
      this.#unwanted.delete(uid);
    }
    return left;
  }

  /** Takes back a lock that a call created, or leaves it to who leads with it; true if it is settled. */
  async takeBack(lock: Lock, remove: () => Promise<boolean>): Promise<boolean> {
    if (!this.#claims.has(lock.uid)) return this.#end(lock, remove());
    this.#unwanted.set(lock.uid, lock);
    return true;
  }

  /** Whether this lock is being deleted. */
  isEnding(lock: Lock): boolean {
    return this.#underWay.has(lock.uid);
  }

  /** Resolves when that is over, however it ended. */
  async settled(lock: Lock): Promise<void> {
    await Promise.allSettled([...(this.#underWay.get(lock.uid) ?? [])]);
  }

  async #end<T>(lock: Lock, deletion: Promise<T>): Promise<T> {
    const deletions = this.#underWay.get(lock.uid) ?? new Set();
    this.#underWay.set(lock.uid, deletions.add(deletion));
    try {
      const result = await deletion;
      if (result !== false) this.#forget(lock);
      return result;
    } finally {
      this.#deletions += 1;
      deletions.delete(deletion);
      if (deletions.size === 0) this.#underWay.delete(lock.uid);
    }
  }

  #forget({ uid }: Lock): void {
    this.#claims.delete(uid);
    this.#unwanted.delete(uid);
    this.#ended.add(uid);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= MAX_ENDED) break;
      this.#ended.delete(oldest);
    }
  }
}

async function deleteHeld(
  api: Api,
  store: ConfigMapLock,
  held: Lock,
  podUid: string,
): Promise<void> {
  let lock: Lock | undefined = held;
  while (lock?.uid === held.uid && holderOf(lock)?.uid === podUid) {
    const version = lock;
    if (await api.retry(() => store.delete(version), PATIENCE)) return;
    // Gone, or somebody changed it, a label perhaps: it is still ours to delete.
    lock = await api.retry(() => store.get(), PATIENCE);
  }
}
