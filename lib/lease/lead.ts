import { checkLockName } from '../checks.ts';
import { LeaderElectionError, invalidArgument } from '../errors.ts';
import { aborted, neverAborts } from '../platform/abort.ts';
import { type Platform, systemPlatform } from '../platform/platform.ts';
import { Election } from './election.ts';
import type { Served } from './job.ts';
import { LeaseLock, uniqueIdentity } from './lease-lock.ts';
import { type LeadOptions, checkLeadOptions } from './config.ts';

/** What the work of a leader is given. */
export interface LeaseLeadership {
  /** Who leads: this elector. */
  readonly identity: string;
  readonly leaseName: string;
  /** Where the Lease is; empty if skipped and none was given. */
  readonly namespace: string;
  /**
   * Larger for every later leader, for stores that can refuse writes with a smaller one (compare as
   * `BigInt`): the Lease's resourceVersion by the write that acquired it. `'0'` if skipped.
   */
  readonly fencingToken: string;
  /** True outside a cluster or where the election is not enabled: every process leads. */
  readonly skipped: boolean;
  /**
   * Aborts when leadership ends: with `ERR_LEADERSHIP_LOST` when it is lost, with the reason of
   * `options.signal` when that aborts, with `ERR_RELEASED` when the work has ended. `aborted` is
   * judged by the clock when it is read, even after the process was stopped or its machine suspended.
   * A signal made of it by `AbortSignal.any` is not: ask this one, or `remainingMs`, before each
   * critical step.
   */
  readonly signal: AbortSignal;
  /** Resolves when `signal` aborts: leader-only work must end now. Never rejects. */
  readonly ended: Promise<void>;
  /**
   * For how long leadership is proven, in milliseconds, for a look before a critical step: 0 if it is
   * not (any more), `Infinity` if skipped.
   */
  readonly remainingMs: () => number;
}

/**
 * Does work that one of many replicas may do at a time: waits for the Lease, runs `work` while this
 * process holds it, releases it when the work has returned or thrown, and settles as the work did.
 * Outside a cluster the work begins at once, with `skipped: true`.
 *
 * When the Lease is lost, the work's signal aborts, and once the work has settled (it is given
 * `renewDeadlineMs`), this rejects with `ERR_LEADERSHIP_LOST` or, with `recampaign`, campaigns again.
 *
 * @param leaseName - the Lease's name, a DNS subdomain; the same in every replica
 * @throws `TypeError` for a bad argument or an empty environment variable, before any request
 * @throws `LeaderElectionError` with a `code`, see `docs/errors.md`; what is transient is retried
 * @throws the signal's reason, once `options.signal` has aborted and the work has settled; if the work
 *   does not end within `renewDeadlineMs`, `ERR_WORK_ABANDONED` instead, with the reason as its `cause`
 * @throws what `work` throws
 *
 * The Lease is that of client-go's `leaderelection`: both can share one.
 *
 * @example
 * await lead('my-lease', async ({ signal }) => {
 *   while (!signal.aborted) await reconcile({ signal });
 * });
 */
export async function lead<T>(
  leaseName: string,
  work: (leadership: LeaseLeadership) => T | PromiseLike<T>,
  options: LeadOptions = {},
): Promise<T> {
  return leadOn(systemPlatform, leaseName, work, options);
}

/** `lead`, in platform of one's own. */
export async function leadOn<T>(
  platform: Platform,
  leaseName: string,
  work: (leadership: LeaseLeadership) => T | PromiseLike<T>,
  options: LeadOptions,
): Promise<T> {
  checkLockName('leaseName', leaseName);
  if (typeof work !== 'function') throw invalidArgument('work', 'a function', work);
  const durations = checkLeadOptions(options);
  const { signal = neverAborts(), namespace, kubeConfig, labels, annotations } = options;
  const identity = options.identity ?? uniqueIdentity(platform);
  const lock = new LeaseLock({
    name: leaseName,
    identity,
    namespace,
    kubeConfig,
    labels,
    annotations,
  });
  const election = new Election(platform, {
    lock,
    name: leaseName,
    durations,
    releaseOnCancel: options.releaseOnCancel ?? true,
    settings: options,
  });
  const job = {
    endsWithWork: true,
    recampaigns: options.recampaign ?? false,
    work: (served: Served) => work(leadershipOf(leaseName, namespace ?? '', identity, served)),
  };
  const ending = await election.run(job, signal);
  switch (ending.how) {
    case 'returned':
      return ending.value;
    case 'threw':
      throw ending.error;
    case 'cancelled':
      throw ending.abandoned ?? signal.reason;
    case 'lost':
      throw ending.abandoned ? lostAnd(ending.error, ending.abandoned) : ending.error;
  }
}

/** The Lease was lost, and the work goes on all the same. */
function lostAnd({ message }: Error, cause: LeaderElectionError): LeaderElectionError {
  const told = `${message} The work has not ended, and was given up.`;
  return new LeaderElectionError('ERR_LEADERSHIP_LOST', told, { cause });
}

function leadershipOf(
  leaseName: string,
  givenNamespace: string,
  identity: string,
  served: Served,
): LeaseLeadership {
  const { term, namespace = givenNamespace, fencingToken, skipped } = served;
  return {
    identity,
    leaseName,
    namespace,
    fencingToken,
    skipped,
    signal: term.signal,
    ended: aborted(term.signal),
    remainingMs: () => term.remainingMs(),
  };
}
