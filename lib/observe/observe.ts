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
  type LockReader,
  leases,
  lifeLocks,
} from './holder.ts';
import { locate } from '../kubernetes/identity.ts';
import { Api } from '../kubernetes/api.ts';
import { createLog } from '../platform/log.ts';
import { type PlaceOptions, placeChecks } from '../options.ts';
import { LeaderObserver } from './observer.ts';
import { type Producer, streamOf } from './stream.ts';
import { type Platform, platformOf } from '../platform/platform.ts';

/** Options of `observeLease` and `observeLock`. */
export interface ObserveOptions extends PlaceOptions {
  /** Ends the loops, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Called with every event of the observer, for logs: see `docs/events.md`. */
  readonly onEvent?: EventListener | undefined;
}

const log = createLog('observe');

/**
 * Observes who holds a Lease, without competing. Yields the holder on record at once, and on each
 * change; null if nobody holds the Lease, or it does not exist. A renewal is not a change. A
 * crashed holder stays on record until another one takes over.
 *
 * Each loop observes by itself: it starts with its first iteration, and closes its connections when
 * it ends. For a slow loop, the latest hundred holders are kept in order. Needs the right to `get`
 * this one object and, to notice changes at once, to `watch` it.
 *
 * @param leaseName - name of the Lease, a DNS subdomain
 * @throws `TypeError` for a bad argument, from the call; outside a cluster without a `kubeConfig`,
 *   from the loop
 * @throws `LeaderElectionError` with a `code`, from the loop; transient failures are retried
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
  return observeLeaseIn(platformOf(options), leaseName, options);
}

/** Observes who holds a lock of `become`, as `observeLease` does for a Lease. */
export function observeLock(
  lockName: string,
  options: ObserveOptions = {},
): AsyncIterable<LockHolder | null, undefined> {
  return observeLockIn(platformOf(options), lockName, options);
}

/** `observeLease` on a given platform. */
export function observeLeaseIn(
  platform: Platform,
  leaseName: string,
  options: ObserveOptions,
): AsyncIterable<LeaseHolder | null, undefined> {
  checkLockName('leaseName', leaseName);
  return observed(platform, leases, leaseName, options);
}

/** `observeLock` on a given platform. */
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
  reader: LockReader<H>,
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
    const subject = { mode: reader.mode, name, namespace, identity: '' };
    const events = new EventStream({ clock, subject, onEvent: options.onEvent, log, warn });
    const parts = { api, clock, reader, namespace, name, events, onHolder: tell };
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
