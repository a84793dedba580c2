import http from 'node:http';
import { createInterface } from 'node:readline';

import type { Candidate, Contender } from './contender.ts';
import { Signpost } from './signpost.ts';
import type { Arena, PodIdentity } from './target.ts';

/** What a line of a watch tells. */
interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly metadata: { readonly ownerReferences?: readonly { readonly uid: string }[] };
  };
}

/**
 * The floor: one watch, and a create at once when it tells of a deletion. It does nothing else that
 * leader election takes (no retries, no reads, no Pods), so nothing that does can be faster.
 */
export const bareContender: Contender = {
  name: 'bare client',
  succeedsEnded: false,
  start: (arena, pod) => new BareClient(arena, pod),
};

class BareClient implements Candidate {
  readonly pod: PodIdentity;
  readonly leads: Promise<undefined>;
  readonly #arena: Arena;
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #awaited = new Signpost<string>();
  readonly #outcome = Promise.withResolvers<undefined>();

  constructor(arena: Arena, pod: PodIdentity) {
    this.#arena = arena;
    this.pod = pod;
    this.leads = this.#outcome.promise;
    this.leads.catch(() => undefined);
    this.#watch();
    this.#create();
  }

  waitsFor(leaderUid: string): Promise<void> {
    return this.#awaited.reaches(leaderUid);
  }

  stop(): void {
    this.#agent.destroy();
  }

  #watch(): void {
    const query = `watch=true&fieldSelector=metadata.name=${this.#arena.lockName}`;
    this.#request('GET', `?${query}`, (response) => {
      const lines = createInterface(response);
      lines.on('error', (error: Error) => this.#fail(error));
      lines.on('line', (line) => {
        const { type, object } = JSON.parse(line) as WatchEvent;
        if (type === 'DELETED') this.#create();
        else this.#awaited.set(object.metadata.ownerReferences?.[0]?.uid ?? '');
      });
    }).end();
  }

  #create(): void {
    const { name, uid } = this.pod;
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name, uid }];
    const body = JSON.stringify({ metadata: { name: this.#arena.lockName, ownerReferences } });
    this.#request('POST', '', (response) => {
      response.resume();
      if (response.statusCode === 201) this.#outcome.resolve(undefined);
      else if (response.statusCode !== 409) this.#fail(new Error(response.statusMessage));
    }).end(body);
  }

  #request(
    method: string,
    query: string,
    onResponse: (response: http.IncomingMessage) => void,
  ): http.ClientRequest {
    const { namespace, access } = this.#arena;
    const path = `/api/v1/namespaces/${namespace}/configmaps${query}`;
    const headers = { authorization: `Bearer ${access.token}`, 'content-type': 'application/json' };
    const request = http.request(new URL(path, access.url), {
      method,
      headers,
      agent: this.#agent,
    });
    request.on('response', onResponse);
    request.on('error', (error) => this.#fail(error));
    return request;
  }

  #fail(error: Error): void {
    this.#outcome.reject(error);
  }
}
