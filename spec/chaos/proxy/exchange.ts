import type {
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http';
import type { Readable } from 'node:stream';
import { type Http2ServerResponse, constants } from 'node:http2';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Counts, RequestFault } from '../fault.ts';
import { type Misfortune, type RequestFaults, seen } from './request-faults.ts';
import type { Answer, Onward, Upstream } from './upstream.ts';
import type { Gate } from './weather.ts';

/** What an exchange needs of the line that it goes over. */
export interface Platform {
  readonly faults: RequestFaults;
  /** Shut while watches are frozen. */
  readonly watches: Gate;
  readonly counts: Counts;
}

/** One request and its answer, passed on as they come. */
export class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #upstream: Upstream;
  readonly #platform: Platform;
  readonly #resetConnection: () => void;
  readonly #over = new AbortController();
  readonly #isWatch: boolean;
  readonly #misfortune: Misfortune;
  #isAnswered = false;
  #isCutOff = false;

  /** Requests and responses of HTTP/2 are made to be used as those of HTTP/1.1. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    upstream: Upstream,
    platform: Platform,
    resetConnection: () => void,
  ) {
    this.#request = request;
    this.#response = response;
    this.#upstream = upstream;
    this.#platform = platform;
    this.#resetConnection = resetConnection;
    const what = seen(request.method ?? '', request.url ?? '');
    this.#isWatch = what.isWatch;
    this.#misfortune = platform.faults.strike(what);
    platform.counts.requests += 1;
    response.on('close', () => {
      if (!this.#isAnswered) platform.counts.aborted += 1;
      this.#over.abort(new Error('the client went away'));
    });
  }

  /** Never rejects; resolves once the answer is given, or the client has gone. */
  async run(): Promise<void> {
    let onward: Onward | undefined;
    try {
      if (this.#strikes('reset-connection', 'before')) return;
      const refusal = this.#struck('refuse');
      if (refusal) {
        this.#refuse(refusal.status, refusal.retryAfterSeconds);
        return;
      }
      await this.#delay('delay-request');
      onward = this.#forward();
      const answer = await onward.answer;
      if (this.#strikes('reset-connection', 'after-effect')) return;
      const tookEffect = answer.status < 300;
      const failure = tookEffect ? this.#struck('fail-after-effect') : undefined;
      if (failure) {
        this.#refuse(failure.status);
        return;
      }
      await this.#delay('delay-answer');
      await this.#pass(answer);
    } catch {
      // The client has gone, the API server broke off, or so the fault wanted it.
      this.#breakOff(onward);
    } finally {
      if (!this.#isAnswered) onward?.cancel();
    }
  }

  #forward(): Onward {
    const { method = '', url = '', headers } = this.#request;
    const hasBody = 'content-length' in headers || !endsAfterHeaders(this.#request);
    const onward = this.#upstream.send({ method, path: url, headers: passedOn(headers), hasBody });
    this.#platform.counts.forwarded += 1;
    const cancel = () => onward.cancel();
    this.#over.signal.addEventListener('abort', cancel, { once: true });
    onward.answer.catch(() => undefined);
    // An API server may answer before it has read everything; its answer counts.
    if (hasBody) pipeline(this.#request, onward.body, { end: true }).catch(() => undefined);
    else onward.body.end();
    return onward;
  }

  async #pass(answer: Answer): Promise<void> {
    const { status, headers, body } = answer;
    const truncation = this.#struck('truncate');
    const { 'content-length': length, ...others } = passedOn(headers);
    this.#response.writeHead(status, {
      ...others,
      ...(length !== undefined && truncation?.as !== 'complete' && { 'content-length': length }),
    });
    this.#response.flushHeaders();
    this.#isCutOff = truncation?.as === 'reset';
    await this.#write(truncation ? cut(body, Number(length), truncation.as) : body);
    if (!truncation && answer.hasBrokenOff()) throw new Error('the API server broke off');
    const behind = Object.entries(answer.trailers()).map(
      ([name, value]) => [name, String(value)] as const,
    );
    if (behind.length > 0) this.#response.addTrailers(Object.fromEntries(behind));
    this.#end();
  }

  /** Chunk by chunk, as fast as the client takes them. */
  async #write(chunks: AsyncIterable<unknown>): Promise<void> {
    const { signal } = this.#over;
    for await (const chunk of chunks) {
      await this.#thaw();
      if (!this.#response.write(chunk)) await once(this.#response, 'drain', { signal });
    }
    await this.#thaw();
  }

  async #thaw(): Promise<void> {
    if (this.#isWatch) await this.#platform.watches.pass(this.#over.signal);
  }

  #refuse(status: number, retryAfterSeconds?: number): void {
    this.#request.resume();
    const seconds = { retryAfterSeconds };
    const failure = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `the fault proxy says ${status}`,
      reason: REASONS[status],
      details: retryAfterSeconds === undefined ? {} : seconds,
      code: status,
    };
    this.#response.writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    });
    this.#end(JSON.stringify(failure));
  }

  #end(text?: string): void {
    this.#isAnswered = true;
    this.#response.end(text);
  }

  #breakOff(onward: Onward | undefined): void {
    const { stream } = this.#response as unknown as Partial<Http2ServerResponse>;
    const code = this.#isCutOff ? constants.NGHTTP2_INTERNAL_ERROR : codeOf(onward);
    if (stream && code !== undefined) stream.close(code);
    else this.#resetConnection();
  }

  async #delay(kind: 'delay-request' | 'delay-answer'): Promise<void> {
    const { ms = 0 } = this.#struck(kind) ?? {};
    if (ms > 0) await sleep(ms, undefined, { signal: this.#over.signal });
  }

  #strikes(kind: 'reset-connection', when: 'before' | 'after-effect'): boolean {
    if (this.#misfortune.of(kind)?.when !== when) return false;
    this.#struck(kind);
    this.#resetConnection();
    return true;
  }

  #struck<K extends RequestFault['kind']>(kind: K) {
    const fault = this.#misfortune.of(kind);
    if (fault) this.#platform.counts.struck[kind] += 1;
    return fault;
  }
}

const REASONS: Readonly<Record<number, string>> = {
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** With which the client is told that no more comes; undefined where its connection is over. */
function codeOf(onward: Onward | undefined): number | undefined {
  // The API server has said that it wants no more, and the client does not know it yet.
  if (!onward) return constants.NGHTTP2_REFUSED_STREAM;
  const resetCode = onward.resetCode();
  return resetCode === constants.NGHTTP2_NO_ERROR ? constants.NGHTTP2_INTERNAL_ERROR : resetCode;
}

function endsAfterHeaders(request: IncomingMessage): boolean {
  const { stream } = request as unknown as { stream?: { endAfterHeaders: boolean } };
  return stream?.endAfterHeaders ?? !('transfer-encoding' in request.headers);
}

/** They are about one connection, not about the request: RFC 9110, 7.6.1. */
const OF_A_CONNECTION =
  /^(:.*|connection|keep-alive|proxy-connection|te|transfer-encoding|upgrade|http2-settings|expect|host)$/;

/** What of a message's headers is to be passed on: neither pseudo-headers nor a connection's. */
function passedOn(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !OF_A_CONNECTION.test(name)),
  );
}

/**
 * The first half of a body; of one whose length is not known, half of what comes first. Then comes
 * an error, or an end.
 */
async function* cut(
  body: Readable,
  length: number,
  as: 'reset' | 'complete',
): AsyncGenerator<Buffer> {
  let left = Math.floor(length / 2);
  for await (const part of body) {
    const chunk = part as Buffer;
    if (Number.isNaN(left)) left = Math.floor(chunk.length / 2);
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) break;
  }
  if (as === 'reset') throw new Error('the fault proxy cut the body off');
}
