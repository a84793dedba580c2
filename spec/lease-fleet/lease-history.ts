import type { KubeConfig } from '@kubernetes/client-node';
import { type AuditedRequest, AuditLog } from '../bench/audit-log.ts';
import { type Body, type Watch, Wire } from '../contract/wire.ts';
import type { Where } from './candidate-process.ts';

const PATIENCE_MS = 60_000;

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
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

/** All versions of a Lease, as a watch tells of them. */
export class LeaseHistory implements Disposable {
  readonly #wire: Wire;
  readonly #watch: Watch;
  readonly #where: Where;

  private constructor(wire: Wire, watch: Watch, where: Where) {
    this.#wire = wire;
    this.#watch = watch;
    this.#where = where;
  }

  /** Before there is a Lease. */
  static async begin(kubeConfig: KubeConfig, where: Where): Promise<LeaseHistory> {
    const wire = await Wire.of(kubeConfig);
    const { body } = await wire.send('GET', leases(where));
    const { resourceVersion = '' } = body.metadata ?? {};
    const fieldSelector = `metadata.name=${where.lease}`;
    const watch = await wire.watch(leases(where), { resourceVersion, fieldSelector });
    return new LeaseHistory(wire, watch, where);
  }

  /** Once nobody writes any more. */
  async read(auditLog: string | undefined): Promise<Holding[]> {
    const { body } = await this.#wire.send('GET', `${leases(this.#where)}/${this.#where.lease}`);
    const last = body.metadata?.resourceVersion;
    await this.#watch.event(({ object }) => object.metadata?.resourceVersion === last, PATIENCE_MS);
    const versions = this.#watch.events.map(({ object }) => toHolding(object));
    if (auditLog === undefined) return versions;
    const writes = this.#writes(auditLog);
    return versions.map((version, index) => {
      const writtenMs = writtenMsOf(versions[index - 1], writes);
      return { ...version, ...(writtenMs !== undefined && { writtenMs }) };
    });
  }

  [Symbol.dispose](): void {
    this.#watch.close();
  }

  #writes(auditLog: string): AuditedRequest[] {
    const { namespace, lease } = this.#where;
    return new AuditLog(auditLog, namespace)
      .read()
      .filter(({ resource, name }) => resource === 'leases' && name === lease)
      .filter(({ verb }) => ['create', 'update'].includes(verb));
  }
}

/**
 * When the version after this one was asked for. A write names the version that it replaces, so only
 * one succeeds. It may not be told that: client-go does not wait for answers when it is to end.
 */
function writtenMsOf(
  before: Holding | undefined,
  writes: readonly AuditedRequest[],
): number | undefined {
  const ofIt = writes.filter(({ verb, resourceVersion }) =>
    before ? resourceVersion === before.resourceVersion : verb === 'create',
  );
  const succeeded = ofIt.filter(({ status }) => status < 300);
  const [written, ...others] = succeeded.length > 0 ? succeeded : ofIt.filter(isCutShort);
  return others.length > 0 ? undefined : written?.receivedTime;
}

function isCutShort({ status }: AuditedRequest): boolean {
  return status >= 499;
}

function toHolding({ metadata, spec }: Body): Holding {
  const { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions } =
    spec as LeaseSpec;
  return {
    holder: holderIdentity,
    durationMs: leaseDurationSeconds * 1_000,
    acquireTime,
    renewTime,
    transitions: leaseTransitions,
    resourceVersion: metadata?.resourceVersion ?? '',
  };
}

function leases({ namespace }: Where): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
}
