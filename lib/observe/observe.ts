import { abortable } from '../platform/abort.ts';
import {
  type Check,
  checkCallback,
  checkLockName,
  checkProperties,
  checkSignal,
} from '../checks.ts';
import type { EventListener } from '../events/event.ts';
import { EventStream } from '../events/stream.ts';
import { badArgument } from '../errors.ts';
import {
  type Holder,
  type LeaseHolder,
  type LockHolder,
  type LockKind,
  leases,
  lifeLocks,
} from './holder.ts';
import { locate } from '../kubernetes/identity.ts';
import { Api } from '../kubernetes/api.ts';
import { createLog } from '../platform/log.ts';
import { type PlaceOptions, placeChecks } from '../options.ts';
import { LeaderObserver } from './observer.ts';
import { type Producer, streamOf } from './stream.ts';
import { type Platform, systemPlatform } from '../platform/platform.ts';

/** What to observe, and until when. */
export interface ObserveOptions extends PlaceOptions {
  /** Ends the loops: they end as if there was nothing more to tell. */
  readonly signal?: AbortSignal | undefined;
  /** Called with everything that an observation has to tell, for logs: see `docs/events.md`. */
  readonly onEvent?: EventListener | undefined;
}

const log = createLog('observe');

/**
 * Observes who holds a Lease, without being a candidate: yields the holder on record at once, and on
 * each change; null while there is nobody, or no such Lease. A renewal is no change. A crashed holder
 * is on record until another takes over.
 *
 * Each loop observes for itself: it begins to when it asks for the first holder, and closes all
 * connections when it is left. Holders that a slow loop has not come to are kept in their order, the
 * latest hundred of them. Needs the rights to get and, to be told at once, to watch this one object.
 *
 * @param leaseName - the Lease's name, a DNS subdomain
 * @throws `TypeError` for a bad argument, from the call itself; and from the loop, outside a cluster
 * without a `kubeConfig`
 * @throws `LeaderElectionError` with a `code`, from the loop; what is transient is retried
 *
 * @example
 * for await (const holder of observeLease('my-lease', { signal })) {
 *   showLeader(holder?.identity ?? 'nobody');
 * }
 */
export function observeLease(
  leaseName: string,
  options: ObserveOptions = {},
): AsyncIterable<LeaseHolder | null, undefined> {
  return observeLeaseIn(systemPlatform, leaseName, options);
}

/** Observes who holds a lock of `become`, as `observeLease` does for a Lease. */
export function observeLock(
  lockName: string,
  options: ObserveOptions = {},
): AsyncIterable<LockHolder | null, undefined> {
  return observeLockIn(systemPlatform, lockName, options);
}

/** `observeLease`, in platform of one's own. */
export function observeLeaseIn(
  platform: Platform,
  leaseName: string,
  options: ObserveOptions,
): AsyncIterable<LeaseHolder | null, undefined> {
  checkLockName('leaseName', leaseName);
  return observed(platform, leases, leaseName, options);
}

/** `observeLock`, in platform of one's own. */
export function observeLockIn(
  platform: Platform,
  lockName: string,
  options: ObserveOptions,
): AsyncIterable<LockHolder | null, undefined> {
  checkLockName('lockName', lockName);
  return observed(platform, lifeLocks, lockName, options);
}

function observed<H extends Holder>(
  platform: Platform,
  kind: LockKind<H>,
  name: string,
  options: ObserveOptions,
): AsyncIterable<H | null, undefined> {
  checkProperties('options', options, checks);
  const produce: Producer<H | null> = async (tell, signal) => {
    const { namespace, credentials } = await abortable(
      locate(platform.environment, options),
      signal,
    );
    if (!credentials) {
      throw badArgument(
        'There is no cluster to observe: this process does not run in a Pod. Set options.kubeConfig.',
      );
    }
    const api = new Api(await platform.connect(credentials), platform.clock);
    const { clock, warn } = platform;
    const subject = { mode: kind.mode, name, namespace, identity: '' };
    const events = new EventStream({ clock, subject, onEvent: options.onEvent, log, warn });
    const parts = { api, clock, kind, namespace, name, events, onHolder: tell };
    try {
      await new LeaderObserver(parts).run(signal);
    } finally {
      api.close();
    }
  };
  return streamOf(produce, options.signal);
}

const checks: Readonly<Record<keyof ObserveOptions, Check>> = {
  ...placeChecks,
  signal: checkSignal,
  onEvent: checkCallback,
};
