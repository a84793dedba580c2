import { describe, expect } from 'vitest';

import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { settled } from '../support/manual-clock.ts';
import type { Feed } from '../support/scripted-transport.ts';
import { it as base } from './scripted.ts';

const request = {
  method: 'GET',
  path: '/p',
  query: { watch: 'true', fieldSelector: 'metadata.name=y' },
} as const;
const line = 'WATCH /p (metadata.name=y)';
const HALF = 2 ** 22;

/** Reads the stream to its end. */
const it = base.extend('read', ({ api }) => (signal = new AbortController().signal) => {
  const seen: unknown[] = [];
  const end = (async () => {
    for await (const event of api.stream(request, signal)) seen.push(event);
    return 'the end';
  })().catch((error: unknown) => error);
  return { seen, end };
});

describe('Api.stream', () => {
  it('gives undefined for its head, then each event', async ({ read, transport }) => {
    const feed = transport.stream();
    const { seen, end } = read();
    await settled();
    expect(transport.requests).toEqual([request]);
    expect(seen).toEqual([undefined]);
    feed.text('{"a":1}\n');
    await settled();
    expect(seen).toEqual([undefined, { a: 1 }]);
    feed.end();
    expect(await end).toBe('the end');
  });

  const large = `{"a":"${'x'.repeat(HALF)}"}`;
  const pieces = Array<string>(200_000).fill('twenty characters...');
  it.for<[string, string[], unknown[]]>([
    [
      'lines that are cut anywhere',
      ['{"a"', ':1', '}', '\n{"a":2}\n{"a":3}\n{"a', '":4}\n', ''],
      [1, 2, 3, 4].map((a) => ({ a })),
    ],
    ['no empty or unfinished line', ['\n \r\n{"a":1}\r\n\n{"a":2'], [{ a: 1 }]],
    ['undefined for what is no JSON', ['<html>\n'], [undefined]],
    ['an event of 8 MiB', [' '.repeat(2 * HALF - 2), '{}', '\n'], [{}]],
    [
      'an event of many pieces, in linear time',
      ['{"a":"', ...pieces, '"}\n{}\n{"b":', '1}\n\n'],
      [{ a: pieces.join('') }, {}, { b: 1 }],
    ],
    [
      'events of more than 8 MiB together',
      [large, large, large].map((text) => `${text}\n`),
      [large, large, large].map((text) => JSON.parse(text) as unknown),
    ],
  ])('reads %s', async ([, chunks, events], { read, transport }) => {
    transport.replyText(200, chunks);
    const { seen, end } = read();
    expect(await end).toBe('the end');
    expect(seen).toEqual([undefined, ...events]);
  });

  it('reads what says that it is JSON', async ({ read, transport }) => {
    const headers = { 'content-type': 'application/json;stream=watch' };
    transport.replyText(200, ['{"a":1}\n'], headers);
    const { seen, end } = read();
    expect(await end).toBe('the end');
    expect(seen).toEqual([undefined, { a: 1 }]);
  });

  it.for<[string, (feed: Feed) => void, string, unknown[]]>([
    [
      'an event of more than 8 MiB',
      (feed) => {
        for (let i = 0; i < 3; i++) feed.text('x'.repeat(HALF));
      },
      'the answer is too large: more than 8388608 characters',
      [undefined],
    ],
    [
      'a broken connection',
      (feed) => {
        feed.text('{"a":1}\n');
        feed.fail(new Error('broken'));
      },
      'broken',
      [undefined, { a: 1 }],
    ],
  ])('fails at %s', async ([, play, why, events], { read, transport }) => {
    const feed = transport.stream();
    const { seen, end } = read();
    play(feed);
    expect(await end).toBeInstanceOf(NoAnswerError);
    expect(await end).toMatchObject({ message: `${line}: ${why}` });
    expect(seen).toEqual(events);
    expect(feed.left).toBe(true);
  });

  it.for([
    [400, 'Reason'],
    [410, 'Expired'],
    [500, 'Reason'],
  ] as const)(
    'fails with an ApiError at a %i',
    async ([status, reason], { clock, read, transport }) => {
      transport.refuse(status, { reason, message: 'what happened' });
      const error = await read().end;
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({
        status,
        message: `${line}: ${status} ${reason}: what happened`,
      });
      expect(clock.delays).toEqual([]);
    },
  );

  it.for<[number, Record<string, string>?]>([
    [201],
    [204],
    [302],
    [403],
    [404],
    [200, { 'content-type': 'text/html' }],
  ])(
    'fails without an answer at a %i of a page',
    async ([status, headers], { read, transport }) => {
      transport.replyText(status, ['<html>', '</html>'], headers);
      const { seen, end } = read();
      expect(await end).toBeInstanceOf(NoAnswerError);
      expect(String(await end)).toMatch(new RegExp(`answered: ${status} <html></html>$`));
      expect(seen).toEqual([]);
    },
  );

  it('has 10 s for its head, and no limit for its events', async ({ clock, read, transport }) => {
    transport.hang();
    const hanging = read().end;
    await clock.advance(10_000);
    expect(await hanging).toMatchObject({ message: `${line}: no answer within 10000 ms` });
    const feed = transport.stream();
    const { end } = read();
    await settled();
    expect(clock.delays).toEqual([]);
    await clock.advance(10 ** 7);
    expect(transport.signals[1]?.aborted).toBe(false);
    feed.end();
    expect(await end).toBe('the end');
  });

  it('ends with its signal', async ({ read, transport }) => {
    const feed = transport.stream();
    const controller = new AbortController();
    const { end } = read(controller.signal);
    await settled();
    controller.abort('the reason');
    expect(await end).toBe('the reason');
    expect(feed.left).toBe(true);
  });

  it('does not begin with an aborted signal', async ({ read, transport }) => {
    const { seen, end } = read(AbortSignal.abort('the reason'));
    expect(await end).toBe('the reason');
    expect(seen).toEqual([]);
    expect(transport.requests).toEqual([]);
  });

  it('is cancelled when its reader leaves', async ({ api, transport }) => {
    const feed = transport.stream();
    const controller = new AbortController();
    feed.text('{"a":1}\n');
    for await (const event of api.stream(request, controller.signal)) if (event) break;
    expect(feed.left).toBe(true);
    controller.abort();
    expect(transport.signals[0]?.aborted).toBe(false);
  });
});
