import { linked } from '../platform/abort.ts';
import type { ApiRequest, ApiResponse, Transport } from '../kubernetes/transport.ts';
import { ConnectionReset, type ApiServer } from './api-server.ts';
import type { WatchStream } from './watch-stream.ts';

/** Text that is read in the pieces in which it is written. */
class TextStream implements AsyncIterableIterator<string> {
  readonly #left: () => void;
  readonly #texts: string[] = [];
  #outcome: { readonly error?: unknown } | undefined;
  #waiting: (() => void) | undefined;

  /** `left` is called when the reader leaves early. */
  constructor(left: () => void) {
    this.#left = left;
  }

  write(text: string): void {
    this.#texts.push(text);
    this.#wake();
  }

  end(): void {
    this.#outcome ??= {};
    this.#wake();
  }

  /** Breaks the stream after what is written. */
  fail(error: unknown): void {
    this.#outcome ??= { error };
    this.#wake();
  }

  /** Breaks the stream at once: what is not yet read is lost. */
  abort(error: unknown): void {
    this.#texts.length = 0;
    this.fail(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    while (this.#texts.length === 0 && !this.#outcome) {
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
    const value = this.#texts.shift();
    if (value !== undefined) return { done: false, value };
    if (this.#outcome && 'error' in this.#outcome) throw this.#outcome.error;
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<string, undefined>> {
    this.#left();
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}

/**
 * Carries requests to a cluster in the same process, without sockets: an answer without latency
 * is there after a few microtasks, and all waiting is on the cluster's clock.
 */
export class MemoryTransport implements Transport {
  readonly #server: ApiServer;
  readonly #token: () => string | undefined;
  readonly #userAgent: string;
  #connection = new AbortController();

  /** `token` is asked before each request. */
  constructor(server: ApiServer, token: () => string | undefined, userAgent: string) {
    this.#server = server;
    this.#token = token;
    this.#userAgent = userAgent;
  }

  async send(request: ApiRequest, signal: AbortSignal): Promise<ApiResponse> {
    const { method, path, query = {}, body, contentType = 'application/json', accept } = request;
    const raw = {
      method,
      path,
      query,
      contentType,
      ...(accept !== undefined && { accept }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    const connection = this.#connection.signal;
    const caller = { token: this.#token(), userAgent: this.#userAgent };
    const served = await this.#server.serve(raw, caller, signal, connection);
    const { status, headers } = served;
    if (served.watch) return { status, headers, body: attach(served.watch, signal, connection) };
    const text = new TextStream(() => undefined);
    if (served.body) text.write(served.body);
    text.end();
    return { status, headers, body: text };
  }

  close(): void {
    this.#connection.abort(new ConnectionReset());
    this.#connection = new AbortController();
  }
}

/** Until one of the signals aborts. */
function attach(watch: WatchStream, ...signals: readonly AbortSignal[]): TextStream {
  const { controller, end: forget } = linked(...signals);
  const { signal } = controller;
  const leave = () => {
    forget();
    watch.close();
  };
  const stream = new TextStream(leave);
  const abort = () => {
    leave();
    stream.abort(signal.reason);
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort);
  watch.attach({
    write: (text) => stream.write(text),
    end: () => {
      forget();
      stream.end();
    },
    reset: () => {
      forget();
      stream.fail(new ConnectionReset());
    },
  });
  return stream;
}
