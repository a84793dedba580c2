import { Election, eventsOf } from './election.ts';
import {
  type Candidate,
  identify,
  identifyLoosely,
  tellIfKubeConfigIsLeftOut,
} from '../kubernetes/identity.ts';
import { type Leadership, leadershipOf } from './leadership.ts';
import { type BecomeOptions, type CheckedOptions, checkOptions } from './options.ts';
import { type Platform, systemPlatform } from '../platform/platform.ts';

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
  return becomeOn(systemPlatform, lockName, options);
}

/** `become`, in platform of one's own. */
export async function becomeOn(
  platform: Platform,
  lockName: string,
  options: BecomeOptions,
): Promise<Leadership> {
  const checked = checkOptions(lockName, options);
  checked.signal?.throwIfAborted();
  const startedMs = platform.clock.now();
  const isEnabled = checked.enabled !== false;
  const candidate = isEnabled
    ? await identify(platform.environment, checked).catch((error: unknown) => {
        const { namespace = '', podName = '', onEvent } = checked;
        const events = eventsOf(platform, lockName, { namespace, podName }, onEvent);
        if (error instanceof Error) events.emit({ type: 'failed', error }, error.message);
        throw error;
      })
    : identifyLoosely(platform.environment, checked);
  if (candidate.credentials === undefined) {
    if (isEnabled) tellIfKubeConfigIsLeftOut(platform);
    return skip(platform, lockName, checked, candidate);
  }
  const transport = await platform.connect(candidate.credentials);
  checked.signal?.throwIfAborted();
  return new Election(platform, lockName, checked, candidate, transport).run(startedMs);
}

/** Outside a cluster, or where the election is not enabled, there is nobody to compete with. */
function skip(
  platform: Platform,
  lockName: string,
  { onEvent, metrics }: CheckedOptions,
  candidate: Candidate,
): Leadership {
  const { namespace, podName, podUid = '' } = candidate;
  const events = eventsOf(platform, lockName, candidate, onEvent);
  events.emit({ type: 'skipped' }, 'there is no election, so this process leads');
  events.call('metrics', 'metrics', () => metrics?.on(lockName));
  const facts = {
    lockName,
    namespace,
    podName,
    podUid,
    skipped: true,
    acquiredAt: platform.clock.date(),
    waitedMs: 0,
    attempts: 0,
    fencingToken: '0',
  };
  const release = () => {
    events.call('metrics', 'metrics', () => metrics?.off(lockName));
    events.emit({ type: 'released' }, 'stopped leading');
    return Promise.resolve();
  };
  return leadershipOf(facts, { release }).leadership;
}
