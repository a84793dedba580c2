import { describe, expect } from 'vitest';

import { Api, REQUEST_TIMEOUT_MS } from '../../lib/kubernetes/api.ts';
import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { settled } from '../support/manual-clock.ts';
import type { ScriptedTransport } from '../support/scripted-transport.ts';
import { it as base } from './scripted.ts';

const line = 'GET /api/v1/namespaces/x/pods/y';
const get = { method: 'GET', path: '/api/v1/namespaces/x/pods/y' } as const;
const asIs = (answer: unknown) => answer;
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'y', namespace: 'x' } };
const MAX = 8 * 2 ** 20;

/** How a promise ended: nobody waits for it for ever, and no rejection stays unhandled. */
const outcome = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

const it = base.extend('ask', ({ api }) => (signal?: AbortSignal, read = asIs) => {
  return outcome(api.request(get, read, signal));
});

describe('Api.request', () => {
  it('asks the server to give up before it does', async ({ api, transport }) => {
    const request = { method: 'POST', path: '/p', query: { a: 'b' }, body: { x: 1 } } as const;
    transport.reply(201, { y: 2 });
    await expect(api.request(request, asIs)).resolves.toEqual({ y: 2 });
    expect(transport.requests).toEqual([{ ...request, query: { timeout: '8000ms', a: 'b' } }]);
    expect(REQUEST_TIMEOUT_MS).toBe(10_000);
  });

  it.for([200, 201, 202, 299])(
    'resolves with what is read of a %i',
    async (status, { api, transport }) => {
      transport.reply(status, pod);
      await expect(api.request(get, ({ kind }) => kind)).resolves.toBe('Pod');
    },
  );

  it('puts the body together from its pieces', async ({ ask, transport }) => {
    transport.replyText(200, [...JSON.stringify(pod)]);
    expect(await ask()).toEqual(pod);
  });

  it('reads a body of 8 MiB', async ({ api, transport }) => {
    const a = 'x'.repeat(MAX - JSON.stringify({ ...pod, a: '' }).length);
    transport.reply(200, { ...pod, a });
    await expect(api.request(get, ({ a }) => String(a).length)).resolves.toBe(a.length);
  });

  it.for([400, 404, 500])(
    'rejects with an ApiError at a %i',
    async (status, { ask, transport }) => {
      const refusal = { reason: 'NotFound', message: 'pods "y" not found' };
      transport.refuse(status, refusal);
      const error = await ask();
      expect(error).toBeInstanceOf(ApiError);
      const message = `${line}: ${status} NotFound: pods "y" not found`;
      const rest = { causes: [], retryAfterMs: undefined };
      expect(error).toMatchObject({ status, reason: 'NotFound', message, ...rest });
    },
  );

  it('keeps the causes of a refusal', async ({ ask, transport }) => {
    const causes = [{ reason: 'A' }, { message: 'no reason' }, null, 'B', { reason: 'C' }];
    const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Forbidden' };
    transport.reply(403, { ...status, details: { kind: 'pods', causes }, code: 403 });
    expect(await ask()).toMatchObject({ causes: ['A', 'C'] });
  });

  it('rejects with an ApiError at a 502, even one from a gateway', async ({ ask, transport }) => {
    transport.replyText(502, ['<html>\n  Bad gateway\n</html>']);
    const error = await ask();
    expect(error).toBeInstanceOf(ApiError);
    const message = `${line}: 502: <html> Bad gateway </html>`;
    expect(error).toMatchObject({ status: 502, reason: '', causes: [], message });
  });

  const chunk = 'x'.repeat(MAX / 2);
  const unreadable = new Error('the answer is no Pod');
  it.for<[string, (script: ScriptedTransport) => unknown, string, (() => never)?]>([
    [
      'a page',
      (script) => script.replyText(404, ['<html>\n  Not here\n</html>']),
      'something between this process and the API server answered: 404 <html> Not here </html>',
    ],
    ...[200, 500].map((status): [string, (script: ScriptedTransport) => unknown, string] => [
      `a ${status} with more than 8 MiB`,
      (script) => script.replyText(status, [chunk, chunk, 'x', 'never read']),
      'the answer is too large: more than 8388608 characters',
    ]),
    [
      'a broken connection',
      (script) => script.fail(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })),
      'read ECONNRESET',
    ],
    [
      'what cannot be read',
      (script) => script.reply(200, pod),
      'the answer is no Pod',
      () => {
        throw unreadable;
      },
    ],
  ])('rejects with a NoAnswerError at %s', async ([, answer, why, read], { ask, transport }) => {
    answer(transport);
    const error = await ask(undefined, read);
    expect(error).toBeInstanceOf(NoAnswerError);
    expect(error).toMatchObject({ message: `${line}: ${why}`, ...(read && { cause: unreadable }) });
  });

  it.for<[string, boolean, (script: ScriptedTransport) => unknown]>([
    ['failed', true, (script) => script.fail(new Error('broken'))],
    ['failed before it was sent', false, (script) => script.failUnsent(new Error('refused'))],
    ['took too long', true, (script) => script.hang()],
    ['took too long to be sent', false, (script) => script.hang({ sent: false })],
  ])('says of one that %s: sent %s', async ([, sent, fail], { ask, clock, transport }) => {
    fail(transport);
    const error = ask();
    await clock.advance(10_000);
    expect(await error).toBeInstanceOf(NoAnswerError);
    expect(await error).toMatchObject({ sent });
  });

  it('names the object of a collection in errors', async ({ api, transport }) => {
    transport.reply(500, {}).reply(500, {});
    const path = '/p';
    const query = { fieldSelector: 'metadata.name=y' };
    const one = api.request({ method: 'GET', path, query }, asIs);
    await expect(one).rejects.toThrow(/^GET \/p \(metadata.name=y\): /);
    await expect(api.request({ method: 'GET', path, query: {} }, asIs)).rejects.toThrow(
      /^GET \/p: /,
    );
  });
});

describe('the time limit of Api.request', () => {
  it('is 10 s for the head', async ({ ask, clock, transport }) => {
    transport.hang();
    const error = ask();
    await clock.advance(9_999);
    expect(transport.signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(transport.signals[0]?.aborted).toBe(true);
    expect(await error).toMatchObject({ message: `${line}: no answer within 10000 ms` });
  });

  it('is 10 s for the end of the body', async ({ ask, clock, transport }) => {
    const feed = transport.stream();
    feed.text('{"a":');
    const error = ask();
    await clock.advance(10_000);
    expect(await error).toMatchObject({ message: `${line}: no answer within 10000 ms` });
    expect(feed.left).toBe(true);
  });

  it.for(['reply', 'fail'] as const)('ends with a %s', async (how, { ask, clock, transport }) => {
    if (how === 'reply') transport.reply(200, {});
    else transport.fail(new Error('broken'));
    await ask(new AbortController().signal);
    expect(clock.delays).toEqual([]);
  });
});

describe('the signal of Api.request', () => {
  it('prevents it', async ({ ask, clock, transport }) => {
    expect(await ask(AbortSignal.abort('the reason'))).toBe('the reason');
    expect(transport.requests).toEqual([]);
    expect(clock.delays).toEqual([]);
  });

  it('ends it', async ({ ask, clock, transport }) => {
    transport.hang();
    const controller = new AbortController();
    const error = ask(controller.signal);
    await settled();
    controller.abort('the reason');
    expect(await error).toBe('the reason');
    expect(transport.signals[0]?.reason).toBe('the reason');
    expect(clock.delays).toEqual([]);
  });

  it.for<[string, (script: ScriptedTransport) => unknown]>([
    ['cancelled', (script) => script.fail(new Error('cancelled'))],
    ['500', (script) => script.reply(500, {})],
  ])('is the reason, whatever the transport says: %s', async ([, fail], { ask, transport }) => {
    fail(transport);
    const controller = new AbortController();
    const error = ask(controller.signal);
    controller.abort('the reason');
    expect(await error).toBe('the reason');
  });

  it('is not listened to after the answer', async ({ ask, transport }) => {
    transport.reply(200, pod);
    const controller = new AbortController();
    await ask(controller.signal);
    controller.abort();
    expect(transport.signals[0]?.aborted).toBe(false);
  });
});

it.for([
  [{ 'retry-after': '1' }, {}, 1_000],
  [{ 'retry-after': ' 15 ' }, {}, 15_000],
  [{ 'retry-after': '0.5' }, {}, 500],
  [{ 'retry-after': '2' }, { details: { retryAfterSeconds: 9 } }, 2_000],
  [{}, { details: { retryAfterSeconds: 9 } }, 9_000],
  [{}, { details: {} }, undefined],
  [{}, {}, undefined],
  [{ 'retry-after': '0' }, {}, undefined],
  [{ 'retry-after': '-5' }, {}, undefined],
  [{ 'retry-after': '' }, {}, undefined],
  [{ 'retry-after': 'Infinity' }, {}, undefined],
  [{ 'retry-after': 'Fri, 31 Dec 2027 23:59:59 GMT' }, {}, undefined],
  [{}, { details: { retryAfterSeconds: 'soon' } }, undefined],
  [{}, { details: { retryAfterSeconds: {} } }, undefined],
] as [Record<string, string>, object, number | undefined][])(
  'Retry-After of %j %j is %s ms',
  async ([headers, answer, retryAfterMs], { ask, transport }) => {
    transport.reply(429, answer, headers);
    const error = await ask();
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).retryAfterMs).toBe(retryAfterMs);
  },
);

it('Api.close and Api.unref reach a transport that has them', ({ api, clock, transport }) => {
  api.unref();
  expect([transport.unrefs, transport.closes]).toEqual([1, 0]);
  api.close();
  expect([transport.unrefs, transport.closes]).toEqual([1, 1]);
  const bare = { send: transport.send.bind(transport), close: () => transport.close() };
  expect(() => new Api(bare, clock).unref()).not.toThrow();
});
