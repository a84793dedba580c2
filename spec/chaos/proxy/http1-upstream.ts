import http, { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Answer, Head, Onward, Upstream } from './upstream.ts';

export class Http1Upstream implements Upstream {
  readonly #host: string;
  readonly #agent: Agent;

  constructor(server: URL, socket: Duplex) {
    this.#host = server.host;
    this.#agent = new SocketAgent(socket);
  }

  send({ method, path, headers, hasBody }: Head): Onward {
    const request = http.request({
      agent: this.#agent,
      method,
      path,
      headers: {
        ...headers,
        host: this.#host,
        ...(hasBody && !('content-length' in headers) && { 'transfer-encoding': 'chunked' }),
      },
    });
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    request.on('response', (message) => {
      resolve({
        status: message.statusCode ?? 0,
        headers: message.headers,
        body: message,
        trailers: () => message.trailers,
        hasBrokenOff: () => !message.complete,
      });
    });
    request.on('error', reject);
    request.on('close', () => reject(new Error('the API server gave no answer')));
    return {
      body: request,
      answer: promise,
      resetCode: () => undefined,
      cancel: () => request.destroy(),
    };
  }
}

/** It has one socket, and makes no other: that would be another connection. */
class SocketAgent extends Agent {
  #socket: Duplex | undefined;

  constructor(socket: Duplex) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#socket = socket;
  }

  override createConnection(): Duplex {
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) throw new Error('the connection to the API server is over');
    return socket;
  }
}
