import fc from 'fast-check';

import { child, text } from '../../lib/kubernetes/json.ts';
import type { ApiRequest, ApiResponse, Transport } from '../../lib/kubernetes/transport.ts';
import { type Changes, changed, changes } from './mutation.ts';
import { hostileTexts } from './hostile.ts';

/** What becomes of one answer, or of one frame of a watch. */
interface Mutation {
  readonly changes: Changes;
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** No answer, although the request was carried out. */
  readonly lost: boolean;
  /** Says that all went well, with what was answered before. */
  readonly replay: boolean;
  /** So many characters at a time. */
  readonly piece: number;
}

const statuses = [
  0, 100, 199, 200, 201, 202, 204, 206, 299, 301, 304, 400, 401, 403, 404, 405, 408, 409, 410, 413,
  415, 418, 422, 429, 500, 501, 503, 504, 599, 999, -1, 2147483648,
];

const headers = fc.record({
  'retry-after': fc.constantFrom(
    ...['0', '1', '-1', '1e400', '999999999999', 'NaN', 'Infinity', '0x7fffffff', '1, 2'],
    ...['Wed, 21 Oct 2065 07:28:00 GMT', '', ' ', '\u0000'],
  ),
  'content-type': fc.constantFrom('text/html', 'application/vnd.kubernetes.protobuf', ''),
  __proto__: fc.constant('polluted'),
});

const seldom = fc.nat({ max: 9 }).map((number) => number === 1);

const mutation: fc.Arbitrary<Mutation> = fc.record({
  changes,
  status: fc.option(fc.constantFrom(...statuses), { nil: undefined, freq: 3 }),
  headers: fc.option(headers, { nil: undefined, freq: 4 }),
  lost: seldom,
  replay: seldom,
  piece: fc.constantFrom(1, 7, 1_000, 1_000_000),
});

/** What a watch says although nothing has happened. */
const frame = fc.oneof(
  fc.constantFrom(
    '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"a\\nb"}}',
    ...['{"type":"ERROR"}', '{"type":"ERROR","object":"gone"}', '{"type":"BOOKMARK","object":{}}'],
    ...['{"type":"BOOKMARK"}', '{"type":"__proto__","object":{}}', '{}', 'null', '""'],
    '{"type":"ADDED","object":{"metadata":{"name":"lock"}}}',
    '{"type":"DELETED","object":{"metadata":{"name":"lock"}}}',
    '{"type":"DELETED","object":{"metadata":{"name":"lock","uid":"x","resourceVersion":"1"}}}',
    '{"type":"MODIFIED","object":[{"metadata":{"name":"lock"}}]}',
    '{"type":"MODIFIED","object":null}',
  ),
  fc.constantFrom(...hostileTexts).map((text) => text.replaceAll('\n', ' ')),
);

/** What the answers to a candidate are made to be, one after another; then they are sane again. */
export interface Plan {
  /** Undefined for an answer that is left as it is. */
  readonly answers: readonly (Mutation | undefined)[];
  /** What each watch says first. */
  readonly frames: readonly string[];
}

export const plan: fc.Arbitrary<Plan> = fc.record({
  answers: fc.array(fc.option(mutation, { nil: undefined, freq: 2 }), {
    minLength: 1,
    maxLength: 25,
  }),
  frames: fc.array(frame, { maxLength: 5 }),
});

const unchanged: Mutation = {
  ...{ changes: { edits: [], damage: undefined }, status: undefined, headers: undefined },
  ...{ lost: false, replay: false, piece: 1_000 },
};

/** A plan by hand: what differs, answer by answer. */
export function answered(...differences: readonly (Partial<Mutation> | undefined)[]): Plan {
  return { answers: differences.map((more) => more && { ...unchanged, ...more }), frames: [] };
}

/** What becomes of an answer's text as a whole. */
export const damagedBy = (damage: Changes['damage']) => ({ changes: { edits: [], damage } });

/** Carries requests as they are, and makes of the answers what the plan says. */
export class MutatingTransport implements Transport {
  readonly #inner: Transport;
  readonly #plan: Plan;
  /** Who must not be forged: what is said again never names him. */
  readonly #name: string;
  #said = '{}';
  #count = 0;
  #frames = 0;
  #isSane = false;
  /** Whether it has said that an object has another UID than it has. */
  hasLied = false;

  constructor(inner: Transport, name: string, plan: Plan) {
    this.#inner = inner;
    this.#name = name;
    this.#plan = plan;
  }

  /** From now on the answers are what they are. */
  heal(): void {
    this.#isSane = true;
  }

  async send(request: ApiRequest, signal: AbortSignal): Promise<ApiResponse> {
    const response = await this.#inner.send(request, signal);
    if (request.query?.['watch']) return { ...response, body: this.#frameByFrame(response.body) };
    const change = this.#next();
    if (!change) return response;
    let answer = '';
    for await (const chunk of response.body) answer += chunk;
    if (change.lost) throw new Error('the answer was lost');
    const said = this.#said;
    if (response.status < 300 && !answer.includes(this.#name)) this.#said = answer;
    if (change.replay) return { ...response, status: 200, body: inPieces(said, change.piece) };
    const { status = response.status } = change;
    const body = changed(answer, change.changes);
    this.hasLied ||= uidIn(body) !== undefined && uidIn(body) !== uidIn(answer);
    return {
      status,
      headers: { ...response.headers, ...change.headers },
      body: inPieces(body, change.piece),
    };
  }

  close(): void {
    this.#inner.close();
  }

  async *#frameByFrame(body: AsyncIterable<string>): AsyncGenerator<string, void> {
    for await (const chunk of body) {
      const said = this.#isSane ? undefined : this.#plan.frames[this.#frames];
      this.#frames += 1;
      if (said !== undefined) yield `${said}\n`;
      const change = this.#next();
      if (change?.lost) throw new Error('the watch was lost');
      yield* change
        ? inPieces(`${changed(chunk.trimEnd(), change.changes)}\n`, change.piece)
        : [chunk];
    }
  }

  #next(): Mutation | undefined {
    if (this.#isSane) return undefined;
    const change = this.#plan.answers[this.#count];
    this.#count += 1;
    return change;
  }
}

function uidIn(body: string): string | undefined {
  try {
    return text(child(JSON.parse(body), 'metadata'), 'uid');
  } catch {
    return undefined;
  }
}

async function* inPieces(body: string, size: number): AsyncGenerator<string, void> {
  // Of a long text, not each character by itself: that only takes time.
  const length = Math.max(size, Math.ceil(body.length / 200));
  for (let at = 0; at < body.length; at += length) {
    yield await Promise.resolve(body.slice(at, at + length));
  }
}
