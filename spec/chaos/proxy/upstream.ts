import http, { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import http2, { type ClientHttp2Session } from 'node:http2';
import { type Duplex, PassThrough, type Readable, type Writable, pipeline } from 'node:stream';

interface Head {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly hasBody: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Those that came behind the body; to be asked for when it has ended. */
  trailers(): IncomingHttpHeaders;
  /** Whether the body has ended before its end: that is not told by an error each time. */
  hasBrokenOff(): boolean;
}

/** A request that went on to the API server. */
export interface Onward {
  /** Takes the request's body. */
  readonly body: Writable;
  readonly answer: Promise<Answer>;
  /** With which the API server reset it; undefined where that took the connection along. */
  resetCode(): number | undefined;
  /** Nobody wants the answer any more, and the API server is told. */
  cancel(): void;
}

/** A connection to the API server that belongs to one connection of a client. */
export interface Upstream {
  send(head: Head): Onward;
}

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

export class Http2Upstream implements Upstream {
  readonly #session: ClientHttp2Session;

  /** Calls back when the API server wants no more requests over it, with its reason. */
  constructor(server: URL, socket: Duplex, onGoaway: (code: number) => void) {
    this.#session = http2.connect(server.origin, { createConnection: () => socket });
    this.#session.on('error', () => undefined); // Each of its streams tells.
    this.#session.on('goaway', onGoaway);
  }

  send({ method, path, headers, hasBody }: Head): Onward {
    const stream = this.#session.request(
      { ...headers, ':method': method, ':path': path },
      { endStream: !hasBody },
    );
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    let trailers: IncomingHttpHeaders = {};
    stream.on('response', (head) => {
      const status = head[':status'] ?? 0;
      resolve({
        status,
        headers: head,
        // What nobody reads is lost when the stream closes, however much has arrived.
        body: pipeline(stream, new PassThrough(), () => undefined),
        trailers: () => trailers,
        hasBrokenOff: () => stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR,
      });
    });
    stream.on('trailers', (received: IncomingHttpHeaders) => {
      trailers = received;
    });
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('the API server gave no answer')));
    return {
      body: stream,
      answer: promise,
      resetCode: () => (this.#session.destroyed ? undefined : stream.rstCode),
      cancel: () => stream.close(http2.constants.NGHTTP2_CANCEL),
    };
  }
}
