import type { Clock } from '../platform/clock.ts';
import { Api } from '../kubernetes/api.ts';
import type { Transport } from '../kubernetes/transport.ts';
import { LeaseConnection } from '../lease/lease-connection.ts';
import type { ResourceLock } from '../lease/resource-lock.ts';
import type { ClusterLeaseLockOptions } from './cluster-options.ts';

/** What `LeaseLock` is, over any transport. */
export function leaseLock(
  transport: Transport,
  clock: Clock,
  { name, identity, namespace = 'default' }: ClusterLeaseLockOptions,
): ResourceLock {
  const lease = { name, namespace, labels: {}, annotations: {} };
  const api = new Api(transport, clock);
  const connection = new LeaseConnection({ clock }, api, '', identity, lease, true);
  return {
    identity,
    describe: () => connection.describe(),
    get: (signal) => connection.explained(connection.get(signal)),
    create: (record, signal) => connection.explained(connection.create(record, signal)),
    update: (version, record, signal) =>
      connection.explained(connection.update(version, record, signal)),
    watch: (listener, signal) => connection.watch(listener, signal),
    recordEvent: (what, version) => connection.recordEvent(what, version),
  };
}
