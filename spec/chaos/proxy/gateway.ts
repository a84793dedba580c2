import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import http2, { type Http2ServerRequest, type ServerHttp2Session } from 'node:http2';
import net, { type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import type { Certificate } from '../../cluster/certificate.ts';
import type { ClientCertificate, FaultProxyOptions } from '../fault.ts';
import { Exchange, type Platform } from './exchange.ts';
import { Sockets, reset as resetSocket } from './sockets.ts';
import { Http1Upstream, Http2Upstream, type Upstream } from './upstream.ts';

/** A client's connection where its TLS ends, and its own connection to the API server. */
interface Pair {
  readonly upstreamSocket: Socket;
  readonly reset: () => void;
  upstream?: Upstream;
  session?: ServerHttp2Session;
  /** How many requests are under way, and whether there shall be no more. */
  exchanges: number;
  isEnding: boolean;
}

/** Ends the clients' TLS, and speaks to the API server in their stead. */
export class Gateway {
  readonly #server: http2.Http2SecureServer;
  readonly #pairs = new Map<number, Pair>();
  readonly #upstream: FaultProxyOptions['upstream'];
  readonly #certificate: ClientCertificate | undefined;
  readonly #platform: Platform;
  readonly #sockets = new Sockets();

  private constructor(
    identity: Certificate,
    upstream: FaultProxyOptions['upstream'],
    certificate: ClientCertificate | undefined,
    platform: Platform,
  ) {
    this.#upstream = upstream;
    this.#certificate = certificate;
    this.#platform = platform;
    this.#server = http2.createSecureServer({
      cert: identity.certificate,
      key: identity.key,
      allowHTTP1: true,
      // How long a connection may be idle is for the API server to say.
      ...({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 } as object),
    });
    this.#server.on('connection', (socket: Socket) => this.#sockets.keep(socket));
    this.#server.on('secureConnection', (socket: TLSSocket) => this.#welcome(socket));
    this.#server.on('session', (session: ServerHttp2Session) => {
      const pair = this.#pairs.get(session.socket.remotePort ?? 0);
      if (pair) pair.session = session;
      session.on('error', () => undefined); // The connection's end is told by its sockets.
    });
    // Those of HTTP/2 are made to be used as those of HTTP/1.1.
    this.#server.on('request', (request: unknown, response: unknown) => {
      void this.#serve(request as IncomingMessage, response as ServerResponse);
    });
    // Whoever breaks off in the middle of the handshake.
    this.#server.on('tlsClientError', () => undefined);
  }

  static async open(
    identity: Certificate,
    { upstream }: FaultProxyOptions,
    certificate: ClientCertificate | undefined,
    platform: Platform,
  ): Promise<Gateway> {
    const gateway = new Gateway(identity, upstream, certificate, platform);
    gateway.#server.listen(0, '127.0.0.1');
    await once(gateway.#server, 'listening');
    return gateway;
  }

  /** A new connection to here that leads on over this one to the API server. */
  async connect(upstreamSocket: Socket): Promise<Socket> {
    const { port } = this.#server.address() as net.AddressInfo;
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    await once(socket, 'connect');
    const { localPort = 0 } = socket;
    const reset = () => resetSocket(socket);
    const pair: Pair = { upstreamSocket, reset, exchanges: 0, isEnding: false };
    this.#pairs.set(localPort, pair);
    socket.once('close', () => {
      this.#pairs.delete(localPort);
      upstreamSocket.destroy();
    });
    upstreamSocket.once('close', (hadError) => hadError && reset());
    return socket;
  }

  /** Who waits for something to be read or written does not see that the other side is gone. */
  async close(): Promise<void> {
    this.#server.close();
    await Promise.all([once(this.#server, 'close'), this.#sockets.close()]);
  }

  #welcome(socket: TLSSocket): void {
    const pair = this.#pairs.get(socket.remotePort ?? 0);
    if (!pair) return void socket.destroy();
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    const isHttp2 = socket.alpnProtocol === 'h2';
    const server = new URL(this.#upstream.server);
    const end = () => this.#end(pair, socket);
    const secured = tls.connect({
      socket: pair.upstreamSocket,
      ca: this.#upstream.ca,
      ...this.#certificate,
      ...(net.isIP(server.hostname) === 0 && { servername: server.hostname }),
      host: server.hostname,
      ALPNProtocols: [isHttp2 ? 'h2' : 'http/1.1'],
    });
    secured.on('error', (error: NodeJS.ErrnoException) => this.#fail(pair, error));
    secured.once('close', end);
    pair.upstream = isHttp2
      ? new Http2Upstream(server, secured, (code) => {
          // The client may have gone just before.
          if (pair.session?.destroyed === false) pair.session.goaway(code);
          end();
        })
      : new Http1Upstream(server, secured);
  }

  /** Nothing more goes over it; what is under way goes on. */
  #end(pair: Pair, socket: TLSSocket): void {
    pair.isEnding = true;
    if (pair.session) pair.session.close();
    else if (pair.exchanges === 0) socket.end();
  }

  #fail(pair: Pair, error: NodeJS.ErrnoException): void {
    pair.reset();
    // As when its certificate is not the one to trust: nobody would find that out otherwise.
    if (!['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) {
      process.emitWarning(`no way to the API server ${this.#upstream.server}: ${error.message}`);
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pair = this.#pairs.get(portOf(request));
    if (!pair?.upstream) return void request.destroy();
    pair.exchanges += 1;
    await new Exchange(request, response, pair.upstream, this.#platform, pair.reset).run();
    pair.exchanges -= 1;
    // There is none any more once it was destroyed.
    const socket = request.socket as Socket | null;
    if (pair.isEnding && !pair.session && pair.exchanges === 0) socket?.end();
  }
}

function portOf(request: IncomingMessage | Http2ServerRequest): number {
  const socket = 'stream' in request ? request.stream.session?.socket : request.socket;
  return socket?.remotePort ?? 0;
}
