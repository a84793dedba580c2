/** A server that says anything, byte by byte, over HTTP/1.1 and HTTP/2; and one that never stops. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { systemClock } from '../../lib/platform/clock.ts';
import { Api } from '../../lib/kubernetes/api.ts';
import { toLock } from '../../lib/kubernetes/config-map-lock.ts';
import { Connection } from '../../lib/kubernetes/connection.ts';
import type { Json } from '../../lib/kubernetes/json.ts';
import { toVersion } from '../../lib/kubernetes/lease.ts';
import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { toPod } from '../../lib/kubernetes/pod.ts';
import { ObjectWatch } from '../../lib/kubernetes/watch.ts';
import { type Protocol, Server, TcpServer, certificate } from '../support/servers.ts';
import { damage, damaged, edit, edited } from './mutation.ts';
import { Aftermath, PATIENCE_MS, runs } from './runs.ts';

const REQUEST_TIMEOUT_MS = 500;

function connect(port: number, protocol: 'http' | 'https'): Connection {
  const access = {
    server: new URL(`${protocol}://127.0.0.1:${port}`),
    headers: { authorization: 'Bearer token' },
    tls: { ca: certificate.cert },
  };
  const credentials = { access: () => Promise.resolve(access), refresh: () => Promise.resolve() };
  return new Connection(credentials, systemClock, 'fuzz');
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

/** What comes of a request and of a watch: an object, or one of the two errors. */
async function ask(api: Api): Promise<void> {
  for (const read of [toLock, toVersion, toPod] as ((answer: Json) => unknown)[]) {
    const outcome = await api.request(request, read).catch((error: unknown) => error);
    const expected =
      outcome instanceof ApiError ||
      outcome instanceof NoAnswerError ||
      (outcome as { readonly uid?: unknown }).uid !== undefined;
    expect(expected, String(outcome)).toBe(true);
  }
}

/** Looks on for as long as the first try takes. */
async function watch(api: Api): Promise<void> {
  const stop = new AbortController();
  const target = { path: '/api/v1/namespaces/default/configmaps', name: 'lock' };
  const { promise: tried, resolve } = Promise.withResolvers<undefined>();
  const over = () => {
    resolve(undefined);
  };
  const listener = {
    onOpen: () => undefined,
    onEvent: (_: string, seen: Json) => void toLock(seen),
    onLost: over,
    onRefused: over,
  };
  const running = new ObjectWatch(api, systemClock, target, listener, 1).run(stop.signal);
  await Promise.race([tried, delay(REQUEST_TIMEOUT_MS)]);
  stop.abort();
  await running;
}

const chunk = fc.oneof(
  fc
    .constantFrom(
      ...['HTTP/1.1 200 OK\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 101 Switching\r\n\r\n'],
      ...['HTTP/1.0 200\r\n', 'HTTP/9.9 999 x\r\n', 'ICY 200 OK\r\n', 'PRI * HTTP/2.0\r\n\r\n'],
      ...['HTTP/1.1 204 No Content\r\n', 'HTTP/1.1 304 Not Modified\r\n', 'HTTP/1.1 429 Wait\r\n'],
      ...['Content-Length: 5\r\n', 'Content-Length: -1\r\n', 'Content-Length: 999999999999999\r\n'],
      ...[
        'Transfer-Encoding: chunked\r\n',
        'Transfer-Encoding: gzip, chunked\r\n',
        'Upgrade: h2c\r\n',
      ],
      ...['Connection: close\r\n', 'Retry-After: \u0001\r\n', 'X: a\r\n b\r\n', ': nothing\r\n'],
      ...[
        '\r\n',
        '\r\n\r\n',
        '\n',
        '5\r\n{"a":\r\n',
        '0\r\n\r\n',
        'ffffffffffffffff\r\n',
        '{}',
        object,
      ],
      `X: ${'x'.repeat(100_000)}\r\n`,
      ...['__proto__: x\r\n', 'constructor: y\r\n', 'Set-Cookie: a\r\nSet-Cookie: b\r\n'],
    )
    .map((text) => Buffer.from(text)),
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
  edits: fc.array(edit, { maxLength: 3 }),
  damage: fc.option(damage, { nil: undefined }),
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

describe('whatever the bytes are', () => {
  test(
    'of HTTP/1.1',
    async () => {
      let script: readonly Buffer[] = [];
      await using server = await TcpServer.start((socket) => {
        socket.once('data', () => {
          for (const bytes of script) socket.write(bytes);
          socket.end();
        });
      });
      await fc.assert(
        fc.asyncProperty(fc.array(chunk, { maxLength: 12 }), async (chunks) => {
          using aftermath = new Aftermath();
          script = chunks;
          const connection = connect(server.port, 'http');
          const api = new Api(connection, systemClock, REQUEST_TIMEOUT_MS);
          await ask(api);
          await watch(api);
          api.close();
          await server.empty();
          aftermath.check();
        }),
        runs(60),
      );
    },
    PATIENCE_MS,
  );

  test(
    'of HTTP/2',
    async () => {
      const tls = await import('node:tls');
      let script: readonly Buffer[] = [];
      const sockets = new Set<import('node:tls').TLSSocket>();
      const server = tls.createServer({ ...certificate, ALPNProtocols: ['h2'] }, (socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          server.emit('left');
        });
        socket.write(settings);
        socket.once('data', () => {
          for (const bytes of script) socket.write(bytes);
          socket.end();
        });
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as import('node:net').AddressInfo;
      try {
        await fc.assert(
          fc.asyncProperty(fc.array(frame, { maxLength: 12 }), async (frames) => {
            using aftermath = new Aftermath();
            script = frames;
            const connection = connect(port, 'https');
            const api = new Api(connection, systemClock, REQUEST_TIMEOUT_MS);
            await ask(api);
            await watch(api);
            api.close();
            while (sockets.size > 0) await once(server, 'left');
            aftermath.check();
          }),
          runs(40),
        );
      } finally {
        for (const socket of sockets) socket.destroy();
        server.close();
      }
    },
    PATIENCE_MS,
  );

  test.each<[Protocol, 'http' | 'https']>([
    ['http', 'http'],
    ['h2', 'https'],
  ])(
    'of answers over %s, in pieces that cut characters',
    async (protocol, scheme) => {
      await using server = await Server.start(protocol);
      await fc.assert(
        fc.asyncProperty(answers, async ({ edits, damage: what, status, headers, piece, cut }) => {
          using aftermath = new Aftermath();
          const json = edited(object, edits);
          const body = Buffer.from(what ? damaged(json, what) : json);
          server.handler = (incoming, response) => {
            const watched = incoming.url?.includes('watch=');
            const text = watched ? `{"type":"ADDED","object":${body.toString()}}\n` : body;
            response.writeHead(status, headers);
            send(response, Buffer.from(text), piece, cut);
          };
          const connection = connect(server.port, scheme);
          const api = new Api(connection, systemClock, REQUEST_TIMEOUT_MS);
          await ask(api);
          await watch(api);
          api.close();
          await server.left(0);
          aftermath.check();
        }),
        runs(80),
      );
    },
    PATIENCE_MS,
  );

  test.each<[Protocol, 'http' | 'https']>([
    ['http', 'http'],
    ['h2', 'https'],
  ])(
    'characters survive being cut in pieces of any size, over %s',
    async (protocol, scheme) => {
      await using server = await Server.start(protocol);
      const connection = connect(server.port, scheme);
      const api = new Api(connection, systemClock, 30_000);
      for (let piece = 1; piece < 8; piece += 1) {
        server.handler = (_, response) => {
          send(response, Buffer.from(object), piece, false);
        };
        expect(await api.request(request, (answer) => answer)).toEqual(JSON.parse(object));
      }
      api.close();
    },
    PATIENCE_MS,
  );
});

/** Writes so many bytes at a time. */
function send(response: ServerResponse, body: Buffer, piece: number, cut: boolean): void {
  const size = Math.max(piece, Math.ceil(body.length / 200));
  for (let at = 0; at < body.length; at += size) response.write(body.subarray(at, at + size));
  if (cut) response.destroy();
  else response.end();
}

const LARGE_BYTES = 100_000_000;

/** Heads of what is far too large: whatever it is, it goes on with spaces or letters. */
const large = {
  lock: '{"metadata":{"name":"lock","uid":"uid-1","resourceVersion":"7","annotations":{"a":"',
  Status: '{"kind":"Status","reason":"Forbidden","message":"',
  nesting: '['.repeat(1_000),
  text: '"',
} as const;

describe.each<[Protocol, 'http' | 'https']>([
  ['http', 'http'],
  ['h2', 'https'],
])('a hundred megabytes over %s', (protocol, scheme) => {
  test.each(Object.keys(large) as (keyof typeof large)[])(
    'of a %s are no answer, and are not kept',
    async (what) => {
      await using server = await Server.start(protocol);
      const sent = { bytes: 0 };
      server.handler = (_, response) => {
        response.writeHead(what === 'Status' ? 403 : 200);
        void pour(response, large[what], sent);
      };
      const api = new Api(connect(server.port, scheme), systemClock, 60_000);
      const error = await api.request(request, toLock).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(NoAnswerError);
      expect(String(error)).toContain('the answer is too large: more than 8388608 characters');
      api.close();
      await server.left(0);
      // What was sent meanwhile is in the buffers of the two ends.
      expect(sent.bytes).toBeLessThan(LARGE_BYTES / 2);
    },
    PATIENCE_MS,
  );

  test(
    'of one event end the watch, and are not kept',
    async () => {
      await using server = await Server.start(protocol);
      const sent = { bytes: 0 };
      server.handler = (_, response) => {
        response.writeHead(200);
        void pour(response, '{"type":"ADDED","object":{"metadata":{"name":"lock","uid":"', sent);
      };
      const api = new Api(connect(server.port, scheme), systemClock, 60_000);
      const stop = new AbortController();
      const { promise: lost, resolve } = Promise.withResolvers<unknown>();
      const listener = {
        onOpen: () => undefined,
        onEvent: () => undefined,
        onLost: resolve,
        onRefused: resolve,
      };
      const target = { path: '/api/v1/namespaces/default/configmaps', name: 'lock' };
      const running = new ObjectWatch(api, systemClock, target, listener, 60_000).run(stop.signal);
      expect(String(await lost)).toContain('the answer is too large: more than 8388608 characters');
      stop.abort();
      await running;
      api.close();
      await server.left(0);
      expect(sent.bytes).toBeLessThan(LARGE_BYTES / 2);
    },
    PATIENCE_MS,
  );

  test(
    'of events in a row are read, and not kept',
    async () => {
      await using server = await Server.start(protocol);
      const event = `{"type":"ADDED","object":${object}}\n`;
      const block = event.repeat(Math.ceil(1_000_000 / event.length));
      server.handler = (_, response) => {
        response.writeHead(200);
        void pour(response, '', { bytes: 0 }, block);
      };
      const api = new Api(connect(server.port, scheme), systemClock, 60_000);
      const stop = new AbortController();
      let events = 0;
      for await (const seen of api.stream({ ...request, query: { watch: 'true' } }, stop.signal)) {
        if (seen !== undefined) events += 1;
      }
      expect(events).toBe((block.length / event.length) * Math.ceil(LARGE_BYTES / block.length));
      api.close();
    },
    PATIENCE_MS,
  );
});

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
