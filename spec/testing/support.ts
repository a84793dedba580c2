import { test } from 'vitest';
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
    readonly continue?: string;
    readonly [field: string]: unknown;
  };
  readonly items: readonly Plain[];
  readonly [field: string]: unknown;
}

/** One line of a watch. */
export interface Line {
  readonly type: string;
  readonly object: Plain;
}

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
export const PODS = '/api/v1/namespaces/default/pods';
export const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

export const merge = { contentType: 'application/merge-patch+json' };
export const named = (name: string, more: object = {}) => ({ metadata: { name }, ...more });
export const never = new AbortController().signal;

export async function read(body: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const piece of body) text += String(piece);
  return text;
}

/** A test with a cluster on a simulated clock, without a port. */
export const it = test
  .extend('clock', () => new SimulatedClock())
  .extend('options', (): ClusterOptions => ({}))
  .extend('cluster', async ({ clock, options }, { onCleanup }) => {
    const cluster = await createCluster({ http: false, clock, ...options });
    onCleanup(() => cluster.close());
    return cluster;
  })
  .extend('send', ({ cluster }) => {
    return async (
      method: ApiRequest['method'],
      path: string,
      body?: unknown,
      { contentType, accept, signal = never, ...user }: Sending = {},
    ) => {
      const headers = { ...(contentType && { contentType }), ...(accept && { accept }) };
      const request = { method, ...queryOf(path), ...(body !== undefined && { body }), ...headers };
      const answer = await cluster.transport(user).send(request, signal);
      return { ...answer, body: JSON.parse(await read(answer.body)) as Plain };
    };
  })
  .extend('watch', ({ cluster }) => async (path: string, options: Sending = {}) => {
    const watching = new Watching(cluster, path, options);
    await watching.opened;
    return watching;
  });

type Sending = TransportOptions & {
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
};

function queryOf(path: string) {
  const { pathname, searchParams } = new URL(path, 'http://cluster');
  return { path: pathname, query: Object.fromEntries(searchParams) };
}

/** A watch whose lines gather; `ended` is how it ended. */
class Watching {
  readonly lines: Line[] = [];
  readonly #abort = new AbortController();
  /** The status of the head. */
  readonly opened: Promise<number>;
  ended: 'open' | 'closed' | Error = 'open';

  constructor(cluster: Cluster, path: string, { accept, ...user }: Sending) {
    const { path: pathname, query } = queryOf(path);
    const request = {
      method: 'GET',
      path: pathname,
      query: { watch: '1', ...query },
      ...(accept !== undefined && { accept }),
    } as const;
    const sent = cluster.transport(user).send(request, this.#abort.signal);
    this.opened = sent.then(({ status }) => status);
    void this.#read(sent);
  }

  /** The lines so far, as `ADDED name`. */
  get shown(): string[] {
    return this.lines.map(({ type, object }) => `${type} ${object.metadata.name}`);
  }

  get types(): string[] {
    return this.lines.map(({ type }) => type);
  }

  stop(): void {
    this.#abort.abort(new Error('stopped'));
  }

  async #read(sent: Promise<{ readonly body: AsyncIterable<string> }>): Promise<void> {
    try {
      for await (const piece of (await sent).body) {
        for (const line of piece.trim().split('\n')) this.lines.push(JSON.parse(line) as Line);
      }
      this.ended = 'closed';
    } catch (error) {
      this.ended = error instanceof Error ? error : new Error(String(error));
    }
  }
}
