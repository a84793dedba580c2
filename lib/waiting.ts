import { printable } from './printable.ts';
import { type Obstacle, type State, awaited } from './protocol/for-life.ts';

/** Why a candidate is not leading yet, for logs, metrics and status pages. */
export interface WaitingState {
  readonly lockName: string;
  readonly namespace: string;
  /** For programs. */
  readonly reason: WaitingReason;
  /**
   * For people: who holds the lock, why it is not free, and what has to happen. One line, fit for a
   * log or a terminal; what is below is as the API server says it.
   */
  readonly message: string;
  /** The Pod that holds the lock. */
  readonly holderPod?: string;
  readonly holderUid?: string;
  /** Where that Pod runs, if it could be read. */
  readonly holderNode?: string;
  /** Its phase, if it could be read. */
  readonly holderPhase?: string;
  /** Since when it has been so (wall time). */
  readonly since: Date;
}

/** What stands between a candidate and the lock. */
export type WaitingReason =
  /** Another Pod holds the lock and may be running. */
  | 'held'
  /** The holder was asked to go. */
  | 'holder-terminating'
  /** The holder's phase is terminal, but a container of it is still said to run. */
  | 'holder-finishing'
  /** The holder has ended for good; its lock is about to be taken over. */
  | 'holder-finished'
  /** The holder is gone; the garbage collector has not freed the lock yet. */
  | 'holder-gone'
  /** The holder has given the lock up; it is about to be deleted. */
  | 'released'
  /** The holder's node is not ready; see `takeOverFromNotReadyNodeAfterMs`. */
  | 'node-not-ready'
  /** The lock is being deleted, but finalizers keep it. */
  | 'lock-deleting'
  /** The namespace's quota of ConfigMaps is used up. */
  | 'quota-exceeded'
  /** Nobody holds the lock; this candidate is about to create it. */
  | 'free'
  /** The API server does not answer, or answers with errors. */
  | 'api-unavailable';

const reasons: Readonly<Record<Obstacle, WaitingReason>> = {
  alive: 'held',
  unknown: 'held',
  terminating: 'holder-terminating',
  finishing: 'holder-finishing',
  finished: 'holder-finished',
  gone: 'holder-gone',
  released: 'released',
  'node-not-ready': 'node-not-ready',
  'lock-deleting': 'lock-deleting',
  quota: 'quota-exceeded',
  none: 'free',
};

/**
 * What the protocol's state and the last failure of a request, if any, mean for people. `quota` is the
 * one that refused the last create.
 */
export function describeWaiting(
  state: State,
  trouble: Error | undefined,
  quota = 'a quota',
): Omit<WaitingState, 'lockName' | 'namespace' | 'since'> {
  const holder = awaited(state);
  const found = state.holder?.found;
  const pod = typeof found === 'object' ? found : undefined;
  const known = holder !== undefined && pod?.uid === holder.uid ? pod : undefined;
  const reason = trouble ? 'api-unavailable' : reasons[state.obstacle];
  return {
    reason,
    message: printable(
      trouble ? trouble.message : explain(state, reason, quota, holder?.name, known?.nodeName),
    ),
    ...(holder && { holderPod: holder.name, holderUid: holder.uid }),
    ...(known?.nodeName !== undefined && { holderNode: known.nodeName }),
    ...(known && { holderPhase: known.phase }),
  };
}

function explain(
  state: State,
  reason: WaitingReason,
  quota: string,
  holder = 'another Pod',
  node?: string,
): string {
  const pod = `Pod ${holder}${node === undefined ? '' : ` on node ${node}`}`;
  switch (reason) {
    case 'held':
      return `${pod} leads`;
    case 'holder-terminating':
      return `${pod} leads, and is terminating`;
    case 'holder-finishing':
      return `${pod} has ended, but a container of it is still said to run`;
    case 'holder-finished':
      return `${pod} has ended; its lock is about to be taken over`;
    case 'holder-gone':
      return `${pod} is gone; its lock is about to be freed`;
    case 'released':
      return 'the last leader has released the lock; it is about to be deleted';
    case 'node-not-ready':
      return `${pod} leads, and its node is not ready`;
    case 'lock-deleting':
      return `the lock is being deleted, but finalizers keep it: ${state.lock?.finalizers.join(', ') ?? ''}`;
    case 'quota-exceeded':
      return `${quota} of the namespace does not allow another ConfigMap`;
    default:
      return 'nobody holds the lock';
  }
}
