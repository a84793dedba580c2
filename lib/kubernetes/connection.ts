import http from 'node:http';
import https from 'node:https';

import { abortable, linked } from '../platform/abort.ts';
import type { Clock } from '../platform/clock.ts';
import type { Access, Credentials } from './credentials.ts';
import { Http1Route } from './http1.ts';
import { Http2Route, connectTls } from './http2.ts';
import type { OutgoingRequest, Route } from './route.ts';
import type { ApiRequest, ApiResponse, Progress, Transport } from './transport.ts';

const KEEP_ALIVE = { keepAlive: true, keepAliveMsecs: 30_000 };

/** A plugin that takes longer than this hangs, and is ended: the next call may do better. */
const CREDENTIALS_TIMEOUT_MS = 60_000;

/** More than an election needs, even if each connection carries one request. */
const MAX_ROUTES = 16;

/** A route, perhaps not yet open. */
interface Opening {
  readonly route: Promise<Route>;
  opened?: Route;
}

/** The routes for some credentials: one, unless the server allows only few requests on it. */
interface Pool {
  readonly key: string;
  readonly openings: Opening[];
}

/**
 * The real transport. All requests share one HTTP/2 connection if the server speaks it, as every
 * API server does. A watch keeps it warm, so the request that counts, when the lock is free, does
 * not wait for a TLS handshake. Otherwise HTTP/1.1 with keep-alive.
 */
export class Connection implements Transport {
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #userAgent: string;
  #asked: Promise<Access> | undefined;
  #current: Pool | undefined;
  readonly #routes = new Set<Route>();
  #closing = new AbortController();
  #background = false;

  constructor(credentials: Credentials, clock: Clock, userAgent: string) {
    this.#credentials = credentials;
    this.#clock = clock;
    this.#userAgent = userAgent;
  }

  async send(
    request: ApiRequest,
    signal: AbortSignal,
    progress: Progress = { sent: false },
  ): Promise<ApiResponse> {
    progress.sent = false;
    signal.throwIfAborted();
    const { controller, end } = linked(signal, this.#closing.signal);
    const wanted = controller.signal;
    try {
      const access = await abortable(this.#access(), wanted);
      wanted.throwIfAborted();
      let route = await abortable(this.#route(access), wanted);
      // Other requests may have taken the last room on it in this very turn, or retired it.
      const isUsable = () => route.isOpen && route.hasRoom;
      for (let tries = 1; !isUsable() && tries < 4 * MAX_ROUTES; tries += 1) {
        route = await abortable(this.#route(access), wanted);
      }
      wanted.throwIfAborted();
      // At once: on a route that was closed meanwhile, no answer would ever come.
      const answer = route.send(this.#outgoing(request, access), signal, progress);
      const response = await abortable(answer, signal);
      if (response.status === 401) await this.#credentials.refresh(access);
      return {
        ...response,
        body: untilAborted(response.body, signal),
        conceal: (text) => concealed(text, access.headers),
      };
    } finally {
      end();
    }
  }

  unref(): void {
    this.#background = true;
    for (const route of this.#routes) route.unref();
  }

  close(): void {
    this.#current = undefined;
    this.#asked = undefined;
    this.#closing.abort(new Error('the connection was closed'));
    this.#closing = new AbortController();
    for (const route of this.#routes) route.close();
    this.#routes.clear();
  }

  /**
   * Requests at the same time share one call: a plugin that hangs is not started again for each.
   */
  #access(): Promise<Access> {
    const access = (this.#asked ??= this.#askForAccess());
    const forget = () => {
      if (this.#asked === access) this.#asked = undefined;
    };
    access.then(forget, forget);
    return access;
  }

  async #askForAccess(): Promise<Access> {
    const { controller, end } = linked(this.#closing.signal);
    const { signal } = controller;
    const giveUp = () => {
      controller.abort(new Error(`there are no credentials after ${CREDENTIALS_TIMEOUT_MS} ms`));
    };
    const cancel = this.#clock.after(CREDENTIALS_TIMEOUT_MS, giveUp, { unref: this.#background });
    try {
      return await abortable(this.#credentials.access(signal), signal);
    } finally {
      cancel();
      end();
    }
  }

  #outgoing(request: ApiRequest, access: Access): OutgoingRequest {
    const query = new URLSearchParams(request.query).toString();
    const base = access.server.pathname.replace(/\/$/, '');
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    return {
      method: request.method,
      path: `${base}${request.path}${query && `?${query}`}`,
      headers: {
        ...access.headers,
        accept: request.accept ?? 'application/json',
        'user-agent': this.#userAgent,
        ...(body !== undefined && {
          'content-type': request.contentType ?? 'application/json',
          'content-length': String(Buffer.byteLength(body)),
        }),
      },
      body,
    };
  }

  /**
   * The first open route for these credentials that has room, or a new one; requests at the same
   * time share it. If there are too many routes, a request waits, or the server refuses it and it
   * is retried.
   */
  async #route(access: Access): Promise<Route> {
    const key = routeKey(access);
    const { signal } = this.#closing;
    if (this.#current?.key !== key) this.#current = { key, openings: [] };
    const pool = this.#current;
    for (let index = 0; index < pool.openings.length;) {
      const opening = pool.openings[index];
      const route = opening && (await opening.route);
      if (!opening || !pool.openings.includes(opening)) continue;
      if (!route?.isOpen) remove(pool, opening);
      else if (route.hasRoom) return this.#prefer(route, pool);
      else index = pool.openings.indexOf(opening) + 1;
    }
    signal.throwIfAborted();
    const [first] = pool.openings;
    if (first?.opened && pool.openings.length >= MAX_ROUTES) {
      return this.#prefer(first.opened, pool);
    }
    const opening: Opening = { route: this.#open(access, pool.openings[0]?.opened) };
    pool.openings.push(opening);
    try {
      opening.opened = await opening.route;
    } catch (error) {
      remove(pool, opening);
      throw error;
    }
    return this.#prefer(opening.opened, pool);
  }

  /** Presumably the server allows as much as on the last route. */
  async #open(access: Access, before: Route | undefined): Promise<Route> {
    const { signal } = this.#closing;
    const route = await negotiate(
      access,
      this.#clock,
      signal,
      this.#background,
      before?.maxStreams,
    );
    if (signal.aborted) route.close();
    signal.throwIfAborted();
    this.#routes.add(route);
    if (this.#background) route.unref();
    return route;
  }

  /**
   * Retires all other routes, unless there are newer credentials by now; routes with room may be
   * needed.
   */
  #prefer(preferred: Route, pool: Pool): Route {
    if (this.#current !== pool) return preferred;
    const [, ...spare] = pool.openings.filter(
      ({ opened }) => opened?.isIdle && opened !== preferred,
    );
    for (const opening of spare) remove(pool, opening);
    const kept = pool.openings.map(({ opened }) => opened);
    for (const route of this.#routes) {
      if (route !== preferred && !kept.includes(route)) route.retire();
      if (route.isOver) this.#routes.delete(route);
    }
    return preferred;
  }
}

function remove({ openings }: Pool, opening: Opening): void {
  const index = openings.indexOf(opening);
  if (index >= 0) openings.splice(index, 1);
}

/** A shorter text is as likely to be a word of a message, and is not a secret. */
const MIN_SECRET_LENGTH = 8;

function concealed(text: string, headers: Readonly<Record<string, string>>): string {
  return secretsIn(headers).reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}

/** Each header, longest first: the whole value, and a token or a password by itself. */
function secretsIn(headers: Readonly<Record<string, string>>): string[] {
  const secrets = Object.entries(headers).flatMap(([name, value]) => {
    // The impersonated user is not a secret, and messages name it.
    if (name.startsWith('impersonate-')) return [];
    const [scheme = '', credential = ''] = value.split(/\s+/, 2);
    const plain = scheme === 'Basic' ? Buffer.from(credential, 'base64').toString() : '';
    return [value, credential, plain, plain.slice(plain.indexOf(':') + 1)];
  });
  return secrets
    .filter(({ length }) => length >= MIN_SECRET_LENGTH)
    .sort((one, other) => other.length - one.length);
}

/** Other credentials need another connection; only the token is sent with each request. */
const routeKeys = new WeakMap<Access, string>();

/** Computed once per access, because a CA is long. */
function routeKey(access: Access): string {
  const known = routeKeys.get(access);
  if (known !== undefined) return known;
  const key = keyOf(access);
  routeKeys.set(access, key);
  return key;
}

function keyOf({ server, tls }: Access): string {
  const options = Object.entries(tls).map(([name, value]) => {
    return `${name}=${Buffer.isBuffer(value) ? value.toString('base64') : JSON.stringify(value)}`;
  });
  return [server.href, ...options].join('\n');
}

async function negotiate(
  access: Access,
  clock: Clock,
  signal: AbortSignal,
  background: boolean,
  maxStreams: number | undefined,
): Promise<Route> {
  const { server, tls, proxyAgent } = access;
  if (server.protocol === 'http:') {
    return new Http1Route(server, proxyAgent, new http.Agent(KEEP_ALIVE));
  }
  // Client-node makes the agents for proxies, which do not negotiate HTTP/2.
  const ownAgent = new https.Agent({ ...KEEP_ALIVE, ...tls });
  if (proxyAgent) return new Http1Route(server, proxyAgent, ownAgent);
  const socket = await connectTls(server, tls, clock, signal, background);
  if (socket.alpnProtocol === 'h2') return new Http2Route(server, socket, clock, maxStreams);
  socket.destroy();
  return new Http1Route(server, undefined, ownAgent);
}

/** Whatever error a route makes of an abort, the reader gets the signal's reason. */
async function* untilAborted(
  body: AsyncIterable<string>,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  try {
    yield* body;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
