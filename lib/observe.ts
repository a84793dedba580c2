import { abortable } from './abort.ts';
import { type Check, checkKubeConfigType, checkProperties, checkSignal } from './checks.ts';
import { badArgument } from './errors.ts';
import {
  type Holder,
  type LeaseHolder,
  type LockHolder,
  type LockKind,
  leases,
  lifeLocks,
} from './holder.ts';
import { locate } from './identity.ts';
import { Api } from './kubernetes/api.ts';
import type { KubeConfigLike } from './kubernetes/kube-config.ts';
import { Onlooker } from './onlooker.ts';
import { checkLockName, checkNamespace } from './options.ts';
import { type Producer, streamOf } from './stream.ts';
import { type Surroundings, systemSurroundings } from './surroundings.ts';

/** Where to look on, and until when. */
export interface ObserveOptions {
  /**
   * Where the lock is.
   * @default `POD_NAMESPACE`, else that of the service account, else that of the kubeConfig's context
   */
  readonly namespace?: string | undefined;
  /**
   * How to reach the API server. Needed outside a cluster.
   * @default the Pod's service account
   */
  readonly kubeConfig?: KubeConfigLike | undefined;
  /** Ends the loops: they end as if there was nothing more to tell. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks on who holds a Lease, without being a candidate: yields the holder on record at once, and on
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
  return observeLeaseIn(systemSurroundings, leaseName, options);
}

/** Looks on who holds a lock of `become`, as `observeLease` does for a Lease. */
export function observeLock(
  lockName: string,
  options: ObserveOptions = {},
): AsyncIterable<LockHolder | null, undefined> {
  return observeLockIn(systemSurroundings, lockName, options);
}

/** `observeLease`, in surroundings of one's own. */
export function observeLeaseIn(
  surroundings: Surroundings,
  leaseName: string,
  options: ObserveOptions,
): AsyncIterable<LeaseHolder | null, undefined> {
  checkLockName('leaseName', leaseName);
  return observed(surroundings, leases, leaseName, options);
}

/** `observeLock`, in surroundings of one's own. */
export function observeLockIn(
  surroundings: Surroundings,
  lockName: string,
  options: ObserveOptions,
): AsyncIterable<LockHolder | null, undefined> {
  checkLockName('lockName', lockName);
  return observed(surroundings, lifeLocks, lockName, options);
}

function observed<H extends Holder>(
  surroundings: Surroundings,
  kind: LockKind<H>,
  name: string,
  options: ObserveOptions,
): AsyncIterable<H | null, undefined> {
  checkProperties('options', options, checks);
  const produce: Producer<H | null> = async (tell, signal) => {
    const { namespace, credentials } = await abortable(
      locate(surroundings.environment, options),
      signal,
    );
    if (!credentials) {
      throw badArgument(
        'Nothing says which cluster to look at: this process runs in no Pod. Set options.kubeConfig.',
      );
    }
    const api = new Api(await surroundings.connect(credentials), surroundings.clock);
    const onlooker = new Onlooker(surroundings, kind, namespace, name);
    try {
      await onlooker.observe(api, tell, signal);
    } finally {
      api.close();
    }
  };
  return streamOf(produce, options.signal);
}

const checks: Readonly<Record<keyof ObserveOptions, Check>> = {
  namespace: checkNamespace,
  kubeConfig: checkKubeConfigType,
  signal: checkSignal,
};
