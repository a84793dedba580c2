import http2, { type ClientHttp2Session } from 'node:http2';
import { isIP } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';

import type { Clock } from '../platform/clock.ts';
import type { TlsOptions } from './credentials.ts';
import { Http2Body } from './http2-body.ts';
import { type OutgoingRequest, type Route, headersOf, hold, hostOf } from './route.ts';
import type { ApiResponse, Progress } from './transport.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** As client-go: a connection is pinged this often, and has this long to answer. */
const PING_EVERY_MS = 30_000;
const PING_TIMEOUT_MS = 15_000;

/**
 * What API servers allow, and what Node.js sends before it is told. What more of them send at once
 * would wait, for ever if watches take all streams.
 */
const ASSUMED_STREAMS = 100;

/** If a request is given up after this long a silence, its connection may be dead. */
const SUSPICIOUS_MS = 200;

/** A connection that may be dead has this long to answer a ping before its other requests end. */
const PROBE_TIMEOUT_MS = 1_000;

/**
 * Opens a TLS connection and lets the server choose the protocol. If the signal aborts or the
 * server takes too long, it rejects and leaves no socket behind. Meanwhile the socket does not keep
 * the process alive: the timer of the request does.
 */
export function connectTls(
  server: URL,
  options: TlsOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const host = hostOf(server);
  const socket = tls.connect({
    // Some load balancers route by it. Unlike `https`, `tls` does not send it by itself.
    ...(isIP(host) === 0 && { servername: host }),
    ...(options as tls.ConnectionOptions),
    host,
    port: Number(server.port || 443),
    ALPNProtocols: ['h2', 'http/1.1'],
  });
  socket.unref();
  const onTimeout = () => {
    socket.destroy(new Error(`no connection to ${server.host} within ${CONNECT_TIMEOUT_MS} ms`));
  };
  const cancel = clock.after(CONNECT_TIMEOUT_MS, onTimeout, { unref: true });
  socket.setNoDelay(true);
  const onAbort = () => {
    socket.destroy(new Error('the connection was closed'));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('secureConnect', () => {
    resolve(socket);
  });
  socket.once('error', reject);
  socket.once('close', () => {
    reject(new Error('the connection was closed'));
  });
  return promise.finally(() => {
    cancel();
    signal.removeEventListener('abort', onAbort);
  });
}

/** One HTTP/2 connection for all requests. Pings detect a half-open one. */
export class Http2Route implements Route {
  readonly #session: ClientHttp2Session;
  readonly #socket: TLSSocket;
  readonly #clock: Clock;
  /** Number of requests that the server allows at a time. */
  maxStreams: number;
  /** Number of requests under way; a watch is one until it ends. */
  #streams = 0;
  #isUsed = false;
  #isProbed = false;
  #holdsProcess = false;
  #cancelPing: () => void = () => undefined;

  /** `maxStreams` is assumed until the server says how many it allows. */
  constructor(server: URL, socket: TLSSocket, clock: Clock, maxStreams = ASSUMED_STREAMS) {
    this.maxStreams = maxStreams;
    this.#clock = clock;
    this.#socket = socket;
    this.#session = http2.connect(server.origin, { createConnection: () => socket });
    this.#session.on('error', () => undefined); // Each of its streams reports the error.
    this.#session.on('remoteSettings', (settings: http2.Settings) => {
      this.maxStreams = settings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    });
    this.#session.on('close', () => {
      this.#cancelPing();
    });
    this.#schedulePing();
  }

  /** The session closes itself when the server says GOAWAY. */
  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /**
   * A server may allow few streams, or change its mind; assume at least one, or nothing is ever
   * sent.
   */
  get hasRoom(): boolean {
    return !this.#isProbed && this.#streams < Math.max(this.maxStreams, 1);
  }

  get isIdle(): boolean {
    return this.#streams === 0 && this.#isUsed;
  }

  get isOver(): boolean {
    return this.#session.destroyed;
  }

  send(
    request: OutgoingRequest,
    signal: AbortSignal,
    progress: Progress,
    onOver: () => void,
  ): Promise<ApiResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<ApiResponse>();
    const { method, path, headers, body } = request;
    if (this.isOpen) progress.sent = true;
    const stream = this.#session.request(
      { ...headers, ':method': method, ':path': path },
      { endStream: body === undefined },
    );
    this.#streams += 1;
    this.#isUsed = true;
    const sentMs = this.#clock.now();
    const { bytesRead } = this.#socket;
    const onAbort = () => {
      const silentMs = this.#clock.now() - sentMs;
      // What else is sent over it would wait in vain; the next regular ping is up to half a minute away.
      if (silentMs >= SUSPICIOUS_MS && this.#socket.bytesRead === bytesRead)
        this.#suspect(silentMs);
      stream.close(http2.constants.NGHTTP2_CANCEL);
      // Without an error, the body would seem to be complete.
      stream.destroy(new Error('aborted'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    let isAnswered = false;
    stream.on('response', (head) => {
      isAnswered = true;
      resolve({
        status: head[':status'] ?? 0,
        headers: headersOf(head),
        body: new Http2Body(stream, signal),
      });
    });
    stream.on('error', (error) => {
      // The server has not processed the request (RFC 9113, 8.7).
      if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) progress.sent = false;
      reject(error);
    });
    let isUnderWay = true;
    const done = () => {
      if (isUnderWay) this.#streams -= 1;
      isUnderWay = false;
    };
    // Once the answer has ended, the server no longer counts it.
    stream.on('end', done);
    stream.on('close', () => {
      done();
      signal.removeEventListener('abort', onAbort);
      onOver();
      // An error takes as long to make as all the rest.
      if (!isAnswered) reject(new Error('the connection was closed'));
    });
    stream.end(body);
    return promise;
  }

  holdProcess(isWanted: boolean): void {
    this.#holdsProcess = isWanted;
    hold(this.#socket, isWanted);
    if (!this.#isProbed) this.#schedulePing();
  }

  retire(): void {
    this.#session.close();
  }

  close(): void {
    this.#cancelPing();
    this.#session.destroy();
  }

  #schedulePing(): void {
    this.#cancelPing();
    if (this.#session.destroyed) return;
    this.#cancelPing = this.#after(PING_EVERY_MS, () => {
      // A connection that was given up in this very turn has not reported it yet. A ping would
      // throw where nobody can catch it.
      if (this.#session.destroyed) return;
      this.#ping(PING_TIMEOUT_MS, `no answer to a ping within ${PING_TIMEOUT_MS} ms`);
    });
  }

  /** Ends the connection at once, or, for the sake of others that use it, only if a ping is not answered. */
  #suspect(silentMs: number): void {
    const reason = `nothing has come for ${Math.round(silentMs)} ms`;
    if (this.#streams === 1) this.#session.destroy(new Error(reason));
    if (this.#session.destroyed || this.#isProbed) return;
    this.#isProbed = true;
    this.#cancelPing();
    this.#ping(PROBE_TIMEOUT_MS, reason);
  }

  #ping(timeoutMs: number, failure: string): void {
    this.#cancelPing = this.#after(timeoutMs, () => {
      this.#session.destroy(new Error(failure));
    });
    this.#session.ping((error) => {
      this.#isProbed = false;
      if (!error) this.#schedulePing();
    });
  }

  #after(ms: number, task: () => void): () => void {
    return this.#clock.after(ms, task, { unref: !this.#holdsProcess });
  }
}
