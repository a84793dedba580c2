import type { Api } from './kubernetes/api.ts';
import type { ConfigMapLock } from './kubernetes/config-map-lock.ts';
import { type Lock, holderOf } from './protocol/model.ts';

/** With the last request's own time, less than the usual grace of a Pod that has to go. */
const PATIENCE = { maxBackoffMs: 2_000, withinMs: 15_000 };

/**
 * The releases of this process that are under way, by the lock's UID. A lock that is about to be
 * deleted must not be taken for one that this Pod still holds.
 */
export class Releases {
  readonly #underWay = new Map<string, Promise<void>>();

  /** Deletes the lock that this Pod holds, in whichever version; leaves any other alone. */
  async release(api: Api, store: ConfigMapLock, held: Lock, podUid: string): Promise<void> {
    const release = deleteHeld(api, store, held, podUid);
    this.#underWay.set(held.uid, release);
    try {
      await release;
    } finally {
      this.#underWay.delete(held.uid);
    }
  }

  /** Whether this lock was being released; resolves when that is over, however it ended. */
  async settled(lock: Lock): Promise<boolean> {
    const release = this.#underWay.get(lock.uid);
    await release?.catch(() => undefined);
    return release !== undefined;
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
