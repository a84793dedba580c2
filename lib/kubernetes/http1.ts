import http, { type Agent, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';

import type { Access } from './credentials.ts';
import { stripError } from './outcome.ts';
import { type OutgoingRequest, type Route, headersOf, hold, hostOf } from './route.ts';
import type { ApiResponse, Progress } from './transport.ts';

const KEEP_ALIVE = { keepAlive: true, keepAliveMsecs: 30_000 };

/**
 * HTTP/1.1 over an agent's connections: for plain http, for proxies, for servers without HTTP/2.
 * Loaded on first use: `node:http` takes 4 MB, because an import of it loads its `WebSocket`.
 */
export class Http1Route implements Route {
  readonly #server: URL;
  /** Made for this route and ended with it. */
  readonly #ownAgent: Agent;
  /** An agent for a proxy belongs to the KubeConfig, which may use it for more. */
  readonly #proxyAgent: Agent | undefined;
  readonly #requests = new Set<http.ClientRequest>();
  #holdsProcess = false;
  #retired = false;

  constructor({ server, tls, proxyAgent }: Access) {
    this.#server = server;
    this.#proxyAgent = proxyAgent;
    this.#ownAgent =
      server.protocol === 'http:'
        ? new http.Agent(KEEP_ALIVE)
        : new https.Agent({ ...KEEP_ALIVE, ...tls });
  }

  get isOpen(): boolean {
    return !this.#retired;
  }

  readonly maxStreams = Number.POSITIVE_INFINITY;
  /** The agent opens a connection per request. */
  readonly hasRoom = true;

  get isIdle(): boolean {
    return this.#requests.size === 0;
  }

  get isOver(): boolean {
    return this.#retired && this.#requests.size === 0;
  }

  send(
    outgoing: OutgoingRequest,
    signal: AbortSignal,
    progress: Progress,
    onOver: () => void,
  ): Promise<ApiResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<ApiResponse>();
    const { protocol, port } = this.#server;
    const request = (protocol === 'http:' ? http : https).request({
      agent: this.#proxyAgent ?? this.#ownAgent,
      protocol,
      hostname: hostOf(this.#server),
      port,
      method: outgoing.method,
      path: outgoing.path,
      headers: outgoing.headers,
    });
    const over = () => {
      signal.removeEventListener('abort', onAbort);
      if (!this.#requests.delete(request)) return;
      if (this.isOver) this.#ownAgent.destroy();
      onOver();
      reject(new Error('the connection was closed'));
    };
    const onAbort = () => {
      end(request);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#requests.add(request);
    request.on('socket', (socket) => {
      hold(socket, this.#holdsProcess);
      onceConnected(socket, () => {
        progress.sent = true;
      });
    });
    request.on('response', (message) => {
      resolve({
        status: message.statusCode ?? 0,
        headers: headersOf(message.headers),
        body: read(message, signal),
      });
    });
    request.on('error', (error) => {
      // The error may contain a proxy's URL, and so a password, or bytes that are not HTTP.
      reject(stripError(error));
    });
    request.on('close', over);
    request.end(outgoing.body);
    return promise;
  }

  holdProcess(isWanted: boolean): void {
    this.#holdsProcess = isWanted;
    for (const { socket } of this.#requests) if (socket) hold(socket, isWanted);
  }

  retire(): void {
    this.#retired = true;
    if (this.isOver) this.#ownAgent.destroy();
  }

  close(): void {
    this.#retired = true;
    // Without an error: nobody would catch one on a socket that is just returning to its agent.
    for (const request of this.#requests) end(request);
    this.#ownAgent.destroy();
  }
}

/** A request that has no socket yet, as while a proxy opens a tunnel, emits no `close` by itself. */
function end(request: http.ClientRequest): void {
  request.destroy();
  if (!request.socket) request.emit('close');
}

/** Calls it before anything is written: at once if the socket was used before. */
function onceConnected(socket: Socket, call: () => void): void {
  const isHandshaking = 'secureConnecting' in socket && socket.secureConnecting === true;
  if (isHandshaking) socket.prependOnceListener('secureConnect', call);
  else if (socket.connecting) socket.prependOnceListener('connect', call);
  else call();
}

async function* read(message: IncomingMessage, signal: AbortSignal): AsyncGenerator<string, void> {
  message.setEncoding('utf8');
  try {
    for await (const chunk of message) yield chunk as string;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
