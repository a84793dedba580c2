import { abortable } from '../../lib/platform/abort.ts';
import { type Clock, sleep } from '../../lib/platform/clock.ts';
import type {
  ApiRequest,
  ApiResponse,
  Progress,
  SimulatedClock,
  Transport,
} from '../../lib/testing/index.ts';
import { Gate } from '../lease/line.ts';
import type { Sent } from './fact.ts';
import type { Luck } from './luck.ts';

/** What of a process's requests and answers does not get through. */
export type Cut = 'both' | 'requests' | 'answers';

/** What something on the way answers in the API server's place. */
export interface Page {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  /** The request is carried out all the same, and its true answer kept back. */
  readonly isLate?: boolean;
}

/** What a network may do to requests and answers, beside what the API server does to them. */
export interface Mishap {
  /** Of requests with this verb; of all others without one. */
  readonly verb?: string;
  readonly resource?: string;
  readonly probability: number;
  /** The request is carried out so much later, even if its sender has given it up meanwhile. */
  readonly lateMs?: number;
  /** The answer arrives so much later. */
  readonly answerMs?: number;
  /** The request is carried out once more, so much later; nobody hears of that. */
  readonly againMs?: number;
  /** The answer is lost, and the sender is told that the connection broke; or is told nothing. */
  readonly lost?: 'broken' | 'silent';
  /** The sender is told that the connection broke, yet the request is carried out after all. */
  readonly isStranded?: boolean;
  /** Something on the way answers, which is no answer. */
  readonly page?: Page;
  /** Nobody listens there: the connection is refused before anything is sent. */
  readonly isRefused?: boolean;
  /** So many requests only. Default: all. */
  readonly times?: number;
  /** What a watch shows from now on is lost, while its connection seems to be open. */
  readonly deaf?: boolean;
}

/** What a proxy that holds watches back passes of each: its head, or what it shows as it opens, too. */
export type Passed = 'head' | 'first';

/** A watch that is under way, as its process is shown it. */
export interface WatchUnderWay {
  readonly sent: Sent;
  /** When its head and its last event came, by the process's clock; undefined before. */
  openedMs: number | undefined;
  shownMs: number | undefined;
}

/** Who listens to a line. */
export interface LineListener {
  sent(request: ApiRequest): Sent;
  answered(sent: Sent, status: number, body: unknown): void;
  unanswered(sent: Sent, error: unknown): void;
  /** A line of a watch, which the process has read. */
  shown(sent: Sent, line: string): void;
}

class BrokenConnection extends Error {
  readonly code = 'ECONNRESET';
}

/** What Node.js says if nobody listens. */
class RefusedConnection extends Error {
  readonly code = 'ECONNREFUSED';

  constructor() {
    super('connect ECONNREFUSED 10.96.0.1:443');
  }
}

/** Ends an errand: to whoever knows, a page is no answer. */
class Answered extends Error {
  readonly #page: Page;

  constructor(page: Page) {
    super(`a page answers ${page.status}`);
    this.#page = page;
  }

  get response(): ApiResponse {
    const { status, body, contentType } = this.#page;
    return { status, headers: { 'content-type': contentType }, body: oneChunk(body) };
  }
}

/** A request under way: how to end it where it has arrived, apart from who sent it. */
interface Errand extends WatchUnderWay {
  readonly listener: LineListener;
  /** Of each time that it is carried out. */
  readonly ends: AbortController[];
  /** Aborts with the connection that it is on. */
  readonly connection: AbortController;
}

function newEnd({ ends }: Errand): AbortController {
  const end = new AbortController();
  ends.push(end);
  return end;
}

/** What lies between a process and the cluster. */
export class Line {
  readonly #clock: SimulatedClock;
  readonly #ownClock: Clock;
  readonly #luck: Luck;
  readonly #latencyMs: readonly [number, number];
  readonly #errands = new Set<Errand>();
  /** Answers come through it. */
  readonly #wire = new Gate();
  /** The process reads what has come. */
  readonly #door = new Gate();
  #requestsLost = false;
  readonly #struck = new Map<Mishap, number>();
  #isDead = false;
  #passedOfWatches: Passed | undefined;
  mishaps: Mishap[] = [];

  /** `ownClock` is that of the process, on which it measures how long a watch is silent. */
  constructor(
    clock: SimulatedClock,
    ownClock: Clock,
    luck: Luck,
    latencyMs: readonly [number, number],
  ) {
    this.#clock = clock;
    this.#ownClock = ownClock;
    this.#luck = luck;
    this.#latencyMs = latencyMs;
  }

  /** The requests and watches of whoever listens. */
  underWay(whose: LineListener): readonly WatchUnderWay[] {
    return [...this.#errands].filter(({ listener }) => listener === whose);
  }

  /** What passes of watches that are held back; undefined where none are. */
  get passedOfWatches(): Passed | undefined {
    return this.#passedOfWatches;
  }

  /** This mishap is over. */
  heal(mishap: Mishap): void {
    this.mishaps = this.mishaps.filter((other) => other !== mishap);
  }

  /** From now on, and for good, what watches show does not arrive. */
  holdWatchesBack(passed: Passed): void {
    this.#passedOfWatches = passed;
  }

  cut(what: Cut): void {
    if (what !== 'answers') this.#requestsLost = true;
    if (what !== 'requests') this.#wire.shut();
  }

  /** What is sent from now on passes, and what was to arrive arrives late. */
  mend(): void {
    this.#requestsLost = false;
    this.#wire.open();
  }

  /** The process reads nothing of what arrives. */
  hold(): void {
    this.#door.shut();
  }

  /** It reads it now. */
  release(): void {
    this.#door.open();
  }

  /**
   * The connection of the process is lost, and with it all that is under way: all elections of a
   * process share one. A request that has arrived takes effect, and its answer is lost.
   */
  loseConnection(): void {
    for (const { connection } of this.#errands) connection.abort(new BrokenConnection());
  }

  /** The process is dead. What it has sent may have left the machine, or not. */
  kill(): void {
    this.#isDead = true;
    for (const { sent, ends } of this.#errands) {
      if (sent.verb !== 'watch' && !this.#luck.chance(0.5)) continue;
      for (const end of ends) end.abort(new BrokenConnection());
    }
    this.#errands.clear();
  }

  /** The transport, over this line, for whoever listens. */
  carry(transport: Transport, listener: LineListener): Transport {
    return {
      send: (request, signal, progress) =>
        this.#send(transport, listener, request, signal, progress),
      close: () => {
        if (!this.#isDead) transport.close();
      },
    };
  }

  async #send(
    transport: Transport,
    listener: LineListener,
    request: ApiRequest,
    outer: AbortSignal,
    progress?: Progress,
  ): Promise<ApiResponse> {
    if (this.#isDead) return new Promise<never>(() => undefined);
    const sent = listener.sent(request);
    const openedMs = undefined;
    const connection = new AbortController();
    const errand: Errand = { sent, listener, ends: [], connection, openedMs, shownMs: undefined };
    this.#errands.add(errand);
    abortWith(connection, outer);
    const { signal } = connection;
    try {
      const response = await this.#exchange(transport, request, errand, signal, progress);
      if (errand.sent.verb === 'watch') {
        this.#tell(() => listener.answered(sent, response.status, undefined));
        errand.openedMs = this.#ownClock.now();
        return { ...response, body: this.#stream(response.body, errand, signal) };
      }
      this.#errands.delete(errand);
      return response;
    } catch (error) {
      this.#errands.delete(errand);
      this.#tell(() => listener.unanswered(sent, error));
      if (error instanceof Answered) return error.response;
      throw error;
    }
  }

  async #exchange(
    transport: Transport,
    request: ApiRequest,
    errand: Errand,
    signal: AbortSignal,
    progress?: Progress,
  ): Promise<ApiResponse> {
    const mishap = this.#mishapOf(errand.sent);
    const { lateMs, answerMs, againMs, lost, isStranded, isRefused, page } = mishap;
    if (this.#requestsLost) return abortable(new Promise<never>(() => undefined), signal);
    const latencyMs = this.#draw();
    if (isRefused === true) {
      if (progress) progress.sent = false;
      await sleep(this.#clock, latencyMs, signal);
      throw new RefusedConnection();
    }
    const carryOut = async (delayMs: number, ended: AbortSignal) => {
      if (delayMs > 0) await sleep(this.#clock, delayMs, ended);
      return transport.send(request, ended);
    };
    if (againMs !== undefined) this.#forget(carryOut(againMs, newEnd(errand).signal));
    if (isStranded === true) {
      this.#forget(carryOut(latencyMs / 2 + (lateMs ?? 0), newEnd(errand).signal));
      await sleep(this.#clock, latencyMs / 2, signal);
      throw new BrokenConnection('socket hang up');
    }
    if (page) {
      const isCarriedOut = page.isLate === true && errand.sent.verb !== 'watch';
      if (isCarriedOut) this.#forget(carryOut(latencyMs / 2, newEnd(errand).signal));
      if (latencyMs > 0) await sleep(this.#clock, latencyMs, signal);
      await this.#passed(signal);
      throw new Answered(page);
    }
    const end = newEnd(errand);
    // Who gives a request up tells the API server so, unless the request is still on its way.
    if (lateMs === undefined) abortWith(end, signal);
    const answer = carryOut(latencyMs / 2 + (lateMs ?? 0), end.signal);
    const response = await abortable(answer, signal);
    if (errand.sent.verb === 'watch') return response;
    const body = await abortable(readAll(response.body), signal);
    if (lost === 'silent') await abortable(new Promise<never>(() => undefined), signal);
    const backMs = latencyMs / 2 + (answerMs ?? 0);
    if (backMs > 0) await sleep(this.#clock, backMs, signal);
    await this.#passed(signal);
    if (lost === 'broken') throw new BrokenConnection('read ECONNRESET');
    this.#tell(() => errand.listener.answered(errand.sent, response.status, parse(body)));
    return { ...response, body: oneChunk(body) };
  }

  /** Counts as under way until it is read to its end, or left. */
  async *#stream(
    body: AsyncIterable<string>,
    errand: Errand,
    signal: AbortSignal,
  ): AsyncGenerator<string, void> {
    const isDeaf = this.#mishapOf(errand.sent).deaf === true;
    const { sent, listener } = errand;
    let rest = '';
    try {
      for await (const chunk of body) {
        if (isDeaf || this.#isHeldBack(errand)) continue;
        await this.#passed(signal);
        errand.shownMs = this.#ownClock.now();
        yield chunk;
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.#tell(() => listener.shown(sent, line));
      }
      await this.#passed(signal);
    } finally {
      this.#errands.delete(errand);
    }
  }

  #isHeldBack({ openedMs }: Errand): boolean {
    if (this.#passedOfWatches === undefined) return false;
    return this.#passedOfWatches === 'head' || openedMs !== this.#ownClock.now();
  }

  async #passed(signal: AbortSignal): Promise<void> {
    while (!this.#wire.isOpen || !this.#door.isOpen) {
      await abortable(this.#wire.passed(), signal);
      await abortable(this.#door.passed(), signal);
    }
  }

  #mishapOf({ verb, resource }: Sent): Partial<Mishap> {
    const struck = this.mishaps.find(
      (mishap) =>
        (mishap.verb ?? verb) === verb &&
        (mishap.resource ?? resource) === resource &&
        (this.#struck.get(mishap) ?? 0) < (mishap.times ?? Number.POSITIVE_INFINITY) &&
        this.#luck.chance(mishap.probability),
    );
    if (!struck) return {};
    this.#struck.set(struck, (this.#struck.get(struck) ?? 0) + 1);
    return struck;
  }

  #draw(): number {
    const [minMs, maxMs] = this.#latencyMs;
    return maxMs > 0 ? minMs + this.#luck.number() * (maxMs - minMs) : 0;
  }

  /** A dead process is told nothing. */
  #tell(tell: () => void): void {
    if (!this.#isDead) tell();
  }

  #forget(promise: Promise<ApiResponse>): void {
    promise.then(
      ({ body }) => readAll(body).catch(() => undefined),
      () => undefined,
    );
  }
}

function abortWith(controller: AbortController, signal: AbortSignal): void {
  const onAbort = () => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
}

async function readAll(body: AsyncIterable<string>): Promise<string> {
  let all = '';
  for await (const chunk of body) all += chunk;
  return all;
}

// eslint-disable-next-line @typescript-eslint/require-await -- an answer's body is read as a stream
async function* oneChunk(body: string): AsyncGenerator<string, void> {
  if (body !== '') yield body;
}

/** Many answers are alike, and whoever is told of them only reads. */
const parsed = new Map<string, unknown>();
const MOST_PARSED = 100;

function parse(body: string): unknown {
  if (parsed.has(body)) return parsed.get(body);
  if (parsed.size >= MOST_PARSED) parsed.clear();
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // It is no JSON.
  }
  parsed.set(body, value);
  return value;
}
