/** A Pod, identified by its UID. The name is for requests and for people. */
export interface PodIdentity {
  readonly name: string;
  readonly uid: string;
}

/** What the protocol knows about the ConfigMap that is the lock. */
export interface Lock {
  readonly uid: string;
  readonly resourceVersion: string;
  /** The Pod that its owner reference names. */
  readonly owner?: PodIdentity;
  /** The Pod that our annotations name; remains if the owner reference is removed. */
  readonly mark?: PodIdentity;
  /** The call of `become` that created it. */
  readonly attempt?: string;
  /** The predecessors of its creator, oldest first. */
  readonly predecessors?: readonly PodIdentity[];
  /** Somebody asks its holder to hand over. */
  readonly handoverAsked?: boolean;
  /** Its holder has released it, and has stopped leading. */
  readonly released: boolean;
  /** It is marked for deletion, and finalizers keep it. */
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
}

/** The most predecessors that a lock notes. A candidate with more waits until some have ended. */
export const MAX_PREDECESSORS = 16;

/** What the protocol knows about a Pod. */
export interface Pod extends PodIdentity {
  readonly nodeName?: string;
  readonly phase: string;
  /** The reason for the phase, for example `Evicted`. */
  readonly reason?: string;
  readonly deleting: boolean;
  /**
   * A container (init, sidecar or ephemeral, too) is reported to run, or no container is reported.
   */
  readonly mayRun: boolean;
}

/** The result of reading a Pod; `unreadable` if the Role does not allow it. */
export interface PodReading {
  readonly of: PodIdentity;
  /** The Pod that has this name now, perhaps another one. */
  readonly found: Pod | 'absent' | 'unreadable';
}

/** The result of reading the holder's node. */
export type NodeReading = 'ready' | 'not-ready' | 'absent';

/**
 * The holder: the owner or, if the owner reference was removed, the Pod that our annotations name.
 */
export function holderOf(lock: Lock): PodIdentity | undefined {
  return lock.owner ?? lock.mark;
}

/** What a Pod's state means for the lock that it holds. */
export type Liveness =
  /** It may be running. */
  | 'alive'
  /** It is being deleted; its processes may still run. */
  | 'terminating'
  /** Its phase is terminal, and a container may still run. */
  | 'finishing'
  /** Its phase is terminal, and no container runs: it never runs again. */
  | 'finished'
  /** There is no such Pod, or another Pod has its name. */
  | 'gone'
  /** The Role does not allow reading it. */
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

/** It has lost its lock, is being deleted, and may run until its grace period is over. */
export function isLeaving(reading: PodReading): boolean {
  const { found } = reading;
  return typeof found === 'object' && found.deleting && !isOver(reading);
}
