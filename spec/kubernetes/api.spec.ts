import { beforeEach, describe, expect, it } from 'vitest';

import { Api, REQUEST_TIMEOUT_MS } from '../../lib/kubernetes/api.ts';
import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

let clock: ManualClock;
let transport: ScriptedTransport;
let api: Api;

beforeEach(() => {
  clock = new ManualClock();
  transport = new ScriptedTransport();
  api = new Api(transport, clock);
});

const get = { method: 'GET', path: '/api/v1/namespaces/x/pods/y' } as const;
const asIs = (answer: unknown) => answer;
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'y', namespace: 'x' } };

/** How a promise ended: so that nobody waits for it forever, nor is told of it unhandled. */
async function outcome<T>(promise: Promise<T>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

describe('a request', () => {
  it('carries what it was given, and asks the server to give up before we do', async () => {
    const request = { method: 'POST', path: '/p', query: { a: 'b' }, body: { x: 1 } } as const;
    transport.reply(201, { y: 2 });
    await expect(api.request(request, asIs)).resolves.toEqual({ y: 2 });
    expect(transport.requests).toEqual([{ ...request, query: { timeout: '8000ms', a: 'b' } }]);
    expect(REQUEST_TIMEOUT_MS).toBe(10_000);
  });

  it('resolves with what was read from the answer', async () => {
    transport.reply(200, pod);
    await expect(api.request(get, ({ kind }) => kind)).resolves.toBe('Pod');
  });

  it('puts the answer together from whatever pieces it came in', async () => {
    transport.replyText(200, [...JSON.stringify(pod)]);
    await expect(api.request(get, asIs)).resolves.toEqual(pod);
  });

  it.each([200, 201, 202, 299])('takes a %i for success', async (status) => {
    transport.reply(status, pod);
    await expect(api.request(get, asIs)).resolves.toEqual(pod);
  });

  it.each([400, 404, 500])('takes a %i for a refusal', async (status) => {
    transport.refuse(status, { reason: 'NotFound', message: 'pods "y" not found' });
    const error = await outcome(api.request(get, asIs));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status,
      reason: 'NotFound',
      message: `GET /api/v1/namespaces/x/pods/y: ${status} NotFound: pods "y" not found`,
      causes: [],
      retryAfterMs: undefined,
    });
  });

  it('keeps the causes of a refusal', async () => {
    const causes = [{ reason: 'A' }, { message: 'no reason' }, null, 'B', { reason: 'C' }];
    const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Forbidden' };
    transport.reply(403, { ...status, details: { kind: 'pods', causes }, code: 403 });
    const error = await outcome(api.request(get, asIs));
    expect(error).toMatchObject({ causes: ['A', 'C'] });
  });

  it('is told as it was answered, whoever did, where trying again may help', async () => {
    transport.replyText(502, ['<html>\n  Bad gateway\n</html>']);
    const error = await outcome(api.request(get, asIs));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 502,
      reason: '',
      causes: [],
      message: 'GET /api/v1/namespaces/x/pods/y: 502: <html> Bad gateway </html>',
    });
  });

  it('is not answered by what Kubernetes would not say', async () => {
    transport.replyText(404, ['<html>\n  Not here\n</html>']);
    const error = await outcome(api.request(get, asIs));
    expect(error).toBeInstanceOf(NoAnswerError);
    expect(error).toMatchObject({
      message:
        'GET /api/v1/namespaces/x/pods/y: something between this process and the API server ' +
        'answered: 404 <html> Not here </html>',
    });
  });

  it('takes an answer that cannot be read for none', async () => {
    transport.reply(200, pod);
    const broken = () => {
      throw new Error('the answer is no Pod');
    };
    const error = await outcome(api.request(get, broken));
    expect(error).toBeInstanceOf(NoAnswerError);
    expect(error).toMatchObject({
      message: 'GET /api/v1/namespaces/x/pods/y: the answer is no Pod',
      cause: new Error('the answer is no Pod'),
    });
  });

  it.each([200, 500])('does not read an answer (%i) that is too large', async (status) => {
    const chunk = 'x'.repeat(2 ** 22);
    transport.replyText(status, [chunk, chunk, 'x', 'never read']);
    const error = await outcome(api.request(get, asIs));
    expect(error).toBeInstanceOf(NoAnswerError);
    expect(error).toMatchObject({
      message:
        'GET /api/v1/namespaces/x/pods/y: the answer is too large: more than 8388608 characters',
    });
  });

  it('reads an answer that is as large as can be', async () => {
    const frame = JSON.stringify({ ...pod, a: '' }).length;
    const text = 'x'.repeat(8 * 2 ** 20 - frame);
    transport.reply(200, { ...pod, a: text });
    await expect(api.request(get, ({ a }) => String(a).length)).resolves.toBe(text.length);
  });

  it('names the cause where no answer came', async () => {
    transport.fail(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    const error = await outcome(api.request(get, asIs));
    expect(error).toBeInstanceOf(NoAnswerError);
    expect(error).toMatchObject({
      message: 'GET /api/v1/namespaces/x/pods/y: read ECONNRESET',
    });
  });

  it('names a single object of a collection', async () => {
    transport.reply(500, {}).reply(500, {});
    const query = { fieldSelector: 'metadata.name=y' };
    const error = await outcome(api.request({ method: 'GET', path: '/p', query }, asIs));
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/^GET \/p \(metadata.name=y\): /),
    );
    const list = await outcome(api.request({ method: 'GET', path: '/p', query: {} }, asIs));
    expect(list).toHaveProperty('message', expect.stringMatching(/^GET \/p: /));
  });
});

describe('a request without an answer', () => {
  const failing: [string, boolean, (transport: ScriptedTransport) => unknown][] = [
    ['sent, as far as anybody knows', true, (script) => script.fail(new Error('broken'))],
    ['not sent', false, (script) => script.failUnsent(new Error('refused'))],
    ['sent when its time was up', true, (script) => script.hang()],
    ['not sent when its time was up', false, (script) => script.hang({ sent: false })],
  ];

  it.each(failing)('was %s', async (_, sent, fail) => {
    fail(transport);
    const error = outcome(api.request(get, asIs));
    await clock.advance(10_000);
    expect(await error).toBeInstanceOf(NoAnswerError);
    expect(await error).toMatchObject({ sent });
  });
});

describe('the time for a request', () => {
  it('is up after ten seconds without a head', async () => {
    transport.hang();
    const error = outcome(api.request(get, asIs));
    await clock.advance(9_999);
    expect(transport.signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(transport.signals[0]?.aborted).toBe(true);
    expect(await error).toBeInstanceOf(NoAnswerError);
    expect(await error).toMatchObject({
      message: 'GET /api/v1/namespaces/x/pods/y: no answer within 10000 ms',
    });
  });

  it('is up after ten seconds without the end of the body', async () => {
    const feed = transport.stream();
    feed.text('{"a":');
    const error = outcome(api.request(get, asIs));
    await clock.advance(10_000);
    expect(await error).toMatchObject({
      message: 'GET /api/v1/namespaces/x/pods/y: no answer within 10000 ms',
    });
    expect(feed.left).toBe(true);
  });

  it.each(['reply', 'fail'] as const)('does not go on after a %s', async (how) => {
    if (how === 'reply') transport.reply(200, {});
    else transport.fail(new Error('broken'));
    const { signal } = new AbortController();
    await outcome(api.request(get, asIs, signal));
    expect(clock.delays).toEqual([]);
  });
});

describe('the signal of a request', () => {
  it('prevents it', async () => {
    const signal = AbortSignal.abort('the reason');
    await expect(outcome(api.request(get, asIs, signal))).resolves.toBe('the reason');
    expect(transport.requests).toEqual([]);
    expect(clock.delays).toEqual([]);
  });

  it('ends it, and is what it rejects with', async () => {
    transport.hang();
    const controller = new AbortController();
    const error = outcome(api.request(get, asIs, controller.signal));
    await settled();
    controller.abort('the reason');
    expect(await error).toBe('the reason');
    expect(transport.signals[0]?.reason).toBe('the reason');
    expect(clock.delays).toEqual([]);
  });

  it('is what it rejects with, whatever the transport makes of it', async () => {
    const controller = new AbortController();
    transport.fail(new Error('cancelled')).reply(500, {});
    for (let i = 0; i < 2; i++) {
      const error = outcome(api.request(get, asIs, controller.signal));
      controller.abort('the reason');
      expect(await error).toBe('the reason');
    }
  });

  it('is not listened to any longer than needed', async () => {
    transport.reply(200, pod);
    const controller = new AbortController();
    await api.request(get, asIs, controller.signal);
    controller.abort();
    expect(transport.signals[0]?.aborted).toBe(false);
  });
});

describe('Retry-After', () => {
  const after = async (headers: Record<string, string>, answer: unknown = {}) => {
    transport.reply(429, answer, headers);
    const error = await outcome(api.request(get, asIs));
    return error instanceof ApiError ? error.retryAfterMs : error;
  };

  it.each([
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
  ])('with the headers %j and the answer %j is %s ms', async (headers, answer, expected) => {
    expect(await after(headers, answer)).toBe(expected);
  });
});

describe('a retried operation', () => {
  const permanent = new ApiError(
    { status: 403, reason: 'Forbidden', message: 'no', causes: [] },
    'GET /x',
  );
  const unavailable = (retryAfterMs?: number) =>
    new ApiError(
      { status: 503, reason: 'ServiceUnavailable', message: 'later', causes: [] },
      'GET /x',
      retryAfterMs,
    );
  const lost = new NoAnswerError('GET /x', new Error('broken'));

  /** An operation that fails so often and so, then succeeds. */
  function failing(...errors: unknown[]) {
    const operation = {
      calls: 0,
      run: () => {
        operation.calls += 1;
        return errors.length > 0 ? Promise.reject(errors.shift()) : Promise.resolve('done');
      },
    };
    return operation;
  }

  it('is done once if it succeeds', async () => {
    const operation = failing();
    await expect(api.retry(operation.run, { maxBackoffMs: 16_000 })).resolves.toBe('done');
    expect(operation.calls).toBe(1);
    expect(clock.delays).toEqual([]);
  });

  it.each([permanent, new Error('bug'), new TypeError('bug')])(
    'fails at once with what is permanent: %s',
    async (error) => {
      const operation = failing(error);
      await expect(outcome(api.retry(operation.run, { maxBackoffMs: 16_000 }))).resolves.toBe(
        error,
      );
      expect(operation.calls).toBe(1);
    },
  );

  it('is repeated at growing distances that never overshoot the maximum', async () => {
    const operation = failing(...Array.from({ length: 12 }, () => lost));
    const delays: number[] = [];
    const done = api.retry(operation.run, {
      maxBackoffMs: 1_000,
      onRetry: (error, delayMs) => {
        expect(error).toBe(lost);
        delays.push(delayMs);
      },
    });
    clock.luck = [0, 0.5, 0.999, 0];
    await clock.advance(60_000);
    await expect(done).resolves.toBe('done');
    expect(delays.slice(0, 5).map(Math.round)).toEqual([100, 180, 320, 800, 900]);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000);
    expect(delays).toHaveLength(12);
  });

  it('waits as long as it says', async () => {
    const operation = failing(lost, lost);
    const done = api.retry(operation.run, { maxBackoffMs: 1_000 });
    await settled();
    expect(clock.delays).toEqual([90]);
    await clock.advance(89);
    expect(operation.calls).toBe(1);
    await clock.advance(1);
    expect(operation.calls).toBe(2);
    expect(clock.delays).toEqual([180]);
    await clock.advance(180);
    await expect(done).resolves.toBe('done');
  });

  it.each([
    [1, 1],
    [7_000, 7_000],
    [120_000, 120_000],
    [300_000, 300_000],
    [300_001, 300_000],
    [10 ** 12, 300_000],
  ])('waits as long as the server wants (%i ms), but not for hours', async (wanted, most) => {
    // And up to 20 % longer: a crowd that is told the same shall not come back as one.
    const expected = expect.closeTo(most * 1.1, 6) as number;
    const operation = failing(unavailable(wanted));
    const done = api.retry(operation.run, { maxBackoffMs: 1_000 });
    await settled();
    expect(clock.delays).toEqual([expected]);
    await clock.advance(most * 1.2);
    await expect(done).resolves.toBe('done');
  });

  it('goes back to its own distances when the server no longer says', async () => {
    const operation = failing(unavailable(7_000), unavailable());
    void api.retry(operation.run, { maxBackoffMs: 1_000 });
    await clock.advance(7_700);
    expect(clock.delays).toEqual([180]);
  });

  it('is repeated for so long, and then fails with the last error', async () => {
    const last = new NoAnswerError('GET /x', new Error('the last'));
    const operation = failing(lost, lost, last, 'never');
    const retried: number[] = [];
    const onRetry = (_: Error, delayMs: number) => retried.push(delayMs);
    const error = outcome(
      api.retry(operation.run, { maxBackoffMs: 1_000, withinMs: 270, onRetry }),
    );
    await clock.advance(10_000);
    expect(await error).toBe(last);
    expect(operation.calls).toBe(3);
    expect(retried).toEqual([90, 180]);
    expect(clock.delays).toEqual([]);
  });

  it('is not repeated at all if told so', async () => {
    const operation = failing(lost);
    const options = { maxBackoffMs: 1_000, withinMs: 0 };
    await expect(outcome(api.retry(operation.run, options))).resolves.toBe(lost);
    expect(operation.calls).toBe(1);
  });

  it('stops when a later error is permanent', async () => {
    const operation = failing(lost, permanent);
    const error = outcome(api.retry(operation.run, { maxBackoffMs: 1_000 }));
    await clock.advance(1_000);
    expect(await error).toBe(permanent);
  });

  it.each([new Error('the reason'), new TypeError('the reason'), 'the reason', undefined, 0])(
    'ends while it waits, with the reason of the signal: %o',
    async (reason) => {
      const controller = new AbortController();
      const operation = failing(lost);
      const options = { maxBackoffMs: 1_000, signal: controller.signal };
      const error = outcome(api.retry(operation.run, options));
      await settled();
      controller.abort(reason);
      expect(await error).toBe(controller.signal.reason);
      expect(operation.calls).toBe(1);
      expect(clock.delays).toEqual([]);
    },
  );

  it.each([new Error('the reason'), new TypeError('the reason'), 'the reason', undefined, 0])(
    'ends while a request is under way, with the reason of the signal: %o',
    async (reason) => {
      const controller = new AbortController();
      const { signal } = controller;
      transport.hang();
      const operation = () => api.request(get, asIs, signal);
      const error = outcome(api.retry(operation, { maxBackoffMs: 1_000, signal }));
      await settled();
      controller.abort(reason);
      expect(await error).toBe(signal.reason);
      expect(transport.requests).toHaveLength(1);
    },
  );

  it('does not wait when the signal has aborted meanwhile', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const onRetry = () => expect.unreachable();
    const operation = () => {
      controller.abort('the reason');
      return Promise.reject(lost);
    };
    const error = await outcome(api.retry(operation, { maxBackoffMs: 1_000, signal, onRetry }));
    expect(error).toBe('the reason');
    expect(clock.delays).toEqual([]);
  });

  it('keeps a success, although the signal has aborted meanwhile', async () => {
    const controller = new AbortController();
    const operation = () => {
      controller.abort('the reason');
      return Promise.resolve('done');
    };
    const options = { maxBackoffMs: 1_000, signal: controller.signal };
    await expect(api.retry(operation, options)).resolves.toBe('done');
  });
});

describe('a stream', () => {
  const request = {
    method: 'GET',
    path: '/p',
    query: { watch: 'true', fieldSelector: 'metadata.name=y' },
  } as const;

  /** Reads the stream to its end. */
  function read(signal = new AbortController().signal) {
    const seen: unknown[] = [];
    const end = (async () => {
      for await (const event of api.stream(request, signal)) seen.push(event);
      return 'the end';
    })().catch((error: unknown) => error);
    return { seen, end };
  }

  it('tells when its head has arrived, then each event', async () => {
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

  it('splits lines wherever the pieces begin and end', async () => {
    const feed = transport.stream();
    const { seen, end } = read();
    for (const chunk of ['{"a"', ':1', '}', '\n{"a":2}\n{"a":3}\n{"a', '":4}\n', ''])
      feed.text(chunk);
    feed.end();
    await end;
    expect(seen).toEqual([undefined, { a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }]);
  });

  it('passes over empty lines, and keeps what is cut off to itself', async () => {
    const feed = transport.stream();
    const { seen, end } = read();
    feed.text('\n \r\n{"a":1}\r\n\n{"a":2');
    feed.end();
    expect(await end).toBe('the end');
    expect(seen).toEqual([undefined, { a: 1 }]);
  });

  it('gives undefined for a line that is no JSON', async () => {
    const feed = transport.stream();
    const { seen, end } = read();
    feed.text('<html>\n');
    feed.end();
    await end;
    expect(seen).toEqual([undefined, undefined]);
  });

  it('fails on an event that is too large', async () => {
    const feed = transport.stream();
    const { end } = read();
    for (let i = 0; i < 3; i++) feed.text('x'.repeat(2 ** 22));
    expect(await end).toMatchObject({
      message: expect.stringContaining('the answer is too large'),
    });
    expect(feed.left).toBe(true);
  });

  it('takes an event that is as large as can be', async () => {
    const feed = transport.stream();
    const { seen, end } = read();
    feed.text(' '.repeat(8 * 2 ** 20 - 2));
    feed.text('{}');
    feed.text('\n');
    feed.end();
    expect(await end).toBe('the end');
    expect(seen).toEqual([undefined, {}]);
  });

  it('reads an event in time that comes in many pieces', async () => {
    const pieces = Array.from({ length: 200_000 }, () => 'twenty characters...');
    transport.replyText(200, ['{"a":"', ...pieces, '"}\n{}\n{"b":', '1}\n\n']);
    const { seen, end } = read();
    expect(await end).toBe('the end');
    expect(seen).toEqual([undefined, { a: pieces.join('') }, {}, { b: 1 }]);
  });

  it('takes many events that are large together only', async () => {
    const feed = transport.stream();
    const { seen, end } = read();
    const event = `{"a":"${'x'.repeat(2 ** 22)}"}\n`;
    for (let i = 0; i < 3; i++) feed.text(event);
    feed.end();
    expect(await end).toBe('the end');
    expect(seen).toHaveLength(4);
  });

  it.each([400, 410, 500])('fails when it is refused with a %i', async (status) => {
    const reason = status === 410 ? 'Expired' : 'Reason';
    transport.refuse(status, { reason, message: 'what happened' });
    const error = await read().end;
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status,
      message: `WATCH /p (metadata.name=y): ${status} ${reason}: what happened`,
    });
    expect(clock.delays).toEqual([]);
  });

  it.each([201, 204, 302, 403, 404])('fails when something else answers a %i', async (status) => {
    transport.replyText(status, ['a page']);
    const error = await read().end;
    expect(error).toBeInstanceOf(NoAnswerError);
    expect(error).toMatchObject({ message: expect.stringMatching(`answered: ${status} a page$`) });
  });

  it('is none with the head of a page', async () => {
    transport.replyText(200, ['<html>', '</html>'], { 'content-type': 'text/html' });
    const { seen, end } = read();
    expect(await end).toBeInstanceOf(NoAnswerError);
    expect(await end).toMatchObject({ message: expect.stringMatching(/: 200 <html><.html>$/) });
    expect(seen).toEqual([]);
  });

  it('may say that it is JSON', async () => {
    const headers = { 'content-type': 'application/json;stream=watch' };
    transport.replyText(200, ['{"a":1}\n'], headers);
    const { seen, end } = read();
    expect(await end).toBe('the end');
    expect(seen).toEqual([undefined, { a: 1 }]);
  });

  it('fails when it breaks', async () => {
    const feed = transport.stream();
    const { seen, end } = read();
    feed.text('{"a":1}\n');
    feed.fail(new Error('broken'));
    const error = await end;
    expect(error).toBeInstanceOf(NoAnswerError);
    expect(error).toMatchObject({ message: 'WATCH /p (metadata.name=y): broken' });
    expect(seen).toEqual([undefined, { a: 1 }]);
  });

  it('has ten seconds for its head', async () => {
    transport.hang();
    const { end } = read();
    await clock.advance(10_000);
    expect(await end).toMatchObject({
      message: 'WATCH /p (metadata.name=y): no answer within 10000 ms',
    });
  });

  it('has all the time in the world for its events', async () => {
    const feed = transport.stream();
    const { end } = read();
    await settled();
    expect(clock.delays).toEqual([]);
    await clock.advance(10 ** 7);
    expect(transport.signals[0]?.aborted).toBe(false);
    feed.end();
    expect(await end).toBe('the end');
  });

  it('ends with the reason of the signal', async () => {
    const feed = transport.stream();
    const controller = new AbortController();
    const { end } = read(controller.signal);
    await settled();
    controller.abort('the reason');
    expect(await end).toBe('the reason');
    expect(feed.left).toBe(true);
  });

  it('does not start when the signal has aborted', async () => {
    const { seen, end } = read(AbortSignal.abort('the reason'));
    expect(await end).toBe('the reason');
    expect(seen).toEqual([]);
    expect(transport.requests).toEqual([]);
  });

  it('is cancelled by leaving it', async () => {
    const feed = transport.stream();
    const controller = new AbortController();
    feed.text('{"a":1}\n');
    for await (const event of api.stream(request, controller.signal)) if (event) break;
    expect(feed.left).toBe(true);
    controller.abort();
    expect(transport.signals[0]?.aborted).toBe(false);
  });
});

describe('the connection', () => {
  it('is closed and let go through the Api', () => {
    api.unref();
    expect([transport.unrefs, transport.closes]).toEqual([1, 0]);
    api.close();
    expect([transport.unrefs, transport.closes]).toEqual([1, 1]);
  });

  it('may not know how to let go', () => {
    const bare = new Api(
      { send: (...request) => transport.send(...request), close: () => transport.close() },
      clock,
    );
    expect(() => bare.unref()).not.toThrow();
  });
});
