import { once } from 'node:events';
import { type IncomingHttpHeaders, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StubRequest {
  readonly index: number;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** What an example talks with, beside Kubernetes. */
export class HttpStub implements AsyncDisposable {
  readonly url: string;
  readonly requests: StubRequest[] = [];
  answer: (request: StubRequest) => Answer = () => ({ status: 200 });
  readonly #server: Server;
  #listeners: (() => void)[] = [];
  #gate = Promise.resolve();
  #open: () => void = () => undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', ({ method = '', url = '', headers }, response) => {
      const request = { index: this.requests.length, method, url, headers };
      this.requests.push(request);
      for (const listener of this.#listeners) listener();
      void this.#gate.then(() => {
        const { status, body } = this.answer(request);
        response.statusCode = status;
        response.end(body === undefined ? undefined : JSON.stringify(body));
      });
    });
  }

  static async listen(): Promise<HttpStub> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HttpStub(server);
  }

  /** Answers nothing until `goOn`. */
  hold(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  goOn(): void {
    this.#open();
  }

  /** Resolves once the requests so far are as wanted. */
  async until(probe: (requests: readonly StubRequest[]) => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const look = () => {
      if (probe(this.requests)) resolve(undefined);
    };
    this.#listeners.push(look);
    look();
    await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
