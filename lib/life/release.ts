import { LeaderElectionError } from '../errors.ts';
import type { Api } from '../kubernetes/api.ts';
import type { ConfigMapLock } from '../kubernetes/config-map-lock.ts';
import { type Context, explainRefusal, refusedLock } from '../kubernetes/failure.ts';
import { ApiError, isTransient } from '../kubernetes/outcome.ts';
import { messageOf } from '../platform/printable.ts';
import { type Lock, holderOf } from '../protocol/model.ts';
import type { UnconfirmedEnds } from '../platform/unconfirmed.ts';

/** Together with the last request, less than the usual grace period of a Pod. */
export const PATIENCE = { maxBackoffMs: 2_000, withinMs: 15_000 };

export interface ReleaseParts {
  readonly api: Api;
  readonly lock: ConfigMapLock;
  readonly unconfirmed: UnconfirmedEnds;
  /** The lock cannot be marked as released before it is deleted. */
  readonly onUnmarked: (error: ApiError) => void;
}

/**
 * Gives up the lock that this Pod holds, in any version, and leaves others alone. First it marks
 * the lock as released: the lock's last state then shows every candidate that it was not collected
 * under a leader that still runs. Resolves with the lock that it has found instead, if any.
 */
export async function release(
  parts: ReleaseParts,
  held: Lock,
  podUid: string,
  signal?: AbortSignal,
): Promise<Lock | undefined> {
  const { api, lock: store, unconfirmed } = parts;
  const patience = { ...PATIENCE, signal };
  const end = <T>(request: () => Promise<T>) =>
    api.retry(() => unconfirmed.send(held.uid, request), patience);
  let canMark = true;
  let lock: Lock | undefined = held;
  while (lock?.uid === held.uid && holderOf(lock)?.uid === podUid) {
    const version: Lock = lock;
    const marked: Lock | 'changed' =
      version.released || !canMark
        ? version
        : await end(() => store.release(version, signal)).catch((error: unknown) => {
            if (!(error instanceof ApiError) || isTransient(error)) throw error;
            parts.onUnmarked(error);
            canMark = false;
            return version;
          });
    if (marked !== 'changed' && (await end(() => store.delete(marked, signal)))) {
      lock = undefined;
      break;
    }
    // The lock is gone, or was changed, perhaps by a label: then it is still ours to delete.
    lock = await api.retry(() => store.get(signal), patience);
    // What was not changed was refused.
    if (lock?.resourceVersion === version.resourceVersion) canMark = false;
  }
  unconfirmed.delete(held.uid);
  return lock;
}

export function explainRelease(error: unknown, context: Context): unknown {
  // An API server that is overloaded or down has refused nothing for good.
  const explained = isTransient(error) ? error : explainRefusal(error, refusedLock(context));
  if (explained instanceof LeaderElectionError) return explained;
  const what = messageOf(error);
  return new LeaderElectionError(
    'ERR_RELEASE_FAILED',
    `ConfigMap ${context.namespace}/${context.lockName} could not be released: ${what}. It is ` +
      'kept until this Pod ends; call release() again to try again.',
    { cause: error },
  );
}
