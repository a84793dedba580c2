import { abortable, linked } from '../platform/abort.ts';
import type { Clock } from '../platform/clock.ts';
import { withDeadline } from '../platform/deadline.ts';
import type { Access, Credentials } from './credentials.ts';
import { type Member, RoutePool } from './route-pool.ts';
import type { OutgoingRequest } from './route.ts';
import type { ApiRequest, ApiResponse, Progress, Transport } from './transport.ts';

/** A plugin that takes longer than this hangs, and is ended: the next call may do better. */
const CREDENTIALS_TIMEOUT_MS = 60_000;

/** What one connection has in a pool. It leaves the pool when it has newer credentials and no requests. */
class Membership implements Member {
  readonly pool: RoutePool;
  holdsProcess: boolean;
  requests = 0;

  constructor(pool: RoutePool, holdsProcess: boolean) {
    this.pool = pool;
    this.holdsProcess = holdsProcess;
    pool.join(this);
  }
}

/**
 * The real transport. All requests share one HTTP/2 connection if the server speaks it, as every
 * API server does. A watch keeps it warm, so the request that counts, when the lock is free, does
 * not wait for a TLS handshake. Otherwise HTTP/1.1 with keep-alive. All transports of a process
 * that lead to the same API server share a pool of them; closing one ends its own requests.
 */
export class Connection implements Transport {
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #userAgent: string;
  #asked: Promise<Access> | undefined;
  #latest: Membership | undefined;
  readonly #memberships = new Set<Membership>();
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
      const access = this.#credentials.fresh?.() ?? (await abortable(this.#access(), wanted));
      wanted.throwIfAborted();
      const response = await this.#sendOver(access, request, wanted, progress, end);
      if (response.status === 401) await this.#credentials.refresh(access);
      return { ...response, conceal: (text) => concealed(text, access.headers) };
    } catch (error) {
      end();
      // Whatever error a route makes of an abort.
      wanted.throwIfAborted();
      throw error;
    }
  }

  unref(): void {
    this.#background = true;
    for (const membership of this.#memberships) {
      membership.holdsProcess = false;
      membership.pool.updateHold();
    }
  }

  close(): void {
    this.#asked = undefined;
    this.#latest = undefined;
    this.#closing.abort(new Error('the connection was closed'));
    this.#closing = new AbortController();
    for (const membership of this.#memberships) this.#leave(membership);
  }

  #sendOver(
    access: Access,
    request: ApiRequest,
    signal: AbortSignal,
    progress: Progress,
    end: () => void,
  ): Promise<ApiResponse> {
    const membership = this.#membership(access);
    membership.requests += 1;
    const onOver = () => {
      end();
      membership.requests -= 1;
      if (membership !== this.#latest && membership.requests === 0) this.#leave(membership);
    };
    const outgoing = this.#outgoing(request, access);
    return membership.pool.send(access, outgoing, signal, progress, onOver);
  }

  /** Joins the pool for this access, from now on its latest, unless it has joined before. */
  #membership(access: Access): Membership {
    // An agent for a proxy belongs to a KubeConfig, and so to one transport.
    const scope = access.proxyAgent ? this : this.#clock;
    const pool = RoutePool.of(scope, access, this.#clock);
    const before = this.#latest;
    const latest =
      [...this.#memberships].find((membership) => membership.pool === pool) ??
      new Membership(pool, !this.#background);
    this.#memberships.add(latest);
    this.#latest = latest;
    if (before && before !== latest && before.requests === 0) this.#leave(before);
    return latest;
  }

  #leave(membership: Membership): void {
    if (this.#memberships.delete(membership)) membership.pool.leave(membership);
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
    const reason = (ms: number) => new Error(`there are no credentials after ${ms} ms`);
    const unref = this.#background;
    const closing = this.#closing.signal;
    const limit = withDeadline(this.#clock, closing, CREDENTIALS_TIMEOUT_MS, reason, { unref });
    try {
      return await abortable(this.#credentials.access(limit.signal), limit.signal);
    } finally {
      limit.end();
    }
  }

  #outgoing(request: ApiRequest, access: Access): OutgoingRequest {
    const query = Object.entries(request.query ?? {})
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join('&');
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
