import { describe, expect } from 'vitest';
import type { FaultRule } from '../../lib/testing/index.ts';
import { CONFIG_MAPS, LEASES, named, PODS, it as base } from './support.ts';

const error = { status: 500 };

/** Sends a request whose answer may never come; tells how it has ended so far. */
const it = base
  .extend('start', ({ send }) => (...request: Parameters<typeof send>) => {
    const result: { status?: number; error?: unknown } = {};
    send(...request).then(
      ({ status }) => (result.status = status),
      (reason: unknown) => (result.error = reason),
    );
    return result;
  })
  .extend(
    'create',
    ({ send }) =>
      (name: string) =>
        send('POST', CONFIG_MAPS, named(name)),
  )
  .extend(
    'status',
    ({ send }) =>
      async () =>
        (await send('GET', CONFIG_MAPS)).status,
  );

describe('a fault strikes', () => {
  it.for<[string, FaultRule, boolean[]]>([
    ['all requests', {}, [true, true, true, true]],
    ['a verb', { verb: 'get' }, [true, false, false, false]],
    ['several verbs', { verb: ['get', 'create'] }, [true, true, false, true]],
    ['a resource', { resource: 'leases' }, [false, false, false, true]],
    ['a name', { name: 'a' }, [true, false, false, false]],
    ['a user', { user: 'bob' }, [false, true, false, false]],
    ['a namespace', { namespace: 'other' }, [false, false, true, false]],
  ])('%s', async ([, match, expected], { cluster, send }) => {
    cluster.createConfigMap('a');
    cluster.createNamespace('other');
    cluster.faults.add({ ...match, error });
    const replies = [
      await send('GET', `${CONFIG_MAPS}/a`),
      await send('POST', CONFIG_MAPS, named('b'), { user: 'bob' }),
      await send('GET', '/api/v1/namespaces/other/configmaps'),
      await send('POST', LEASES, named('c')),
    ];
    expect(replies.map(({ status }) => status === 500)).toEqual(expected);
  });

  it('times requests, after as many', async ({ cluster, status }) => {
    const fault = cluster.faults.add({ after: 1, times: 2, error });
    const statuses = [];
    for (let i = 0; i < 5; i += 1) statuses.push(await status());
    expect(statuses).toEqual([200, 500, 500, 200, 200]);
    expect(fault.hits).toBe(2);
  });

  it('with a probability, as the clock draws it', async ({ cluster, status }) => {
    const fault = cluster.faults.add({ probability: 0.3, error });
    for (let i = 0; i < 200; i += 1) await status();
    expect(fault.hits).toBeGreaterThan(30);
    expect(fault.hits).toBeLessThan(90);
  });

  it('until it is removed, out of scope, or cleared', async ({ cluster, status }) => {
    const fault = cluster.faults.add({ error });
    expect(await status()).toBe(500);
    fault.remove();
    expect(await status()).toBe(200);
    {
      using scoped = cluster.faults.add({ error });
      expect(await status()).toBe(500);
      expect(scoped.hits).toBe(1);
    }
    expect(await status()).toBe(200);
    for (let time = 1; time <= 2; time += 1) cluster.faults.add({ error });
    cluster.faults.clear();
    expect(await status()).toBe(200);
  });

  it('events or requests, as its effect says', async ({ cluster, create, watch }) => {
    const events = cluster.faults.add({ duplicate: true });
    const requests = cluster.faults.add({ latencyMs: 0 });
    await watch(CONFIG_MAPS);
    await create('a');
    expect([events.hits, requests.hits]).toEqual([1, 2]);
  });

  const isNone = 'rule.probability must be a number from 0 to 1, but is';
  it.for<[string, FaultRule]>([
    ['rule must be one with an effect: error', { verb: 'get' }],
    ['rule.page.status must be an HTTP code, 200 to 599, but is 199', { page: { status: 199 } }],
    ...[-0.1, 1.1, NaN].map((probability): [string, FaultRule] => [
      `${isNone} ${probability}`,
      { probability, hang: true },
    ]),
  ])('only if it is valid: %s', ([message, rule], { cluster }) => {
    expect(() => cluster.faults.add(rule)).toThrow(message);
  });
});

describe('an error', () => {
  const failure = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  it.for<[NonNullable<FaultRule['error']>, object, string?]>([
    [
      { status: 503 },
      {
        ...failure,
        message: 'the server is currently unable to handle the request',
        reason: 'ServiceUnavailable',
        code: 503,
      },
    ],
    [
      { status: 429, reason: 'Busy', message: 'not now', retryAfterSeconds: 7 },
      {
        ...failure,
        message: 'not now',
        reason: 'Busy',
        details: { retryAfterSeconds: 7 },
        code: 429,
      },
      '7',
    ],
    [{ status: 418 }, { ...failure, message: 'HTTP 418', code: 418 }],
  ])(
    'of %j is what the API server would say',
    async ([rule, body, retryAfter], { cluster, send }) => {
      cluster.faults.add({ error: rule });
      const answer = await send('GET', CONFIG_MAPS);
      expect(answer).toMatchObject({ status: rule.status, body });
      expect(Object.keys(answer.body).toSorted()).toEqual(Object.keys(body).toSorted());
      expect(answer.headers['retry-after']).toBe(retryAfter);
    },
  );

  const lease = { name: 'a', group: 'coordination.k8s.io', kind: 'leases' };
  it.for([
    ['GET', `${LEASES}/a`, 403, lease],
    ['GET', `${PODS}/a`, 404, { name: 'a', kind: 'pods' }],
    ['POST', CONFIG_MAPS, 404, { name: 'default', kind: 'namespaces' }],
    ['GET', CONFIG_MAPS, 404, {}],
    ['POST', CONFIG_MAPS, 409, { name: 'a', kind: 'configmaps' }],
    ['DELETE', `${PODS}/a`, 409, { name: 'a', kind: 'pods' }],
    ['PUT', `${LEASES}/a`, 422, lease],
  ] as const)('to %s %s with %i names the object', async (row, { cluster, send }) => {
    const [method, path, status, details] = row;
    const fault = cluster.faults.add({ error: { status, message: 'no' } });
    const { body } = await send(method, path, named('a'));
    expect(body).toMatchObject({ message: 'no', details, code: status });
    expect(body['details']).not.toHaveProperty('retryAfterSeconds');
    fault.remove();
    cluster.faults.add({ error: { status, retryAfterSeconds: 3 } });
    const patient = await send(method, path, named('a'));
    expect(patient.body['details']).toMatchObject({ ...details, retryAfterSeconds: 3 });
  });
});

it('a page is what something else answers, as it is', async ({ cluster, send }) => {
  cluster.faults.add({ page: { status: 404, body: '{"error":"not found"}' }, times: 1 });
  cluster.faults.add({ page: { status: 302, body: '{}', contentType: 'text/plain' } });
  const path = `${CONFIG_MAPS}/a`;
  expect(await send('GET', path)).toMatchObject({
    status: 404,
    headers: { 'content-type': 'text/html' },
    body: { error: 'not found' },
  });
  const second = { status: 302, headers: { 'content-type': 'text/plain' } };
  expect(await send('GET', path)).toMatchObject(second);
});

describe.for(['before', 'after'] as const)('%s a write takes effect', (when) => {
  it.for<[string, FaultRule, object | undefined, number]>([
    ['an error', { error }, { status: 500 }, 500],
    ['a page', { page: { status: 200, body: '{}' } }, { status: 200 }, 200],
    ['a reset', { reset: true }, { error: { code: 'ECONNRESET', message: 'read ECONNRESET' } }, 0],
    ['silence', { hang: true }, {}, 0],
  ])('%s may be the answer', async ([, rule, outcome, status], { cluster, clock, start }) => {
    cluster.faults.add({ name: 'x', error });
    cluster.faults.add({ ...rule, when, verb: 'create', times: 1 });
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const sent = start('POST', CONFIG_MAPS, named('a'), { signal });
    await clock.advance(3_600_000);
    expect(sent).toMatchObject(outcome ?? {});
    expect(cluster.getConfigMap('a') !== undefined).toBe(when === 'after');
    expect(cluster.requests.count({ verb: 'create', status })).toBe(1);
    if (!rule.hang) return;
    expect(sent).toEqual({});
    giveUp.abort('enough');
    await clock.settle();
    expect(sent).toEqual({ error: 'enough' });
  });
});

it('a request hangs until the cluster closes', async ({ cluster, clock, start }) => {
  cluster.faults.add({ hang: true });
  const sent = start('GET', CONFIG_MAPS);
  await clock.settle();
  await cluster.close();
  await clock.settle();
  expect(sent.error).toMatchObject({ code: 'ECONNRESET' });
});

describe('latency', () => {
  it('is half on the way there, half on the way back', async ({ cluster, clock, start }) => {
    cluster.faults.add({ latencyMs: 100 });
    const sent = start('POST', CONFIG_MAPS, named('a'));
    const seen: unknown[] = [];
    for (const ms of [49, 1, 49, 1]) {
      await clock.advance(ms);
      seen.push([cluster.getConfigMap('a') !== undefined, sent.status]);
    }
    expect(seen).toEqual([
      [false, undefined],
      [true, undefined],
      [true, undefined],
      [true, 201],
    ]);
    expect([...cluster.requests]).toMatchObject([{ latencyMs: 100, time: 0 }]);
  });

  it('adds up over rules, and may be drawn', async ({ cluster, clock, start }) => {
    cluster.faults.add({ latencyMs: [10, 20] });
    cluster.faults.add({ latencyMs: 100 });
    for (let i = 0; i < 50; i += 1) {
      start('GET', CONFIG_MAPS);
      await clock.advance(200);
    }
    const drawn = [...cluster.requests].map(({ latencyMs }) => latencyMs);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(110);
    expect(Math.max(...drawn)).toBeLessThan(120);
    expect(Math.max(...drawn) - Math.min(...drawn)).toBeGreaterThan(7);
  });

  it('ends with the signal, though the write was made', async ({ cluster, clock, start }) => {
    cluster.faults.add({ latencyMs: 100 });
    const giveUp = new AbortController();
    const sent = start('POST', CONFIG_MAPS, named('a'), { signal: giveUp.signal });
    await clock.advance(75);
    giveUp.abort('enough');
    await clock.settle();
    expect(sent).toEqual({ error: 'enough' });
    expect(cluster.getConfigMap('a')).toBeDefined();
    expect(clock.pending).toBe(0);
  });
});

describe('staleBy', () => {
  it('answers GET and LIST from earlier writes', async ({ cluster, create, send }) => {
    await create('a');
    const { body } = await create('b');
    await send('DELETE', `${CONFIG_MAPS}/a`);
    cluster.faults.add({ staleBy: 1 });
    expect((await send('GET', `${CONFIG_MAPS}/a`)).status).toBe(200);
    const list = (await send('GET', CONFIG_MAPS)).body;
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(list.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    cluster.faults.add({ staleBy: 2 });
    expect((await send('GET', `${CONFIG_MAPS}/b`)).status).toBe(404);
  });

  it('goes back no further than was asked for', async ({ cluster, create, send }) => {
    const { resourceVersion } = (await create('a')).body.metadata;
    cluster.faults.add({ staleBy: 5 });
    const list = await send('GET', `${CONFIG_MAPS}?resourceVersion=${resourceVersion}`);
    expect(list.body.items).toHaveLength(1);
  });

  it('goes back no further than the history, and not for writes', async ({
    cluster,
    create,
    send,
  }) => {
    await create('a');
    cluster.compact();
    cluster.faults.add({ staleBy: 100 });
    expect((await create('a')).status).toBe(409);
    expect((await send('GET', `${CONFIG_MAPS}/a`)).status).toBe(200);
  });
});
