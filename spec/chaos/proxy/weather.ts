import { abortable } from '../../../lib/platform/abort.ts';

/** What ends when it is disposed of, once. */
export function lasting(end: () => void): Disposable {
  let over = false;
  return {
    [Symbol.dispose]: () => {
      if (!over) end();
      over = true;
    },
  };
}

/** What can be shut, by several at once, and is open when nobody shuts it. */
export class Gate {
  #shutters = 0;
  #opened = Promise.withResolvers<undefined>();

  /** Shuts it until the result is disposed of. */
  shut(): Disposable {
    this.#shutters += 1;
    return lasting(() => {
      this.#shutters -= 1;
      if (this.#shutters > 0) return;
      this.#opened.resolve(undefined);
      this.#opened = Promise.withResolvers();
    });
  }

  /** Resolves while it is open; rejects with the signal's reason. */
  async pass(signal: AbortSignal): Promise<void> {
    while (this.#shutters > 0) await abortable(this.#opened.promise, signal);
  }
}

/** What befalls all bytes of a line in one direction. */
export class Weather {
  /** Shut while nothing gets through. */
  readonly gate = new Gate();
  latencyMs = 0;

  /** Adds latency until the result is disposed of. */
  slow(ms: number): Disposable {
    this.latencyMs += ms;
    return lasting(() => (this.latencyMs -= ms));
  }
}
