import { describe, expect, it } from 'vitest';

import {
  TestConnection,
  TestCredentials,
  failureOf,
  holdingSockets,
  until,
  urlOf,
} from '../support/connections.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Server, certificate } from '../support/servers.ts';

type Options = NonNullable<Parameters<typeof Server.start>[1]>;

/** Elections of one process, and a server that answers each request with the beginning of a watch. */
async function elections(protocol: 'h2' | 'https', count: number, options: Options = {}) {
  const server = await Server.start(protocol, options);
  const clock = new ManualClock();
  const tests = Array.from({ length: count }, (_, number) => {
    const test = new TestConnection(urlOf(server), clock);
    test.credentials.current = {
      ...test.credentials.current,
      headers: { authorization: `Bearer ${number}` },
    };
    return test;
  });
  server.handler = (_, response) => response.write('first');
  return {
    server,
    clock,
    tests,
    /** Resolves with the body once it has begun. */
    watch: async (test: TestConnection | undefined) => {
      const response = await test?.send();
      const pieces = response?.body[Symbol.asyncIterator]();
      await pieces?.next();
      return () => pieces?.next() ?? Promise.reject(new Error('no test'));
    },
    [Symbol.asyncDispose]: async () => {
      for (const test of tests) test[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe('elections of one process with the same API server', () => {
  it('share one connection, each with its own token', async () => {
    await using opened = await elections('h2', 3);
    const { server, tests } = opened;
    await Promise.all(tests.map((test) => opened.watch(test)));
    expect(server.open).toBe(1);
    const tokens = server.requests.map(({ headers }) => headers.authorization);
    expect(tokens.sort()).toEqual(['Bearer 0', 'Bearer 1', 'Bearer 2']);
  });

  it.each(['h2', 'https'] as const)(
    'end their own requests when they close; the last one closes the connection (%s)',
    async (protocol) => {
      await using opened = await elections(protocol, 2);
      const { server, clock, tests } = opened;
      const [first, second] = tests;
      const [next, nextOther] = [await opened.watch(first), await opened.watch(second)];
      const ended = failureOf(next());
      first?.connection.close();
      expect(await ended).toEqual(new Error('the connection was closed'));
      await server.idle(1);
      const other = failureOf(nextOther());
      server.handler = (_, response) => response.end('{}');
      await expect(second?.fetch()).resolves.toBe('{}');
      second?.connection.close();
      expect(await other).toEqual(new Error('the connection was closed'));
      await server.left(0);
      expect(clock.delays).toEqual([]);
    },
  );

  it.each(['h2', 'https'] as const)(
    'keep the process alive for as long as one of them does (%s)',
    async (protocol) => {
      await using opened = await elections(protocol, 2);
      const { server, clock, tests } = opened;
      const [guard, waiting] = tests;
      guard?.connection.unref();
      await opened.watch(guard);
      await until(() => holdingSockets() === server.open);
      expect(clock.holding).toBe(0);
      await opened.watch(waiting);
      await until(() => holdingSockets() === 2 * server.open);
      waiting?.connection.close();
      await until(() => holdingSockets() === server.open);
      expect(clock.holding).toBe(0);
    },
  );

  it('lose it together, and open one again', async () => {
    await using opened = await elections('h2', 3);
    const { server, tests } = opened;
    const nexts = await Promise.all(tests.map((test) => opened.watch(test)));
    const failures = nexts.map((next) => failureOf(next()));
    server.cut();
    for (const failure of failures) expect(await failure).toBeInstanceOf(Error);
    server.handler = (_, response) => response.end('{}');
    await Promise.all(tests.map((test) => test.fetch()));
    expect(server.sessions).toHaveLength(2);
    expect(server.open).toBe(1);
  });

  it('get more than one from a server that allows two streams on each', async () => {
    await using opened = await elections('h2', 40, { settings: { maxConcurrentStreams: 2 } });
    const { server, tests } = opened;
    for (const test of tests) await opened.watch(test);
    server.handler = (_, response) => response.end('{}');
    await expect(tests[0]?.fetch()).resolves.toBe('{}');
    expect(server.open).toBeGreaterThanOrEqual(20);
    expect(server.open).toBeLessThanOrEqual(22);
  });

  it('get more than one if more begin at once than an API server allows on each', async () => {
    await using opened = await elections('h2', 130, { settings: { maxConcurrentStreams: 100 } });
    const { server, tests } = opened;
    await Promise.all(tests.map((test) => opened.watch(test)));
    expect(server.open).toBe(2);
  });

  it('do not share it with those that trust another authority', async () => {
    await using opened = await elections('h2', 1);
    const { server, clock, tests } = opened;
    const tls = { ca: certificate.cert, servername: 'localhost' };
    using other = new TestConnection(new TestCredentials(urlOf(server), tls), clock);
    await opened.watch(tests[0]);
    await opened.watch(other);
    expect(server.open).toBe(2);
  });
});
