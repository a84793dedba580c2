import { neverAborts } from '../platform/abort.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import { withDeadline } from '../platform/deadline.ts';
import { backoffMs } from '../protocol/delay.ts';
import { foreign, granted, parse, refused } from './answer.ts';
import type { Json } from './json.ts';
import { ApiError, NoAnswerError, isAbsent, isRightMissing, isTransient } from './outcome.ts';
import type { ApiRequest, ApiResponse, Progress, Transport } from './transport.ts';

/** Longer than the API server may take, so a request that is given up is over. */
export const REQUEST_TIMEOUT_MS = 10_000;

/** The time that the API server is given; later a request takes no effect. */
const SERVER_SHARE = 0.8;

const FIRST_RETRY_MS = 100;

/**
 * How long a starting API server may take to load its RBAC rules; until then it denies everything.
 */
const SETTLING_MS = 10_000;

/**
 * No answer may exhaust the memory, even when parsed, where `{}` takes fifty bytes. The largest
 * object here is a ConfigMap: 1 MiB of data and 256 KiB of annotations, where a byte may take six
 * characters in JSON. (etcd takes at most 1.5 MiB.) What may have large metadata is listed without
 * the rest, and at most 50 objects at a time.
 */
const MAX_ANSWER_CHARS = 8 * 2 ** 20;

const TOO_LARGE = `the answer is too large: more than ${MAX_ANSWER_CHARS} characters`;

export interface RetryOptions {
  readonly signal?: AbortSignal | undefined;
  readonly maxBackoffMs: number;
  /** No new try is made later than this after the first. @default no limit */
  readonly withinMs?: number;
  readonly onRetry?: (error: Error, delayMs: number) => void;
}

/**
 * JSON requests to the Kubernetes API, with a timeout for each, classified failures, and retries.
 */
export class Api {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** Whether the last request failed as requests do while an API server is down or starts. */
  #down = false;
  /** When the first request after that was answered. */
  #upMs = Number.NEGATIVE_INFINITY;

  constructor(transport: Transport, clock: Clock, timeoutMs = REQUEST_TIMEOUT_MS) {
    this.#transport = transport;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Sends once and resolves with what `read` makes of the answer: the requested object, the list,
   * or the `Status` of a deletion. Throws an ApiError if Kubernetes refuses; a NoAnswerError if
   * another program answers, nobody does, or `read` throws; or the signal's reason once it aborts.
   * `whileUnsent` ends the request only if nothing of it has been sent.
   */
  async request<T>(
    request: ApiRequest,
    read: (answer: Json) => T,
    signal?: AbortSignal,
    whileUnsent?: AbortSignal,
  ): Promise<T> {
    const query = { timeout: `${Math.floor(this.#timeoutMs * SERVER_SHARE)}ms`, ...request.query };
    const line = describe(request);
    const limit = this.#limit(signal);
    const progress = { sent: true };
    const onUnwanted = () => {
      if (!progress.sent) limit.abort(whileUnsent?.reason);
    };
    whileUnsent?.addEventListener('abort', onUnwanted, { once: true });
    try {
      const response = await this.#transport.send({ ...request, query }, limit.signal, progress);
      const body = await readAll(response.body);
      const found = read(granted(request, response, line, body));
      this.#answered();
      return found;
    } catch (error) {
      throw this.#failure(error, line, signal, progress);
    } finally {
      whileUnsent?.removeEventListener('abort', onUnwanted);
      limit.end();
    }
  }

  /** Reads an object; undefined if Kubernetes says that it does not exist. */
  async find<T>(
    path: string,
    read: (object: Json) => T,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    try {
      return await this.request({ method: 'GET', path }, read, signal);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /**
   * Sends a watch. Yields `undefined` as soon as the answer's head has arrived, then each event as
   * parsed JSON. Ends when the server ends it; throws as `request` does.
   */
  async *stream(request: ApiRequest, signal: AbortSignal): AsyncGenerator<unknown, void> {
    const line = describe(request);
    const limit = this.#limit(signal);
    try {
      const response = await this.#transport.send(request, limit.signal);
      if (response.status !== 200) {
        throw refused(request, response, line, await readAll(response.body));
      }
      if (!isJson(response.headers)) throw foreign(response, await readAll(response.body));
      // The head must come in time; the body may take any time.
      limit.lift();
      this.#answered();
      yield undefined;
      const lines = new Lines();
      for await (const chunk of response.body) {
        for (const line of lines.push(chunk)) yield parse(line);
      }
    } catch (error) {
      throw this.#failure(error, line, signal);
    } finally {
      limit.end();
    }
  }

  /** Repeats an idempotent operation while it fails transiently (after `Retry-After` if given). */
  async retry<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
    const { signal, maxBackoffMs, withinMs = Number.POSITIVE_INFINITY, onRetry } = options;
    const startedMs = this.#clock.now();
    const throwIfFinal = (error: unknown) => {
      // Before the error is classified: p-retry turns a reason that is not an error into one.
      signal?.throwIfAborted();
      if (!this.isTransient(error)) throw error;
    };
    const first = operation();
    try {
      return await first;
    } catch (error) {
      throwIfFinal(error);
    }
    // Loaded only now: it takes a quarter of the time that the library takes to load.
    const { default: pRetry } = await import('p-retry');
    return pRetry((attempt) => (attempt === 1 ? first : operation()), {
      retries: Number.POSITIVE_INFINITY,
      // p-retry counts and loops. The waiting is ours, because it has to honour Retry-After and
      // take time and randomness from the clock.
      minTimeout: 0,
      onFailedAttempt: async ({ error, attemptNumber }) => {
        throwIfFinal(error);
        const wanted = error instanceof ApiError ? error.retryAfterMs : undefined;
        const backoff = backoffMs(
          attemptNumber - 1,
          maxBackoffMs,
          this.#clock.random(),
          FIRST_RETRY_MS,
        );
        const delayMs = wanted === undefined ? backoff : this.#notBefore(wanted);
        if (this.#clock.now() + delayMs - startedMs > withinMs) throw error;
        onRetry?.(error, delayMs);
        await sleep(this.#clock, delayMs, signal);
      },
    });
  }

  /** Never earlier than requested, and spread, if a crowd was told the same. */
  #notBefore(wantedMs: number): number {
    return wantedMs * (1 + 0.2 * this.#clock.random());
  }

  /** Whether the same request may succeed later without anybody's intervention. */
  isTransient(error: unknown): boolean {
    const settling = this.#clock.now() - this.#upMs < SETTLING_MS;
    return isTransient(error) || (settling && isRightMissing(error));
  }

  #failure(
    error: unknown,
    line: string,
    signal: AbortSignal | undefined,
    progress?: Progress,
  ): unknown {
    const reason = failure(error, line, signal, progress);
    if (reason instanceof ApiError && reason.status < 500) this.#answered();
    else if (reason instanceof ApiError || reason instanceof NoAnswerError) this.#down = true;
    return reason;
  }

  #answered(): void {
    if (!this.#down) return;
    this.#down = false;
    this.#upMs = this.#clock.now();
  }

  unref(): void {
    this.#transport.unref?.();
  }

  close(): void {
    this.#transport.close();
  }

  #limit(outer = neverAborts()) {
    outer.throwIfAborted();
    const reason = (ms: number) => new Error(`no answer within ${ms} ms`);
    return withDeadline(this.#clock, outer, this.#timeoutMs, reason);
  }
}

function failure(
  error: unknown,
  line: string,
  signal: AbortSignal | undefined,
  progress?: Progress,
): unknown {
  if (signal?.aborted) return signal.reason;
  return error instanceof ApiError ? error : new NoAnswerError(line, error, progress?.sent);
}

function describe(request: ApiRequest): string {
  const name = request.query?.['fieldSelector'];
  const verb = request.query?.['watch'] ? 'WATCH' : request.method;
  return `${verb} ${request.path}${name ? ` (${name})` : ''}`;
}

async function readAll(body: AsyncIterable<string>): Promise<string> {
  let all = '';
  for await (const chunk of body) {
    all += chunk;
    if (all.length > MAX_ANSWER_CHARS) throw new Error(TOO_LARGE);
  }
  return all;
}

/** Looks at each piece once, even if a line consists of many. */
class Lines {
  #rest = '';

  /** The lines that end in this piece. */
  push(chunk: string): string[] {
    const [first = '', ...others] = chunk.split('\n');
    const lines = [this.#rest + first, ...others];
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_ANSWER_CHARS) throw new Error(TOO_LARGE);
    return lines.filter((line) => line.trim() !== '');
  }
}

/** A page instead of a watch is recognised by its type or, without one, by its lines. */
function isJson({ 'content-type': type = 'application/json' }: ApiResponse['headers']): boolean {
  return type.startsWith('application/json');
}
