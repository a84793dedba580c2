import { once } from 'node:events';
import net, { type Socket } from 'node:net';

/** A connection to a server, over which nothing has been said yet. */
export async function dial(server: URL): Promise<Socket> {
  const socket = net.connect({
    host: server.hostname.replace(/^\[|\]$/g, ''),
    port: Number(server.port || 443),
    noDelay: true,
  });
  await once(socket, 'connect');
  return socket;
}

/** The sockets of a line, none of which outlives it. */
export class Sockets {
  readonly #open = new Set<Socket>();
  #closed = false;

  /** Its errors are followed by its end, which is what counts. */
  keep(socket: Socket): Socket {
    socket.on('error', () => undefined);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    if (this.#closed) socket.destroy();
    return socket;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#open];
    for (const socket of open) socket.destroy();
    await Promise.all(open.map(closingOf));
  }
}

/**
 * Ends it by a reset. While its own end is under way, the kernel would refuse that, and Node.js would
 * neither close it then nor say so: such a one is just closed.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

/** Of one that has not told yet that it is closed. */
export async function closingOf(socket: Socket): Promise<void> {
  await new Promise((resolve) => socket.once('close', resolve));
}
