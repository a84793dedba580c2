import { Election } from './election.ts';
import { type Candidate, identify, tellIfKubeConfigIsLeftOut } from './identity.ts';
import { type Leadership, leadershipOf } from './leadership.ts';
import { createLog } from './log.ts';
import { type BecomeOptions, checkOptions } from './options.ts';
import { type Surroundings, systemSurroundings } from './surroundings.ts';

const log = createLog('become');

/**
 * Becomes the leader for life: resolves when this Pod holds the lock, a ConfigMap that it owns, and
 * so leads until the Pod is gone. Waits, for as long as it takes, while another Pod holds it.
 * Outside a cluster it resolves at once, with `skipped: true`.
 *
 * At any time at most one Pod has a resolved, unreleased `become` for a lock; `docs/safety.md` says
 * what that rests on. While a call waits or leads, another one of the same Pod for the same lock is refused
 * with `ERR_ALREADY_RUNNING`; after a release or an abort, it waits until the first one has ended. A restarted container of the leader's Pod goes on leading. After it resolved
 * nothing of it keeps running, unless `guard` is set.
 *
 * @param lockName - the ConfigMap's name, a DNS subdomain; the same in every replica
 * @throws `TypeError` for a bad argument or an empty environment variable, before any request
 * @throws `LeaderElectionError` with a `code`, see `docs/errors.md`; what is transient is retried
 * @throws the signal's reason, once `options.signal` aborts
 *
 * Follows operator-lib's `leader.Become`.
 *
 * @example
 * await become('my-operator-lock');
 * startController();
 */
export async function become(lockName: string, options: BecomeOptions = {}): Promise<Leadership> {
  return becomeIn(systemSurroundings, lockName, options);
}

/** `become`, in surroundings of one's own. */
export async function becomeIn(
  surroundings: Surroundings,
  lockName: string,
  options: BecomeOptions,
): Promise<Leadership> {
  const checked = checkOptions(lockName, options);
  checked.signal?.throwIfAborted();
  const startedMs = surroundings.clock.now();
  const candidate = await identify(surroundings.environment, checked);
  if (candidate.credentials === undefined) return skip(surroundings, lockName, candidate);
  const transport = await surroundings.connect(candidate.credentials);
  checked.signal?.throwIfAborted();
  return new Election(surroundings, lockName, checked, candidate, transport).run(startedMs);
}

/** Outside a cluster there is nobody to compete with. */
function skip(surroundings: Surroundings, lockName: string, candidate: Candidate): Leadership {
  log(`${lockName}: outside a cluster, so there is no election: leading`);
  tellIfKubeConfigIsLeftOut(surroundings);
  const { namespace, podName, podUid = '' } = candidate;
  const facts = {
    lockName,
    namespace,
    podName,
    podUid,
    skipped: true,
    acquiredAt: surroundings.clock.date(),
    waitedMs: 0,
    attempts: 0,
    fencingToken: '0',
  };
  return leadershipOf(facts, { release: () => Promise.resolve() }).leadership;
}
