import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https, { type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { Feed } from '../lab/journal.ts';
import { writeKubeconfig } from '../lab/kubeconfig.ts';

/** A write as it went over the wire, and its answer. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly accept: string;
  readonly body: string;
  readonly status: number;
  readonly answer: string;
}

/** A way to an API server that keeps what was written over it. */
export class RecordingProxy implements AsyncDisposable {
  /** The writes, in the order in which they were answered. */
  readonly exchanges = new Feed<Exchange>((exchanges) =>
    exchanges
      .map(({ method, path, body, status }) => [method, path, body, status].join(' '))
      .join('\n'),
  );
  readonly #server = http.createServer((request, response) => {
    this.#pass(request, response).catch((error: unknown) => {
      response.destroy(error as Error);
    });
  });
  readonly #upstream: URL;
  readonly #options: RequestOptions;

  private constructor(upstream: URL, options: RequestOptions) {
    this.#upstream = upstream;
    this.#options = options;
  }

  /** With the rights of the kubeconfig's user, for whoever comes. */
  static async start(kubeConfig: KubeConfig): Promise<RecordingProxy> {
    const options: RequestOptions = {};
    await kubeConfig.applyToHTTPSOptions(options);
    const { agent: _, ...rest } = options;
    const upstream = new URL(kubeConfig.getCurrentCluster()?.server ?? '');
    const proxy = new RecordingProxy(upstream, rest);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Writes a kubeconfig by which to get here. */
  async writeKubeconfig(path: string): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    await writeKubeconfig(path, { server: `http://127.0.0.1:${port}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const body = await readAll(request);
    const { request: send } = this.#upstream.protocol === 'http:' ? http : https;
    const { host: _, ...forwarded } = headers;
    const upward = send(new URL(url, this.#upstream), {
      ...this.#options,
      method,
      headers: { ...forwarded, ...this.#options.headers },
    });
    response.on('close', () => upward.destroy());
    upward.end(body);
    const [answer] = (await once(upward, 'response')) as [IncomingMessage];
    const { statusCode: status = 0 } = answer;
    response.writeHead(status, answer.headers);
    response.flushHeaders();
    if (method === 'GET') {
      await pipeline(answer, response);
      return;
    }
    const text = await readAll(answer);
    const { 'content-type': contentType = '', accept = '' } = headers;
    this.exchanges.add({
      method,
      path: url,
      contentType,
      accept,
      body: body.toString(),
      status,
      answer: text.toString(),
    });
    response.end(text);
  }
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
