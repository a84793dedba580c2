import { selfSigned } from '../cluster/certificate.ts';
import type { ClientCertificate, FaultProxyOptions, Faults, Line } from './fault.ts';
import { ProxyLine } from './proxy/line.ts';

/**
 * A way to an API server on which faults can be put: on connections byte by byte, on requests, on
 * watches. It speaks HTTP/2 and HTTP/1.1 over TLS, and each client connection has a connection of its
 * own to the API server, in the same protocol, which begins and ends with it.
 */
export class FaultProxy implements Faults, AsyncDisposable {
  readonly #options: FaultProxyOptions;
  readonly #identity;
  readonly #lines: ProxyLine[] = [];

  constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#identity = options.identity ?? selfSigned('fault proxy');
  }

  async line(name: string, certificate?: ClientCertificate): Promise<Line> {
    const line = await ProxyLine.open(name, this.#identity, this.#options, certificate);
    this.#lines.push(line);
    return line;
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.splice(0).map((line) => line.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
