import { checkLockName, checkMode, checkProperties, matching } from '../checks.ts';
import { LeaderElectionError, invalidArgument } from '../errors.ts';
import type { Json } from '../kubernetes/json.ts';
import { type Mode, describeLock, lockKinds, locksPath } from '../kubernetes/lock-kind.ts';
import { stepDownRoleYaml } from '../kubernetes/role.ts';
import { writeStepDown } from '../kubernetes/step-down.ts';
import { type Platform, systemPlatform } from '../platform/platform.ts';
import { inspectChecks, readObject, statusOf } from './inspect.ts';
import { type InspectOptions, type Session, withSession } from './session.ts';
import type { LockStatus } from './status.ts';

/** Options of `requestStepDown`. */
export interface StepDownOptions extends InspectOptions {
  /**
   * Identity of the elector that should lead next, for a Lease: it is noted as the Lease's
   * `preferredHolder`. An API server without the feature `CoordinatedLeaderElection` drops that
   * field; one with it demands that the Lease has a `strategy`.
   * @default any candidate
   */
  readonly to?: string | undefined;
}

/**
 * Asks the leader of a lock to hand over, by an annotation on the ConfigMap or Lease. A leader of
 * this library that sees it ends its work, then gives the lock up. Resolves with the lock's status
 * as soon as the request is stored, not when the leader has changed: for that, observe the lock.
 *
 * The write carries the UID and the version that was read. If the lock changes in between, it is
 * read and written again as long as the same holder has it. Needs the rights to `get` and to
 * `patch` the object.
 *
 * @param mode - `life` for a lock of `become`, `lease` for a Lease
 * @param name - name of the ConfigMap or Lease
 * @throws `TypeError` for a bad argument; outside a cluster without a `kubeConfig`
 * @throws `LeaderElectionError` with a `code`: `ERR_NO_LEADER` if nobody holds the lock;
 *   `ERR_FOREIGN_LOCK` if the ConfigMap is no lock; `ERR_TIMEOUT`, `ERR_FORBIDDEN`
 * @throws the signal's reason, if `options.signal` aborts
 *
 * @example
 * const { holder } = await requestStepDown('lease', 'my-operator-lease');
 * for await (const next of observeLease('my-operator-lease'))
 *   if (next && next.identity !== holder) break;
 */
export async function requestStepDown(
  mode: 'life' | 'lease',
  name: string,
  options: StepDownOptions = {},
): Promise<LockStatus> {
  return requestStepDownOn(systemPlatform, mode, name, options);
}

const checks = { ...inspectChecks, to: matching(isIdentity, 'a string that is not empty') };

/** `requestStepDown` on a given platform. */
export async function requestStepDownOn(
  platform: Platform,
  mode: 'life' | 'lease',
  name: string,
  options: StepDownOptions,
): Promise<LockStatus> {
  checkMode(mode);
  checkLockName('name', name);
  checkProperties('options', options, checks);
  if (mode === 'life' && options.to !== undefined) {
    throw invalidArgument(
      'options.to',
      'left out: a lock of become goes to any candidate',
      options.to,
    );
  }
  const { to, ...rest } = options;
  const what = `ask the leader of ${lockKinds[mode].kind} ${name} to step down`;
  return withSession(platform, rest, what, async (session) => {
    const read = async (): Promise<{ object: Json; status: LockStatus }> => {
      const object = await readObject(session, mode, name, refusedOf(session, mode, name));
      if (!object) throw noLeader(session, mode, name);
      const status = await statusOf(platform, session, mode, object);
      if (status.reason === 'foreign') throw foreignLock(session, name);
      if (status.holder === undefined) throw noLeader(session, mode, name);
      return { object, status };
    };
    let { object, status } = await read();
    const { holder = '', uid } = status;
    // For life, another Pod may have the same name: its lock is another one.
    const isAsked = () => status.holder === holder && (mode === 'lease' || status.uid === uid);
    while (isAsked()) {
      const path = `${locksPath(mode, session.namespace)}/${name}`;
      const version = { path, object, holder, preferredHolder: to };
      const written = await session.retry(
        () => writeStepDown(session.api, version, session.signal),
        refusedOf(session, mode, name),
      );
      if (written !== 'changed') return await statusOf(platform, session, mode, written);
      ({ object, status } = await read());
    }
    // Somebody else leads by now, which is what was wanted.
    return status;
  });
}

function isIdentity(value: string): boolean {
  return value.trim() !== '';
}

function refusedOf({ namespace }: Session, mode: Mode, name: string) {
  return {
    object: describeLock(mode, namespace, name),
    namespace,
    role: (user: string | undefined) => stepDownRoleYaml({ mode, namespace, name, user }),
  };
}

function noLeader({ namespace }: Session, mode: Mode, name: string) {
  const what = `Nobody holds ${describeLock(mode, namespace, name)}, so nobody can step down.`;
  return new LeaderElectionError('ERR_NO_LEADER', what);
}

function foreignLock({ namespace }: Session, name: string) {
  return new LeaderElectionError(
    'ERR_FOREIGN_LOCK',
    `ConfigMap ${namespace}/${name} is no lock: no Pod owns it, and this library has not made it. ` +
      'It was left untouched.',
  );
}
