import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { reset } from './sockets.ts';
import type { Weather } from './weather.ts';

/** So much may be under way in a channel; then whoever sends has to wait. */
const CAPACITY_BYTES = 256 * 1024;

interface Parcel {
  readonly content: Buffer | 'end' | 'reset';
  readonly dueMs: number;
}

/**
 * One direction between two sockets. What one of them says, its end and its reset included, reaches
 * the other in its order, as the weather allows.
 */
export class Channel {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #weather: Weather;
  readonly #signal: AbortSignal;
  readonly #parcels: Parcel[] = [];
  #bytes = 0;
  #delivering = false;
  #deaf = false;

  constructor(source: Socket, sink: Socket, weather: Weather, signal: AbortSignal) {
    this.#source = source;
    this.#sink = sink;
    this.#weather = weather;
    this.#signal = signal;
    source.on('data', (bytes: Buffer) => this.#take(bytes));
    source.once('end', () => this.#take('end'));
    source.once('close', () => {
      if (!source.readableEnded) this.#take('reset');
    });
  }

  /** From now on nothing gets through, and nobody is told. */
  forget(): void {
    this.#deaf = true;
    this.#parcels.length = 0;
    this.#source.resume();
  }

  #take(content: Parcel['content']): void {
    if (this.#deaf) return;
    this.#parcels.push({ content, dueMs: performance.now() + this.#weather.latencyMs });
    this.#bytes += sizeOf(content);
    if (this.#bytes > CAPACITY_BYTES) this.#source.pause();
    if (!this.#delivering) void this.#deliverAll();
  }

  async #deliverAll(): Promise<void> {
    this.#delivering = true;
    try {
      for (let parcel = this.#parcels[0]; parcel; parcel = this.#parcels[0]) {
        const waitMs = parcel.dueMs - performance.now();
        if (waitMs > 0) await sleep(waitMs, undefined, { signal: this.#signal });
        await this.#weather.gate.pass(this.#signal);
        // It may have been forgotten meanwhile.
        if (this.#parcels.shift() === undefined) break;
        await this.#deliver(parcel.content);
        this.#bytes -= sizeOf(parcel.content);
        if (this.#bytes <= CAPACITY_BYTES) this.#source.resume();
      }
    } catch {
      // The connection is over.
    } finally {
      this.#delivering = false;
    }
  }

  async #deliver(content: Parcel['content']): Promise<void> {
    if (content === 'reset') reset(this.#sink);
    else if (content === 'end') this.#sink.end();
    // What is said to somebody who is gone is lost; that he is gone comes the other way.
    else if (this.#sink.writable && !this.#sink.write(content)) {
      await once(this.#sink, 'drain', { signal: this.#signal });
    }
  }
}

function sizeOf(content: Parcel['content']): number {
  return typeof content === 'string' ? 0 : content.length;
}
