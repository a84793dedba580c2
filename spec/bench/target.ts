import type { KubeConfigLike } from 'leader-for-life';

/** What candidates compete on: a cluster, whichever. */
export interface Target {
  /** For the heading. */
  readonly description: string;
  createArena(): Promise<Arena>;
  /** Resolves when nothing of it runs any more. */
  close(): Promise<void>;
}

/** A namespace of its own on a target, with one lock. */
export interface Arena {
  readonly namespace: string;
  readonly lockName: string;
  readonly kubeConfig: KubeConfigLike;
  /** Where and how the API server listens, for clients of another make. */
  readonly access: { readonly url: URL; readonly token: string; readonly ca?: string };
  /** Creates Pods that are replicas of each other, and run. */
  createPods(count: number): Promise<PodIdentity[]>;
  /** Ends the leader's Pod; resolves once the lock is created anew. */
  handOver(leader: PodIdentity, cause: Cause): Promise<Handover>;
  /** Removes what is left of a Pod that has ended: candidates would count it as one of them. */
  clear(pod: PodIdentity): Promise<void>;
  /** Resolves when requests have ceased, with how many there were since the handover began. */
  settle(): Promise<Requests>;
}

export interface PodIdentity {
  readonly name: string;
  readonly uid: string;
}

/** How a leader's Pod goes: its object is deleted, or it stays and has failed. */
export type Cause = 'deleted' | 'ended';

/** A handover as the API server saw it, on its own clock. */
export interface Handover {
  /** From the Pod's deletion or end to the deletion of its lock. */
  readonly freedMs: number;
  /** From the lock's deletion to its creation. */
  readonly takenMs: number;
  /** The Pod that owns the lock now. */
  readonly leaderUid: string;
}

/** Requests for locks, whatever the answer. */
export interface Requests {
  readonly creates: number;
  readonly deletes: number;
}
