import { setTimeout as sleep } from 'node:timers/promises';

import type { V1PolicyRule } from '@kubernetes/client-node';
import { expect } from 'vitest';

import type { Answer, Body, Metadata, OwnerReference, Watch, Wire } from './wire.ts';

/** What the contract needs of a cluster; in the process, or real. */
export interface ContractCluster extends AsyncDisposable {
  /** May do everything. */
  readonly admin: Wire;
  /** For how long something is awaited that the contract promises, but not when. */
  readonly patienceMs: number;
  /** The same for a bookmark. */
  readonly bookmarkPatienceMs: number;
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

export interface PodWishes {
  readonly labels?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  /** Without a node no kubelet has to agree when it is deleted. Default: none. */
  readonly nodeName?: string;
}

export const MERGE = 'application/merge-patch+json';
export const STRATEGIC = 'application/strategic-merge-patch+json';

let serial = 0;

/** A name that no other test uses. */
export function fresh(prefix: string): string {
  serial += 1;
  return `${prefix}-${serial}`;
}

/** A namespace, and what the tests do in it. */
export class Space {
  readonly cluster: ContractCluster;
  readonly name: string;

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

  get configMaps(): string {
    return `${this.path}/configmaps`;
  }

  get pods(): string {
    return `${this.path}/pods`;
  }

  get leases(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.name}/leases`;
  }

  /** Creates a ConfigMap and tells its metadata. */
  async configMap(name: string, metadata: Metadata = {}): Promise<Stored> {
    const body = { metadata: { ...metadata, name } };
    const answer = await this.admin.send('POST', this.configMaps, { body });
    expect(answer).toMatchObject({ status: 201 });
    return stored(answer);
  }

  /** Creates a Pod that nothing runs, and tells its metadata. */
  async pod(name: string, wishes: PodWishes = {}): Promise<Stored> {
    const { nodeName, ...metadata } = wishes;
    const body = {
      metadata: { ...metadata, name },
      spec: {
        // Nobody schedules it: a cluster may have a node.
        schedulerName: 'nobody',
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 30,
        containers: [{ name: 'main', image: 'example.com/image' }],
        ...(nodeName !== undefined && { nodeName }),
      },
    };
    // A new namespace has no default service account for a moment, and Pods are refused.
    const answer = await this.eventually(
      () => this.admin.send('POST', this.pods, { body }),
      ({ status }) => status !== 403,
    );
    expect(answer).toMatchObject({ status: 201 });
    return stored(answer);
  }

  patch(path: string, body: unknown, contentType = MERGE): Promise<Answer> {
    return this.admin.send('PATCH', path, { body, contentType });
  }

  delete(path: string, options?: object): Promise<Answer> {
    return this.admin.send('DELETE', path, options && { body: options });
  }

  /** Removes it for good; whatever held it. */
  async destroy(path: string): Promise<void> {
    await this.delete(path, { gracePeriodSeconds: 0 });
    await this.patch(path, { metadata: { finalizers: null } });
  }

  /** A watch of one object by its name, as the library does it. */
  async watchOne(path: string, name: string, query: Readonly<Record<string, string>> = {}) {
    const watch = await this.admin.watch(path, {
      fieldSelector: `metadata.name=${name}`,
      ...query,
    });
    expect(watch.status).toBe(200);
    return watch;
  }

  /** Resolves once there is no such object. */
  async gone(path: string): Promise<void> {
    await this.until(path, ({ status }) => status === 404);
  }

  /** Reads until the answer fits. */
  until(path: string, fits: (answer: Answer) => boolean): Promise<Answer> {
    return this.eventually(() => this.admin.send('GET', path), fits);
  }

  /** Asks until the answer fits; the last answer, for better or worse, once patience has gone. */
  async eventually(ask: () => Promise<Answer>, fits: (answer: Answer) => boolean): Promise<Answer> {
    const deadline = performance.now() + this.cluster.patienceMs;
    for (;;) {
      const answer = await ask();
      if (fits(answer)) return answer;
      if (performance.now() > deadline) throw new Error(`still ${answer.status}: ${answer.text}`);
      await sleep(100);
    }
  }

  /** The watch's first events, as types, names and versions in order. */
  async eventsOf(watch: Watch, count: number): Promise<string[]> {
    const events = await watch.first(count, this.cluster.patienceMs);
    return events.map(({ type, object }) => `${type} ${object.metadata?.name ?? ''}`);
  }

  async end(): Promise<void> {
    await this.delete(this.path);
  }
}

/** The metadata of an object that was stored, with what is never missing there. */
export type Stored = Metadata & {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
};

export function stored({ body, text }: { body: Body; text?: string }): Stored {
  const { name, uid, resourceVersion } = body.metadata ?? {};
  if (!name || !uid || !resourceVersion) throw new Error(`no object: ${text ?? 'an event'}`);
  return { ...body.metadata, name, uid, resourceVersion };
}

export function ownedBy(...pods: readonly { name: string; uid: string }[]): {
  ownerReferences: OwnerReference[];
} {
  const reference = ({ name, uid }: { name: string; uid: string }) => {
    return { apiVersion: 'v1', kind: 'Pod', name, uid };
  };
  return { ownerReferences: pods.map(reference) };
}

/** The whole body of a refusal. */
export function failure(code: number, reason: string, message: string, details?: object): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details && { details }),
    code,
  };
}
