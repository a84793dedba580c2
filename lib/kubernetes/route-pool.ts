import { abortable } from '../platform/abort.ts';
import type { Clock } from '../platform/clock.ts';
import type { Access } from './credentials.ts';
import { Http2Route, connectTls } from './http2.ts';
import type { OutgoingRequest, Route } from './route.ts';
import type { ApiResponse, Progress } from './transport.ts';

/** More than an election needs, even if each connection carries one request. */
const MAX_ROUTES_PER_MEMBER = 16;

/** A connection that takes longer to open may never be. A new one may. */
const SLOW_MS = 1_000;

/** A route, perhaps not yet open. */
interface Opening {
  readonly route: Promise<Route>;
  readonly sinceMs: number;
  opened?: Route;
}

/** A user of a pool. */
export interface Member {
  /** Whether it keeps the process alive. */
  readonly holdsProcess: boolean;
}

/**
 * The connections of a process to one API server with the same TLS options: one, unless the server
 * allows only few requests on it. Elections and observers share them, even with different tokens,
 * because the token is sent with each request; client-go shares its transports in the same way. The
 * first request opens a connection. When the last member leaves, all are closed.
 */
export class RoutePool {
  readonly #clock: Clock;
  readonly #onEmpty: () => void;
  readonly #members = new Set<Member>();
  /** The routes that take further requests. */
  readonly #openings: Opening[] = [];
  readonly #routes = new Set<Route>();
  /** The route of the last request: most often it has room for the next one. */
  #last: Route | undefined;
  readonly #closing = new AbortController();
  #holdsProcess = false;

  private constructor(clock: Clock, onEmpty: () => void) {
    this.#clock = clock;
    this.#onEmpty = onEmpty;
  }

  /** The pool for this access. The scope is a clock, or the one transport that may use it. */
  static of(scope: object, access: Access, clock: Clock): RoutePool {
    const pools = scopes.get(scope) ?? new Map<string, RoutePool>();
    scopes.set(scope, pools);
    const key = keyOf(access);
    const pool = pools.get(key) ?? new RoutePool(clock, () => pools.delete(key));
    pools.set(key, pool);
    return pool;
  }

  join(member: Member): void {
    this.#members.add(member);
    this.updateHold();
  }

  leave(member: Member): void {
    this.#members.delete(member);
    if (this.#members.size > 0) {
      this.updateHold();
      return;
    }
    this.#onEmpty();
    this.#closing.abort(new Error('the connection was closed'));
    for (const route of this.#routes) route.close();
    this.#routes.clear();
  }

  /** Call it after `holdsProcess` of a member has changed. */
  updateHold(): void {
    const isWanted = [...this.#members].some(({ holdsProcess }) => holdsProcess);
    if (isWanted === this.#holdsProcess) return;
    this.#holdsProcess = isWanted;
    for (const route of this.#routes) route.holdProcess(isWanted);
  }

  /** Sends on a route that has room, or opens one. Calls `onOver` when the exchange has ended. */
  async send(
    access: Access,
    request: OutgoingRequest,
    signal: AbortSignal,
    progress: Progress,
    onOver: () => void,
  ): Promise<ApiResponse> {
    let isSent = false;
    try {
      let route = this.#last;
      // Other requests may have taken the last room on it in this very turn, or closed it. If there
      // are too many routes, the request waits on one, or the server refuses it and it is retried.
      const isUsable = () => route?.isOpen && route.hasRoom;
      for (let tries = 0; !route || (!isUsable() && tries < 4 * this.#maxRoutes); tries += 1) {
        route = await abortable(this.#find(access), signal);
      }
      signal.throwIfAborted();
      this.#last = route;
      const sentOn = route;
      const answer = route.send(request, signal, progress, () => {
        onOver();
        if (sentOn.isIdle && this.#openings.length > 1) this.#prefer(this.#last ?? sentOn);
      });
      isSent = true;
      return await answer;
    } finally {
      if (!isSent && signal.aborted) this.#giveUpSlow();
      if (!isSent) onOver();
    }
  }

  /** A request has given up waiting for a connection: the next one opens another. */
  #giveUpSlow(): void {
    const isSlow = ({ opened, sinceMs }: Opening) =>
      !opened && this.#clock.now() - sinceMs >= SLOW_MS;
    for (const opening of this.#openings.filter(isSlow)) this.#remove(opening);
  }

  get #maxRoutes(): number {
    return MAX_ROUTES_PER_MEMBER * this.#members.size;
  }

  /** The first open route that has room, or a new one, which requests at the same time share. */
  async #find(access: Access): Promise<Route> {
    const openings = this.#openings;
    for (let index = 0; index < openings.length;) {
      const opening = openings[index];
      const route = opening && (await opening.route);
      if (!opening || !openings.includes(opening)) continue;
      if (!route?.isOpen) this.#remove(opening);
      else if (route.hasRoom) return this.#prefer(route);
      else index = openings.indexOf(opening) + 1;
    }
    this.#closing.signal.throwIfAborted();
    const [first] = openings;
    if (first?.opened && openings.length >= this.#maxRoutes) return first.opened;
    const opening: Opening = {
      route: this.#open(access, first?.opened),
      sinceMs: this.#clock.now(),
    };
    openings.push(opening);
    try {
      opening.opened = await opening.route;
    } catch (error) {
      this.#remove(opening);
      throw error;
    }
    // One that was given up as slow may be the first to open.
    const isLate = !openings.includes(opening);
    if (isLate && !openings.some(({ opened }) => opened?.isOpen)) openings.unshift(opening);
    return this.#prefer(opening.opened);
  }

  /** Presumably the server allows as much as on the last route. */
  async #open(access: Access, before: Route | undefined): Promise<Route> {
    const { signal } = this.#closing;
    const route = await negotiate(access, this.#clock, signal, before?.maxStreams);
    if (signal.aborted) route.close();
    signal.throwIfAborted();
    this.#routes.add(route);
    route.holdProcess(this.#holdsProcess);
    return route;
  }

  /** Retires the routes that are not needed. One idle route is kept. */
  #prefer(preferred: Route): Route {
    const [, ...spare] = this.#openings.filter(
      ({ opened }) => opened?.isIdle && opened !== preferred,
    );
    for (const opening of spare) this.#remove(opening);
    const kept = this.#openings.map(({ opened }) => opened);
    for (const route of this.#routes) {
      if (!kept.includes(route)) route.retire();
      if (route.isOver) this.#routes.delete(route);
    }
    return preferred;
  }

  #remove(opening: Opening): void {
    const index = this.#openings.indexOf(opening);
    if (index >= 0) this.#openings.splice(index, 1);
  }
}

const scopes = new WeakMap<object, Map<string, RoutePool>>();

/** Computed once per access, because a CA is long. */
const keys = new WeakMap<Access, string>();

function keyOf(access: Access): string {
  const known = keys.get(access);
  if (known !== undefined) return known;
  const options = Object.entries(access.tls).map(([name, value]) => {
    return `${name}=${Buffer.isBuffer(value) ? value.toString('base64') : JSON.stringify(value)}`;
  });
  const key = [access.server.href, ...options].join('\n');
  keys.set(access, key);
  return key;
}

async function negotiate(
  access: Access,
  clock: Clock,
  signal: AbortSignal,
  maxStreams: number | undefined,
): Promise<Route> {
  const { server, tls, proxyAgent } = access;
  // Client-node makes the agents for proxies, which do not negotiate HTTP/2.
  if (server.protocol === 'https:' && !proxyAgent) {
    const socket = await connectTls(server, tls, clock, signal);
    if (socket.alpnProtocol === 'h2') return new Http2Route(server, socket, clock, maxStreams);
    socket.destroy();
  }
  const { Http1Route } = await import('./http1.ts');
  return new Http1Route(access);
}
