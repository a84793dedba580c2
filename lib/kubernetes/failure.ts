import { LeaderElectionError } from '../errors.ts';
import { ApiError } from './outcome.ts';
import { type PodRights, roleYaml } from './role.ts';
import { printable } from '../platform/printable.ts';
import type { Failure } from '../protocol/life/state.ts';
import { type Refused, remedyOf } from './remedy.ts';

/** The election that failed, for messages. */
export interface Context {
  readonly lockName: string;
  readonly namespace: string;
  readonly podName: string;
  readonly takeOver: boolean;
  /** Whether changes of leader are recorded as Events. */
  readonly events?: boolean | undefined;
  readonly pods?: PodRights | undefined;
}

/**
 * Explains a refusal by the API server as an error of this library; returns other errors unchanged.
 */
export function explainRefusal(error: unknown, refused: Refused): unknown {
  if (!(error instanceof ApiError)) return error;
  const { code, advice } = remedyOf(error, refused);
  const message = `${refused.object}: ${error.message}. ${advice}`;
  return new LeaderElectionError(code, message, { cause: error });
}

/** The lock of this election. */
export function refusedLock(context: Context): Refused {
  const { namespace } = context;
  return { object: lockOf(context), namespace, role: (user) => roleYaml({ ...context, user }) };
}

/** Explains why the protocol decided that this Pod must not lead. */
export function explainFailure(failure: Failure, context: Context): LeaderElectionError {
  const { lockName, namespace, podName } = context;
  const pod = `Pod ${namespace}/${podName}`;
  switch (failure.because) {
    case 'foreign-lock':
      return new LeaderElectionError(
        'ERR_FOREIGN_LOCK',
        `${lockOf(context)} exists, but no Pod owns it and it was not made by this library, so ` +
          'nobody ever frees it. It was left untouched. Choose another lock name, or, if nothing ' +
          `needs it: kubectl delete configmap ${lockName} -n ${namespace}`,
      );
    case 'pod-not-found':
      return new LeaderElectionError(
        'ERR_POD_NOT_FOUND',
        `There is no ${pod}, which is to own the lock ${lockName}: the Pod or the namespace does not ` +
          'exist. Set POD_NAME and POD_NAMESPACE from the downward API (fieldPath: metadata.name, ' +
          'metadata.namespace), or correct options.podName and options.namespace. If this Pod was ' +
          'deleted by force, end this process.',
      );
    case 'pod-uid-mismatch':
      return new LeaderElectionError(
        'ERR_POD_UID_MISMATCH',
        `${pod} has the UID ${printable(failure.actual)}, but this process was told ${printable(failure.expected)}. ` +
          'A lock with the wrong owner would be garbage-collected under its leader. Set POD_UID ' +
          'from the downward API (fieldPath: metadata.uid), or leave it out, as for static Pods, ' +
          'whose downward-API UID is another. If the Pod was replaced, this process must exit.',
      );
    case 'pod-uid-unverified':
      return new LeaderElectionError(
        'ERR_FORBIDDEN',
        `${pod} may not read Pods, so it cannot verify POD_UID, ${printable(failure.podUid)}. A lock with the wrong ` +
          'owner would be garbage-collected under its leader. If you know that the UID is right, pass ' +
          'it as options.podUid. Otherwise allow the read with kubectl apply -f - and this input:\n\n' +
          roleYaml(context),
      );
    case 'pod-terminating':
      return new LeaderElectionError(
        'ERR_POD_TERMINATING',
        `${pod} is being deleted or has ended, so it does not become the leader of ` +
          `${lockName}: it would only cause one more handover.`,
      );
  }
}

function lockOf({ namespace, lockName }: Context): string {
  return `ConfigMap ${namespace}/${lockName}`;
}
