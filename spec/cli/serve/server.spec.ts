import { once } from 'node:events';
import { get } from 'node:http';
import type { Socket } from 'node:net';

import { describe, expect, onTestFinished, test } from 'vitest';

import type { View } from '../../../lib/cli/serve/answers.ts';
import {
  LeaderServer,
  type Metrics,
  addressOf,
  isLoopback,
} from '../../../lib/cli/serve/server.ts';

const base: View = {
  ...{ node: 'b', own: undefined, reason: 'held' },
  ...{ changedAt: undefined, death: undefined, other: { name: 'a' } },
};

const metrics: Metrics = {
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  metrics: () => Promise.resolve('leads 1\n'),
};

async function serving(view: () => View | Promise<View>, stepDown = () => Promise.resolve(true)) {
  const server = new LeaderServer({ view: async () => view(), stepDown }, metrics);
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return {
    server,
    url,
    fetch: (path: string, method = 'GET') => fetch(`${url}${path}`, { method }),
  };
}

describe('the server', () => {
  test('computes each answer when it is asked for', async () => {
    let view = base;
    const { fetch: ask } = await serving(() => view);
    expect(await (await ask('/')).json()).toMatchObject({ name: 'a', is_leader: false });
    view = { ...base, own: { since: new Date(0), fencingToken: '1' } };
    const response = await ask('/?pretty=1');
    expect(await response.json()).toMatchObject({ name: 'b', is_leader: true });
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-type')).toBe('application/json');
  });

  test('answers HEAD without a body, and other paths and methods with why', async () => {
    const { fetch: ask } = await serving(() => base);
    const head = await ask('/leader', 'HEAD');
    expect([head.status, await head.text()]).toEqual([503, '']);
    expect((await ask('/nothing')).status).toBe(404);
    const post = await ask('/', 'POST');
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('answers /metrics with the text and its type', async () => {
    const { fetch: ask } = await serving(() => Promise.reject(new Error('no answer')));
    const response = await ask('/metrics');
    expect([response.status, await response.text()]).toEqual([200, 'leads 1\n']);
    expect(response.headers.get('content-type')).toBe(metrics.contentType);
    expect((await ask('/metrics', 'POST')).status).toBe(405);
  });

  test('says so if stepping down fails', async () => {
    const { fetch: ask } = await serving(
      () => base,
      () => Promise.reject(new Error('no answer')),
    );
    const response = await ask('/step-down', 'POST');
    expect([response.status, await response.text()]).toEqual([500, 'no answer\n']);
  });

  test('tells streams of a change, and of nothing else', async () => {
    let view = base;
    const { server, fetch: ask } = await serving(() => view);
    const { body } = await ask('/sse');
    view = { ...base, reason: 'holder-terminating' };
    await server.changed();
    view = { ...base, other: undefined };
    await server.changed();
    view = { ...base, own: { since: new Date(0), fencingToken: '1' } };
    await server.changed();
    const names: unknown[] = [];
    for await (const part of body ?? []) {
      const text = Buffer.from(part as Uint8Array).toString();
      for (const line of text.split('\n').filter((each) => each.startsWith('data: '))) {
        names.push((JSON.parse(line.slice(6)) as { name: string }).name);
      }
      if (names.at(-1) === 'b') break;
    }
    expect(names).toEqual(['a', '', 'b']);
  });

  test('keeps no stream of a client that leaves before the first event', async () => {
    const asked = Promise.withResolvers<undefined>();
    const answer = Promise.withResolvers<View>();
    let views = 0;
    const {
      server,
      url,
      fetch: ask,
    } = await serving(() => {
      views += 1;
      asked.resolve(undefined);
      return answer.promise;
    });
    const request = get(`${url}/sse`).on('error', () => undefined);
    const [socket] = (await once(request, 'socket')) as [Socket];
    await asked.promise;
    request.destroy();
    await once(socket, 'close');
    // The server sees the end before it answers a later connection.
    await ask('/metrics');
    answer.resolve(base);
    await ask('/metrics');
    await server.changed();
    expect(views).toBe(1);
  });
});

test.each([
  ['127.0.0.1', true],
  ['::ffff:127.0.0.1', true],
  ['::1', true],
  ['10.0.0.7', false],
  ['::ffff:10.0.0.7', false],
  ['fe80::127.1', false],
  [undefined, false],
])('POST /step-down from %s is served: %s', (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});

describe('--http', () => {
  test.each([
    ['127.0.0.1:4040', '127.0.0.1', 4040],
    ['0.0.0.0:80', '0.0.0.0', 80],
    [':4040', '', 4040],
    ['4040', '', 4040],
    ['localhost:0', 'localhost', 0],
    ['[::1]:4040', '::1', 4040],
  ])('%s is %s, port %i', (text, host, port) => {
    expect(addressOf(text)).toEqual({ host, port });
  });

  test.each(['', 'localhost', 'localhost:', ':65536', 'http://x:1', '::1:4040'])(
    'refuses %j',
    (text) => {
      expect(() => addressOf(text)).toThrow('--http must be HOST:PORT or :PORT');
    },
  );
});
