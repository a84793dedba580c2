import type { Api } from './kubernetes/api.ts';
import type { ConfigMapLock } from './kubernetes/config-map-lock.ts';
import { type Lock, holderOf } from './protocol/model.ts';

/** Together less than the usual grace of a Pod that has to go. */
const PATIENCE = { maxBackoffMs: 2_000, retries: 8 };

/** Deletes the lock that this Pod holds, in whichever version; leaves any other alone. */
export async function releaseLock(
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
