import { once } from 'node:events';
import { type ServerHttp2Stream, constants } from 'node:http2';

import { describe, expect, it } from 'vitest';

import {
  TestConnection,
  failureOf,
  begun,
  holdingSockets,
  textOf,
  until,
  urlOf,
} from '../support/connections.ts';
import { Server, swallowingProxy } from '../support/servers.ts';

/** A server and a connection to it, with a watch under way. */
async function watching() {
  const server = await Server.start('h2');
  const test = new TestConnection(urlOf(server));
  const { answer: watch, pieces } = await begun({ server, test });
  server.handler = (_, answer) => answer.end('{}');
  return {
    server,
    test,
    watch,
    pieces,
    [Symbol.asyncDispose]: async () => {
      test[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe('a server that says GOAWAY', () => {
  it('gets no new requests over that connection, while the old ones go on', async () => {
    await using opened = await watching();
    const { server, test, watch, pieces } = opened;
    server.sessions[0]?.goaway();
    // One that crosses the notice is refused.
    while (server.sessions.length === 1) await test.fetch().catch(() => undefined);
    watch.write('second');
    await expect(pieces.next()).resolves.toMatchObject({ value: 'second' });
    expect(server.open).toBe(2);
    watch.end();
    await expect(pieces.next()).resolves.toMatchObject({ done: true });
    await server.left(1);
    await expect(test.fetch()).resolves.toBe('{}');
    expect(server.sessions).toHaveLength(2);
  });

  it('may end everything at once', async () => {
    await using opened = await watching();
    const { server, test, pieces } = opened;
    const failure = failureOf(pieces.next());
    server.sessions[0]?.destroy(undefined, 2);
    expect(await failure).toBeInstanceOf(Error);
    await expect(test.fetch()).resolves.toBe('{}');
    expect(server.sessions).toHaveLength(2);
  });
});

describe('an answer that is read late', () => {
  it('is whole, though its stream has long been closed', async () => {
    await using server = await Server.start('h2');
    using test = new TestConnection(urlOf(server));
    const body = JSON.stringify({ name: 'x'.repeat(40_000) });
    server.handler = (_, response) => response.end(body);
    const answer = await test.send();
    await server.idle();
    // By another answer: what came over the same connection before it has been seen to.
    for (let time = 0; time < 3; time += 1) await test.fetch();
    expect(await textOf(answer)).toBe(body);
  });

  it('is whole after a 401, too, for which credentials are read first', async () => {
    await using server = await Server.start('h2');
    using test = new TestConnection(urlOf(server));
    using other = new TestConnection(urlOf(server));
    test.credentials.refresh = async () => {
      for (let time = 0; time < 3; time += 1) await other.fetch();
    };
    server.handler = (_, response) => {
      response.writeHead(401);
      response.end('{"kind":"Status"}');
    };
    expect(await test.fetch()).toBe('{"kind":"Status"}');
  });
});

describe('a server that refuses a request', () => {
  it('fails that one only', async () => {
    await using opened = await watching();
    const { server, test, watch, pieces } = opened;
    const failure = failureOf(test.send());
    const [, response] = await server.next();
    response.destroy(new Error('refused'));
    expect(await failure).toBeInstanceOf(Error);
    watch.end('last');
    await expect(pieces.next()).resolves.toMatchObject({ value: 'last' });
    expect(server.sessions).toHaveLength(1);
  });

  it('before it has begun with it says that nothing was done', async () => {
    await using opened = await watching();
    const { server, test } = opened;
    server.sessions[0]?.on('stream', (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
    server.handler = () => undefined;
    const progress = { sent: false };
    await failureOf(test.send({}, undefined, progress));
    expect(progress.sent).toBe(false);
  });

  it('without an error fails it all the same', async () => {
    await using opened = await watching();
    const { server, test } = opened;
    server.sessions[0]?.on('stream', (stream) => stream.close(0));
    server.handler = () => undefined;
    expect(await failureOf(test.send())).toEqual(new Error('the connection was closed'));
  });
});

describe('a request that is aborted', () => {
  it('is cancelled, which costs neither the server nor the others much', async () => {
    await using opened = await watching();
    const { server, test } = opened;
    const controller = new AbortController();
    const sent = failureOf(test.send({}, controller.signal));
    const [, response] = await server.next();
    const { stream } = response as unknown as { stream: ServerHttp2Stream };
    const closed = once(stream, 'close');
    controller.abort('the reason');
    expect(await sent).toBe('the reason');
    await closed;
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect(server.open).toBe(1);
  });
});

describe('a body', () => {
  it('is not expected after a request without one', async () => {
    await using server = await Server.start('h2');
    using test = new TestConnection(urlOf(server));
    const sent = test.fetch();
    const [request, response] = await server.next();
    // No piece of it will ever come: the request says so in its head.
    expect((request as unknown as { stream: { endAfterHeaders: boolean } }).stream).toHaveProperty(
      'endAfterHeaders',
      true,
    );
    response.end('{}');
    await sent;
  });
});

describe('a connection that has fallen silent', () => {
  it('is asked every half minute whether it is alive, and stays if it is', async () => {
    await using opened = await watching();
    const { server, test, watch, pieces } = opened;
    const pings: number[] = [];
    server.sessions[0]?.on('ping', () => pings.push(test.clock.now()));
    const start = test.clock.now();
    for (let i = 1; i <= 3; i++) {
      expect(test.clock.delays).toEqual([30_000]);
      await test.clock.advance(29_999);
      expect(pings).toHaveLength(i - 1);
      await test.clock.advance(1);
      expect(test.clock.delays).toEqual([15_000]);
      // It is asked again half a minute after it has answered.
      await until(() => test.clock.delays[0] === 30_000);
    }
    expect(pings).toEqual([start + 30_000, start + 60_000, start + 90_000]);
    watch.end('alive');
    await expect(pieces.next()).resolves.toMatchObject({ value: 'alive' });
  });

  it('is given up if it does not answer in fifteen seconds', async () => {
    await using server = await Server.start('h2');
    await using proxy = await swallowingProxy(server.port);
    using test = new TestConnection(`https://127.0.0.1:${proxy.port}`);
    const { pieces } = await begun({ server, test });
    const asked = server.next();
    const pending = failureOf(test.send());
    await asked;
    const failure = failureOf(pieces.next());
    proxy.swallow();
    await test.clock.advance(30_000 + 14_999);
    expect(proxy.sockets.size).toBe(1);
    await test.clock.advance(1);
    const silent = new Error('no answer to a ping within 15000 ms');
    expect([await failure, await pending]).toEqual([silent, silent]);
    expect(test.clock.delays).toEqual([]);
  });

  /** A request has been given up after 400 ms of silence, with another one under way. */
  async function suspected(isSilent: boolean) {
    const server = await Server.start('h2');
    const proxy = await swallowingProxy(server.port);
    const test = new TestConnection(`https://127.0.0.1:${proxy.port}`);
    server.handler = (_, answer) => answer.end('{}');
    await test.fetch();
    server.handler = () => undefined;
    if (isSilent) proxy.swallow();
    const impatient = new AbortController();
    const failure = failureOf(test.send({}, impatient.signal));
    const other = test.send();
    if (!isSilent) await until(() => server.requests.length === 3);
    await test.clock.advance(400);
    if (isSilent) proxy.restore();
    impatient.abort(new Error('no answer'));
    expect(await failure).toEqual(new Error('no answer'));
    server.handler = (_, answer) => answer.end('{}');
    return {
      server,
      test,
      other,
      [Symbol.asyncDispose]: async () => {
        test[Symbol.dispose]();
        await proxy[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  it('is avoided at once after a request in vain, and given up a second later', async () => {
    await using opened = await suspected(true);
    const { server, test } = opened;
    const other = failureOf(opened.other);
    await expect(test.fetch()).resolves.toBe('{}');
    expect(server.sessions).toHaveLength(2);
    await test.clock.advance(1_000);
    expect(await other).toEqual(new Error('nothing has come for 400 ms'));
  });

  it('is kept after a request in vain if it answers a ping: others use it', async () => {
    await using opened = await suspected(false);
    const { server, test, other } = opened;
    await until(() => test.clock.delays[0] === 30_000);
    await test.clock.advance(1_000);
    await expect(test.fetch()).resolves.toBe('{}');
    expect(server.sessions).toHaveLength(1);
    test.connection.close();
    await failureOf(other);
  });

  it('is not asked in the very turn in which it was given up, as when a stopped process goes on', async () => {
    await using server = await Server.start('h2');
    await using proxy = await swallowingProxy(server.port);
    using test = new TestConnection(`https://127.0.0.1:${proxy.port}`);
    const asks: (() => void)[] = [];
    const after = test.clock.after.bind(test.clock);
    test.clock.after = (ms, task, options) => {
      if (ms === 30_000) asks.push(task);
      return after(ms, task, options);
    };
    server.handler = (_, answer) => answer.end('{}');
    await test.fetch();
    proxy.swallow();
    const impatient = new AbortController();
    const failure = failureOf(test.send({}, impatient.signal));
    await test.clock.advance(400);
    impatient.abort(new Error('no answer'));
    // Its timer is overdue as well, and nothing has run in between.
    expect(asks.at(-1)).not.toThrow();
    expect(await failure).toEqual(new Error('no answer'));
    await until(() => test.clock.delays.length === 0);
  });

  it.each([
    ['something has come since', 400, true],
    ['it had hardly any time', 199, false],
  ])('is kept after a request that was given up if %s', async (_, ms, something) => {
    await using opened = await watching();
    const { server, test, watch, pieces } = opened;
    server.handler = () => undefined;
    const impatient = new AbortController();
    const failure = failureOf(test.send({}, impatient.signal));
    if (something) {
      watch.write('second');
      await pieces.next();
    }
    await test.clock.advance(ms);
    impatient.abort(new Error('no answer'));
    expect(await failure).toEqual(new Error('no answer'));
    watch.end('last');
    await expect(pieces.next()).resolves.toMatchObject({ value: 'last' });
    expect(server.sessions).toHaveLength(1);
  });

  it('is not asked any more once it is closed', async () => {
    await using opened = await watching();
    const { server, test } = opened;
    server.cut();
    await until(() => test.clock.delays.length === 0);
    await expect(test.fetch()).resolves.toBe('{}');
    expect(test.clock.delays).toEqual([30_000]);
  });

  it('is not waited for once it is closed', async () => {
    await using opened = await watching();
    const { test } = opened;
    await test.clock.advance(30_000);
    test.connection.close();
    expect(test.clock.delays).toEqual([]);
    await opened.server.left(0);
    expect(test.clock.delays).toEqual([]);
  });

  it('is asked without keeping the process alive once it was let go', async () => {
    await using opened = await watching();
    const { test } = opened;
    await test.clock.advance(10_000);
    expect(test.clock.holding).toBe(1);
    test.connection.unref();
    expect(test.clock.holding).toBe(0);
    expect(test.clock.delays).toHaveLength(1);
    for (let i = 0; i < 2; i++) {
      await test.clock.advance(30_000);
      expect(test.clock.holding).toBe(0);
      await until(() => test.clock.delays[0] === 30_000);
      expect(test.clock.holding).toBe(0);
    }
    expect(holdingSockets()).toBe(1);
  });

  it('is not asked after it was closed and then let go', async () => {
    await using opened = await watching();
    const { server, test } = opened;
    server.cut();
    await until(() => test.clock.delays.length === 0);
    test.connection.unref();
    // A ping would throw where nobody could catch it.
    await test.clock.advance(60_000);
    expect(test.clock.delays).toEqual([]);
  });
});

describe('a server that allows few streams on a connection', () => {
  /** With so many watches under way, after the server has said how few it allows. */
  async function limited(maxConcurrentStreams: number, watches: number) {
    const server = await Server.start('h2', { settings: { maxConcurrentStreams } });
    const test = new TestConnection(urlOf(server));
    await test.fetch();
    const open = [];
    server.handler = (_, response) => response.write('first');
    for (let count = 0; count < watches; count += 1) {
      const controller = new AbortController();
      open.push({ controller, response: await test.send({}, controller.signal) });
    }
    server.handler = (_, response) => response.end('{}');
    return {
      server,
      test,
      open,
      [Symbol.asyncDispose]: async () => {
        test[Symbol.dispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  it.each([
    [1, 3, 4],
    [2, 2, 2],
    [2, 3, 2],
    [2, 4, 3],
    [100, 4, 1],
  ])('%i: with %i watches, a request is answered over one of %i', async (max, watches, count) => {
    await using opened = await limited(max, watches);
    const { server, test } = opened;
    await expect(test.fetch()).resolves.toBe('{}');
    await expect(test.fetch()).resolves.toBe('{}');
    expect(server.sessions).toHaveLength(count);
    expect(server.open).toBe(count);
    test.connection.close();
    await server.left(0);
    expect(test.clock.delays).toEqual([]);
  });

  it('gets no more of them than are needed at a time', async () => {
    await using opened = await limited(1, 0);
    const { server, test } = opened;
    await Promise.all(Array.from({ length: 5 }, () => test.fetch()));
    await test.fetch();
    await server.left(2);
    await test.fetch();
    await test.fetch();
    expect(server.open).toBe(2);
  });

  it('gets sixteen at most; what is more waits, or is refused', async () => {
    await using opened = await limited(1, 0);
    const { server, test } = opened;
    server.handler = () => undefined;
    const failures = Array.from({ length: 40 }, () => failureOf(test.send()));
    await until(() => server.sessions.length === 16);
    await until(() => server.requests.length >= 17);
    expect(server.open).toBe(16);
    expect(server.sessions).toHaveLength(16);
    test.connection.close();
    await Promise.all(failures);
    await server.left(0);
  });

  it('is let go with all of them', async () => {
    await using opened = await limited(1, 2);
    const { server, test } = opened;
    test.connection.unref();
    await test.fetch();
    // Those of the server.
    await until(() => holdingSockets() === server.open);
    expect(test.clock.holding).toBe(0);
  });

  it('has room again where a watch has ended', async () => {
    await using opened = await limited(2, 2);
    const { server, test, open } = opened;
    open[0]?.controller.abort('enough');
    await server.idle(1);
    await test.fetch();
    expect(server.sessions).toHaveLength(1);
  });
});
