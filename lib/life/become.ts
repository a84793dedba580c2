import { Election } from './election.ts';
import {
  type Candidate,
  identify,
  identifyLoosely,
  tellIfKubeConfigIsLeftOut,
} from '../kubernetes/identity.ts';
import { type Leadership, leadershipOf } from './leadership.ts';
import { eventsOf } from './reporter.ts';
import { type BecomeOptions, type CheckedOptions, checkOptions } from './options.ts';
import { type Platform, platformOf } from '../platform/platform.ts';

/**
 * Becomes the leader for life. Resolves when this Pod holds the lock, a ConfigMap that the Pod
 * owns; from then on the Pod leads until it is gone. While another Pod holds the lock, it waits,
 * without a limit. Outside a cluster it resolves at once, with `skipped: true`.
 *
 * At any time at most one Pod has a resolved, unreleased `become` for a lock; `docs/safety.md` says
 * what this rests on. A container that restarts in the leader's Pod leads again at once. While a
 * call waits or leads, a second one of the same Pod for the same lock rejects with
 * `ERR_ALREADY_RUNNING`; after a release or an abort, it waits until the first one has ended. Once
 * resolved, nothing runs in the background, unless `guard` or `healthy` is set.
 *
 * Follows operator-lib's `leader.Become`.
 *
 * @param lockName - name of the ConfigMap, a DNS subdomain; the same in every replica
 * @throws `TypeError` for a bad argument or an empty environment variable, before any request
 * @throws `LeaderElectionError` with a `code`, see `docs/errors.md`; transient failures are retried
 * @throws the signal's reason, if `options.signal` aborts
 *
 * @example
 * await become('my-operator-lock');
 * startController();
 */
export async function become(lockName: string, options: BecomeOptions = {}): Promise<Leadership> {
  return becomeOn(platformOf(options), lockName, options);
}

/** `become` on a given platform. */
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
        if (error instanceof Error) events.failed(error);
        throw error;
      })
    : identifyLoosely(platform.environment, checked);
  checked.signal?.throwIfAborted();
  if (candidate.credentials === undefined) {
    if (isEnabled) tellIfKubeConfigIsLeftOut(platform);
    return skip(platform, lockName, checked, candidate);
  }
  const transport = await platform.connect(candidate.credentials);
  checked.signal?.throwIfAborted();
  return new Election(platform, lockName, checked, candidate, transport).run(startedMs);
}

/** Leads without an election: outside a cluster, or if it is not enabled. */
function skip(
  platform: Platform,
  lockName: string,
  { onEvent, metrics }: CheckedOptions,
  candidate: Candidate,
): Leadership {
  const { namespace, podName, podUid = '' } = candidate;
  const events = eventsOf(platform, lockName, candidate, onEvent);
  events.skipped();
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
    events.ended();
    return Promise.resolve();
  };
  const stepDown = () => {
    events.emit({ type: 'stepping-down', reason: 'called' }, 'stepDown() was called');
  };
  return leadershipOf(facts, { release, stepDown }).leadership;
}
