import { beforeEach, describe, expect, it } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { ObjectWatch, SilentWatchError } from '../../lib/kubernetes/watch.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

let clock: ManualClock;
let transport: ScriptedTransport;
let watch: ObjectWatch;
let stop: AbortController;
let told: string[];
let lost: unknown[];
/** What `onEvent` does besides. */
let onEvent: () => void;

const y = { metadata: { name: 'y' } };
const bookmark = { kind: 'ConfigMap', metadata: { resourceVersion: '9' } };

beforeEach(() => {
  clock = new ManualClock();
  transport = new ScriptedTransport();
  stop = new AbortController();
  told = [];
  lost = [];
  onEvent = () => undefined;
  const listener = {
    onOpen: () => told.push('open'),
    onEvent: (type: string, object: unknown) => {
      told.push(`${type} ${JSON.stringify(object)}`);
      onEvent();
    },
    onLost: (error: unknown) => {
      lost.push(error);
      told.push(`lost: ${error instanceof Error ? error.message : String(error)}`);
    },
    onRefused: (error: Error) => told.push(`refused: ${error.message}`),
  };
  const target = { path: '/api/v1/namespaces/x/configmaps', name: 'y' };
  watch = new ObjectWatch(new Api(transport, clock), clock, target, listener, 16_000);
});

const cause = 'a proxy on the way to the API server seems to hold back responses';
const line = 'WATCH /api/v1/namespaces/x/configmaps (metadata.name=y)';

/** Lets the watch run; it is open if a stream was scripted. */
async function run(): Promise<{ readonly ended: () => boolean }> {
  let ended = false;
  void watch.run(stop.signal).then(() => (ended = true));
  await settled();
  return { ended: () => ended };
}

describe('a watch', () => {
  it('asks for changes of one object from now on, and for signs of life', async () => {
    transport.stream();
    await run();
    expect(transport.requests).toEqual([
      {
        method: 'GET',
        path: '/api/v1/namespaces/x/configmaps',
        query: {
          watch: 'true',
          fieldSelector: 'metadata.name=y',
          allowWatchBookmarks: 'true',
          timeoutSeconds: '3300',
        },
      },
    ]);
  });

  it.each([
    [0, '3000'],
    [0.999, '3599'],
    [0.1234, '3074'],
  ])('wants to last about an hour, others for longer or less (luck %d)', async (luck, seconds) => {
    clock.luck = [luck];
    transport.stream();
    await run();
    expect(transport.requests[0]?.query).toMatchObject({ timeoutSeconds: seconds });
  });

  it('tells that it has opened once the server has answered', async () => {
    transport.stream();
    await run();
    expect(watch.isRefused).toBe(false);
    expect(told).toEqual(['open']);
  });

  it.each([
    ['ADDED', y],
    ['MODIFIED', y],
    ['DELETED', y],
    ['BOOKMARK', bookmark],
  ])('is relied on only once it has shown something: %s', async (type, object) => {
    expect(watch.isOpen).toBe(false);
    const feed = transport.stream();
    await run();
    expect(watch.isOpen).toBe(false);
    feed.event('MODIFIED', { metadata: { name: 'z' } });
    await settled();
    expect(watch.isOpen).toBe(false);
    feed.event(type, object);
    await settled();
    expect(watch.isOpen).toBe(true);
  });

  it('is not open before', async () => {
    transport.hang();
    await run();
    expect(watch.isOpen).toBe(false);
    expect(told).toEqual([]);
  });

  it('tells each change', async () => {
    const feed = transport.stream();
    await run();
    for (const type of ['ADDED', 'MODIFIED', 'DELETED']) feed.event(type, y);
    await settled();
    const object = JSON.stringify(y);
    expect(told).toEqual(['open', `ADDED ${object}`, `MODIFIED ${object}`, `DELETED ${object}`]);
  });

  it('tells nothing of bookmarks, nor of other objects', async () => {
    const feed = transport.stream();
    await run();
    feed.event('BOOKMARK', bookmark);
    feed.event('BOOKMARK', y);
    for (const object of [{}, { metadata: {} }, { metadata: { name: 'z' } }, null, [], 'y']) {
      feed.event('MODIFIED', object);
    }
    await settled();
    expect(told).toEqual(['open']);
    expect(watch.isOpen).toBe(true);
  });

  it('ends with its signal, at once and without another word', async () => {
    const feed = transport.stream();
    const { ended } = await run();
    stop.abort();
    await settled();
    expect(ended()).toBe(true);
    expect(feed.left).toBe(true);
    expect(watch.isOpen).toBe(false);
    expect(told).toEqual(['open']);
    expect(clock.delays).toEqual([]);
  });

  it('does not begin with a signal that has aborted', async () => {
    stop.abort();
    const { ended } = await run();
    expect(ended()).toBe(true);
    expect(transport.requests).toEqual([]);
  });

  it('ends with its signal while it waits to be reopened', async () => {
    transport.fail(new Error('broken'));
    const { ended } = await run();
    expect(clock.delays).toHaveLength(1);
    stop.abort();
    await settled();
    expect(ended()).toBe(true);
    expect(transport.requests).toHaveLength(1);
    expect(clock.delays).toEqual([]);
  });
});

describe('a watch that the server ends', () => {
  it.each([
    [0, 0],
    [0.5, 100],
    [0.999, 199.8],
  ])('after half a minute is reopened almost at once (luck %d: %d ms)', async (luck, delay) => {
    const feed = transport.stream();
    await run();
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
  });

  it('sooner than that is reopened ever more slowly', async () => {
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

  it('is reopened almost at once again, after it lasted', async () => {
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

  it('is not healthy because it took long to fail', async () => {
    transport.fail(new Error('broken'));
    await run();
    transport.hang();
    await clock.advance(900 + 10_000);
    expect(told).toEqual([
      'lost: ' + `${line}: broken`,
      `lost: ${line}: no answer within 10000 ms`,
    ]);
    expect(clock.delays).toEqual([1_800]);
  });
});

describe('a watch that fails', () => {
  const forGood = [
    [400, 'BadRequest'],
    [403, 'Forbidden'],
    [405, 'MethodNotAllowed'],
  ] as const;
  const forNow = [
    [401, 'Unauthorized'],
    [408, 'Timeout'],
    [410, 'Expired'],
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
    [503, 'ServiceUnavailable'],
    [504, 'Timeout'],
  ] as const;

  it.each(forGood)('with a %i is refused, and not tried again', async (status, reason) => {
    transport.refuse(status, { reason, message: 'no' });
    const { ended } = await run();
    expect(told).toEqual([`refused: ${line}: ${status} ${reason}: no`]);
    expect(ended()).toBe(true);
    expect(watch.isRefused).toBe(true);
    expect(watch.isOpen).toBe(false);
    expect(clock.delays).toEqual([]);
  });

  it.each(forNow)('with a %i is tried again', async (status, reason) => {
    transport.refuse(status, { reason, message: 'later' });
    const { ended } = await run();
    expect(told).toEqual([`lost: ${line}: ${status} ${reason}: later`]);
    expect(ended()).toBe(false);
    expect(watch.isRefused).toBe(false);
    transport.stream();
    await clock.advance(900);
    expect(told.at(-1)).toBe('open');
  });

  it.each([200, 302, 403, 404])(
    'with a %i that something else answers is tried again',
    async (status) => {
      transport.replyText(status, ['<html>'], { 'content-type': 'text/html' });
      const { ended } = await run();
      const who = 'something between this process and the API server answered';
      expect(told).toEqual([`lost: ${line}: ${who}: ${status} <html>`]);
      expect(ended()).toBe(false);
      expect(watch.isRefused).toBe(false);
      transport.stream();
      await clock.advance(900);
      expect(told.at(-1)).toBe('open');
    },
  );

  it('is refused also when it was open before', async () => {
    const feed = transport.stream();
    const { ended } = await run();
    feed.end();
    transport.refuse(403, { message: 'no more' });
    await clock.advance(900);
    expect(told).toEqual(['open', 'lost: undefined', `refused: ${line}: 403 Forbidden: no more`]);
    expect(ended()).toBe(true);
    expect(watch.isOpen).toBe(false);
  });

  it('on the way is lost, and tried again', async () => {
    const feed = transport.stream();
    await run();
    feed.fail(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    await settled();
    expect(told).toEqual(['open', `lost: ${line}: reset (ECONNRESET)`]);
    expect(clock.delays).toEqual([900]);
  });

  it.each([
    [{ kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }],
    [{ kind: 'Status', code: 500, reason: 'InternalError', message: 'etcdserver: no leader' }],
  ])('with an ERROR event is lost, and tried again: %o', async (status) => {
    const feed = transport.stream();
    const { ended } = await run();
    feed.event('ERROR', status);
    await settled();
    expect(told).toEqual(['open', `lost: the watch failed: ${status.message}`]);
    expect(ended()).toBe(false);
    expect(feed.left).toBe(true);
    expect(clock.delays).toEqual([900]);
  });

  it.each([
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
  ])('with an event that is not understood is lost: %s', async (text) => {
    const feed = transport.stream();
    await run();
    feed.text(`${text}\n`);
    await settled();
    const why = 'the watch failed: an event that is not understood';
    expect(told).toEqual(['open', `lost: ${why}`]);
    expect(watch.isOpen).toBe(false);
  });

  it('with an object that the listener does not understand is lost', async () => {
    onEvent = () => {
      throw new Error('the answer is no ConfigMap');
    };
    const feed = transport.stream();
    await run();
    feed.event('MODIFIED', y);
    await settled();
    expect(told.at(-1)).toBe('lost: the answer is no ConfigMap');
    expect(clock.delays).toEqual([900]);
  });
});

describe('the patience with a silent watch', () => {
  it('is two bookmarks and a half', async () => {
    const feed = transport.stream();
    await run();
    expect(clock.delays).toEqual([150_000]);
    await clock.advance(149_999);
    expect(told).toEqual(['open']);
    await clock.advance(1);
    expect(told).toEqual(['open', 'lost: silent for 150000 ms']);
    expect(feed.left).toBe(true);
  });

  it('is renewed by every sign of life', async () => {
    const feed = transport.stream();
    await run();
    for (const type of ['BOOKMARK', 'MODIFIED', 'BOOKMARK', 'DELETED']) {
      await clock.advance(149_000);
      feed.event(type, y);
      await settled();
    }
    feed.event('MODIFIED', { metadata: { name: 'z' } });
    await clock.advance(149_000);
    expect(watch.isOpen).toBe(true);
    expect(clock.delays).toEqual([1_000]);
  });

  it('is the same for the next one, which is only relied on once it shows more than its first events', async () => {
    transport.stream().event('ADDED', y);
    await run();
    const feed = transport.stream();
    feed.event('ADDED', y);
    feed.event('BOOKMARK', bookmark);
    await clock.advance(150_000 + 100);
    expect(told.slice(-2)).toEqual(['open', `ADDED ${JSON.stringify(y)}`]);
    await clock.advance(60_000);
    expect(watch.isOpen).toBe(false);
    feed.event('BOOKMARK', bookmark);
    await settled();
    expect(watch.isOpen).toBe(true);
    expect(clock.delays).toEqual([150_000]);
    feed.end();
    transport.stream().event('ADDED', y);
    await clock.advance(100);
    expect(watch.isOpen).toBe(true);
  });

  it('ends with the second that shows its first events only, as behind a proxy', async () => {
    transport.stream().event('ADDED', y);
    await run();
    const feed = transport.stream();
    feed.event('ADDED', y);
    await clock.advance(150_000 + 100);
    await clock.advance(150_000);
    expect(told.at(-1)).toBe(`lost: ${line}: silent for 150000 ms; ${cause}`);
    expect(lost.at(-1)).toBeInstanceOf(SilentWatchError);
    expect(clock.delays).toEqual([165_000]);
  });

  it('leaves no timer behind', async () => {
    const feed = transport.stream();
    await run();
    feed.end();
    await settled();
    expect(clock.delays).toEqual([900]);
  });

  it('does not run before the server has answered', async () => {
    transport.hang();
    await run();
    expect(clock.delays).toEqual([10_000]);
  });
});

describe('a watch of an object that was found', () => {
  const why = `${line}: it has shown nothing for 5 s, although the object exists; ${cause}`;

  it('that does not show it within a few seconds is lost, and opened again much later', async () => {
    const feed = transport.stream();
    await run();
    watch.expect();
    await clock.advance(4_999);
    watch.expect();
    await settled();
    expect(told).toEqual(['open']);
    await clock.advance(1);
    watch.expect();
    watch.expect();
    await settled();
    expect(told).toEqual(['open', `lost: ${why}`]);
    expect(lost[0]).toBeInstanceOf(SilentWatchError);
    expect(feed.left).toBe(true);
    expect(clock.delays).toEqual([165_000]);
    transport.stream().event('ADDED', y);
    await clock.advance(165_000);
    expect(watch.isOpen).toBe(true);
  });

  it.each(['ADDED', 'MODIFIED', 'DELETED'])(
    'and that has shown it is not lost: %s',
    async (type) => {
      const feed = transport.stream();
      await run();
      watch.expect();
      await clock.advance(4_000);
      feed.event(type, y);
      await clock.advance(60_000);
      watch.expect();
      await settled();
      expect(lost).toEqual([]);
      expect(watch.isOpen).toBe(true);
    },
  );

  it('is not lost because it was open for long before there was anything to show', async () => {
    const feed = transport.stream();
    await run();
    await clock.advance(100_000);
    watch.expect();
    await settled();
    expect(lost).toEqual([]);
    feed.event('ADDED', y);
    await settled();
    expect(watch.isOpen).toBe(true);
  });

  it('is not lost for what an earlier one has not shown', async () => {
    const feed = transport.stream();
    await run();
    watch.expect();
    await clock.advance(4_000);
    feed.end();
    transport.stream();
    await clock.advance(1_000);
    watch.expect();
    await clock.advance(4_999);
    watch.expect();
    await settled();
    expect(lost).toEqual([undefined]);
    await clock.advance(1);
    watch.expect();
    await settled();
    expect(lost[1]).toBeInstanceOf(SilentWatchError);
  });

  it('is not expected to show anything while it is not open', async () => {
    transport.hang();
    await run();
    watch.expect();
    await clock.advance(9_000);
    watch.expect();
    await settled();
    expect(lost).toEqual([]);
  });
});
