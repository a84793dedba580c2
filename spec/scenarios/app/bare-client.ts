import http from 'node:http';
import https from 'node:https';
import { createInterface } from 'node:readline';

export interface BareClientOptions {
  /** Of the API server; plain HTTP is fine, too. */
  readonly url: URL;
  readonly token: string;
  /** The authority to trust, where it is none of the well-known ones. */
  readonly ca?: string | undefined;
  readonly namespace: string;
  readonly lockName: string;
  readonly pod: Owner;
  /** Is called whenever the watch tells who holds the lock. */
  readonly onHeld: (holder: Owner) => void;
}

export interface Owner {
  readonly name: string;
  readonly uid: string;
}

/** What a line of a watch tells. */
interface WatchEvent {
  readonly type: string;
  readonly object: { readonly metadata: { readonly ownerReferences?: readonly Owner[] } };
}

/**
 * The floor: one watch, and a create at once when it tells of a deletion. It does nothing else that
 * leader election takes (no retries, no reads, no Pods), so nothing that does can be faster.
 */
export class BareClient {
  /** Resolves when it holds the lock; rejects as soon as anything is not as it should be. */
  readonly leads: Promise<undefined>;
  readonly #options: BareClientOptions;
  readonly #agent: http.Agent;
  readonly #outcome = Promise.withResolvers<undefined>();

  constructor(options: BareClientOptions) {
    this.#options = options;
    const { url, ca } = options;
    this.#agent =
      url.protocol === 'https:'
        ? new https.Agent({ keepAlive: true, ca })
        : new http.Agent({ keepAlive: true });
    this.leads = this.#outcome.promise;
    this.leads.catch(() => undefined);
    this.#watch();
    this.#create();
  }

  stop(): void {
    this.#agent.destroy();
  }

  #watch(): void {
    const query = `watch=true&fieldSelector=metadata.name=${this.#options.lockName}`;
    this.#request('GET', `?${query}`, (response) => {
      const lines = createInterface(response);
      lines.on('error', (error: Error) => this.#fail(error));
      lines.on('line', (line) => {
        const { type, object } = JSON.parse(line) as WatchEvent;
        const [holder] = object.metadata.ownerReferences ?? [];
        if (type === 'DELETED') this.#create();
        else if (holder) this.#options.onHeld(holder);
      });
    }).end();
  }

  #create(): void {
    const { lockName, pod } = this.#options;
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid }];
    const body = JSON.stringify({ metadata: { name: lockName, ownerReferences } });
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
    const { url, token, namespace } = this.#options;
    const path = `/api/v1/namespaces/${namespace}/configmaps${query}`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const { request } = url.protocol === 'https:' ? https : http;
    const sent = request(new URL(path, url), { method, headers, agent: this.#agent });
    sent.on('response', onResponse);
    sent.on('error', (error) => this.#fail(error));
    return sent;
  }

  #fail(error: Error): void {
    this.#outcome.reject(error);
  }
}
