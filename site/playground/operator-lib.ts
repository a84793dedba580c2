import type { ApiRequest, Clock, Transport } from '../../lib/testing/index.ts';
import { sleep } from '../../lib/platform/clock.ts';

export interface OperatorLibOptions {
  readonly lockName: string;
  readonly namespace: string;
  readonly podName: string;
  readonly signal: AbortSignal;
}

interface Answer {
  readonly status: number;
  readonly object: KubeObject;
}

interface KubeObject {
  readonly metadata?: {
    readonly uid?: string;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const MAX_BACKOFF_MS = 16_000;
const JITTER = 0.2;

/** What operator-lib's `leader.Become` does (v0.19). Its weaknesses are kept. */
export async function becomeByOperatorLib(
  clock: Clock,
  transport: Transport,
  options: OperatorLibOptions,
): Promise<void> {
  const api = new Api(transport, options);
  const { object: pod } = await api.get('pods', options.podName);
  const existing = await api.get('configmaps', options.lockName);
  const owners = existing.object.metadata?.ownerReferences ?? [];
  // The name decides, not the UID: a new Pod of this name goes on leading.
  if (existing.status === 200 && owners.some(({ name }) => name === options.podName)) return;
  for (let backoffMs = 1_000; ; backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)) {
    const { status } = await api.createLock(pod.metadata?.uid ?? '');
    if (status === 201) return;
    if (status !== 409) throw new Error(`HTTP ${status}`);
    if (!(await consider(api, options.lockName))) continue;
    await sleep(clock, backoffMs * (1 + JITTER * clock.random()), options.signal);
  }
}

/** Looks who leads, and removes a leader that seems to be lost. False: try again at once. */
async function consider(api: Api, lockName: string): Promise<boolean> {
  const lock = await api.get('configmaps', lockName);
  if (lock.status === 404) return false;
  const [owner, ...others] = lock.object.metadata?.ownerReferences ?? [];
  if (owner?.kind !== 'Pod' || others.length > 0) return true;
  const leader = await api.get('pods', owner.name);
  if (leader.status === 404) return true;
  const { metadata, spec, status } = leader.object;
  const isEvicted =
    status?.phase === 'Failed' && ['Evicted', 'Preempting'].includes(status.reason ?? '');
  if (isEvicted && metadata?.deletionTimestamp === undefined) {
    await api.delete('pods', owner.name);
    return true;
  }
  const node = await api.get('nodes', spec?.nodeName ?? '');
  const ready = node.object.status?.conditions?.find(({ type }) => type === 'Ready');
  if (node.status === 200 && ready?.status !== 'True') {
    // The node may still run the leader, which knows nothing of this.
    await api.delete('pods', owner.name);
    await api.delete('configmaps', lockName);
  }
  return true;
}

class Api {
  readonly #transport: Transport;
  readonly #options: OperatorLibOptions;

  constructor(transport: Transport, options: OperatorLibOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  get(resource: string, name: string): Promise<Answer> {
    return this.#send({ method: 'GET', path: this.#path(resource, name) });
  }

  delete(resource: string, name: string): Promise<Answer> {
    return this.#send({ method: 'DELETE', path: this.#path(resource, name) });
  }

  createLock(uid: string): Promise<Answer> {
    const { lockName, podName } = this.#options;
    const owner = { apiVersion: 'v1', kind: 'Pod', name: podName, uid };
    const body = { metadata: { name: lockName, ownerReferences: [owner] } };
    return this.#send({ method: 'POST', path: this.#path('configmaps'), body });
  }

  #path(resource: string, name?: string): string {
    const where = resource === 'nodes' ? '' : `namespaces/${this.#options.namespace}/`;
    return `/api/v1/${where}${resource}${name === undefined ? '' : `/${name}`}`;
  }

  async #send(request: ApiRequest): Promise<Answer> {
    const { status, body } = await this.#transport.send(request, this.#options.signal);
    let text = '';
    for await (const piece of body) text += piece;
    return { status, object: JSON.parse(text) as KubeObject };
  }
}
