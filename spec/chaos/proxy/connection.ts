import type { Socket } from 'node:net';
import type { Direction } from '../fault.ts';
import { Channel } from './channel.ts';
import { closingOf, reset } from './sockets.ts';
import type { Weather } from './weather.ts';

/** A client's connection to the proxy, and what goes on from there, byte by byte. */
export class Connection {
  readonly #client: Socket;
  readonly #onward: Socket;
  readonly #channels: readonly Channel[];
  readonly #over = new AbortController();
  /** Resolves once both sockets are closed. */
  readonly closed: Promise<unknown>;

  constructor(client: Socket, onward: Socket, weathers: Readonly<Record<Direction, Weather>>) {
    this.#client = client;
    this.#onward = onward;
    const { signal } = this.#over;
    this.#channels = [
      new Channel(client, onward, weathers.to, signal),
      new Channel(onward, client, weathers.from, signal),
    ];
    this.closed = Promise.all([client, onward].map(closingOf)).then(() => this.#over.abort());
  }

  /** Both ends stay open, and hear no more of each other. */
  forget(): void {
    for (const channel of this.#channels) channel.forget();
  }

  /** Ends it as soon as the client has given it up. */
  bury(): void {
    onDeserted(this.#client, () => this.reset());
  }

  /** Both ends are told by a reset. */
  reset(): void {
    this.#over.abort();
    for (const socket of [this.#client, this.#onward]) reset(socket);
  }
}

/** Calls back once the other side holds its end no more. */
export function onDeserted(socket: Socket, callback: () => void): void {
  if (socket.destroyed || socket.readableEnded) callback();
  else socket.once('end', callback).once('close', callback);
}
