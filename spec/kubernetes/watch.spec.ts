import { describe, expect } from 'vitest';

import { settled } from '../support/manual-clock.ts';
import type { Feed } from '../support/scripted-transport.ts';
import { bookmark, it, line, path, y, z } from './watched.ts';

describe('ObjectWatch', () => {
  it.for([
    [0.5, '3300'],
    [0, '3000'],
    [0.999, '3599'],
    [0.1234, '3074'],
  ] as const)(
    'asks for one object, bookmarks, and about an hour (luck %d)',
    async ([luck, timeoutSeconds], { clock, open, told, transport, watch }) => {
      clock.luck = [luck];
      await open();
      const fieldSelector = 'metadata.name=y';
      const query = { watch: 'true', fieldSelector, allowWatchBookmarks: 'true', timeoutSeconds };
      expect(transport.requests).toEqual([{ method: 'GET', path, query }]);
      expect([watch.isRefused, told]).toEqual([false, ['open']]);
    },
  );

  it.for([
    ['ADDED', y],
    ['MODIFIED', y],
    ['DELETED', y],
    ['BOOKMARK', bookmark],
  ] as const)(
    'is open once it has shown something: %s',
    async ([type, object], { open, watch }) => {
      expect(watch.isOpen).toBe(false);
      const { feed } = await open();
      expect(watch.isOpen).toBe(false);
      feed.event('MODIFIED', z);
      await settled();
      expect(watch.isOpen).toBe(false);
      feed.event(type, object);
      await settled();
      expect(watch.isOpen).toBe(true);
    },
  );

  it('is not open without an answer', async ({ run, told, transport, watch }) => {
    transport.hang();
    await run();
    expect([watch.isOpen, told]).toEqual([false, []]);
  });

  it('tells changes of its object, and nothing else', async ({ open, told, watch }) => {
    const { feed } = await open();
    feed.event('BOOKMARK', bookmark);
    feed.event('BOOKMARK', y);
    for (const object of [{}, { metadata: {} }, z, null, [], 'y']) feed.event('MODIFIED', object);
    const types = ['ADDED', 'MODIFIED', 'DELETED'];
    for (const type of types) feed.event(type, y);
    await settled();
    expect(told).toEqual(['open', ...types.map((type) => `${type} ${JSON.stringify(y)}`)]);
    expect(watch.isOpen).toBe(true);
  });

  it('ends with its signal, and tells nothing of it', async ({
    clock,
    open,
    stop,
    told,
    watch,
  }) => {
    const run = await open();
    stop.abort();
    await settled();
    expect([run.ended, run.feed.left, watch.isOpen]).toEqual([true, true, false]);
    expect(told).toEqual(['open']);
    expect(clock.delays).toEqual([]);
  });

  it('does not begin with an aborted signal', async ({ run, stop, transport }) => {
    stop.abort();
    expect(await run()).toEqual({ ended: true });
    expect(transport.requests).toEqual([]);
  });

  it('ends with its signal while it waits to reopen', async ({ clock, run, stop, transport }) => {
    transport.fail(new Error('broken'));
    const running = await run();
    expect(clock.delays).toHaveLength(1);
    stop.abort();
    await settled();
    expect(running.ended).toBe(true);
    expect(transport.requests).toHaveLength(1);
    expect(clock.delays).toEqual([]);
  });
});

describe('a watch that the server ends', () => {
  it.for([
    [0, 0],
    [0.5, 100],
    [0.999, 199.8],
  ] as const)(
    'after 30 s is reopened within 200 ms (luck %d)',
    async ([luck, delay], { clock, open, told, transport, watch }) => {
      const { feed } = await open();
      await clock.advance(30_000);
      clock.luck = [luck];
      feed.end();
      await settled();
      expect(told).toEqual(['open', 'lost: undefined']);
      expect(watch.isOpen).toBe(false);
      expect(clock.delays.map((ms) => Number(ms.toFixed(3)))).toEqual([delay]);
      transport.stream();
      await clock.advance(delay);
      expect(told).toEqual(['open', 'lost: undefined', 'open']);
      expect(transport.requests).toHaveLength(2);
    },
  );

  it('sooner is reopened ever more slowly', async ({ clock, run, transport }) => {
    const delays: number[] = [];
    await run();
    transport.requests.length = 0;
    for (let i = 0; i < 7; i++) {
      const feed = transport.stream();
      const before = clock.now();
      while (transport.requests.length === i) await clock.advance(100);
      delays.push(clock.now() - before);
      await clock.advance(29_999);
      feed.end();
      await settled();
    }
    expect(delays).toEqual([900, 1_800, 3_600, 7_200, 14_400, 14_400, 14_400]);
  });

  it('is reopened fast again after it lasted', async ({ clock, run, told, transport }) => {
    transport.fail(new Error('broken')).fail(new Error('broken'));
    await run();
    const feed = transport.stream();
    await clock.advance(900 + 1_800);
    expect(told.at(-1)).toBe('open');
    await clock.advance(30_000);
    feed.end();
    await settled();
    expect(clock.delays).toEqual([100]);
    transport.fail(new Error('broken'));
    await clock.advance(100);
    expect(clock.delays).toEqual([900]);
  });

  it('has not lasted if it took long to fail', async ({ clock, run, told, transport }) => {
    transport.fail(new Error('broken'));
    await run();
    transport.hang();
    await clock.advance(900 + 10_000);
    expect(told).toEqual([`lost: ${line}: broken`, `lost: ${line}: no answer within 10000 ms`]);
    expect(clock.delays).toEqual([1_800]);
  });
});

describe('a watch that fails', () => {
  it('is tried again no sooner than the API server asks', async ({ clock, run, transport }) => {
    transport.refuse(429, { message: 'later', retryAfterSeconds: 60 });
    await run();
    expect(clock.delays.map(Math.round)).toEqual([66_000]);
  });

  it.for([
    [400, 'BadRequest'],
    [403, 'Forbidden'],
    [405, 'MethodNotAllowed'],
  ] as const)(
    'with a %i is refused, and ends',
    async ([status, reason], { clock, run, told, transport, watch }) => {
      transport.refuse(status, { reason, message: 'no' });
      expect(await run()).toEqual({ ended: true });
      expect(told).toEqual([`refused: ${line}: ${status} ${reason}: no`]);
      expect([watch.isRefused, watch.isOpen]).toEqual([true, false]);
      expect(clock.delays).toEqual([]);
    },
  );

  const page = 'something between this process and the API server answered';
  it.for<[number, string, string?]>([
    [401, 'Unauthorized'],
    [408, 'Timeout'],
    [410, 'Expired'],
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
    [503, 'ServiceUnavailable'],
    [504, 'Timeout'],
    [200, '', `${page}: 200 <html>`],
    [302, '', `${page}: 302 <html>`],
    [403, '', `${page}: 403 <html>`],
    [404, '', `${page}: 404 <html>`],
  ])(
    'with a %i %s is tried again',
    async ([status, reason, who], { clock, run, told, transport, watch }) => {
      if (who === undefined) transport.refuse(status, { reason, message: 'later' });
      else transport.replyText(status, ['<html>'], { 'content-type': 'text/html' });
      expect(await run()).toEqual({ ended: false });
      expect(told).toEqual([`lost: ${line}: ${who ?? `${status} ${reason}: later`}`]);
      expect(watch.isRefused).toBe(false);
      transport.stream();
      await clock.advance(900);
      expect(told.at(-1)).toBe('open');
    },
  );

  it('is refused although it was open before', async ({ clock, open, told, transport, watch }) => {
    const run = await open();
    run.feed.end();
    transport.refuse(403, { message: 'no more' });
    await clock.advance(900);
    expect(told).toEqual(['open', 'lost: undefined', `refused: ${line}: 403 Forbidden: no more`]);
    expect([run.ended, watch.isOpen]).toEqual([true, false]);
  });

  const failed = 'the watch failed:';
  const error = (code: number, message: string) => (feed: Feed) =>
    feed.event('ERROR', { kind: 'Status', code, message });
  it.for<[string, (feed: Feed) => void, string]>([
    [
      'a broken connection',
      (feed) => feed.fail(Object.assign(new Error('reset'), { code: 'ECONNRESET' })),
      `${line}: reset (ECONNRESET)`,
    ],
    ['an ERROR event: 410', error(410, 'too old version'), `${failed} too old version`],
    ['an ERROR event: 500', error(500, 'no leader'), `${failed} no leader`],
    [
      'an object that its listener does not understand',
      (feed) => feed.event('MODIFIED', { ...y, poison: true }),
      'the answer is no ConfigMap',
    ],
    ...[
      '<html>',
      '{"type":"MODIFIED"',
      'null',
      '7',
      '[]',
      '{}',
      '{"type":7}',
      '{"type":"ERROR"}',
      '{"type":"modified","object":{"metadata":{"name":"y"}}}',
      '{"object":{"metadata":{"name":"y"}}}',
    ].map((text): [string, (feed: Feed) => void, string] => [
      text,
      (feed) => feed.text(`${text}\n`),
      `${failed} an event that is not understood`,
    ]),
  ])(
    'in its stream is lost, and tried again: %s',
    async ([, play, why], { clock, open, told, watch }) => {
      const run = await open();
      play(run.feed);
      await settled();
      expect([told[0], told.at(-1)]).toEqual(['open', `lost: ${why}`]);
      expect([run.ended, run.feed.left, watch.isOpen]).toEqual([false, true, false]);
      expect(clock.delays).toEqual([900]);
    },
  );
});
