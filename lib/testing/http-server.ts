import {
  createServer as createHttp1Server,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import {
  constants,
  createSecureServer,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { statusAnswer } from './api-model.ts';
import type { ApiServer, Caller, ConnectionReset, Served } from './api-server.ts';
import type { RawRequest } from './route.ts';
import { internalError } from './status.ts';
import type { TlsIdentity } from './tls-identity.ts';
import type { WatchStream } from './watch-stream.ts';

type Incoming = IncomingMessage | Http2ServerRequest;

type Outgoing = ServerResponse | Http2ServerResponse;

/** What every HTTP/2 connection begins with, and no HTTP/1.1 method does. */
const HTTP2_PREFACE = 'PRI';

/** The API server on a port of this machine: HTTP/1.1 and HTTP/2, with or without TLS. */
export class HttpServer {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(url: string, server: Server, sockets: ReadonlySet<Socket>) {
    this.url = url;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** Resolves once it listens, on a free port of 127.0.0.1. */
  static async listen(api: ApiServer, tls?: TlsIdentity): Promise<HttpServer> {
    const handle = (incoming: Incoming, outgoing: Outgoing) => {
      void exchange(api, incoming, outgoing);
    };
    const server: Server = tls
      ? createSecureServer({ ...tls, allowHTTP1: true }, handle)
      : createPlainServer(handle);
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    return new HttpServer(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`, server, sockets);
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts all connections and listens no more. Resolves once the port is free. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }
}

/** Tells HTTP/2 from HTTP/1.1 by the first bytes, as there is no TLS to agree on it. */
function createPlainServer(handle: (incoming: Incoming, outgoing: Outgoing) => void): Server {
  // An idle connection stays, as with a real API server, so that reusing one is never a race.
  const http1 = createHttp1Server({ keepAliveTimeout: 0 }, handle);
  const http2 = createHttp2Server(handle);
  // As Node's own HTTP servers: otherwise a watch's first event waits for a delayed ACK (40 ms).
  return createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (chunk: Buffer) => {
      socket.pause();
      socket.unshift(chunk);
      const isHttp2 = chunk.toString('latin1').startsWith(HTTP2_PREFACE);
      (isHttp2 ? http2 : http1).emit('connection', socket);
      if (!isHttp2) socket.resume();
    });
  });
}

async function exchange(api: ApiServer, incoming: Incoming, outgoing: Outgoing): Promise<void> {
  const left = new AbortController();
  outgoing.once('close', () => left.abort(new Error('the client has left')));
  incoming.on('error', () => left.abort(new Error('the client has left')));
  outgoing.on('error', () => left.abort(new Error('the client has left')));
  try {
    const request = await read(incoming);
    const served = await api.serve(request, callerOf(incoming), left.signal);
    if (served.watch) stream(served, served.watch, outgoing);
    else send(served, outgoing);
  } catch (error) {
    // A client that leaves while it still sends shows as some other error of the stream's.
    const { code } = error as Partial<ConnectionReset>;
    if (code === 'ECONNRESET' || left.signal.aborted || outgoing.headersSent) breakOff(outgoing);
    else send(statusAnswer(internalError(String(error)).status), outgoing);
  }
}

async function read(incoming: Incoming): Promise<RawRequest> {
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://cluster');
  let body = '';
  incoming.setEncoding('utf8');
  for await (const chunk of incoming) body += String(chunk);
  const contentType = incoming.headers['content-type'];
  const { accept } = incoming.headers;
  return {
    method: incoming.method ?? 'GET',
    path: pathname,
    query: Object.fromEntries(searchParams),
    body,
    ...(contentType !== undefined && { contentType }),
    ...(accept !== undefined && { accept }),
  };
}

function callerOf({ headers }: Incoming): Caller {
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  return { token, userAgent: headers['user-agent'] ?? '' };
}

function send({ status, headers, body }: Omit<Served, 'watch'>, outgoing: Outgoing): void {
  const length = String(Buffer.byteLength(body));
  begin(outgoing, status, { ...headers, 'content-length': length });
  outgoing.end(body);
}

function stream({ status, headers }: Served, watch: WatchStream, outgoing: Outgoing): void {
  begin(outgoing, status, headers);
  outgoing.once('close', () => watch.close());
  let onTheirWay = 0;
  let isBroken = false;
  const breakWhenSent = () => {
    // Of HTTP/2 a reset would overtake the lines before it.
    if (isBroken && onTheirWay === 0) breakOff(outgoing);
  };
  watch.attach({
    write(text) {
      onTheirWay += 1;
      write(outgoing, text, () => {
        onTheirWay -= 1;
        breakWhenSent();
      });
    },
    end: () => outgoing.end(),
    reset() {
      isBroken = true;
      breakWhenSent();
    },
  });
}

// The two protocols' responses have these methods in common, but their types disagree.
function begin(outgoing: Outgoing, status: number, headers: Record<string, string>): void {
  if ('stream' in outgoing) outgoing.writeHead(status, headers);
  else outgoing.writeHead(status, headers).flushHeaders();
}

function write(outgoing: Outgoing, text: string, sent: () => void): void {
  if ('stream' in outgoing) outgoing.write(text, 'utf8', sent);
  else outgoing.write(text, 'utf8', sent);
}

/** Breaks the connection, or of HTTP/2 the one stream. */
function breakOff(outgoing: Outgoing): void {
  if ('stream' in outgoing) outgoing.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else outgoing.socket?.destroySoon();
}
