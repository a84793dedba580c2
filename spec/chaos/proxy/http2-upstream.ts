import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { type Duplex, PassThrough, pipeline } from 'node:stream';
import type { Answer, Head, Onward, Upstream } from './upstream.ts';

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
