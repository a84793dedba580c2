import { setTimeout as sleep } from 'node:timers/promises';

import type { V1PolicyRule } from '@kubernetes/client-node';
import { expect, test } from 'vitest';

import type { Answer, Body, Metadata, OwnerReference, Sending, Watch, Wire } from './wire.ts';

/** What the contract needs of a cluster; in the process, or real. */
export interface ContractCluster extends AsyncDisposable {
  /** May do everything. */
  readonly admin: Wire;
  /** For how long something is awaited that the contract promises, but not when. */
  readonly patienceMs: number;
  /** A user with exactly these rights in this namespace. */
  user(namespace: string, rules: readonly V1PolicyRule[]): Promise<User>;
  /** Limits how many objects the namespace may hold; the quota is called `quota`. */
  limit(namespace: string, hard: Readonly<Record<string, number>>): Promise<void>;
  /** A token whose time is up; a text says why there is none. */
  expiredToken(namespace: string): Promise<{ readonly token: string } | string>;
  /** Why no namespace ever ends here; undefined where they do. */
  readonly endless?: string;
  /** Why nothing may be made outside of namespaces; undefined where it may. */
  readonly confined?: string;
  /** A collection, and a version that it cannot be watched from any more; unless `confined`. */
  tooOld(): Promise<{ readonly path: string; readonly resourceVersion: string }>;
}

export interface User {
  readonly name: string;
  readonly wire: Wire;
  /** Makes the token worthless; resolves with the way of the same user that has a new one. */
  renew(): Promise<Wire>;
}

/** A test with a cluster, a namespace that all share, and one that it has for itself. */
export function contractTest(open: () => Promise<ContractCluster>) {
  return test
    .extend('cluster', { scope: 'file' }, async ({}, { onCleanup }) => {
      const cluster = await open();
      onCleanup(() => cluster[Symbol.asyncDispose]());
      return cluster;
    })
    .extend('space', { scope: 'file' }, async ({ cluster }, { onCleanup }) => {
      const space = await Space.create(cluster);
      onCleanup(() => space.end());
      return space;
    })
    .extend('own', async ({ cluster }, { onCleanup }) => {
      const own = await Space.create(cluster);
      onCleanup(() => own.end());
      return own;
    });
}

export type ContractTest = ReturnType<typeof contractTest>;

const MERGE = 'application/merge-patch+json';
export const STRATEGIC = 'application/strategic-merge-patch+json';
/** A UID that nothing has. */
export const NO_UID = '00000000-0000-4000-8000-000000000000';

let serial = 0;

/** A name that no other test uses. */
export function fresh(prefix: string): string {
  serial += 1;
  return `${prefix}-${serial}`;
}

/** A namespace. Paths begin in it, with the plural of a kind, unless they begin with a slash. */
export class Space {
  readonly cluster: ContractCluster;
  readonly name: string;
  readonly #watches: Watch[] = [];

  private constructor(cluster: ContractCluster, name: string) {
    this.cluster = cluster;
    this.name = name;
  }

  static async create(cluster: ContractCluster): Promise<Space> {
    const name = `${fresh('contract')}-${Math.random().toString(36).slice(2, 10)}`;
    const body = { metadata: { name } };
    const answer = await cluster.admin.send('POST', '/api/v1/namespaces', { body });
    expect(answer.status).toBe(201);
    return new Space(cluster, name);
  }

  get admin(): Wire {
    return this.cluster.admin;
  }

  get patience(): number {
    return this.cluster.patienceMs;
  }

  get path(): string {
    return `/api/v1/namespaces/${this.name}`;
  }

  at(path: string): string {
    if (path.startsWith('/')) return path;
    if (!path.startsWith('leases')) return `${this.path}/${path}`;
    return `/apis/coordination.k8s.io/v1/namespaces/${this.name}/${path}`;
  }

  /** As an administrator, or as whom that way is. */
  send(method: string, path: string, sending?: Sending, wire = this.admin): Promise<Answer> {
    return wire.send(method, this.at(path), sending);
  }

  get(path: string, sending?: Sending): Promise<Answer> {
    return this.send('GET', path, sending);
  }

  post(path: string, metadata: Metadata, content?: object): Promise<Answer> {
    return this.send('POST', path, { body: { metadata, ...content } });
  }

  put(path: string, metadata: Metadata, content?: object): Promise<Answer> {
    return this.send('PUT', path, { body: { metadata, ...content } });
  }

  patch(path: string, body: unknown, contentType = MERGE): Promise<Answer> {
    return this.send('PATCH', path, { body, contentType });
  }

  delete(path: string, options?: object): Promise<Answer> {
    return this.send('DELETE', path, options && { body: options });
  }

  /** Creates a ConfigMap, and tells its metadata and path. */
  async configMap(metadata: Metadata = {}): Promise<Stored> {
    const answer = await this.post('configmaps', { name: fresh('lock'), ...metadata });
    expect(answer).toMatchObject({ status: 201 });
    return stored(answer);
  }

  /**
   * Creates a Pod that nothing runs, and tells its metadata and path. Without a node no kubelet has
   * to agree when it is deleted.
   */
  async pod(metadata: Metadata = {}, nodeName?: string): Promise<Stored> {
    const spec = {
      // Nobody schedules it: a cluster may have a node.
      schedulerName: 'nobody',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 30,
      containers: [{ name: 'main', image: 'example.com/image' }],
      ...(nodeName !== undefined && { nodeName }),
    };
    const all = { name: fresh('pod'), ...metadata };
    // A new namespace has no default service account for a moment, and Pods are refused.
    const answer = await this.eventually(
      () => this.post('pods', all, { spec }),
      ({ status }) => status !== 403,
    );
    expect(answer).toMatchObject({ status: 201 });
    return stored(answer);
  }

  /** Removes it for good; whatever held it. */
  async destroy(path: string): Promise<void> {
    await this.delete(path, { gracePeriodSeconds: 0 });
    await this.patch(path, { metadata: { finalizers: null } });
  }

  /** A watch, closed with the namespace. */
  async watch(path: string, query: Readonly<Record<string, string>> = {}): Promise<Watch> {
    const watch = await this.admin.watch(this.at(path), query);
    this.#watches.push(watch);
    expect(watch.status).toBe(200);
    return watch;
  }

  /** A watch of one object by its name, as the library does it. */
  watchOne(path: string, query: Readonly<Record<string, string>> = {}): Promise<Watch> {
    const slash = path.lastIndexOf('/');
    const fieldSelector = `metadata.name=${path.slice(slash + 1)}`;
    return this.watch(path.slice(0, slash), { fieldSelector, ...query });
  }

  /** Resolves once there is no such object. */
  async gone(path: string): Promise<void> {
    await this.until(path, ({ status }) => status === 404);
  }

  /** Reads until the answer fits. */
  until(path: string, fits: (answer: Answer) => boolean): Promise<Answer> {
    return this.eventually(() => this.get(path), fits);
  }

  /** Asks until the answer fits; rejects once patience has gone. */
  async eventually(ask: () => Promise<Answer>, fits: (answer: Answer) => boolean): Promise<Answer> {
    const deadline = performance.now() + this.patience;
    for (;;) {
      const answer = await ask();
      if (fits(answer)) return answer;
      if (performance.now() > deadline) throw new Error(`still ${answer.status}: ${answer.text}`);
      await sleep(100);
    }
  }

  /** The types of the first events of a watch. */
  async typesOf(watch: Watch, count: number): Promise<string[]> {
    return (await watch.first(count, this.patience)).map(({ type }) => type);
  }

  async end(): Promise<void> {
    for (const watch of this.#watches) watch.close();
    await this.delete(this.path);
  }
}

/** The metadata of an object that was stored, with what is never missing there, and its path. */
export type Stored = Metadata & {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly path: string;
};

export function stored({ body, text }: { body: Body; text?: string }): Stored {
  const { name, uid, resourceVersion } = body.metadata ?? {};
  if (!name || !uid || !resourceVersion) throw new Error(`no object: ${text ?? 'an event'}`);
  const path = `${(body.kind ?? '').toLowerCase()}s/${name}`;
  return { ...body.metadata, name, uid, resourceVersion, path };
}

export function ownedBy(...pods: readonly { name: string; uid: string }[]): {
  ownerReferences: OwnerReference[];
} {
  const ofPod = { apiVersion: 'v1', kind: 'Pod' };
  return { ownerReferences: pods.map(({ name, uid }) => ({ ...ofPod, name, uid })) };
}

/** A refusal in full. */
export function refused(code: number, reason: string, message: string, details?: object): object {
  const type = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  const body = { ...type, message, reason, ...(details && { details }), code };
  return { headers: expect.anything(), text: expect.anything(), status: code, body };
}

/** A refusal that is told apart by its reason only. */
export function refusedAs(status: number, reason: string): object {
  return { status, body: { kind: 'Status', reason } };
}
