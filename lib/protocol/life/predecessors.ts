/**
 * Who may still lead after a lock has ended. The end of a lock is the end of its holder, with one
 * exception: if a Pod is deleted in the foreground, the garbage collector deletes its lock at once,
 * and the Pod runs until its grace period is over. See `docs/protocol.md`.
 */
import {
  type Lock,
  type PodIdentity,
  type PodReading,
  holderOf,
  isLeaving,
  isOver,
} from '../model.ts';

/** The part of a candidate's state that the rules need. */
interface Known {
  readonly podUid: string | undefined;
  readonly lock: Lock | undefined;
  /** As last read. */
  readonly holder: PodReading | undefined;
  readonly predecessors: readonly PodIdentity[];
}

/** The same lock object, held by the same Pod. */
export function isSameTenure(a: Lock | undefined, b: Lock | undefined): boolean {
  return a !== undefined && a.uid === b?.uid && holderOf(a)?.uid === holderOf(b)?.uid;
}

/** The predecessors after this lock has ended, however that was learned. */
export function afterEnd(known: Known, lock: Lock): readonly PodIdentity[] {
  const holder = holderOf(lock);
  const noted = isSameTenure(known.lock, lock) ? [] : (lock.predecessors ?? []);
  const before = joined(known, [...known.predecessors, ...noted]);
  if (!holder) return before;
  const isKnownToBeOver = known.holder?.of.uid === holder.uid && isOver(known.holder);
  const hasEnded = lock.released || isKnownToBeOver;
  return joined(known, [...before, ...(hasEnded ? [] : [holder])]);
}

/** The predecessors while this is the lock, or while there is none. */
export function predecessorsAt(known: Known, lock: Lock | undefined): readonly PodIdentity[] {
  if (isSameTenure(known.lock, lock)) return known.predecessors;
  const before = known.lock ? afterEnd(known, known.lock) : known.predecessors;
  const holder = lock && holderOf(lock);
  const all = joined(known, [...before, ...(lock?.predecessors ?? [])]);
  // Whether the holder is a predecessor is decided when its lock ends.
  return holder ? without(all, holder) : all;
}

/**
 * The predecessors that may still lead, by what was read since their locks ended. A Pod that is not
 * being deleted has released its lock, or somebody took the lock from it. A Pod that may not be
 * read cannot be waited for.
 */
export function remaining(
  predecessors: readonly PodIdentity[],
  readings: readonly PodReading[],
): readonly PodIdentity[] {
  return predecessors.filter(({ uid }) => {
    const reading = readings.find(({ of }) => of.uid === uid);
    return !reading || isLeaving(reading);
  });
}

/** Without duplicates and the candidate's own Pod, oldest first. */
export function joined(
  { podUid }: Pick<Known, 'podUid'>,
  pods: readonly PodIdentity[],
): readonly PodIdentity[] {
  const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
  return [...byUid.values()].filter(({ uid }) => uid !== podUid);
}

function without(pods: readonly PodIdentity[], { uid }: PodIdentity): readonly PodIdentity[] {
  return pods.filter((pod) => pod.uid !== uid);
}
