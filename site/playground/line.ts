import type { ApiRequest, ApiResponse, Clock, Transport } from '../../lib/testing/index.ts';
import { sleep } from '../../lib/platform/clock.ts';

/** Lets through what waits, once it is open. */
class Gate {
  #isOpen = true;
  #opened = Promise.resolve();
  #open: () => void = () => undefined;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  set(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    if (isOpen) this.#open();
    else this.#opened = new Promise((resolve) => (this.#open = resolve));
  }

  async pass(): Promise<void> {
    while (!this.#isOpen) await this.#opened;
  }
}

/** How far apart the process and the API server are, each way. */
const USUAL_MS = 2;

/** What a process sends and gets: it can be cut off or slow, and a stopped process reads nothing. */
export class Line implements Transport {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #network = new Gate();
  readonly #process = new Gate();
  #isDead = false;
  #eachWayMs = USUAL_MS;

  /** `clock` is the world's: the network does not follow the clock of a process. */
  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  get isCutOff(): boolean {
    return !this.#network.isOpen;
  }

  get isSlow(): boolean {
    return this.#eachWayMs !== USUAL_MS;
  }

  cut(isCut: boolean): void {
    this.#network.set(!isCut);
  }

  slow(eachWayMs = USUAL_MS): void {
    this.#eachWayMs = eachWayMs;
  }

  hold(isHeld: boolean): void {
    this.#process.set(!isHeld);
  }

  /** The process is dead: what it has sent may take effect, but no answer reaches it. */
  end(): void {
    this.#isDead = true;
    this.#transport.close();
  }

  async send(request: ApiRequest, signal: AbortSignal): Promise<ApiResponse> {
    const exchange = async () => {
      await this.#travel();
      const response = await this.#transport.send(request, signal);
      await this.#arrive();
      return { ...response, body: this.#read(response.body) };
    };
    return unlessAborted(exchange(), signal);
  }

  close(): void {
    this.#transport.close();
  }

  async *#read(body: AsyncIterable<string>): AsyncGenerator<string, void> {
    for await (const piece of body) {
      await this.#arrive();
      yield piece;
    }
  }

  async #arrive(): Promise<void> {
    await this.#travel();
    await this.#process.pass();
    if (this.#isDead) await never;
  }

  async #travel(): Promise<void> {
    if (this.#isDead) await never;
    await this.#network.pass();
    await sleep(this.#clock, this.#eachWayMs);
    await this.#network.pass();
  }
}

const never = new Promise<never>(() => undefined);

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
