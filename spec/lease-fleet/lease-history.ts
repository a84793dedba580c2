import { type AuditedRequest, AuditLog } from '../bench/audit-log.ts';
import type { Version } from '../lab/lock-history.ts';
import type { Where } from '../lab/process.ts';

/** One version of the Lease. */
export interface Holding {
  /** Empty for nobody. */
  readonly holder: string;
  readonly durationMs: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly transitions: number;
  readonly resourceVersion: string;
  /** When the API server was asked to write it, on its clock; if that can be told. */
  readonly writtenMs?: number;
}

interface LeaseSpec {
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

/** The versions of a Lease, and when each was asked for, once nobody writes any more. */
export function holdingsOf(
  versions: readonly Version[],
  { namespace, lock }: Where,
  auditLog: string | undefined,
): Holding[] {
  const requests = auditLog === undefined ? [] : new AuditLog(auditLog, namespace).read();
  const writes = requests.filter(({ resource, name, verb }) => {
    return resource === 'leases' && name === lock && ['create', 'update'].includes(verb);
  });
  return versions.map(({ holder, resourceVersion, object }, index) => {
    const spec = object?.spec as LeaseSpec;
    const writtenMs = writtenMsOf(versions[index - 1], writes);
    return {
      holder,
      durationMs: spec.leaseDurationSeconds * 1_000,
      acquireTime: spec.acquireTime,
      renewTime: spec.renewTime,
      transitions: spec.leaseTransitions,
      resourceVersion,
      ...(writtenMs !== undefined && { writtenMs }),
    };
  });
}

/**
 * When the version after this one was asked for. A write names the version that it replaces, so only
 * one succeeds. It may not be told that: client-go does not wait for answers when it is to end.
 */
function writtenMsOf(
  before: Version | undefined,
  writes: readonly AuditedRequest[],
): number | undefined {
  const ofIt = writes.filter(({ verb, resourceVersion }) =>
    before ? resourceVersion === before.resourceVersion : verb === 'create',
  );
  const succeeded = ofIt.filter(({ status }) => status < 300);
  const isCutShort = ({ status }: AuditedRequest) => status >= 499;
  const [written, ...others] = succeeded.length > 0 ? succeeded : ofIt.filter(isCutShort);
  return others.length > 0 ? undefined : written?.receivedTime;
}
