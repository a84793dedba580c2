import { abortable } from '../platform/abort.ts';
import type { Clock } from '../platform/clock.ts';
import { LeaderElectionError } from '../errors.ts';
import type { Api } from '../kubernetes/api.ts';
import type { ConfigMapLock } from '../kubernetes/config-map-lock.ts';
import { LockWatcher } from './lock-watcher.ts';
import type { Reporter } from './reporter.ts';
import { WATCHED_POLL_MS } from '../protocol/life/look.ts';
import { type Lock, holderOf } from '../protocol/model.ts';

export interface GuardParts {
  /** The same clock, whose timers do not keep the process alive. */
  readonly api: Api;
  readonly clock: Clock;
  readonly lock: ConfigMapLock;
  readonly namespace: string;
  readonly maxBackoffMs: number;
  /** Called whenever the lock was read, and asks its holder to hand over. */
  readonly onHandoverAsked: () => void;
}

/** Why a lock is lost, and the locks that were found instead, oldest first. */
export interface Lost {
  readonly error: LeaderElectionError;
  readonly others: readonly Lock[];
}

/**
 * Watches a held lock, without keeping the process alive. Resolves with the reason when the lock is
 * lost, or with nothing once the signal aborts or the lock may not be read any more.
 */
export async function watchOver(
  parts: GuardParts,
  held: Lock,
  podUid: string,
  observer: Reporter,
  signal: AbortSignal,
): Promise<Lost | undefined> {
  const { api, clock, lock, maxBackoffMs } = parts;
  api.unref();
  const watcher = new LockWatcher({ ...parts, observer });
  const isMine = (found: Lock | undefined) =>
    found?.uid === held.uid &&
    holderOf(found)?.uid === podUid &&
    !found.deleting &&
    !found.released;
  const hinted: Lock[] = [];
  try {
    for (;;) {
      await abortable(watcher.watchLock(), signal);
      const found = await api.retry(() => lock.get(signal), { signal, maxBackoffMs });
      if (found) watcher.expect('lock', lock.name);
      if (!isMine(found)) {
        const others = [...hinted, ...watcher.missedLocks, ...(found ? [found] : [])];
        return { error: loss(lock.name, found, held, podUid), others };
      }
      if (found?.handoverAsked) parts.onHandoverAsked();
      for (;;) {
        const pollMs = watcher.complete ? WATCHED_POLL_MS : maxBackoffMs;
        const hint = await watcher.next(clock.now() + pollMs, signal);
        // A watch is a hint: what looks like a loss or a request is read before it is believed.
        if (hint && 'lock' in hint) hinted.splice(0, 1, hint.lock);
        if (hint?.type !== 'lock-seen' || !isMine(hint.lock) || hint.lock.handoverAsked) break;
      }
    }
  } catch (error) {
    if (!signal.aborted) observer.onUnguarded(error);
    return undefined;
  } finally {
    watcher.close();
  }
}

function loss(
  name: string,
  found: Lock | undefined,
  held: Lock,
  podUid: string,
): LeaderElectionError {
  const holder = found && holderOf(found);
  const what =
    holder && holder.uid !== podUid
      ? `Pod ${holder.name} has taken over`
      : `it was ${endOf(found, held)}`;
  return new LeaderElectionError(
    'ERR_LEADERSHIP_LOST',
    `The lock ${name} is not held any more: ${what}. This must not happen while this Pod lives, ` +
      'unless somebody did it by hand. Stop all work that only a leader may do.',
  );
}

function endOf(found: Lock | undefined, held: Lock): string {
  if (found?.uid !== held.uid) return 'deleted';
  if (found.released) return 'released by another process of this Pod';
  if (found.deleting) return 'marked for deletion';
  return 'stripped of its holder';
}
