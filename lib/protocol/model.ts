/** A Pod as the protocol tells Pods apart: by UID. The name is for requests and for people. */
export interface PodIdentity {
  readonly name: string;
  readonly uid: string;
}

/** What the protocol knows of the ConfigMap that is the lock. */
export interface Lock {
  readonly uid: string;
  readonly resourceVersion: string;
  /** The Pod that its owner reference names. */
  readonly owner?: PodIdentity;
  /** The Pod that our annotations name; outlives a stripped owner reference. */
  readonly mark?: PodIdentity;
  /** The call of `become` that created it. */
  readonly attempt?: string;
  /** The Pods that its creator had to see end before it could lead, oldest first. */
  readonly predecessors?: readonly PodIdentity[];
  /** Its holder has given it up, and has stopped leading. */
  readonly released: boolean;
  /** Deletion was asked for; finalizers keep the object. */
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
}

/** The most predecessors that a lock notes. A candidate with more waits until some of them have ended. */
export const MAX_PREDECESSORS = 16;

/** What the protocol knows of a Pod. */
export interface Pod extends PodIdentity {
  readonly nodeName?: string;
  readonly phase: string;
  /** Why it is in that phase, for example `Evicted`. */
  readonly reason?: string;
  readonly deleting: boolean;
  /** Some container (init, sidecar and ephemeral ones included) is said to run, or nothing is said of any. */
  readonly mayRun: boolean;
}

/** What a read said about one Pod; `unreadable` where the Role does not allow it. */
export interface PodReading {
  readonly of: PodIdentity;
  /** What was found under its name: perhaps another Pod. */
  readonly found: Pod | 'absent' | 'unreadable';
}

/** The answer to a read of the holder's node. */
export type NodeReading = 'ready' | 'not-ready' | 'absent';

/** Who holds the lock: the owner, or whom our annotations name if the owner was stripped. */
export function holderOf(lock: Lock): PodIdentity | undefined {
  return lock.owner ?? lock.mark;
}

/** What a Pod's state means for the lock that it holds. */
export type Liveness =
  /** It may be running. */
  | 'alive'
  /** It was asked to go; its processes may still run. */
  | 'terminating'
  /** Its phase is terminal, and a container may still run. */
  | 'finishing'
  /** Its phase is terminal and nothing of it runs: it never runs again. */
  | 'finished'
  /** No such object, or another Pod under its name. */
  | 'gone'
  /** The Role does not let us look. */
  | 'unknown';

export function livenessOf({ of, found }: PodReading): Liveness {
  if (found === 'unreadable') return 'unknown';
  if (found === 'absent' || found.uid !== of.uid) return 'gone';
  if (found.phase === 'Failed' || found.phase === 'Succeeded') {
    return found.mayRun ? 'finishing' : 'finished';
  }
  return found.deleting ? 'terminating' : 'alive';
}

/** It never runs again. */
export function isOver(reading: PodReading): boolean {
  return ['gone', 'finished'].includes(livenessOf(reading));
}

/** It lost its lock, is being deleted and may run until its grace is over. */
export function isLeaving(reading: PodReading): boolean {
  const { found } = reading;
  return typeof found === 'object' && found.deleting && !isOver(reading);
}
