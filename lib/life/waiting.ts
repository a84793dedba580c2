import { LeaderElectionError } from '../errors.ts';
import {
  barWords,
  holderReasons,
  type WaitingReason,
  type WaitingState,
} from '../events/waiting.ts';
import type { Context } from '../kubernetes/failure.ts';
import { printable } from '../platform/printable.ts';
import { type Obstacle, type State, awaited } from '../protocol/life/state.ts';

const reasons: Readonly<Record<Obstacle, WaitingReason>> = {
  ...holderReasons,
  released: 'released',
  'node-not-ready': 'node-not-ready',
  'lock-deleting': 'lock-deleting',
  quota: 'quota-exceeded',
  unhealthy: 'unhealthy',
  'stepped-down': 'stepped-down',
  'not-preferred': 'free',
  none: 'free',
};

/**
 * Explains the protocol's state, and the last failure of a request, to people. `quota` is the one
 * that refused the last create.
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
    ...(holder && { holder: holder.name, holderPod: holder.name, holderUid: holder.uid }),
    ...(known?.nodeName !== undefined && { holderNode: known.nodeName }),
    ...(known && { holderPhase: known.phase }),
  };
}

function explain(
  state: State,
  reason: WaitingReason,
  quota: string,
  holder?: string,
  node?: string,
): string {
  const where = node === undefined ? '' : ` on node ${node}`;
  const pod = holder === undefined ? 'another Pod' : `Pod ${holder}${where}`;
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
    case 'unhealthy':
    case 'stepped-down':
      return barWords[reason];
    default:
      return 'nobody holds the lock';
  }
}

/** `why` is what the candidate waits for. */
export function timeoutError(
  { namespace, lockName, podName }: Pick<Context, 'namespace' | 'lockName' | 'podName'>,
  timeoutMs: number,
  why = 'the API server has not answered yet',
): LeaderElectionError {
  return new LeaderElectionError(
    'ERR_TIMEOUT',
    `Pod ${podName} did not become the leader of ${namespace}/${lockName} within ${timeoutMs} ms: ` +
      `${why}.`,
  );
}
