import { once } from 'node:events';
import type { Http2ServerResponse } from 'node:http2';
import http2 from 'node:http2';
import https, { type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import tls from 'node:tls';

import { describe, expect, it } from 'vitest';

import {
  TestConnection,
  TestCredentials,
  failureOf,
  textOf,
  until,
  urlOf,
} from '../support/connections.ts';
import { type Protocol, Server, type ServerOptions, certificate } from '../support/servers.ts';
import type { Line } from './fault.ts';
import { FaultProxy } from './fault-proxy.ts';

/** A server, a line to it, and the library's own transport over that. */
class Setting implements AsyncDisposable {
  readonly server: Server;
  readonly proxy: FaultProxy;
  readonly line: Line;
  readonly test: TestConnection;

  private constructor(server: Server, proxy: FaultProxy, line: Line) {
    this.server = server;
    this.proxy = proxy;
    this.line = line;
    this.test = new TestConnection(new TestCredentials(line.server, { ca: line.ca }));
  }

  static async open(protocol: Protocol = 'h2', options: ServerOptions = {}): Promise<Setting> {
    const server = await Server.start(protocol, options);
    const proxy = new FaultProxy({
      upstream: { server: urlOf(server), ca: certificate.cert },
      random: () => 0.5,
    });
    return new Setting(server, proxy, await proxy.line('a', certificate));
  }

  /** A watch of which the first event has come. */
  async watch(signal?: AbortSignal) {
    const sent = this.test.send({ query: { watch: 'true' } }, signal);
    const [, watch] = await this.server.next();
    watch.write('first');
    const pieces = (await sent).body[Symbol.asyncIterator]();
    await pieces.next();
    this.server.handler = (_, response) => response.end('{}');
    return { watch, pieces };
  }

  /** As a client that speaks HTTP/1.1. */
  async plain(options: RequestOptions = {}): Promise<IncomingMessage> {
    const request = https.request(this.line.server, { ca: this.line.ca, agent: false, ...options });
    request.on('error', () => undefined).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.test[Symbol.dispose]();
    await this.proxy.close();
    expect(this.line.counts.open).toBe(0);
    // Whatever the client or a fault did, nothing stays behind at the server either.
    await this.server.left(0);
    await this.server[Symbol.asyncDispose]();
  }
}

async function read(message: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of message) text += String(chunk);
  return text;
}

describe('a line without faults', () => {
  it.each(['h2', 'https'] as const)(
    'can be closed while more is sent than the server reads (%s)',
    async (protocol) => {
      await using server = await Server.start(protocol, { handler: () => undefined });
      const proxy = new FaultProxy({ upstream: { server: urlOf(server), ca: certificate.cert } });
      const line = await proxy.line('a', certificate);
      const options = { ca: line.ca, agent: false, method: 'POST' };
      const upload = https.request(line.server, options).on('error', () => undefined);
      upload.write(Buffer.alloc(20_000_000));
      await server.next();
      await proxy.close();
      upload.destroy();
      expect(line.counts.open).toBe(0);
    },
  );

  it('passes requests on with their tokens, and answers with their headers', async () => {
    await using setting = await Setting.open();
    const { server, test } = setting;
    const sent = test.send({ method: 'POST', path: '/y?z=1', body: { a: 'ü' } });
    const [request, response] = await server.next();
    expect(request).toMatchObject({ method: 'POST', url: '/y?z=1', httpVersion: '2.0' });
    expect(request.headers).toMatchObject({
      authorization: 'Bearer secret',
      'content-type': 'application/json',
      'user-agent': 'spec/1.0',
    });
    expect(request.headers[':authority']).toBe(new URL(urlOf(server)).host);
    expect(await read(request)).toBe('{"a":"ü"}');
    response.writeHead(201, { 'x-flow': 'yes' }).end('done');
    const answer = await sent;
    expect(answer).toMatchObject({ status: 201, headers: { 'x-flow': 'yes' } });
    expect(await textOf(answer)).toBe('done');
  });

  it('shows the certificate that it was given', async () => {
    await using setting = await Setting.open('h2', { requestCert: true });
    await setting.test.fetch();
    const socket = setting.server.sessions[0]?.socket as tls.TLSSocket;
    const peer = socket.getPeerCertificate();
    expect(peer.subject.CN).toBe('specs');
  });

  it('speaks HTTP/1.1 on both sides to whoever does, and keeps the connection', async () => {
    await using setting = await Setting.open();
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    for (let time = 0; time < 3; time += 1) {
      const response = await setting.plain({ agent, path: '/x', method: 'DELETE' });
      expect(response.httpVersion).toBe('1.1');
      expect(await read(response)).toBe('{}');
    }
    expect(setting.server.requests.map(({ httpVersion }) => httpVersion)).toEqual(
      Array(3).fill('1.1'),
    );
    expect(setting.server.connections).toBe(1);
    agent.destroy();
  });

  it('passes trailers on', async () => {
    await using setting = await Setting.open('h2', {
      handler: (_, response) => {
        response.write('body');
        response.addTrailers({ 'x-sum': '42' });
        response.end();
      },
    });
    const session = http2.connect(setting.line.server, { ca: setting.line.ca });
    const stream = session.request();
    const trailers = once(stream, 'trailers');
    expect(await read(stream)).toBe('body');
    expect((await trailers)[0]).toMatchObject({ 'x-sum': '42' });
    session.close();
  });

  it('passes events of a watch on as they come', async () => {
    await using setting = await Setting.open();
    const { watch, pieces } = await setting.watch();
    for (const event of ['second', 'third']) {
      watch.write(event);
      expect((await pieces.next()).value).toBe(event);
    }
    watch.end();
    expect((await pieces.next()).done).toBe(true);
  });

  it('lets a server wait for a client that does not read', async () => {
    await using setting = await Setting.open();
    const session = http2.connect(setting.line.server, { ca: setting.line.ca });
    const stream = session.request();
    const [, response] = await setting.server.next();
    const big = Buffer.alloc(1024 * 1024, 'x');
    let written = 0;
    // Until nobody takes more: the buffers of four hops, but no more.
    while (response.write(big) && written < 1000) written += 1;
    expect(written).toBeLessThan(100);
    response.end();
    expect((await read(stream)).length).toBe((written + 1) * big.length);
    session.close();
  });

  it('tells the server that the client gave a request up', async () => {
    await using setting = await Setting.open();
    const given = new AbortController();
    const sent = setting.test.send({}, given.signal);
    const [, response] = await setting.server.next();
    const { stream } = response as unknown as Http2ServerResponse;
    given.abort(new Error('enough'));
    await expect(sent).rejects.toThrow('enough');
    await setting.server.idle();
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
    expect(setting.line.counts.aborted).toBe(1);
    // The connection is still good.
    setting.server.handler = (_, answer) => answer.end('{}');
    expect(await setting.test.fetch()).toBe('{}');
    expect(setting.server.connections).toBe(1);
  });

  it('tells the server that a client of HTTP/1.1 went away', async () => {
    await using setting = await Setting.open();
    const request = https.request(setting.line.server, { ca: setting.line.ca, agent: false });
    request.on('error', () => undefined).end();
    await setting.server.next();
    request.destroy();
    await setting.server.idle();
  });

  it('tells the client that the server reset a request, and why', async () => {
    await using setting = await Setting.open();
    const session = http2.connect(setting.line.server, { ca: setting.line.ca });
    const stream = session.request();
    const [, response] = await setting.server.next();
    (response as unknown as Http2ServerResponse).stream.close(
      http2.constants.NGHTTP2_REFUSED_STREAM,
    );
    const failure = await failureOf(once(stream, 'end'));
    expect(failure).toMatchObject({ message: expect.stringContaining('REFUSED_STREAM') });
    session.close();
  });

  it.each([['h2'], ['http/1.1']])(
    'shows no end of a body that breaks off with the server (%s)',
    async (protocol) => {
      await using setting = await Setting.open();
      const { ca, server } = setting.line;
      const session = http2.connect(server, { ca });
      session.on('error', () => undefined);
      const get = () => (protocol === 'h2' ? session.request() : setting.plain());
      const asked = get();
      const [, response] = await setting.server.next();
      response.write('beginning');
      const stream = await asked;
      const failure = failureOf(read(stream));
      await once(stream, 'data');
      setting.server.cut();
      expect(await failure).toMatchObject({ code: expect.any(String) });
      session.destroy();
    },
  );

  it('passes GOAWAY on', async () => {
    await using setting = await Setting.open();
    const { watch, pieces } = await setting.watch();
    setting.server.sessions[0]?.goaway();
    while (setting.line.counts.connections === 1) {
      await setting.test.fetch().catch(() => undefined);
    }
    watch.end('last');
    expect((await pieces.next()).value).toBe('last');
    expect((await pieces.next()).done).toBe(true);
    await setting.server.left(1);
  });

  it('has no connection where there is no server', async () => {
    await using setting = await Setting.open();
    await setting.server[Symbol.asyncDispose]();
    const socket = tls.connect({ port: Number(new URL(setting.line.server).port) });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('ends its connections to the server with those of the client', async () => {
    await using setting = await Setting.open();
    await setting.watch();
    expect(setting.server.open).toBe(1);
    setting.test[Symbol.dispose]();
    await setting.server.left(0);
    await until(() => setting.line.counts.open === 0);
  });

  it('leaves others alone when it is closed', async () => {
    await using setting = await Setting.open();
    const other = await setting.proxy.line('b');
    await setting.watch();
    await other.close();
    expect(await setting.test.fetch()).toBe('{}');
    const port = Number(new URL(setting.line.server).port);
    await setting.line.close();
    await setting.server.left(0);
    const socket = tls.connect({ port });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('what befalls requests', () => {
  it.each([
    [{ kind: 'refuse', status: 429, retryAfterSeconds: 7 } as const, '7'],
    [{ kind: 'refuse', status: 503 } as const, undefined],
  ])('%o is answered without the server', async (fault, retryAfter) => {
    await using setting = await Setting.open();
    const struck = setting.line.strike(fault);
    const answer = await setting.test.send({ method: 'POST', body: { a: 1 } });
    expect(answer.status).toBe(fault.status);
    expect(answer.headers['retry-after']).toBe(retryAfter);
    expect(JSON.parse(await textOf(answer))).toMatchObject({ kind: 'Status', code: fault.status });
    expect(setting.server.requests).toHaveLength(0);
    expect(setting.line.counts).toMatchObject({ requests: 1, forwarded: 0, struck: { refuse: 1 } });
    struck[Symbol.dispose]();
    expect(await setting.test.fetch()).toBe('{}');
  });

  it('a failure after the effect is told of what took effect', async () => {
    await using setting = await Setting.open();
    setting.line.strike({ kind: 'fail-after-effect', status: 500, only: 'writes' });
    expect((await setting.test.send()).status).toBe(200);
    expect((await setting.test.send({ method: 'PUT', body: {} })).status).toBe(500);
    expect(setting.server.requests).toHaveLength(2);
    setting.server.handler = (_, response) => response.writeHead(409).end();
    expect((await setting.test.send({ method: 'PUT', body: {} })).status).toBe(409);
    expect(setting.line.counts.struck['fail-after-effect']).toBe(1);
  });

  it.each([
    ['before', 0],
    ['after-effect', 1],
  ] as const)('a reset connection %s', async (when, requests) => {
    await using setting = await Setting.open();
    setting.line.strike({ kind: 'reset-connection', when, times: 1 });
    const failure = await failureOf(setting.test.send({ method: 'POST', body: {} }));
    expect(failure).toBeInstanceOf(Error);
    expect(setting.server.requests).toHaveLength(requests);
    await setting.server.left(0);
    expect(await setting.test.fetch()).toBe('{}');
    expect(setting.line.counts.struck['reset-connection']).toBe(1);
  });

  it.each(['delay-request', 'delay-answer'] as const)('%s, and gives it up', async (kind) => {
    await using setting = await Setting.open();
    const struck = setting.line.strike({ kind, ms: 3_600_000 });
    const given = new AbortController();
    const failure = failureOf(setting.test.send({}, given.signal));
    const arrives = kind === 'delay-answer' ? 1 : 0;
    await until(() => setting.line.counts.struck[kind] === 1);
    given.abort(new Error('enough'));
    expect(await failure).toMatchObject({ message: 'enough' });
    await until(() => setting.line.counts.aborted === 1);
    expect(setting.server.requests).toHaveLength(arrives);
    struck[Symbol.dispose]();
    expect(await setting.test.fetch()).toBe('{}');
  });

  it('a delay ends', async () => {
    await using setting = await Setting.open();
    const started = performance.now();
    setting.line.strike({ kind: 'delay-request', ms: 30 });
    setting.line.strike({ kind: 'delay-answer', ms: 30 });
    expect(await setting.test.fetch()).toBe('{}');
    expect(performance.now() - started).toBeGreaterThan(58);
  });

  it.each(['reset', 'complete'] as const)('a body that is cut, %s', async (as) => {
    const body = JSON.stringify({ name: 'x'.repeat(1000) });
    await using setting = await Setting.open('h2', {
      handler: (_, response) => {
        response.setHeader('content-length', body.length);
        response.end(body);
      },
    });
    setting.line.strike({ kind: 'truncate', as, times: 1 });
    const answer = await setting.test.send();
    if (as === 'reset') expect(await failureOf(textOf(answer))).toBeInstanceOf(Error);
    else expect(await textOf(answer)).toBe(body.slice(0, body.length / 2));
    expect(await setting.test.fetch()).toBe(body);
  });

  it('cuts a watch in the middle of an event', async () => {
    await using setting = await Setting.open();
    setting.line.strike({ kind: 'truncate', as: 'reset' });
    const sent = setting.test.send({ query: { watch: 'true' } });
    const [, watch] = await setting.server.next();
    watch.write('event');
    const pieces = (await sent).body[Symbol.asyncIterator]();
    expect((await pieces.next()).value).toBe('ev');
    expect(await failureOf(pieces.next())).toBeInstanceOf(Error);
    await setting.server.idle();
  });

  it('strikes whom it is aimed at, by its probability', async () => {
    await using setting = await Setting.open();
    const { line, test } = setting;
    const statusOf = async (...request: Parameters<typeof test.send>) =>
      (await test.send(...request)).status;
    const refuse = { kind: 'refuse', status: 500 } as const;
    line.strike({ ...refuse, only: 'watches' });
    line.strike({ ...refuse, probability: 0.5 });
    line.strike({ ...refuse, status: 503, only: ({ path }) => path === '/y' });
    expect(await statusOf()).toBe(200);
    expect(await statusOf({ query: { watch: '1' } })).toBe(500);
    expect(await statusOf({ path: '/y' })).toBe(503);
    line.strike({ ...refuse, status: 429, probability: 0.51, only: 'reads' });
    expect(await statusOf()).toBe(429);
    expect(await statusOf({ method: 'DELETE' })).toBe(200);
  });

  it('freezes watches, and tells what happened meanwhile when it is over', async () => {
    await using setting = await Setting.open();
    const { watch, pieces } = await setting.watch();
    const struck = setting.line.strike({ kind: 'freeze-watches' });
    watch.write('second');
    let told = false;
    const second = pieces.next().finally(() => (told = true));
    // Whatever is not a watch goes on; it goes the same way, behind the event.
    for (let time = 0; time < 5; time += 1) expect(await setting.test.fetch()).toBe('{}');
    expect(told).toBe(false);
    struck[Symbol.dispose]();
    expect((await second).value).toBe('second');
  });
});

describe('what befalls connections', () => {
  it('resets them, and lets new ones be', async () => {
    await using setting = await Setting.open();
    const { pieces } = await setting.watch();
    setting.line.strike({ kind: 'reset' });
    expect(await failureOf(pieces.next())).toBeInstanceOf(Error);
    await setting.server.left(0);
    expect(await setting.test.fetch()).toBe('{}');
    expect(setting.line.counts.struck.reset).toBe(1);
  });

  it('says nothing any more on half-open ones, whoever speaks or goes', async () => {
    await using setting = await Setting.open();
    const { watch, pieces } = await setting.watch();
    const struck = setting.line.strike({ kind: 'half-open' });
    watch.end('second');
    let told = false;
    const next = pieces.next().then(
      () => (told = true),
      () => (told = true),
    );
    const lost = failureOf(setting.test.send());
    setting.server.cut();
    await setting.server.left(0);
    // A new connection is made, and no more.
    const socket = tls.connect(Number(new URL(setting.line.server).port), { ca: setting.line.ca });
    await once(socket, 'connect');
    await until(() => setting.line.counts.struck['half-open'] === 2);
    struck[Symbol.dispose]();
    const after = new TestConnection(
      new TestCredentials(setting.line.server, { ca: setting.line.ca }),
    );
    expect(await after.fetch()).toBe('{}');
    expect(told).toBe(false);
    after[Symbol.dispose]();
    setting.test[Symbol.dispose]();
    await Promise.all([next, lost]);
    socket.destroy();
    await until(() => setting.line.counts.open === 0);
  });

  it('forgets no connection to the server when its client has gone while it was half-open', async () => {
    await using setting = await Setting.open();
    await setting.watch();
    const struck = setting.line.strike({ kind: 'half-open' });
    setting.test[Symbol.dispose]();
    const other = await setting.proxy.line('b');
    const control = new TestConnection(new TestCredentials(other.server, { ca: other.ca }));
    for (let time = 0; time < 5; time += 1) await control.fetch();
    expect(setting.server.open).toBe(2);
    struck[Symbol.dispose]();
    await setting.server.left(1);
    control[Symbol.dispose]();
  });

  it.each(['to', 'from'] as const)('holds back all that goes %s the server', async (direction) => {
    await using setting = await Setting.open();
    const { pieces, watch } = await setting.watch();
    const before = setting.server.requests.length;
    const struck = setting.line.strike({ kind: 'blackhole', direction });
    let answered = false;
    const answer = setting.test.fetch().finally(() => (answered = true));
    watch.write('event');
    if (direction === 'to') {
      expect((await pieces.next()).value).toBe('event');
      expect(setting.server.requests).toHaveLength(before);
    } else {
      await until(() => setting.server.requests.length > before);
    }
    expect(answered).toBe(false);
    struck[Symbol.dispose]();
    expect(await answer).toBe('{}');
    if (direction === 'from') expect((await pieces.next()).value).toBe('event');
  });

  it('does not tell a server of a client that went away behind a blackhole', async () => {
    await using setting = await Setting.open();
    await setting.watch();
    const other = await setting.proxy.line('b');
    const control = new TestConnection(new TestCredentials(other.server, { ca: other.ca }));
    const struck = setting.line.strike({ kind: 'blackhole', direction: 'to' });
    setting.test[Symbol.dispose]();
    for (let time = 0; time < 5; time += 1) await control.fetch();
    expect(setting.server.open).toBe(2);
    struck[Symbol.dispose]();
    await setting.server.left(1);
    control[Symbol.dispose]();
  });

  it('delays all bytes of a direction, in their order', async () => {
    await using setting = await Setting.open();
    const { pieces, watch } = await setting.watch();
    const started = performance.now();
    setting.line.strike({ kind: 'latency', ms: 20, direction: 'from' });
    for (const event of ['a', 'b', 'c']) watch.write(event);
    let text = '';
    while (text.length < 3) text += (await pieces.next()).value as string;
    expect(text).toBe('abc');
    expect(performance.now() - started).toBeGreaterThan(19);
  });

  it('drops connections as they come, and keeps those that there are', async () => {
    await using setting = await Setting.open();
    const { pieces, watch } = await setting.watch();
    const struck = setting.line.strike({ kind: 'drop-on-accept' });
    const other = new TestConnection(
      new TestCredentials(setting.line.server, { ca: setting.line.ca }),
    );
    expect(await failureOf(other.fetch())).toBeInstanceOf(Error);
    watch.write('second');
    expect((await pieces.next()).value).toBe('second');
    struck[Symbol.dispose]();
    expect(await other.fetch()).toBe('{}');
    other[Symbol.dispose]();
  });
});
