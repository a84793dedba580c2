import { checkLockName } from '../checks.ts';
import { LeaderElectionError, invalidArgument } from '../errors.ts';
import { aborted, neverAborts } from '../platform/abort.ts';
import { type Platform, platformOf } from '../platform/platform.ts';
import { Election } from './election.ts';
import type { Served } from './job.ts';
import { LeaseLock, uniqueIdentity } from './lease-lock.ts';
import { type LeadOptions, checkLeadOptions } from './config.ts';

/** What the work of a leader is given. */
export interface LeaseLeadership {
  /** Identity of this elector, which leads. */
  readonly identity: string;
  readonly leaseName: string;
  /** Namespace of the Lease; empty if skipped and none was given. */
  readonly namespace: string;
  /**
   * The resourceVersion of the write that acquired the Lease: larger for every later leader. A
   * store can refuse writes with a smaller one (compare as `BigInt`). `'0'` if skipped.
   */
  readonly fencingToken: string;
  /** True outside a cluster, or with `enabled: false`: every process leads. */
  readonly skipped: boolean;
  /**
   * Aborts when leadership ends: with `ERR_LEADERSHIP_LOST` when it is lost, with `ERR_STEPPED_DOWN`
   * when this elector hands over, with the reason of `options.signal` when that aborts, with
   * `ERR_RELEASED` when the work has ended. Reading
   * `aborted` asks the clock, so it is true even right after the process was stopped or its machine
   * suspended. A signal that `AbortSignal.any` makes of it may be late: before each critical step,
   * ask this one or `remainingMs`.
   */
  readonly signal: AbortSignal;
  /** Resolves when `signal` aborts: leadership is over. Never rejects. */
  readonly ended: Promise<void>;
  /**
   * Milliseconds for which leadership is proven: 0 if it is not, or no longer; `Infinity` if
   * skipped. Check it before a critical step.
   */
  readonly remainingMs: () => number;
  /**
   * Hands over: `signal` aborts with `ERR_STEPPED_DOWN`, and once the work has settled, the Lease is
   * released. Then `lead` rejects with `ERR_STEPPED_DOWN` or, with `recampaign`, campaigns again;
   * it takes no free Lease for 2.5 times `retryPeriodMs` (at least 2 s), or until another elector
   * leads. Does nothing once `signal` has aborted.
   *
   * Resolves at once, so that the work may await it: await `lead` for the end of the work.
   */
  readonly stepDown: () => Promise<void>;
}

/**
 * Runs work that only one of many replicas may do at a time. Waits for the Lease, runs `work` while
 * this process holds it, releases it when the work has returned or thrown, and settles as the work
 * did. Outside a cluster the work begins at once, with `skipped: true`.
 *
 * If the Lease is lost, the work's signal aborts. Once the work has settled, or after
 * `renewDeadlineMs`, this rejects with `ERR_LEADERSHIP_LOST`. If this elector steps down, this rejects
 * with `ERR_STEPPED_DOWN` once the Lease is released. With `recampaign` it campaigns again instead,
 * once the work has settled.
 *
 * Follows client-go's `leaderelection`; both can share a Lease.
 *
 * @param leaseName - name of the Lease, a DNS subdomain; the same in every replica
 * @param work - must last as long as this replica should lead, and end soon after its signal aborts
 * @throws `TypeError` for a bad argument or an empty environment variable, before any request
 * @throws `LeaderElectionError` with a `code`, see `docs/errors.md`; transient failures are retried
 * @throws the signal's reason, once `options.signal` has aborted and the work has settled. If the
 *   work does not end within `renewDeadlineMs`, `ERR_WORK_ABANDONED` instead, with the reason as
 *   its `cause`
 * @throws what `work` throws
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
  return leadOn(platformOf(options), leaseName, work, options);
}

/** `lead` on a given platform. */
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
    candidate: options.identity ?? '',
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
    case 'stepped-down':
      throw ending.abandoned ?? ending.error;
    case 'lost':
      throw ending.abandoned ? lostAnd(ending.error, ending.abandoned) : ending.error;
  }
}

/** The Lease was lost, but the work goes on. */
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
  const { term, namespace = givenNamespace, fencingToken, skipped, stepDown } = served;
  return {
    identity,
    leaseName,
    namespace,
    fencingToken,
    skipped,
    signal: term.signal,
    ended: aborted(term.signal),
    remainingMs: () => term.remainingMs(),
    stepDown: () => {
      stepDown();
      return Promise.resolve();
    },
  };
}
