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
import { Elections } from '../../lib/platform/elections.ts';
import type { PredecessorMap } from '../../lib/platform/shared.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import { until } from '../support/connections.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Server, TcpServer } from '../support/servers.ts';

class World implements Platform {
  readonly clock = new ManualClock();
  readonly environment = { variables: {}, root: '/nonexistent' };
  readonly elections = new Elections();
  readonly unconfirmed = new UnconfirmedEnds();
  readonly predecessors: PredecessorMap = new Map();
  readonly warnings: string[] = [];
  tries = 0;
  underWay = 0;
  /** Answers instead of the network. */
  answer: (request: ApiRequest) => ApiResponse | undefined = () => undefined;

  connect: Platform['connect'] = (credentials) => {
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
  };

  warn = (_: string, code: string) => {
    this.warnings.push(code);
  };
}

function kubeConfig(server: string, exec?: object): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'c', server, skipTLSVerify: server.startsWith('http:') },
    { name: 'u', ...exec },
  );
  return config;
}

/** Says that there is no Lease, when one is read. */
function noLease({ method, query }: ApiRequest): ApiResponse | undefined {
  if (method !== 'GET' || query?.['watch']) return undefined;
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'leases.coordination.k8s.io "lease" not found',
    reason: 'NotFound',
    details: { name: 'lease', group: 'coordination.k8s.io', kind: 'leases' },
    code: 404,
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

/** Tells whether it settles without any time going by. */
function settlement(world: World, promise: Promise<unknown>): () => Promise<boolean> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  return async () => {
    // Looking up a name takes the machine a while.
    await until(() => world.underWay === 0 || settled);
    for (let turn = 0; turn < 200 && !settled; turn += 1) await setImmediate();
    return settled;
  };
}

const nowhere: [string, () => Promise<{ config: KubeConfig; close?: AsyncDisposable }>][] = [
  [
    'the connection is refused (http)',
    async () => ({ config: kubeConfig(`http://127.0.0.1:${await closedPort()}`) }),
  ],
  [
    'the connection is refused (https)',
    async () => ({ config: kubeConfig(`https://127.0.0.1:${await closedPort()}`) }),
  ],
  [
    'the name of the server is not known',
    () => Promise.resolve({ config: kubeConfig('https://nowhere.invalid') }),
  ],
  [
    'the server is not trusted',
    async () => {
      const server = await Server.start('h2');
      return { config: kubeConfig(`https://127.0.0.1:${server.port}`), close: server };
    },
  ],
  [
    'something else than TLS is spoken there',
    async () => {
      const server = await TcpServer.start((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n'));
      return { config: kubeConfig(`https://127.0.0.1:${server.port}`), close: server };
    },
  ],
  [
    'there is no plugin',
    () => {
      const exec = { command: '/nonexistent/plugin' };
      return Promise.resolve({ config: kubeConfig('https://127.0.0.1:1', { exec }) });
    },
  ],
];

describe.each(nowhere)('where nothing can be sent since %s', (_, make) => {
  test('`become` gives up as soon as its time is up, and has nothing to take back', async () => {
    const { config, close } = await make();
    const world = new World();
    const attempt = becomeOn(world, 'lock', {
      kubeConfig: config,
      namespace: 'space',
      podName: 'a',
      podUid: 'uid-of-a',
      timeoutMs: 500,
    });
    const isSettled = settlement(world, attempt);
    // The second try of the create waits for its turn.
    await until(() => world.tries > 0 && world.clock.delays.some((ms) => ms < 500));
    await world.clock.advance(500);
    expect(await isSettled()).toBe(true);
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(world.warnings).toEqual([]);
    await close?.[Symbol.asyncDispose]();
  });

  test('`lead` gives up as soon as its signal aborts, and has nothing to take back', async () => {
    const { config, close } = await make();
    const world = new World();
    world.answer = (request) => {
      const answer = noLease(request);
      // What is read later on is not answered, either.
      if (answer) world.answer = () => undefined;
      return answer;
    };
    const creates = vi.spyOn(Lease.prototype, 'create');
    const controller = new AbortController();
    const attempt = leadOn(world, 'lease', () => undefined, {
      kubeConfig: config,
      namespace: 'space',
      identity: 'a',
      signal: controller.signal,
    });
    const isSettled = settlement(world, attempt);
    await until(() => creates.mock.settledResults[0]?.type === 'rejected');
    creates.mockRestore();
    controller.abort(new Error('enough'));
    expect(await isSettled()).toBe(true);
    await expect(attempt).rejects.toThrow('enough');
    expect(world.warnings).toEqual([]);
    await close?.[Symbol.asyncDispose]();
  });
});

describe('where a plugin hangs', () => {
  const exec = { command: '/bin/sleep', args: ['60'] };
  const config = () => kubeConfig('https://127.0.0.1:1', { exec });

  async function givesUp(
    world: World,
    requests: number,
    start: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<void> {
    const controller = new AbortController();
    const attempt = start(controller.signal);
    const isSettled = settlement(world, attempt);
    await until(() => world.underWay >= requests);
    controller.abort(new Error('enough'));
    expect(await isSettled()).toBe(true);
    await expect(attempt).rejects.toThrow('enough');
    expect(world.warnings).toEqual([]);
  }

  test('`become` gives up as soon as its signal aborts, and has nothing to take back', async () => {
    const world = new World();
    // The create, and what is read beside it.
    await givesUp(world, 2, (signal) =>
      becomeOn(world, 'lock', {
        kubeConfig: config(),
        namespace: 'space',
        podName: 'a',
        podUid: 'uid-of-a',
        signal,
      }),
    );
  });

  test('`lead` gives up as soon, and has nothing to take back', async () => {
    const world = new World();
    world.answer = noLease;
    // The watch, and the create that follows when the Lease has been read.
    await givesUp(world, 2, (signal) =>
      leadOn(world, 'lease', () => undefined, {
        kubeConfig: config(),
        namespace: 'space',
        identity: 'a',
        signal,
      }),
    );
  });
});
