import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node';

import type { Cluster } from '../../cluster/state.ts';
import { AuditLog, type AuditedRequest } from '../audit-log.ts';

const SERVICE_ACCOUNT = 'elector';

let serial = 0;

/** What one process reaches the API server with. */
export interface Credential {
  /** The path of a file. */
  readonly kubeconfig: string;
  /** By which the audit log tells it from others. */
  readonly tokenId: string;
}

/** A namespace of its own, whose service account has the documented rights to every Lease in it. */
export class LeaseArena {
  readonly namespace: string;
  readonly #cluster: Cluster;
  readonly #core: CoreV1Api;
  readonly #log: AuditLog;
  #credentials = 0;

  private constructor(cluster: Cluster, namespace: string, core: CoreV1Api) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.#core = core;
    this.#log = new AuditLog(cluster.auditLog, namespace);
  }

  static async open(cluster: Cluster): Promise<LeaseArena> {
    serial += 1;
    // None of these is the beginning of another.
    const namespace = `lease-${String(serial).padStart(4, '0')}-arena`;
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    const core = config.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name: namespace } } });
    const account = { metadata: { name: SERVICE_ACCOUNT } };
    await core.createNamespacedServiceAccount({ namespace, body: account });
    await allowLeases(config.makeApiClient(RbacAuthorizationV1Api), namespace);
    await mkdir(folderOf(cluster, namespace), { recursive: true });
    return new LeaseArena(cluster, namespace, core);
  }

  /** One for each process, all of the same service account. */
  async credential(): Promise<Credential> {
    const { namespace } = this;
    const { status } = await this.#core.createNamespacedServiceAccountToken({
      namespace,
      name: SERVICE_ACCOUNT,
      body: { spec: { audiences: [] } },
    });
    const token = status?.token ?? '';
    this.#credentials += 1;
    const path = join(folderOf(this.#cluster, namespace), `kubeconfig-${this.#credentials}`);
    const config = new KubeConfig();
    const { server, authority } = this.#cluster;
    const caData = (await readFile(authority)).toString('base64');
    const cluster = { name: 'cluster', server, skipTLSVerify: false, caData };
    config.loadFromClusterAndUser(cluster, { name: SERVICE_ACCOUNT, token });
    await writeFile(path, config.exportConfig());
    return { kubeconfig: path, tokenId: tokenIdOf(token) };
  }

  /** What its electors asked of the API server up to now. */
  requests(): readonly AuditedRequest[] {
    return this.#log.read().filter(({ resource }) => resource === 'leases');
  }
}

/** The `jti` of a JSON Web Token. */
export function tokenIdOf(token: string): string {
  const [, payload = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti?: unknown };
  if (typeof claims.jti !== 'string') throw new TypeError('the token has no jti');
  return claims.jti;
}

function folderOf(cluster: Cluster, namespace: string): string {
  return join(cluster.folder, 'arenas', namespace);
}

async function allowLeases(rbac: RbacAuthorizationV1Api, namespace: string): Promise<void> {
  const verbs = ['get', 'watch', 'create', 'update'];
  const metadata = { name: SERVICE_ACCOUNT };
  const rules = [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs }];
  await rbac.createNamespacedRole({ namespace, body: { metadata, rules } });
  const group = 'rbac.authorization.k8s.io';
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: {
      metadata,
      roleRef: { apiGroup: group, kind: 'Role', name: SERVICE_ACCOUNT },
      subjects: [{ kind: 'ServiceAccount', name: SERVICE_ACCOUNT, namespace }],
    },
  });
}
