import { type Server, type Socket, connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Cluster } from '../cluster/state.ts';
import { gatewayOf } from '../cluster/pod-network.ts';

/** The way to the API server of Pods that have an address of their own. It can be cut for each of them. */
export class Gateway {
  readonly host: string;
  readonly #server: Server;
  readonly #cut = new Set<string>();
  readonly #sockets = new Set<Socket>();

  private constructor(cluster: Cluster) {
    this.host = gatewayOf(cluster);
    this.#server = createServer((near) => {
      // The address exists while Pods do, so all are listened on, and the others refused.
      if (near.localAddress !== this.host) near.destroy();
      else this.#forward(near, cluster.ports.apiServer);
    });
  }

  static async open(cluster: Cluster): Promise<Gateway> {
    const gateway = new Gateway(cluster);
    await new Promise<void>((resolve) => gateway.#server.listen(0, '0.0.0.0', resolve));
    return gateway;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on nothing passes between this address and the API server, and nobody is told. */
  cut(address: string): void {
    this.#cut.add(address);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(near: Socket, port: number): void {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => {
        if (!this.#cut.has(near.remoteAddress ?? '')) to.write(bytes);
      });
      from.on('error', () => undefined);
      from.once('close', () => {
        this.#sockets.delete(from);
        if (!this.#cut.has(near.remoteAddress ?? '')) to.destroy();
      });
    }
  }
}
