import { abortable } from '../../lib/platform/abort.ts';
import { sleep } from '../../lib/platform/clock.ts';
import type {
  ApiRequest,
  ApiResponse,
  SimulatedClock,
  Transport,
} from '../../lib/testing/index.ts';

/** What a network may do to a request, beside what `FaultRule`s do. */
export interface Mishap {
  /** It is carried out so much later, even if its sender has given it up meanwhile. */
  readonly lateMs?: number;
  /** Its answer arrives so much later. */
  readonly answerMs?: number;
  /** It is carried out once more, so much later; nobody hears of that. */
  readonly againMs?: number;
}

/** A gate: what comes while it is shut waits. */
export class Gate {
  #opening: PromiseWithResolvers<undefined> | undefined;

  get isOpen(): boolean {
    return !this.#opening;
  }

  shut(): void {
    this.#opening ??= Promise.withResolvers();
  }

  open(): void {
    this.#opening?.resolve(undefined);
    this.#opening = undefined;
  }

  async passed(): Promise<void> {
    while (this.#opening) await this.#opening.promise;
  }
}

/** What lies between a process and the cluster: it can be cut, and be slow to carry what was sent. */
export class Line {
  readonly #clock: SimulatedClock;
  readonly #wire = new Gate();
  readonly #door = new Gate();
  /** Of each request that is sent from now on. */
  mishap: (request: ApiRequest) => Mishap = () => ({});
  /** How many requests and watches of the process are under way. */
  underWay = 0;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  /** Nothing passes any more, either way; nobody is told. */
  cut(): void {
    this.#wire.shut();
  }

  /** What is sent from now on passes, and what was to arrive arrives late. */
  mend(): void {
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

  /** The transport, over this line. */
  carry(transport: Transport): Transport {
    return {
      send: (request, signal) => this.#counted(transport, request, signal),
      close: () => {
        transport.close();
      },
    };
  }

  async #counted(
    transport: Transport,
    request: ApiRequest,
    signal: AbortSignal,
  ): Promise<ApiResponse> {
    this.underWay += 1;
    try {
      const response = await this.#send(transport, request, signal);
      return { ...response, body: this.#body(response.body, signal) };
    } catch (error) {
      this.underWay -= 1;
      throw error;
    }
  }

  async #send(
    transport: Transport,
    request: ApiRequest,
    signal: AbortSignal,
  ): Promise<ApiResponse> {
    if (!this.#wire.isOpen) return abortable(new Promise<never>(() => undefined), signal);
    const { lateMs, answerMs = 0, againMs } = this.mishap(request);
    const later = async (ms: number) => {
      await sleep(this.#clock, ms);
      return transport.send(request, new AbortController().signal);
    };
    if (againMs !== undefined) later(againMs).catch(() => undefined);
    const answer = lateMs === undefined ? transport.send(request, signal) : later(lateMs);
    const response = await abortable(answer, signal);
    if (answerMs > 0) await sleep(this.#clock, answerMs, signal);
    await abortable(this.#passed(), signal);
    return response;
  }

  /** Counts until it is read to its end, or left. */
  async *#body(body: AsyncIterable<string>, signal: AbortSignal): AsyncGenerator<string, void> {
    try {
      for await (const chunk of body) {
        await abortable(this.#passed(), signal);
        yield chunk;
      }
    } finally {
      this.underWay -= 1;
    }
  }

  async #passed(): Promise<void> {
    while (!this.#wire.isOpen || !this.#door.isOpen) {
      await this.#wire.passed();
      await this.#door.passed();
    }
  }
}
