import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';

import type { KubeConfig } from '@kubernetes/client-node';

/** What a `Status`, an object and a list have among them; nothing is certain to be there. */
export interface Body {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly metadata?: Metadata;
  readonly items?: readonly Body[];
  /** A `Status` has a text here, an object what was observed of it. */
  readonly status?: unknown;
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { reason?: string; message?: string; field?: string }[];
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
}

export interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly remainingItemCount?: number;
  readonly continue?: string;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Empty where the text is no JSON. */
  readonly body: Body;
}

export interface Sending {
  readonly body?: unknown;
  /** Sent instead of a body as it is. */
  readonly text?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Requests over HTTP as they are, without the library: what it relies on is to be seen. */
export class Wire {
  readonly #server: URL;
  readonly #options: RequestOptions;

  private constructor(server: URL, options: RequestOptions) {
    this.#server = server;
    this.#options = options;
  }

  /** As the user of the current context. */
  static async of(kubeConfig: KubeConfig): Promise<Wire> {
    const options: RequestOptions = {};
    await kubeConfig.applyToHTTPSOptions(options);
    const server = new URL(kubeConfig.getCurrentCluster()?.server ?? '');
    // Node's own agent: client-node's would be one for each request.
    const { agent: _, ...rest } = options;
    return new Wire(server, rest);
  }

  /** The same server, and another token; `undefined` for none. */
  withToken(token: string | undefined): Wire {
    const { cert: _, key: __, auth: ___, ...rest } = this.#options;
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return new Wire(this.#server, { ...rest, headers });
  }

  async send(method: string, path: string, sending: Sending = {}): Promise<Answer> {
    const response = await this.#open(method, path, sending);
    const text = await readAll(response);
    const { statusCode: status = 0, headers } = response;
    return { status, headers, text, body: parse(text) };
  }

  /** Resolves once the head of the answer has come. */
  async watch(path: string, query: Readonly<Record<string, string>>, accept?: string) {
    const search = new URLSearchParams({ ...query, watch: 'true' });
    const sending = accept === undefined ? {} : { accept };
    return new Watch(await this.#open('GET', `${path}?${search.toString()}`, sending));
  }

  #open(method: string, path: string, sending: Sending): Promise<IncomingMessage> {
    const { body, text = body === undefined ? undefined : JSON.stringify(body) } = sending;
    const options: RequestOptions = {
      ...this.#options,
      method,
      headers: {
        ...this.#options.headers,
        'user-agent': 'leader-for-life-contract',
        accept: sending.accept ?? 'application/json',
        ...(text !== undefined && {
          'content-type': sending.contentType ?? 'application/json',
          // Without it Node.js sends no body with a DELETE.
          'content-length': String(Buffer.byteLength(text)),
        }),
        ...sending.headers,
      },
    };
    const request = this.#server.protocol === 'http:' ? httpRequest : httpsRequest;
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, this.#server), options, resolve);
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }
}

export interface WatchEvent {
  readonly type: string;
  readonly object: Body;
}

/** A watch whose head has come, and the events as they come. */
export class Watch {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** All so far. */
  readonly events: WatchEvent[] = [];
  readonly #response: IncomingMessage;
  #text = '';
  #end: 'cleanly' | Error | undefined;
  #changed: () => void = () => undefined;

  constructor(response: IncomingMessage) {
    const { statusCode = 0, headers } = response;
    this.status = statusCode;
    this.headers = headers;
    this.#response = response;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.#take(chunk));
    response.on('end', () => this.#finish('cleanly'));
    response.on('error', (error) => this.#finish(error));
  }

  /** The first event that fits, also of those that came before; rejects when none comes. */
  event(fits: (event: WatchEvent) => boolean, withinMs: number): Promise<WatchEvent> {
    return this.#until(() => this.events.find(fits), withinMs);
  }

  /** The first `count` events. */
  first(count: number, withinMs: number): Promise<WatchEvent[]> {
    const enough = () => (this.events.length >= count ? this.events.slice(0, count) : undefined);
    return this.#until(enough, withinMs);
  }

  /** All events, once the server has ended the watch in good order; rejects if it does not. */
  async all(withinMs: number): Promise<WatchEvent[]> {
    const end = await this.#until(() => this.#end, withinMs);
    if (end !== 'cleanly') throw end;
    return this.events;
  }

  close(): void {
    this.#response.destroy();
  }

  async #until<T>(look: () => T | undefined, withinMs: number): Promise<T> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const shown = () => this.events.map(({ type, object }) => `${type} ${nameOf(object)}`).join();
      if (this.#end !== undefined) throw new Error(`the watch ended after: ${shown()}`);
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`not within ${withinMs} ms, but: ${shown()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #take(chunk: string): void {
    const lines = (this.#text + chunk).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) this.events.push(JSON.parse(line) as WatchEvent);
    this.#changed();
  }

  #finish(end: 'cleanly' | Error): void {
    this.#end ??= end;
    this.#changed();
  }
}

function nameOf({ metadata, message }: Body): string {
  return metadata?.name ?? message ?? '';
}

function parse(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {};
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += String(chunk);
  return text;
}
