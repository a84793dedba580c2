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
  /** Whom its creator had to see end before it could lead. */
  readonly predecessors?: readonly PodIdentity[];
  /** Deletion was asked for; finalizers keep the object. */
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
}

/** Who held the lock last and, for he may never have led, who did before him. */
export const MAX_PREDECESSORS = 2;

/** What the protocol knows of a Pod. */
export interface Pod extends PodIdentity {
  readonly nodeName?: string;
  readonly phase: string;
  /** Why it is in that phase, for example `Evicted`. */
  readonly reason?: string;
  readonly deleting: boolean;
  /**
   * Its deletion was seen to begin, and not in the foreground. If it is in the foreground, the garbage
   * collector deletes the lock at once, although the Pod may run until its grace is over.
   */
  readonly background?: boolean;
  /** Some container's status (init, sidecar and ephemeral ones included) still says `running`. */
  readonly running: boolean;
}

/** The answer to a read of a Pod: `unreadable` where the Role does not allow it. */
export type PodReading = Pod | 'absent' | 'unreadable';

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
  /** Its phase is terminal, and a container is still said to run. */
  | 'finishing'
  /** Its phase is terminal and nothing of it runs: it never runs again. */
  | 'finished'
  /** No such object, or another Pod under its name. */
  | 'gone'
  /** The Role does not let us look. */
  | 'unknown';

/** Judges the holder by what was read under its name. */
export function livenessOf(holder: PodIdentity, reading: PodReading): Liveness {
  if (reading === 'unreadable') return 'unknown';
  if (reading === 'absent' || reading.uid !== holder.uid) return 'gone';
  if (reading.phase === 'Failed' || reading.phase === 'Succeeded') {
    return reading.running ? 'finishing' : 'finished';
  }
  return reading.deleting ? 'terminating' : 'alive';
}
