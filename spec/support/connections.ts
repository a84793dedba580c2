import { setImmediate } from 'node:timers/promises';

import { Connection } from '../../lib/kubernetes/connection.ts';
import type { Access, Credentials } from '../../lib/kubernetes/credentials.ts';
import type { ApiRequest, ApiResponse, Progress } from '../../lib/kubernetes/transport.ts';
import { ManualClock } from './manual-clock.ts';
import { type Server, certificate } from './servers.ts';

/** Credentials that a spec can change. */
export class TestCredentials implements Credentials {
  current: Access;
  refreshes = 0;

  constructor(server: string, tls: Access['tls'] = { ca: certificate.cert }) {
    this.current = { server: new URL(server), headers: { authorization: 'Bearer secret' }, tls };
  }

  access: Credentials['access'] = () => Promise.resolve(this.current);

  refresh(): Promise<void> {
    this.refreshes += 1;
    return Promise.resolve();
  }
}

/** A connection to a server, with a clock that is moved by hand. */
export class TestConnection implements Disposable {
  readonly clock: ManualClock;
  readonly credentials: TestCredentials;
  readonly connection: Connection;

  /** Those of the same clock share what they can, as all of a process do. */
  constructor(credentials: string | TestCredentials, clock = new ManualClock()) {
    this.clock = clock;
    this.credentials =
      typeof credentials === 'string' ? new TestCredentials(credentials) : credentials;
    this.connection = new Connection(this.credentials, this.clock, 'spec/1.0');
  }

  send(
    request: Partial<ApiRequest> = {},
    signal = new AbortController().signal,
    progress?: Progress,
  ): Promise<ApiResponse> {
    return this.connection.send({ method: 'GET', path: '/x', ...request }, signal, progress);
  }

  /** Sends, and reads the answer to its end. */
  async fetch(request: Partial<ApiRequest> = {}): Promise<string> {
    return textOf(await this.send(request));
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }
}

/** A request whose answer has begun, and the rest of that. */
export async function begun(
  { server, test }: { readonly server: Server; readonly test: TestConnection },
  signal?: AbortSignal,
) {
  const sent = test.send({}, signal);
  const [, answer] = await server.next();
  answer.write('first');
  const response = await sent;
  const pieces = response.body[Symbol.asyncIterator]();
  await pieces.next();
  return { answer, response, pieces };
}

export function urlOf(server: Server, scheme = 'https'): string {
  return `${scheme}://127.0.0.1:${server.port}`;
}

export async function textOf(response: ApiResponse): Promise<string> {
  let text = '';
  for await (const chunk of response.body) text += chunk;
  return text;
}

/** What a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );
}

/** Resolves once the condition holds, however often the event loop has to turn for it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

/** How many sockets keep this process alive. */
export function holdingSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name.includes('Socket')).length;
}
