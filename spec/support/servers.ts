import { EventEmitter, once } from 'node:events';
import http, { type IncomingMessage as Request, type ServerResponse as Response } from 'node:http';
import http2, { type ServerHttp2Session } from 'node:http2';
import https from 'node:https';
import net, { type Socket } from 'node:net';

import { certificateFor } from './certificate.ts';

export const certificate = certificateFor('specs', 'localhost', '127.0.0.1', '::1');

export type Handler = (request: Request, response: Response) => void;

/** `h2` also speaks HTTP/1.1; `h2-only` does not. */
export type Protocol = 'http' | 'https' | 'h2' | 'h2-only';

export interface ServerOptions {
  readonly host?: string;
  readonly handler?: Handler;
  /** Ask clients for a certificate. */
  readonly requestCert?: boolean;
  /** Of HTTP/2. */
  readonly settings?: http2.Settings;
}

/** A server on this machine that counts its connections. */
export class Server implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();
  readonly sessions: ServerHttp2Session[] = [];
  readonly requests: Request[] = [];
  readonly #answering = new Set<Response>();
  /** How many connections there have ever been. */
  connections = 0;
  readonly #events = new EventEmitter();
  handler: Handler;

  private constructor(protocol: Protocol, options: ServerOptions) {
    this.handler = options.handler ?? ((_, response) => response.end('{}'));
    const { requestCert = false, settings = {} } = options;
    const tls = { ...certificate, requestCert, rejectUnauthorized: false };
    const listener = (request: Request, response: Response) => {
      this.requests.push(request);
      this.#answering.add(response);
      response.on('close', () => {
        this.#answering.delete(response);
        this.#events.emit('change');
      });
      this.#events.emit('request', request, response);
      this.handler(request, response);
    };
    if (protocol === 'http') this.#server = http.createServer(listener);
    else if (protocol === 'https') this.#server = https.createServer(tls, listener);
    else {
      const allowHTTP1 = protocol === 'h2';
      this.#server = http2.createSecureServer({ ...tls, allowHTTP1, settings });
      // Its requests and responses are made to be used as those of HTTP/1.1.
      this.#server.on('request', listener);
    }
    this.#server.on('session', (session: ServerHttp2Session) => {
      this.sessions.push(session);
      session.on('error', () => undefined);
    });
    this.#server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#events.emit('change');
      });
    });
  }

  static async start(protocol: Protocol, options: ServerOptions = {}): Promise<Server> {
    const server = new Server(protocol, options);
    server.#server.listen(0, options.host ?? '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** How many connections there are. */
  get open(): number {
    return this.#sockets.size;
  }

  /** The next request, with its response still to be written. */
  async next(): Promise<[Request, Response]> {
    this.handler = () => undefined;
    return (await once(this.#events, 'request')) as [Request, Response];
  }

  /** Resolves once so many connections are left. */
  async left(count: number): Promise<void> {
    while (this.open !== count) await once(this.#events, 'change');
  }

  /** Resolves once no request is under way, or only so many. */
  async idle(left = 0): Promise<void> {
    while (this.#answering.size > left) await once(this.#events, 'change');
  }

  /** Ends all connections, the rude way. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await this.left(0);
  }
}

/** Accepts connections and hands them to whoever wants them. */
export class TcpServer implements AsyncDisposable {
  readonly #server = net.createServer();
  readonly sockets = new Set<Socket>();

  private constructor(onConnection: (socket: Socket) => void) {
    this.#server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        this.#server.emit('left');
      });
      onConnection(socket);
    });
  }

  static async start(onConnection: (socket: Socket) => void): Promise<TcpServer> {
    const server = new TcpServer(onConnection);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Resolves with the next connection. */
  async next(): Promise<Socket> {
    const [socket] = (await once(this.#server, 'connection')) as [Socket];
    return socket;
  }

  /** Resolves once no connection is left. */
  async empty(): Promise<void> {
    while (this.sockets.size > 0) await once(this.#server, 'left');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await this.empty();
  }
}

export interface SwallowingProxy extends AsyncDisposable {
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
  swallow(): void;
  /** New connections go through; what was swallowed stays so. */
  restore(): void;
}

/** A way to a server that can begin to swallow everything, as a firewall does. */
export async function swallowingProxy(port: number): Promise<SwallowingProxy> {
  let epoch = 0;
  let swallowed = 0;
  const proxy = await TcpServer.start((socket) => {
    const mine = (epoch += 1);
    const isSwallowed = () => mine <= swallowed;
    const onward = net.connect(port, '127.0.0.1');
    onward.on('error', () => undefined);
    socket.on('close', () => onward.destroy());
    onward.on('close', () => {
      if (!isSwallowed()) socket.destroy();
    });
    socket.on('data', (data) => {
      if (!isSwallowed()) onward.write(data);
    });
    onward.on('data', (data) => {
      if (!isSwallowed()) socket.write(data);
    });
  });
  return {
    port: proxy.port,
    sockets: proxy.sockets,
    swallow: () => (swallowed = Infinity),
    restore: () => (swallowed = epoch),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

/** A proxy that opens tunnels (CONNECT), and keeps to where. */
export async function connectProxy(): Promise<
  AsyncDisposable & { readonly url: string; readonly tunnels: string[] }
> {
  const tunnels: string[] = [];
  const server = http.createServer();
  const sockets = new Set<Socket>();
  server.on('connect', (request: Request, socket: Socket) => {
    tunnels.push(request.url ?? '');
    const [, port] = /:(\d+)$/.exec(request.url ?? '') ?? [];
    const onward = net.connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('error', () => undefined);
      end.on('close', () => sockets.delete(end));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    tunnels,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A SOCKS 5 proxy (RFC 1928) without authentication, and to where it was asked to connect. */
export async function socksProxy(): Promise<
  AsyncDisposable & { readonly url: string; readonly targets: string[] }
> {
  const targets: string[] = [];
  const proxy = await TcpServer.start((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.of(5, 0));
      socket.once('data', (request: Buffer) => {
        const port = request.readUInt16BE(request.length - 2);
        targets.push(`${request.subarray(4, 8).join('.')}:${port}`);
        socket.pause();
        const onward = net.connect(port, '127.0.0.1', () => {
          socket.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
          socket.pipe(onward).pipe(socket);
        });
        onward.on('error', () => undefined);
        socket.on('close', () => onward.destroy());
      });
    });
  });
  return {
    url: `socks5://127.0.0.1:${proxy.port}`,
    targets,
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}
