import dns from 'node:dns';
import { getEventListeners, once } from 'node:events';
import { Socket, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';

import { describe, expect, it, vi } from 'vitest';

import type { Access } from '../../lib/kubernetes/credentials.ts';
import { NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { certificateFor } from '../support/certificate.ts';
import {
  TestConnection,
  TestCredentials,
  failureOf,
  holdingSockets,
  textOf,
  until,
  urlOf,
  begun,
} from '../support/connections.ts';
import {
  type Handler,
  type Protocol,
  Server,
  TcpServer,
  certificate,
  swallowingProxy,
} from '../support/servers.ts';

const protocols = ['http', 'https', 'h2', 'h2-only'] as const;
const schemeOf = (protocol: Protocol) => (protocol === 'http' ? 'http' : 'https');

async function open(protocol: Protocol, path = '') {
  const server = await Server.start(protocol);
  const test = new TestConnection(urlOf(server, schemeOf(protocol)) + path);
  return {
    server,
    test,
    [Symbol.asyncDispose]: async () => {
      test[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe.each(protocols)('a connection to a server that speaks %s', (protocol) => {
  const isHttp2 = protocol.startsWith('h2');

  it(`uses HTTP/${isHttp2 ? '2' : '1.1'}`, async () => {
    await using opened = await open(protocol);
    await opened.test.fetch();
    expect(opened.server.requests[0]?.httpVersion).toBe(isHttp2 ? '2.0' : '1.1');
  });

  it('carries a request without a body', async () => {
    await using opened = await open(protocol);
    await opened.test.fetch({ path: '/a/b', query: { watch: 'true', name: 'ä=&b' } });
    const [request] = opened.server.requests;
    expect(request).toMatchObject({ method: 'GET', url: '/a/b?watch=true&name=%C3%A4%3D%26b' });
    expect(request?.headers).toMatchObject({
      accept: 'application/json',
      authorization: 'Bearer secret',
      'user-agent': 'spec/1.0',
    });
    expect(request?.headers).not.toHaveProperty('content-type');
    expect(request?.headers).not.toHaveProperty('content-length');
  });

  it.each(['POST', 'DELETE'] as const)('carries a %s with a body', async (method) => {
    await using opened = await open(protocol);
    const sent = opened.test.fetch({ method, body: { text: 'größer' } });
    const [request, response] = await opened.server.next();
    let body = '';
    for await (const chunk of request) body += String(chunk);
    response.end('{}');
    await sent;
    expect(JSON.parse(body)).toEqual({ text: 'größer' });
    expect(request).toMatchObject({ method, url: '/x' });
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '19',
    });
  });

  it('carries other media types', async () => {
    await using opened = await open(protocol);
    const types = {
      accept: 'application/json;as=Table',
      contentType: 'application/json-patch+json',
    };
    await opened.test.fetch({ method: 'PATCH', body: [], ...types });
    expect(opened.server.requests[0]?.headers).toMatchObject({
      accept: types.accept,
      'content-type': types.contentType,
    });
  });

  it.each([
    ['', '/x'],
    ['/', '/x'],
    ['/k8s/clusters/c-1', '/k8s/clusters/c-1/x'],
    ['/k8s/clusters/c-1/', '/k8s/clusters/c-1/x'],
  ])('keeps the path of the server: %j', async (path, expected) => {
    await using opened = await open(protocol, path);
    await opened.test.fetch();
    expect(opened.server.requests[0]?.url).toBe(expected);
  });

  it('gives the head of the answer, whatever its status', async () => {
    await using opened = await open(protocol);
    opened.server.handler = (_, response) => {
      response.writeHead(429, { 'Retry-After': '7', 'X-Twice': ['a', 'b'] });
      response.end('slow down');
    };
    const response = await opened.test.send();
    expect(response.status).toBe(429);
    expect(response.headers).toMatchObject({ 'retry-after': '7', 'x-twice': 'a, b' });
    expect(Object.keys(response.headers).filter((name) => name.startsWith(':'))).toEqual([]);
    await expect(textOf(response)).resolves.toBe('slow down');
  });

  it('gives the pieces of the body as they come', async () => {
    await using opened = await open(protocol);
    const sent = opened.test.send();
    const [, response] = await opened.server.next();
    response.writeHead(200);
    response.write('first');
    const pieces = (await sent).body[Symbol.asyncIterator]();
    await expect(pieces.next()).resolves.toEqual({ done: false, value: 'first' });
    response.write('second');
    await expect(pieces.next()).resolves.toEqual({ done: false, value: 'second' });
    response.end();
    await expect(pieces.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it('does not break characters that come in pieces', async () => {
    await using opened = await open(protocol);
    const sent = opened.test.send();
    const [, response] = await opened.server.next();
    const bytes = Buffer.from('a🙂z');
    response.write(bytes.subarray(0, 3));
    const pieces = (await sent).body[Symbol.asyncIterator]();
    const first = await pieces.next();
    response.end(bytes.subarray(3));
    const second = await pieces.next();
    expect([first.value, second.value]).toEqual(['a', '🙂z']);
  });

  it('is kept for the next request', async () => {
    await using opened = await open(protocol);
    await opened.test.fetch();
    const { connections } = opened.server;
    for (let i = 0; i < 3; i++) await opened.test.fetch();
    expect(opened.server.connections).toBe(connections);
    expect(opened.server.open).toBe(1);
  });

  it('ends a request with its signal before the answer', async () => {
    await using opened = await open(protocol);
    const controller = new AbortController();
    const sent = failureOf(opened.test.send({}, controller.signal));
    await opened.server.next();
    controller.abort('the reason');
    expect(await sent).toBe('the reason');
    await opened.server.idle();
  });

  it.each([new Error('the reason'), 'the reason'])(
    'ends a body with the signal of its request: %o',
    async (reason) => {
      await using opened = await open(protocol);
      const controller = new AbortController();
      const { pieces } = await begun(opened, controller.signal);
      const next = failureOf(pieces.next());
      controller.abort(reason);
      expect(await next).toBe(reason);
      await opened.server.idle();
    },
  );

  it('ends a body that nobody has begun to read with the signal', async () => {
    await using opened = await open(protocol);
    const controller = new AbortController();
    const sent = opened.test.send({}, controller.signal);
    const [, response] = await opened.server.next();
    response.write('first');
    const { body } = await sent;
    controller.abort('the reason');
    await opened.server.idle();
    expect(await failureOf(body[Symbol.asyncIterator]().next())).toBe('the reason');
  });

  it('does not send with a signal that has aborted', async () => {
    await using opened = await open(protocol);
    const access = vi.spyOn(opened.test.credentials, 'access');
    const failure = await failureOf(opened.test.send({}, AbortSignal.abort('the reason')));
    expect(failure).toBe('the reason');
    expect(opened.server.requests).toEqual([]);
    expect(access).not.toHaveBeenCalled();
  });

  it('ends a request with its signal at whatever moment', async () => {
    await using opened = await open(protocol);
    opened.server.handler = (_, response) => response.write('first');
    for (let moment = 0; moment < 20; moment++) {
      const controller = new AbortController();
      const sent = failureOf(opened.test.send({}, controller.signal));
      for (let tick = 0; tick < moment; tick++) await Promise.resolve();
      controller.abort('the reason');
      expect(await sent).toBe('the reason');
    }
    opened.server.handler = (_, response) => response.end('{}');
    await opened.test.fetch();
    // What got through was cancelled.
    await opened.server.idle();
  });

  it('can be closed at whatever moment', async () => {
    await using opened = await open(protocol);
    opened.server.handler = (_, response) => response.write('first');
    for (let moment = 0; moment < 20; moment++) {
      const sent = failureOf(opened.test.send());
      for (let tick = 0; tick < moment; tick++) await Promise.resolve();
      opened.test.connection.close();
      expect(await sent).toBeInstanceOf(Error);
    }
    await opened.server.left(0);
    await until(() => opened.test.clock.delays.length === 0);
  });

  it('can be let go at whatever moment', async () => {
    for (let moment = 0; moment < 20; moment++) {
      await using opened = await open(protocol);
      opened.server.handler = (_, response) => response.write('first');
      const sent = opened.test.send();
      for (let tick = 0; tick < moment; tick++) await Promise.resolve();
      opened.test.connection.unref();
      await sent;
      // The server's.
      expect(holdingSockets()).toBe(1);
      expect(opened.test.clock.holding).toBe(0);
    }
  });

  it('does not listen to the signal of a request that is over', async () => {
    await using opened = await open(protocol);
    const controller = new AbortController();
    await textOf(await opened.test.send({}, controller.signal));
    await until(() => getEventListeners(controller.signal, 'abort').length === 0);
    controller.abort();
    await opened.test.fetch();
    expect(opened.server.open).toBe(1);
  });

  it('cancels the rest of a body that is left', async () => {
    await using opened = await open(protocol);
    const sent = opened.test.send();
    const [, response] = await opened.server.next();
    response.write('first');
    const closed = once(response, 'close');
    for await (const piece of (await sent).body) {
      expect(piece).toBe('first');
      break;
    }
    await closed;
  });

  it('fails a request whose answer is cut off, and opens anew for the next', async () => {
    await using opened = await open(protocol);
    const before = failureOf(opened.test.send());
    await opened.server.next();
    opened.server.cut();
    expect(await before).toBeInstanceOf(Error);
    const { pieces } = await begun(opened);
    opened.server.cut();
    expect(await failureOf(pieces.next())).toBeInstanceOf(Error);
    opened.server.handler = (_, answer) => answer.end('{}');
    await expect(opened.test.fetch()).resolves.toBe('{}');
  });

  it('opens anew after the server has closed it', async () => {
    await using opened = await open(protocol);
    await opened.test.fetch();
    opened.server.cut();
    await opened.server.left(0);
    // Let it notice.
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    await expect(opened.test.fetch()).resolves.toBe('{}');
  });

  it.each<[number, number]>([
    [401, 1],
    [200, 0],
    [400, 0],
    [403, 0],
    [500, 0],
  ])('after a %i reads the credentials again %i times', async (status, refreshes) => {
    await using opened = await open(protocol);
    opened.server.handler = (_, response) => {
      response.writeHead(status);
      response.end();
    };
    expect((await opened.test.send()).status).toBe(status);
    expect(opened.test.credentials.refreshes).toBe(refreshes);
  });

  it('sends another token over the same connection', async () => {
    await using opened = await open(protocol);
    await opened.test.fetch();
    const { connections } = opened.server;
    const { credentials } = opened.test;
    credentials.current = { ...credentials.current, headers: { authorization: 'Bearer new' } };
    await opened.test.fetch();
    expect(opened.server.connections).toBe(connections);
    expect(opened.server.requests[1]?.headers.authorization).toBe('Bearer new');
  });

  it('ends requests under way when it is closed', async () => {
    await using opened = await open(protocol);
    const before = failureOf(opened.test.send());
    await opened.server.next();
    const { pieces } = await begun(opened);
    const next = failureOf(pieces.next());
    opened.test.connection.close();
    expect(await before).toBeInstanceOf(Error);
    expect(await next).toBeInstanceOf(Error);
    await opened.server.left(0);
  });

  it('leaves nothing behind when it is closed', async () => {
    await using opened = await open(protocol);
    await opened.test.fetch();
    opened.test.connection.close();
    // What is thrown meanwhile, nobody can catch.
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    await opened.server.left(0);
    await until(() => holdingSockets() === 0);
    expect(opened.test.clock.delays).toEqual([]);
  });

  it('opens anew when it is used after it was closed, even twice, or before it was used', async () => {
    await using opened = await open(protocol);
    for (let count = 0; count < 2; count++) {
      opened.test.connection.close();
      opened.test.connection.close();
      await expect(opened.test.fetch()).resolves.toBe('{}');
      expect(opened.server.open).toBe(1);
    }
    opened.test.connection.close();
    await opened.server.left(0);
  });

  it('does not keep the process alive once it was let go', async () => {
    await using opened = await open(protocol);
    const sent = opened.test.send();
    const [, response] = await opened.server.next();
    response.write('first');
    await sent;
    // Ours and the server's.
    expect(holdingSockets()).toBe(2);
    opened.test.connection.unref();
    await until(() => holdingSockets() === 1);
    expect(opened.test.clock.holding).toBe(0);
  });

  it('does not keep the process alive if it was let go before it was opened', async () => {
    await using opened = await open(protocol);
    opened.test.connection.unref();
    const sent = opened.test.send();
    const [, response] = await opened.server.next();
    response.write('first');
    await sent;
    expect(holdingSockets()).toBe(1);
    expect(opened.test.clock.holding).toBe(0);
  });

  it('keeps the process alive until it is let go', async () => {
    await using opened = await open(protocol);
    await opened.test.send();
    expect(opened.test.clock.holding).toBe(isHttp2 ? 1 : 0);
  });
});

describe.each(protocols)(
  'a request that fails on its way to a server that speaks %s',
  (protocol) => {
    const scheme = schemeOf(protocol);

    it.each([false, true])('was sent if the server got it (used before: %s)', async (isUsed) => {
      await using opened = await open(protocol);
      if (isUsed) await opened.test.fetch();
      const progress = { sent: false };
      const failure = failureOf(opened.test.send({ method: 'POST' }, undefined, progress));
      await opened.server.next();
      opened.server.cut();
      await failure;
      expect(progress.sent).toBe(true);
    });

    it('was not sent if the connection was refused', async () => {
      const server = await Server.start(protocol);
      const url = urlOf(server, scheme);
      await server[Symbol.asyncDispose]();
      using test = new TestConnection(url);
      const progress = { sent: true };
      const error = await failureOf(test.send({}, undefined, progress));
      expect(error).toMatchObject({ code: 'ECONNREFUSED' });
      expect(progress.sent).toBe(false);
    });

    it('names each address of the server, if there are several', async () => {
      const server = await Server.start(protocol);
      const { port } = server;
      await server[Symbol.asyncDispose]();
      const lookup = vi.spyOn(dns, 'lookup').mockImplementation((...args: unknown[]) => {
        const all = [
          { address: '::1', family: 6 },
          { address: '127.0.0.1', family: 4 },
        ];
        (args.at(-1) as (error: null, all: unknown) => void)(null, all);
      });
      using test = new TestConnection(`${scheme}://two.example:${port}`);
      const error = await failureOf(test.send());
      lookup.mockRestore();
      expect(new NoAnswerError('GET /x', error).message).toMatch(
        new RegExp(
          `^GET /x: connect E[A-Z]+ ::1:${port}.*; connect ECONNREFUSED 127.0.0.1:${port}$`,
        ),
      );
    });

    it('was not sent if the name of the server is not known', async () => {
      using test = new TestConnection(`${scheme}://nowhere.invalid`);
      const progress = { sent: true };
      const error = await failureOf(test.send({}, undefined, progress));
      expect(error).toHaveProperty('message', expect.stringContaining('getaddrinfo'));
      expect(progress.sent).toBe(false);
    });

    it('was not sent if there are no credentials', async () => {
      await using opened = await open(protocol);
      opened.test.credentials.access = () => Promise.reject(new Error('no login'));
      const progress = { sent: true };
      expect(await failureOf(opened.test.send({}, undefined, progress))).toEqual(
        new Error('no login'),
      );
      expect(progress.sent).toBe(false);
    });

    it('was not sent if it was aborted while there was no connection yet', async () => {
      await using opened = await open(protocol);
      const controller = new AbortController();
      const progress = { sent: true };
      const failure = failureOf(opened.test.send({}, controller.signal, progress));
      // No socket is connected before the event loop turns.
      for (let tick = 0; tick < 20; tick++) await Promise.resolve();
      controller.abort('the reason');
      expect(await failure).toBe('the reason');
      expect(progress.sent).toBe(false);
    });

    it.skipIf(scheme === 'http')('was not sent if the server is not trusted', async () => {
      await using opened = await open(protocol);
      const { credentials } = opened.test;
      const { cert: ca } = certificateFor('somebody else', '127.0.0.1');
      credentials.current = { ...credentials.current, tls: { ca } };
      const progress = { sent: true };
      const error = await failureOf(opened.test.send({}, undefined, progress));
      expect(error).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
      expect(progress.sent).toBe(false);
    });
  },
);

describe('requests at the same time', () => {
  it('share one HTTP/2 connection, also while it is opened', async () => {
    await using opened = await open('h2');
    await Promise.all(Array.from({ length: 20 }, () => opened.test.fetch()));
    expect(opened.server.connections).toBe(1);
    expect(opened.server.requests).toHaveLength(20);
  });

  it('are sent without delay', async () => {
    await using opened = await open('h2');
    const delay = vi.spyOn(Socket.prototype, 'setNoDelay');
    await opened.test.fetch();
    expect(delay).toHaveBeenCalledWith(true);
    delay.mockRestore();
  });

  it('fail together if the connection cannot be opened, and the next tries again', async () => {
    const server = await Server.start('h2');
    const { port } = server;
    await server[Symbol.asyncDispose]();
    using test = new TestConnection(`https://127.0.0.1:${port}`);
    const failures = await Promise.all([failureOf(test.send()), failureOf(test.send())]);
    expect(failures).toMatchObject([{ code: 'ECONNREFUSED' }, { code: 'ECONNREFUSED' }]);
    expect(await failureOf(test.send())).toMatchObject({ code: 'ECONNREFUSED' });
    expect(test.clock.delays).toEqual([]);
  });

  it('fail together, and the next succeeds once the server is back', async () => {
    await using server = await Server.start('h2');
    let broken = true;
    await using gate = await TcpServer.start((socket) => {
      if (broken) socket.destroy();
      else tunnel(socket, server.port);
    });
    using test = new TestConnection(`https://127.0.0.1:${gate.port}`);
    const failures = await Promise.all([failureOf(test.send()), failureOf(test.send())]);
    expect(failures[0]).toBe(failures[1]);
    broken = false;
    await expect(Promise.all([test.fetch(), test.fetch()])).resolves.toEqual(['{}', '{}']);
    expect(server.connections).toBe(1);
  });

  it('are not held up by one that aborts while the connection is opened', async () => {
    await using opened = await open('h2');
    const controller = new AbortController();
    const first = failureOf(opened.test.send({}, controller.signal));
    const second = opened.test.fetch();
    controller.abort('the reason');
    expect(await first).toBe('the reason');
    await expect(second).resolves.toBe('{}');
    expect(opened.server.connections).toBe(1);
    expect(opened.server.requests).toHaveLength(1);
  });

  it('each have a connection with HTTP/1.1', async () => {
    await using opened = await open('http');
    const both = [opened.test.send(), opened.test.send()];
    await opened.server.next();
    await until(() => opened.server.requests.length === 2);
    expect(opened.server.open).toBe(2);
    opened.test.connection.close();
    await Promise.all(both.map(failureOf));
  });
});

describe('the server at the other end', () => {
  it.each(['https', 'h2'] as const)('must be one that is trusted (%s)', async (protocol) => {
    await using server = await Server.start(protocol);
    const { cert: ca } = certificateFor('somebody else', '127.0.0.1');
    using test = new TestConnection(new TestCredentials(urlOf(server), { ca }));
    expect(await failureOf(test.send())).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(server.requests).toEqual([]);
    expect(test.clock.delays).toEqual([]);
  });

  it('must be the one that is meant', async () => {
    await using server = await Server.start('h2');
    const tls = { ca: certificate.cert, servername: 'kubernetes' };
    using test = new TestConnection(new TestCredentials(urlOf(server), tls));
    expect(await failureOf(test.send())).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it.each([
    ['go by another name', { ca: certificate.cert, servername: 'localhost' }],
    ['be anybody if one says so', { rejectUnauthorized: false }],
  ])('may %s', async (_, tls) => {
    for (const protocol of ['https', 'h2'] as const) {
      await using server = await Server.start(protocol);
      using test = new TestConnection(new TestCredentials(urlOf(server), tls));
      await expect(test.fetch()).resolves.toBe('{}');
    }
  });

  it.each(['https', 'h2'] as const)('is shown our certificate (%s)', async (protocol) => {
    await using server = await Server.start(protocol, { requestCert: true });
    const tls = { ca: certificate.cert, ...certificateFor('candidate') };
    using test = new TestConnection(new TestCredentials(urlOf(server), tls));
    const names: unknown[] = [];
    server.handler = ({ socket }, response) => {
      names.push((socket as TLSSocket).getPeerCertificate().subject.CN);
      response.end('{}');
    };
    await test.fetch();
    expect(names).toEqual(['candidate']);
  });

  const hasIpv6 = networkInterfaces()['lo']?.some(({ family }) => family === 'IPv6');

  it.skipIf(!hasIpv6).each(protocols)(
    'trap 13: may have an IPv6 address (%s)',
    async (protocol) => {
      await using server = await Server.start(protocol, { host: '::1' });
      using test = new TestConnection(`${schemeOf(protocol)}://[::1]:${server.port}`);
      await expect(test.fetch()).resolves.toBe('{}');
    },
  );

  it('may have a name', async () => {
    await using server = await Server.start('http');
    using test = new TestConnection(`http://localhost:${server.port}`);
    await expect(test.fetch()).resolves.toBe('{}');
  });

  it.each([
    ['localhost', undefined, 'localhost'],
    ['127.0.0.1', undefined, false],
    ['127.0.0.1', 'localhost', 'localhost'],
  ])('is told which name is meant: %s, %s', async (host, servername, expected) => {
    for (const protocol of ['https', 'h2'] as const) {
      const names: unknown[] = [];
      const handler: Handler = ({ socket }, response) => {
        names.push((socket as TLSSocket & { servername?: unknown }).servername);
        response.end('{}');
      };
      await using server = await Server.start(protocol, { handler });
      const tls = { ca: certificate.cert, ...(servername && { servername }) };
      const url = `https://${host}:${server.port}`;
      using test = new TestConnection(new TestCredentials(url, tls));
      await test.fetch();
      expect(names).toEqual([expected]);
    }
  });

  it('is given up if it does not complete the handshake in ten seconds', async () => {
    await using silent = await TcpServer.start((socket) => socket.resume());
    using test = new TestConnection(`https://127.0.0.1:${silent.port}`);
    const connected = silent.next();
    const failure = failureOf(test.send());
    await connected;
    await test.clock.advance(9_999);
    expect(silent.sockets.size).toBe(1);
    await test.clock.advance(1);
    const message = `no connection to 127.0.0.1:${silent.port} within 10000 ms`;
    expect(await failure).toEqual(new Error(message));
    await silent.empty();
  });

  it('is opened anew for the next request once one has waited for it in vain', async () => {
    await using server = await Server.start('h2');
    await using proxy = await swallowingProxy(server.port);
    using test = new TestConnection(`https://127.0.0.1:${proxy.port}`);
    proxy.swallow();
    const controller = new AbortController();
    const failure = failureOf(test.send({}, controller.signal));
    await until(() => proxy.sockets.size === 1);
    await test.clock.advance(5_000);
    proxy.restore();
    controller.abort(new Error('no answer'));
    expect(await failure).toEqual(new Error('no answer'));
    await expect(test.fetch()).resolves.toBe('{}');
  });

  it('is used though the request for which it was opened did not wait for it', async () => {
    await using server = await Server.start('h2');
    const slow = Promise.withResolvers<undefined>();
    const opened: Socket[] = [];
    await using proxy = await TcpServer.start((socket) => {
      const isFirst = opened.push(socket) === 1;
      void slow.promise.then(() => {
        if (isFirst) socket.pipe(connect(server.port, '127.0.0.1')).pipe(socket);
      });
    });
    using test = new TestConnection(`https://127.0.0.1:${proxy.port}`);
    const [first, second] = [new AbortController(), new AbortController()];
    const failures = [failureOf(test.send({}, first.signal))];
    await until(() => opened.length === 1);
    await test.clock.advance(5_000);
    first.abort('too late');
    failures.push(failureOf(test.send({}, second.signal)));
    await until(() => opened.length === 2);
    slow.resolve(undefined);
    await until(() => server.sessions.length === 1);
    second.abort('too late');
    await expect(test.fetch()).resolves.toBe('{}');
    expect([await Promise.all(failures), opened.length]).toEqual([['too late', 'too late'], 2]);
  });

  it('is given up if it hangs up during the handshake', async () => {
    await using rude = await TcpServer.start((socket) => socket.destroy());
    using test = new TestConnection(`https://127.0.0.1:${rude.port}`);
    expect(await failureOf(test.send())).toBeInstanceOf(Error);
    expect(test.clock.delays).toEqual([]);
  });

  it.each(['credentials', 'handshake'])(
    'is let off if closed at the very end of the %s',
    async (asked) => {
      await using server = await Server.start('h2');
      using test = new TestConnection(urlOf(server));
      const after = test.clock.after.bind(test.clock);
      // Of the credentials, and of the handshake: by then, nobody else holds the socket.
      const limitMs = asked === 'handshake' ? 10_000 : 60_000;
      test.clock.after = (ms, ...rest) => {
        const cancel = after(ms, ...rest);
        return () => {
          cancel();
          if (ms !== limitMs) return;
          queueMicrotask(() => {
            test.connection.close();
          });
        };
      };
      expect(await failureOf(test.send())).toEqual(new Error('the connection was closed'));
      await server.left(0);
      expect(test.clock.delays).toEqual([]);
    },
  );

  it('is let off if the connection is closed during the handshake', async () => {
    await using silent = await TcpServer.start((socket) => socket.resume());
    using test = new TestConnection(`https://127.0.0.1:${silent.port}`);
    const connected = silent.next();
    const failure = failureOf(test.send());
    await connected;
    test.connection.close();
    expect(await failure).toEqual(new Error('the connection was closed'));
    await silent.empty();
    expect(test.clock.delays).toEqual([]);
  });

  it('does not keep the process alive during the handshake if it was let go before', async () => {
    await using silent = await TcpServer.start((socket) => socket.resume());
    using test = new TestConnection(`https://127.0.0.1:${silent.port}`);
    test.connection.unref();
    const connected = silent.next();
    const failure = failureOf(test.send());
    await connected;
    // The server's.
    expect(holdingSockets()).toBe(1);
    expect(test.clock.holding).toBe(0);
    await test.clock.advance(10_000);
    expect(await failure).toMatchObject({ message: expect.stringMatching(/^no connection to /) });
  });
});

describe('credentials', () => {
  const other = (access: Access): Access => ({
    ...access,
    tls: { ...access.tls, ...certificateFor('renewed') },
  });

  it.each(['http', 'https', 'h2'] as const)(
    'that have changed make a new connection, and retire the old (%s)',
    async (protocol) => {
      await using opened = await open(protocol);
      const { server, test } = opened;
      const { answer: watch, pieces } = await begun({ server, test });
      server.handler = (_, response) => response.end('{}');
      const { connections } = server;
      test.credentials.current = other(test.credentials.current);
      await test.fetch();
      await test.fetch();
      expect(server.connections).toBe(connections + (protocol === 'https' ? 2 : 1));
      expect(server.open).toBe(2);
      watch.end('last');
      await expect(pieces.next()).resolves.toMatchObject({ value: 'last' });
      await expect(pieces.next()).resolves.toMatchObject({ done: true });
      await server.left(1);
    },
  );

  it.each(['http', 'https', 'h2'] as const)(
    'that have changed end an old connection that has nothing to do (%s)',
    async (protocol) => {
      await using opened = await open(protocol);
      const { server, test } = opened;
      await test.fetch();
      test.credentials.current = other(test.credentials.current);
      await test.fetch();
      await server.left(1);
    },
  );

  it.each(['http', 'https', 'h2'] as const)(
    'that have changed do not keep the old connection from being closed (%s)',
    async (protocol) => {
      await using opened = await open(protocol);
      const { server, test } = opened;
      const watch = failureOf(test.send());
      await server.next();
      server.handler = (_, response) => response.end('{}');
      for (let i = 0; i < 3; i++) {
        test.credentials.current = other(test.credentials.current);
        await test.fetch();
      }
      test.connection.unref();
      await until(() => holdingSockets() === server.open);
      test.connection.close();
      expect(await watch).toBeInstanceOf(Error);
      await server.left(0);
    },
  );

  it('that are the same make no new connection, however they are written', async () => {
    await using opened = await open('h2');
    const { server, test } = opened;
    const tls = () => ({ ca: Buffer.from(certificate.cert) });
    for (let i = 0; i < 3; i++) {
      test.credentials.current = { ...test.credentials.current, tls: tls() };
      await test.fetch();
    }
    expect(server.connections).toBe(1);
  });

  it.each([
    ['another server', (access: Access) => ({ ...access, server: new URL('/k8s', access.server) })],
    [
      'another authority',
      (access: Access) => {
        const cas = [certificate.cert, certificateFor('another').cert];
        return { ...access, tls: { ca: Buffer.from(cas.join('')) } };
      },
    ],
    [
      'another name',
      (access: Access) => ({ ...access, tls: { ...access.tls, servername: 'localhost' } }),
    ],
  ])('that name %s make a new connection', async (_, change) => {
    await using opened = await open('h2');
    const { server, test } = opened;
    test.credentials.current = {
      ...test.credentials.current,
      tls: { ca: Buffer.from(certificate.cert) },
    };
    await test.fetch();
    test.credentials.current = change(test.credentials.current);
    await test.fetch();
    expect(server.connections).toBe(2);
    await server.left(1);
  });

  it('that change while a connection is opened spoil neither request', async () => {
    await using server = await Server.start('h2');
    const held = Promise.withResolvers<undefined>();
    await using slow = await TcpServer.start((socket) => {
      void held.promise.then(() => {
        tunnel(socket, server.port);
      });
    });
    using test = new TestConnection(`https://127.0.0.1:${slow.port}`);
    const connected = slow.next();
    const first = test.fetch();
    await connected;
    const before = test.credentials.current;
    test.credentials.current = { ...other(before), server: new URL(urlOf(server)) };
    await expect(test.fetch()).resolves.toBe('{}');
    held.resolve(undefined);
    await expect(first).resolves.toBe('{}');
    // The newer one is still good.
    await test.fetch();
    expect(server.connections).toBe(2);
    await server.left(1);
  });

  it('that are out of date may fail without spoiling the new connection', async () => {
    await using server = await Server.start('h2');
    await using silent = await TcpServer.start((socket) => socket.resume());
    using test = new TestConnection(`https://127.0.0.1:${silent.port}`);
    const connected = silent.next();
    const first = failureOf(test.send());
    const socket = await connected;
    test.credentials.current = { ...test.credentials.current, server: new URL(urlOf(server)) };
    await test.fetch();
    socket.destroy();
    expect(await first).toBeInstanceOf(Error);
    await test.fetch();
    expect(server.connections).toBe(1);
  });

  it('that take for ever are given up with the signal, after a minute, or when it is closed', async () => {
    await using opened = await open('h2');
    const { test } = opened;
    const signals: AbortSignal[] = [];
    test.credentials.access = (signal) => {
      if (signal) signals.push(signal);
      return new Promise(() => undefined);
    };
    const failures: unknown[] = [];
    for (let tries = 0; tries < 6; tries += 1) {
      const controller = new AbortController();
      const failure = failureOf(test.send({}, controller.signal));
      const other = failureOf(test.send({}, controller.signal));
      await test.clock.advance(9_999);
      controller.abort('too late');
      failures.push(await failure, await other);
    }
    expect(new Set(failures)).toEqual(new Set(['too late']));
    // They are asked for once at a time, and once more after the minute.
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    const failure = failureOf(test.send());
    await test.clock.advance(60_000 - 6 * 9_999);
    expect(await failure).toEqual(new Error('there are no credentials after 60000 ms'));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    const last = failureOf(test.send());
    await setImmediate();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    test.connection.close();
    expect(await last).toEqual(new Error('the connection was closed'));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(test.clock.delays).toEqual([]);
  });

  it('that were asked for before it was closed are not waited for afterwards', async () => {
    await using opened = await open('h2');
    const { test } = opened;
    const access = vi.spyOn(test.credentials, 'access');
    access.mockReturnValueOnce(new Promise(() => undefined));
    const failure = failureOf(test.send());
    test.connection.close();
    await expect(test.fetch()).resolves.toBe('{}');
    expect(await failure).toEqual(new Error('the connection was closed'));
  });

  it('that cannot be had fail the request', async () => {
    await using opened = await open('h2');
    const { test } = opened;
    test.credentials.access = () => Promise.reject(new Error('no login'));
    expect(await failureOf(test.send())).toEqual(new Error('no login'));
    expect(opened.server.connections).toBe(0);
  });
});

function tunnel(socket: Socket, port: number): void {
  const onward = connect(port, '127.0.0.1');
  socket.pipe(onward).pipe(socket);
  onward.on('error', () => undefined);
  socket.on('close', () => onward.destroy());
}
