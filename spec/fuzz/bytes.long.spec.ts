/** A server that says anything, byte by byte, over HTTP/1.1 and HTTP/2; and one that never stops. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer } from 'node:tls';

import fc from 'fast-check';
import { describe, expect } from 'vitest';

import { systemClock } from '../../lib/platform/clock.ts';
import { Api } from '../../lib/kubernetes/api.ts';
import { toLock } from '../../lib/kubernetes/config-map-lock.ts';
import { Connection } from '../../lib/kubernetes/connection.ts';
import type { Json } from '../../lib/kubernetes/json.ts';
import { toVersion } from '../../lib/kubernetes/lease.ts';
import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { toPod } from '../../lib/kubernetes/pod.ts';
import { ObjectWatch } from '../../lib/kubernetes/watch.ts';
import { urlOf } from '../support/connections.ts';
import { Server, TcpServer, certificate } from '../support/servers.ts';
import { changed, changes } from './mutation.ts';
import { property } from './runs.ts';

const REQUEST_TIMEOUT_MS = 500;
const LARGE_BYTES = 100_000_000;

function connect(url: string, timeoutMs = REQUEST_TIMEOUT_MS): Api {
  const headers = { authorization: 'Bearer token' };
  const access = { server: new URL(url), headers, tls: { ca: certificate.cert } };
  const credentials = { access: () => Promise.resolve(access), refresh: () => Promise.resolve() };
  return new Api(new Connection(credentials, systemClock, 'fuzz'), systemClock, timeoutMs);
}

const object = JSON.stringify({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'lock',
    namespace: 'default',
    uid: 'uid-1',
    resourceVersion: '7',
    annotations: { note: 'ü 漢字 🙂' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'other', uid: 'uid-2' }],
  },
  spec: { holderIdentity: 'ö', leaseDurationSeconds: 15 },
  status: { phase: 'Running' },
});

const request = { method: 'GET', path: '/api/v1/namespaces/default/configmaps/lock' } as const;

/** Watches until the watch is lost or the patience ends. Resolves with the reason. */
async function watch(api: Api, patienceMs: number): Promise<unknown> {
  const stop = new AbortController();
  const { promise: lost, resolve } = Promise.withResolvers<unknown>();
  const target = { path: '/api/v1/namespaces/default/configmaps', name: 'lock' };
  const listener = {
    onOpen: () => undefined,
    onEvent: (_: string, seen: Json) => void toLock(seen),
    onLost: resolve,
    onRefused: resolve,
  };
  const running = new ObjectWatch(api, systemClock, target, listener, 1).run(stop.signal);
  const reason = await Promise.race([lost, delay(patienceMs, undefined, { signal: stop.signal })]);
  stop.abort();
  await running;
  return reason;
}

/** Requests and a watch: each yields an object, or one of two errors. */
async function ask(url: string): Promise<void> {
  const api = connect(url);
  for (const read of [toLock, toVersion, toPod] as ((answer: Json) => unknown)[]) {
    const outcome = await api.request(request, read).catch((error: unknown) => error);
    const expected =
      outcome instanceof ApiError ||
      outcome instanceof NoAnswerError ||
      (outcome as { readonly uid?: unknown }).uid !== undefined;
    expect(expected, String(outcome)).toBe(true);
  }
  await watch(api, REQUEST_TIMEOUT_MS);
  api.close();
}

const heads = [
  ...['HTTP/1.1 200 OK', 'HTTP/1.1 100 Continue\r\n', 'HTTP/1.1 101 Switching\r\n', 'HTTP/1.0 200'],
  ...['HTTP/9.9 999 x', 'ICY 200 OK', 'PRI * HTTP/2.0\r\n', 'HTTP/1.1 204 No Content'],
  ...['HTTP/1.1 304 Not Modified', 'HTTP/1.1 429 Wait', 'Content-Length: 5', 'Content-Length: -1'],
  ...['Content-Length: 999999999999999', 'Transfer-Encoding: chunked', 'Upgrade: h2c'],
  ...['Transfer-Encoding: gzip, chunked', 'Connection: close', 'Retry-After: \u0001'],
  ...['X: a\r\n b', ': nothing', '', '\r\n', '5\r\n{"a":', '0\r\n', 'ffffffffffffffff'],
  ...['__proto__: x', 'constructor: y', 'Set-Cookie: a\r\nSet-Cookie: b', `X: ${'x'.repeat(1e5)}`],
].map((head) => `${head}\r\n`);

const chunk = fc.oneof(
  fc.constantFrom(...heads, '\n', '{}', object).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
);

/** Frames of HTTP/2 that no API server sends, and some that it does. */
const frame = fc
  .record({
    type: fc.nat({ max: 12 }),
    flags: fc.nat({ max: 255 }),
    stream: fc.constantFrom(0, 1, 2, 3, 5, 2 ** 31 - 1),
    payload: fc.uint8Array({ maxLength: 40 }),
    length: fc.option(fc.constantFrom(0, 1, 16_384, 2 ** 24 - 1), { nil: undefined, freq: 5 }),
  })
  .map(({ type, flags, stream, payload, length = payload.length }) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  });

const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

const answers = fc.record({
  changes,
  status: fc.constantFrom(200, 200, 200, 201, 204, 304, 403, 404, 409, 410, 429, 500, 503, 599),
  headers: fc.constantFrom<Record<string, string>>(
    {},
    { 'retry-after': '1e400' },
    { 'content-type': 'text/html; charset=utf-16' },
    { 'content-encoding': 'gzip' },
    { __proto__x: 'y', constructor: 'z' },
  ),
  piece: fc.integer({ min: 1, max: 20 }),
  cut: fc.boolean(),
});

/** Says this to each client once it has said something, and leaves. */
function answering(bytes: readonly Buffer[]) {
  return (socket: Socket) => {
    socket.once('data', () => {
      for (const piece of bytes) socket.write(piece);
      socket.end();
    });
  };
}

property('any bytes of HTTP/1.1', 60, [fc.array(chunk, { maxLength: 12 })], async (bytes) => {
  await using server = await TcpServer.start(answering(bytes));
  await ask(`http://127.0.0.1:${server.port}`);
  await server.empty();
});

property('any frames of HTTP/2', 40, [fc.array(frame, { maxLength: 12 })], async (frames) => {
  const options = { ...certificate, ALPNProtocols: ['h2'] };
  let handshakes = 0;
  const context = createServer(options, (socket) => {
    handshakes += 1;
    socket.on('error', () => undefined);
    socket.write(settings);
    answering(frames)(socket);
  });
  await using server = await TcpServer.start((socket) => context.emit('connection', socket));
  await ask(`https://127.0.0.1:${server.port}`);
  await server.empty();
  expect(handshakes).toBeGreaterThan(0);
});

describe.each([
  ['http', 'http'],
  ['h2', 'https'],
] as const)('over %s', (protocol, scheme) => {
  property('any answers, in pieces that cut characters', 80, [answers], async (answer) => {
    const { changes: made, status, headers, piece, cut } = answer;
    const text = changed(object, made);
    await using server = await Server.start(protocol, {
      handler: (incoming, response) => {
        const watched = incoming.url?.includes('watch=');
        response.writeHead(status, headers);
        send(response, watched ? `{"type":"ADDED","object":${text}}\n` : text, piece, cut);
      },
    });
    await ask(urlOf(server, scheme));
    await server.left(0);
  });

  property('characters survive being cut in pieces of any size', 1, [], async () => {
    for (let piece = 1; piece < 8; piece += 1) {
      await using server = await Server.start(protocol, {
        handler: (_, response) => {
          send(response, object, piece, false);
        },
      });
      const api = connect(urlOf(server, scheme));
      expect(await api.request(request, (answer) => answer)).toEqual(JSON.parse(object));
      api.close();
    }
  });

  /** Asks a server that does not stop; resolves with how much it has sent, and what came of it. */
  async function flood<T>(
    status: number,
    head: string,
    ask: (api: Api) => Promise<T>,
    block?: string,
  ) {
    const sent = { bytes: 0 };
    await using server = await Server.start(protocol, {
      handler: (_, response) => {
        response.writeHead(status);
        void pour(response, head, sent, block);
      },
    });
    const api = connect(urlOf(server, scheme), 60_000);
    const outcome = await ask(api).catch((error: unknown) => error);
    api.close();
    await server.left(0);
    return { outcome, bytes: sent.bytes };
  }

  const TOO_LARGE = 'the answer is too large: more than 8388608 characters';

  for (const [what, status, head] of [
    [
      'lock',
      200,
      '{"metadata":{"name":"lock","uid":"u","resourceVersion":"7","annotations":{"a":"',
    ],
    ['Status', 403, '{"kind":"Status","reason":"Forbidden","message":"'],
    ['nesting', 200, '['.repeat(1_000)],
    ['text', 200, '"'],
  ] as const) {
    property(
      `a hundred megabytes of a ${what} are no answer, and are not kept`,
      1,
      [],
      async () => {
        const { outcome, bytes } = await flood(status, head, (api) => api.request(request, toLock));
        expect(outcome).toBeInstanceOf(NoAnswerError);
        expect(String(outcome)).toContain(TOO_LARGE);
        // What was sent meanwhile is in the buffers of the two ends.
        expect(bytes).toBeLessThan(LARGE_BYTES / 2);
      },
    );
  }

  property('a hundred megabytes of one event end the watch, and are not kept', 1, [], async () => {
    const head = '{"type":"ADDED","object":{"metadata":{"name":"lock","uid":"';
    const { outcome, bytes } = await flood(200, head, (api) => watch(api, 60_000));
    expect(String(outcome)).toContain(TOO_LARGE);
    expect(bytes).toBeLessThan(LARGE_BYTES / 2);
  });

  property('a hundred megabytes of events in a row are read', 1, [], async () => {
    const event = `{"type":"ADDED","object":${object}}\n`;
    const block = event.repeat(Math.ceil(1_000_000 / event.length));
    const read = async (api: Api) => {
      let events = 0;
      const { signal } = new AbortController();
      for await (const seen of api.stream({ ...request, query: { watch: 'true' } }, signal)) {
        if (seen !== undefined) events += 1;
      }
      return events;
    };
    const { outcome } = await flood(200, '', read, block);
    const blocks = Math.ceil(LARGE_BYTES / block.length);
    expect(outcome).toBe((block.length / event.length) * blocks);
  });
});

/** Writes the text in pieces of this many bytes. */
function send(response: ServerResponse, text: string, piece: number, cut: boolean): void {
  const body = Buffer.from(text);
  const size = Math.max(piece, Math.ceil(body.length / 200));
  for (let at = 0; at < body.length; at += size) response.write(body.subarray(at, at + size));
  if (cut) response.destroy();
  else response.end();
}

/** Sends that much unless nobody reads it. */
async function pour(
  response: ServerResponse,
  head: string,
  sent: { bytes: number },
  block = 'x'.repeat(1_000_000),
): Promise<void> {
  response.on('error', () => undefined);
  response.write(head);
  const gone = new AbortController();
  response.on('close', () => {
    gone.abort();
  });
  try {
    while (sent.bytes < LARGE_BYTES) {
      sent.bytes += block.length;
      if (!response.write(block)) await once(response, 'drain', { signal: gone.signal });
      gone.signal.throwIfAborted();
    }
    response.end();
  } catch {
    response.destroy();
  }
}
