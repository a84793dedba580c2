import { linked } from '../platform/abort.ts';
import { sleep, type Clock } from '../platform/clock.ts';
import { statusAnswer, type ApiModel, type ModelAnswer } from './api-model.ts';
import { statusOf, type Target } from './error-answer.ts';
import { Faults, type Failure, type RequestFaults } from './faults.ts';
import { RequestLog } from './request-log.ts';
import type { RequestRecord } from './request-record.ts';
import { routeOf, type RawRequest, type Route } from './route.ts';
import { unauthorized } from './status.ts';
import type { Tokens } from './tokens.ts';
import { WatchStream } from './watch-stream.ts';

/** Who sends a request. */
export interface Caller {
  /** Undefined: nobody in particular. */
  readonly token: string | undefined;
  readonly userAgent: string;
}

/** An answer: a text, or a watch to attach to. */
export interface Served {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly watch?: WatchStream;
}

/** The connection broke instead of carrying an answer. */
export class ConnectionReset extends Error {
  readonly code = 'ECONNRESET';
  readonly syscall = 'read';

  constructor() {
    super('read ECONNRESET');
    this.name = 'ConnectionReset';
  }
}

export interface ApiServerOptions {
  readonly model: ApiModel;
  readonly clock: Clock;
  readonly tokens: Tokens;
  readonly log: RequestLog;
  readonly bookmarkMs: number;
}

/**
 * Adds to the model what takes time or goes wrong: tokens, faults, open watches, the request log.
 */
export class ApiServer {
  readonly faults: Faults;
  readonly #options: ApiServerOptions;
  readonly #watches = new Set<WatchStream>();
  #connections = new AbortController();
  #isClosed = false;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.faults = new Faults(options.clock, this.#watches);
  }

  /**
   * Answers one request. Rejects with a `ConnectionReset` if a fault demands it, and with the
   * reason of the first signal to abort.
   */
  async serve(
    request: RawRequest,
    caller: Caller,
    ...signals: readonly AbortSignal[]
  ): Promise<Served> {
    if (this.#isClosed) throw new ConnectionReset();
    const { log, model, tokens } = this.#options;
    const user = tokens.userOf(caller.token);
    const route = routeOf(request, model.types);
    const record = log.begin(describe(route, user, caller));
    const faults = this.faults.strike(record);
    await this.#travel(faults.latencyMs / 2, signals);
    const target = targetOf(request, route);
    let answer = await this.#fail(faults.failure, 'before', target, signals);
    if (!answer) {
      answer = this.#answer(request, route, user, faults);
      answer = (await this.#fail(faults.failure, 'after', target, signals)) ?? answer;
    }
    await this.#travel(faults.latencyMs / 2, signals);
    log.end(record, answer.status);
    const { status, headers, body } = answer;
    const watch = answer.watch && this.#open(answer.watch, record, faults);
    return { status, headers, body, ...(watch && { watch }) };
  }

  /** Breaks every connection: requests on their way, and watches. */
  cut(): void {
    this.#connections.abort(new ConnectionReset());
    this.#connections = new AbortController();
    for (const watch of [...this.#watches]) watch.cut(false);
  }

  /** Breaks every connection, and accepts no new one. */
  close(): void {
    this.#isClosed = true;
    this.cut();
  }

  #answer(
    request: RawRequest,
    route: Route,
    user: string | undefined,
    faults: RequestFaults,
  ): ModelAnswer {
    if (user === undefined) return statusAnswer(unauthorized().status);
    return this.#options.model.handle(request, user, faults.staleBy, route);
  }

  async #fail(
    failure: Failure | undefined,
    when: Failure['when'],
    target: Target,
    signals: readonly AbortSignal[],
  ): Promise<ModelAnswer | undefined> {
    if (failure?.when !== when) return undefined;
    switch (failure.kind) {
      case 'error':
        return statusAnswer(statusOf(failure.error, target));
      case 'page': {
        const { status, body = '', contentType = 'text/html' } = failure.page;
        return { status, headers: { 'content-type': contentType }, body };
      }
      case 'reset':
        throw new ConnectionReset();
      case 'hang':
        return this.#unlessEnded(signals, until);
    }
  }

  #open(plan: NonNullable<ModelAnswer['watch']>, record: RequestRecord, faults: RequestFaults) {
    const { clock, model, bookmarkMs } = this.#options;
    const watch = new WatchStream(plan, {
      clock,
      store: model.store,
      faults: this.faults,
      record,
      bookmarkMs,
      cutAfterEvents: faults.cutAfterEvents,
      over: (closed) => this.#watches.delete(closed),
    });
    this.#watches.add(watch);
    return watch;
  }

  async #travel(ms: number, signals: readonly AbortSignal[]): Promise<void> {
    for (const signal of signals) signal.throwIfAborted();
    if (ms <= 0) return;
    await this.#unlessEnded(signals, (ended) => sleep(this.#options.clock, ms, ended));
  }

  /** Runs something that ends with the request, or when all connections break. */
  async #unlessEnded<T>(
    signals: readonly AbortSignal[],
    wait: (ended: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { controller, end } = linked(...signals, this.#connections.signal);
    try {
      return await wait(controller.signal);
    } finally {
      end();
    }
  }
}

function describe(route: Route, user = '', { userAgent }: Caller) {
  const { verb, resource, subresource, namespace = '', name = '' } = route;
  return { user, verb, resource, subresource, namespace, name, userAgent };
}

/** A create names its object in the body. */
function targetOf({ body }: RawRequest, route: Route): Target {
  const { group, verb, resource: kind, namespace = '' } = route;
  const name = route.name ?? (verb === 'create' ? nameIn(body) : undefined);
  return { group, kind, verb, namespace, name };
}

function nameIn(body: string | undefined): string | undefined {
  try {
    const { metadata } = JSON.parse(body ?? '') as { metadata?: { name?: unknown } };
    return typeof metadata?.name === 'string' ? metadata.name : undefined;
  } catch {
    return undefined;
  }
}

function until(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
