import { onTestFinished } from 'vitest';
import type { ApiRequest } from '../../lib/kubernetes/transport.ts';
import {
  createCluster,
  type Cluster,
  type ClusterOptions,
  SimulatedClock,
  type TransportOptions,
} from '../../lib/testing/index.ts';

/** An object as a spec reads it. */
export interface Plain {
  readonly kind: string;
  readonly message: string;
  readonly reason: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Record<string, string>;
    readonly continue?: string;
    readonly remainingItemCount?: number;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
    readonly finalizers?: string[];
    readonly annotations?: Record<string, string>;
  };
  readonly items: readonly Plain[];
  readonly [field: string]: unknown;
}

export interface Reply {
  readonly status: number;
  readonly body: Plain;
  readonly headers: Readonly<Record<string, string>>;
}

/** One line of a watch. */
export interface Line {
  readonly type: string;
  readonly object: Plain;
}

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
export const PODS = '/api/v1/namespaces/default/pods';
export const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

/** A cluster on a simulated clock, without a port. */
export async function simulated(options: ClusterOptions = {}) {
  const clock = new SimulatedClock();
  const cluster = await createCluster({ http: false, clock, ...options });
  onTestFinished(() => cluster.close());
  return { clock, cluster, send: sender(cluster), watch: watcher(cluster) };
}

type Send = (
  method: ApiRequest['method'],
  path: string,
  body?: unknown,
  more?: TransportOptions & { contentType?: string; accept?: string; signal?: AbortSignal },
) => Promise<Reply>;

function queryOf(path: string) {
  const { pathname, searchParams } = new URL(path, 'http://cluster');
  return { path: pathname, query: Object.fromEntries(searchParams) };
}

function sender(cluster: Cluster): Send {
  return async (method, path, body, { contentType, accept, signal, ...user } = {}) => {
    const request = {
      method,
      ...queryOf(path),
      ...(body !== undefined && { body }),
      ...(contentType !== undefined && { contentType }),
      ...(accept !== undefined && { accept }),
    };
    const quiet = signal ?? new AbortController().signal;
    const { status, headers, body: texts } = await cluster.transport(user).send(request, quiet);
    let text = '';
    for await (const piece of texts) text += piece;
    return { status, headers, body: JSON.parse(text) as Plain };
  };
}

/** A watch whose lines gather; `ended` is how it ended. */
export class Watching {
  readonly lines: Line[] = [];
  readonly #abort = new AbortController();
  readonly opened: Promise<number>;
  ended: 'open' | 'closed' | Error = 'open';

  constructor(cluster: Cluster, path: string, options: TransportOptions & { accept?: string }) {
    const { accept, ...user } = options;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.opened = promise;
    void this.#read(cluster, path, user, accept, resolve, reject);
  }

  /** The lines so far, as `ADDED name`. */
  get shown(): string[] {
    return this.lines.map(({ type, object }) => `${type} ${object.metadata.name}`);
  }

  stop(): void {
    this.#abort.abort(new Error('stopped'));
  }

  async #read(
    cluster: Cluster,
    path: string,
    user: TransportOptions,
    accept: string | undefined,
    opened: (status: number) => void,
    failed: (error: unknown) => void,
  ): Promise<void> {
    const { path: pathname, query } = queryOf(path);
    const request = {
      method: 'GET' as const,
      path: pathname,
      query: { watch: '1', ...query },
      ...(accept !== undefined && { accept }),
    };
    try {
      const response = await cluster.transport(user).send(request, this.#abort.signal);
      opened(response.status);
      for await (const piece of response.body) {
        for (const line of piece.trim().split('\n')) this.lines.push(JSON.parse(line) as Line);
      }
      this.ended = 'closed';
    } catch (error) {
      this.ended = error instanceof Error ? error : new Error(String(error));
      failed(error);
    }
  }
}

function watcher(cluster: Cluster) {
  return async (path: string, options: TransportOptions & { accept?: string } = {}) => {
    const watching = new Watching(cluster, path, options);
    await watching.opened;
    return watching;
  };
}
