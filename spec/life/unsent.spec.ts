import { once } from 'node:events';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, test, vi } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { Connection } from '../../lib/kubernetes/connection.ts';
import { Lease } from '../../lib/kubernetes/lease.ts';
import type { ApiRequest, ApiResponse } from '../../lib/kubernetes/transport.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { until } from '../support/connections.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Server, TcpServer } from '../support/servers.ts';
import { aPlatform } from './platform.ts';

/** The requests of one process, which go over real connections. */
class World {
  readonly clock = new ManualClock();
  tries = 0;
  underWay = 0;
  /** Answers instead of the network. */
  answer: (request: ApiRequest) => ApiResponse | undefined = () => undefined;

  readonly #warnings: string[] = [];
  readonly platform = aPlatform({
    clock: this.clock,
    warn: (message) => this.#warnings.push(message),
    connect: (credentials) => {
      const connection = new Connection(credentials, this.clock, 'spec/1.0');
      const send = connection.send.bind(connection);
      connection.send = (...args) => {
        const answer = this.answer(args[0]);
        if (answer) return Promise.resolve(answer);
        this.tries += 1;
        this.underWay += 1;
        return send(...args).finally(() => {
          this.underWay -= 1;
        });
      };
      return Promise.resolve(connection);
    },
  });

  become(kubeConfig: KubeConfig, signal?: AbortSignal, timeoutMs?: number) {
    const identity = { namespace: 'space', podName: 'a', podUid: 'uid-of-a' };
    const call = becomeOn(this.platform, 'lock', { ...identity, kubeConfig, signal, timeoutMs });
    return this.#settlement(call);
  }

  lead(kubeConfig: KubeConfig, signal: AbortSignal) {
    const options = { kubeConfig, namespace: 'space', identity: 'a', signal };
    return this.#settlement(leadOn(this.platform, 'lease', () => undefined, options));
  }

  /** The error of a call that rejects without any time going by, and without a lock left behind. */
  #settlement(call: Promise<unknown>): () => Promise<unknown> {
    let error: unknown = 'pending';
    call.then(
      () => (error = 'resolved'),
      (reason: unknown) => (error = reason),
    );
    return async () => {
      // Looking up a name takes the machine a while.
      await until(() => this.underWay === 0 || error !== 'pending');
      for (let turn = 0; turn < 200 && error === 'pending'; turn += 1) await setImmediate();
      expect(this.#warnings).toEqual([]);
      return error;
    };
  }
}

function kubeConfigOf(server: string, exec?: object): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'c', server, skipTLSVerify: server.startsWith('http:') },
    { name: 'u', ...(exec && { exec }) },
  );
  return config;
}

/** Says that there is no Lease, when one is read. */
function noLease({ method, query }: ApiRequest): ApiResponse | undefined {
  if (method !== 'GET' || query?.['watch']) return undefined;
  const status = {
    ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code: 404 },
    message: 'leases.coordination.k8s.io "lease" not found',
    reason: 'NotFound',
    details: { name: 'lease', group: 'coordination.k8s.io', kind: 'leases' },
  };
  const headers = { 'content-type': 'application/json' };
  return { status: 404, headers, body: Readable.from([JSON.stringify(status)]) };
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

interface Nowhere {
  readonly config: KubeConfig;
  readonly server?: AsyncDisposable;
}

describe.each<[string, () => Nowhere | Promise<Nowhere>]>([
  [
    'the connection is refused (http)',
    async () => ({ config: kubeConfigOf(`http://127.0.0.1:${await closedPort()}`) }),
  ],
  [
    'the connection is refused (https)',
    async () => ({ config: kubeConfigOf(`https://127.0.0.1:${await closedPort()}`) }),
  ],
  ['the name is unknown', () => ({ config: kubeConfigOf('https://nowhere.invalid') })],
  [
    'the server is not trusted',
    async () => {
      const server = await Server.start('h2');
      return { config: kubeConfigOf(`https://127.0.0.1:${server.port}`), server };
    },
  ],
  [
    'the server does not speak TLS',
    async () => {
      const server = await TcpServer.start((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n'));
      return { config: kubeConfigOf(`https://127.0.0.1:${server.port}`), server };
    },
  ],
  [
    'the plugin does not exist',
    () => ({ config: kubeConfigOf('https://127.0.0.1:1', { command: '/nonexistent/plugin' }) }),
  ],
])('if %s no create was sent, so', (_, make) => {
  test('become rejects as soon as its time is up', async () => {
    const { config, server } = await make();
    const world = new World();
    const settled = world.become(config, undefined, 500);
    // The second try of the create waits for its turn.
    await until(() => world.tries > 0 && world.clock.delays.some((ms) => ms < 500));
    await world.clock.advance(500);
    expect(await settled()).toMatchObject({ code: 'ERR_TIMEOUT' });
    await server?.[Symbol.asyncDispose]();
  });

  test('lead rejects as soon as its signal aborts', async () => {
    const { config, server } = await make();
    const world = new World();
    world.answer = (request) => {
      const answer = noLease(request);
      // Later reads are not answered, either.
      if (answer) world.answer = () => undefined;
      return answer;
    };
    const creates = vi.spyOn(Lease.prototype, 'create');
    const stop = new AbortController();
    const settled = world.lead(config, stop.signal);
    await until(() => creates.mock.settledResults[0]?.type === 'rejected');
    creates.mockRestore();
    stop.abort(new Error('enough'));
    expect(await settled()).toBe(stop.signal.reason);
    await server?.[Symbol.asyncDispose]();
  });
});

// Two requests: the create and the read of the Pod beside it; or the watch and the create after a read.
test.each(['become', 'lead'] as const)(
  'while a plugin hangs no create was sent, so %s rejects as soon as its signal aborts',
  async (call) => {
    const config = kubeConfigOf('https://127.0.0.1:1', { command: '/bin/sleep', args: ['60'] });
    const world = new World();
    if (call === 'lead') world.answer = noLease;
    const stop = new AbortController();
    const settled = world[call](config, stop.signal);
    await until(() => world.underWay >= 2);
    stop.abort(new Error('enough'));
    expect(await settled()).toBe(stop.signal.reason);
  },
);
