import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { systemClock } from '../../platform/clock.ts';
import { messageOf } from '../../platform/printable.ts';
import { UsageError, quote } from '../option.ts';
import { type Answer, type View, answerOf, leaderOf, refusal } from './answers.ts';

/** Keeps an event stream from being cut by proxies, and shows what a woken machine has missed. */
const BEAT_MS = 15_000;

/** Where the kubelet's probes reach this server, every Pod of the cluster does, too. */
const NOT_FROM_HERE: Answer = { status: 403, body: 'Only this Pod may ask for that.\n' };

/** Whether an address of a connection is this network namespace's own: that of the Pod. */
export function isLoopback(address = ''): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address);
}

/** What the server asks the election. */
export interface Source {
  view(): Promise<View>;
  stepDown(): Promise<boolean>;
}

/** What a Prometheus is told. */
export interface Metrics {
  readonly contentType: string;
  metrics(): Promise<string>;
}

/** Where to listen. */
export interface Address {
  /** Empty for all addresses. */
  readonly host: string;
  readonly port: number;
}

/** Reads `HOST:PORT`, `:PORT` or `PORT`, as Go programs write it: without a host, on all. */
export function addressOf(text: string): Address {
  const [, host = '', digits = ''] = /^(?:(\[[0-9a-fA-F:]+\]|[^:]*):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new UsageError(`--http must be HOST:PORT or :PORT, but is ${quote(text)}.`);
  }
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

/** Tells programs who leads. */
export class LeaderServer {
  readonly #source: Source;
  readonly #metrics: Metrics;
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();
  #beat: () => void = () => undefined;
  /** The latest event, without its time. */
  #told = '';

  constructor(source: Source, metrics: Metrics) {
    this.#source = source;
    this.#metrics = metrics;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(`${messageOf(error)}\n`);
      });
    });
  }

  /** Resolves with the URL once it listens. */
  async listen({ host, port }: Address): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host === '' ? undefined : host, resolve);
    });
    this.#nextBeat();
    const bound = this.#server.address();
    const actual = typeof bound === 'object' && bound ? bound.port : port;
    const shown = host.includes(':') ? `[${host}]` : host || 'localhost';
    return `http://${shown}:${actual}`;
  }

  /** Sends an event to everybody who listens, if the leader has changed. */
  async changed(): Promise<void> {
    if (this.#streams.size === 0) return;
    const view = await this.#source.view();
    const news = newsOf(view);
    if (news === this.#told) return;
    this.#told = news;
    for (const stream of this.#streams) stream.write(eventOf(view));
  }

  async close(): Promise<void> {
    this.#beat();
    for (const stream of this.#streams) stream.end();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/'] = (request.url ?? '/').split('?');
    const method = request.method ?? 'GET';
    const refused = refusal(method, path);
    if (refused) send(response, refused);
    else if (path === '/sse') await this.#stream(response);
    else if (path === '/metrics') {
      const headers = { 'content-type': this.#metrics.contentType };
      send(response, { status: 200, body: await this.#metrics.metrics(), headers });
    } else if (path === '/step-down') {
      const isOwn = isLoopback(request.socket.remoteAddress);
      send(response, isOwn ? await this.#stepDown() : NOT_FROM_HERE);
    } else {
      const answer = answerOf(path, await this.#source.view(), systemClock.date());
      send(response, answer ?? { status: 404, body: '' });
    }
  }

  async #stepDown(): Promise<Answer> {
    if (!(await this.#source.stepDown())) return { status: 409, body: 'not leading\n' };
    const body = leaderOf(await this.#source.view(), systemClock.date());
    return { status: 200, body };
  }

  async #stream(response: ServerResponse): Promise<void> {
    const view = await this.#source.view();
    // If the client has left meanwhile, `close` was emitted before anybody listened.
    if (response.destroyed) return;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    response.write(eventOf(view));
    if (this.#streams.size === 0) this.#told = newsOf(view);
    this.#streams.add(response);
    response.once('close', () => this.#streams.delete(response));
  }

  #nextBeat(): void {
    const beat = () => {
      for (const stream of this.#streams) stream.write(': beat\n\n');
      this.changed().catch(() => undefined);
      this.#nextBeat();
    };
    this.#beat = systemClock.after(BEAT_MS, beat, { unref: true });
  }
}

function eventOf(view: View): string {
  return `data: ${JSON.stringify(leaderOf(view, systemClock.date()))}\n\n`;
}

function newsOf(view: View): string {
  const { is_leader: isLeader, leader, since } = leaderOf(view, new Date(0));
  return JSON.stringify([isLeader, leader, since, view.own === undefined && !view.other]);
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const isText = typeof body === 'string';
  response.writeHead(status, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(isText ? body : `${JSON.stringify(body)}\n`);
}
