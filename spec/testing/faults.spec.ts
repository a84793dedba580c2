import { describe, expect, it } from 'vitest';
import type { FaultRule } from '../../lib/testing/index.ts';
import { CONFIG_MAPS, LEASES, simulated } from './support.ts';

const named = (name: string, more: object = {}) => ({ metadata: { name }, ...more });

/** How a request ends whose outcome only time brings. */
function outcome<T>(promise: Promise<T>) {
  const result: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => (result.value = value),
    (error: unknown) => (result.error = error),
  );
  return result;
}

describe('which requests a fault strikes', () => {
  const cases: [string, FaultRule, boolean[]][] = [
    ['all', {}, [true, true, true, true]],
    ['those of a verb', { verb: 'get' }, [true, false, false, false]],
    ['those of several verbs', { verb: ['get', 'create'] }, [true, true, false, true]],
    ['those of a resource', { resource: 'leases' }, [false, false, false, true]],
    ['those of a name', { name: 'a' }, [true, false, false, false]],
    ['those of a user', { user: 'bob' }, [false, true, false, false]],
    ['those in a namespace', { namespace: 'other' }, [false, false, true, false]],
  ];
  it.each(cases)('%s', async (_, match, expected) => {
    const { cluster, send } = await simulated();
    cluster.createConfigMap('a');
    cluster.createNamespace('other');
    cluster.faults.add({ ...match, error: { status: 503 } });
    const replies = [
      await send('GET', `${CONFIG_MAPS}/a`),
      await send('POST', CONFIG_MAPS, named('b'), { user: 'bob' }),
      await send('GET', '/api/v1/namespaces/other/configmaps'),
      await send('POST', LEASES, named('c')),
    ];
    expect(replies.map(({ status }) => status === 503)).toEqual(expected);
  });

  it('so many of them, after so many', async () => {
    const { cluster, send } = await simulated();
    const fault = cluster.faults.add({ after: 1, times: 2, error: { status: 500 } });
    const statuses = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await send('GET', CONFIG_MAPS)).status);
    expect(statuses).toEqual([200, 500, 500, 200, 200]);
    expect(fault.hits).toBe(2);
  });

  it('by chance, as the clock draws it', async () => {
    const { cluster, send } = await simulated();
    const fault = cluster.faults.add({ probability: 0.3, error: { status: 500 } });
    for (let i = 0; i < 200; i += 1) await send('GET', CONFIG_MAPS);
    expect(fault.hits).toBeGreaterThan(30);
    expect(fault.hits).toBeLessThan(90);
  });

  it('none after it is removed, goes out of scope or all are cleared', async () => {
    const { cluster, send } = await simulated();
    const status = async () => (await send('GET', CONFIG_MAPS)).status;
    const error = { status: 500 };
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
    cluster.faults.add({ error });
    cluster.faults.add({ error });
    cluster.faults.clear();
    expect(await status()).toBe(200);
  });

  it('needs an effect, and a probability that is one', async () => {
    const { cluster } = await simulated();
    expect(() => cluster.faults.add({ verb: 'get' })).toThrow(
      /^rule must be one with an effect: error/,
    );
    for (const probability of [-0.1, 1.1, NaN]) {
      expect(() => cluster.faults.add({ probability, hang: true })).toThrow(
        `rule.probability must be a number from 0 to 1, but is ${probability}`,
      );
    }
  });
});

describe('an error', () => {
  it('has the reason and message that the API server gives that code', async () => {
    const { cluster, send } = await simulated();
    cluster.faults.add({ error: { status: 503 } });
    const { status, body } = await send('GET', CONFIG_MAPS);
    expect(status).toBe(503);
    expect(body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'the server is currently unable to handle the request',
      reason: 'ServiceUnavailable',
      code: 503,
    });
  });

  it('can have its own, and ask for patience', async () => {
    const { cluster, send } = await simulated();
    const error = { status: 429, reason: 'Busy', message: 'not now', retryAfterSeconds: 7 };
    cluster.faults.add({ error });
    const { headers, body } = await send('GET', CONFIG_MAPS);
    expect(headers['retry-after']).toBe('7');
    expect(body).toMatchObject({
      reason: 'Busy',
      message: 'not now',
      details: { retryAfterSeconds: 7 },
    });
  });

  it('may be of any code', async () => {
    const { cluster, send } = await simulated();
    cluster.faults.add({ error: { status: 418 } });
    const { status, body } = await send('GET', CONFIG_MAPS);
    expect([status, body.message, body.reason]).toEqual([418, 'HTTP 418', undefined]);
  });

  it('keeps a write from happening, or is the answer to one that has', async () => {
    const { cluster, send } = await simulated();
    const error = { status: 500 };
    cluster.faults.add({ name: 'x', error });
    cluster.faults.add({ verb: 'create', times: 1, error });
    await send('POST', CONFIG_MAPS, named('before'));
    cluster.faults.add({ verb: 'create', times: 1, error, when: 'after' });
    const { status } = await send('POST', CONFIG_MAPS, named('after'));
    expect(status).toBe(500);
    expect(cluster.getConfigMap('before')).toBeUndefined();
    expect(cluster.getConfigMap('after')).toBeDefined();
    expect(cluster.requests.count({ status: 500 })).toBe(2);
  });
});

describe('an error about what was asked for', () => {
  const pod = '/api/v1/namespaces/default/pods/a';
  const lease = `${LEASES}/a`;
  it.each([
    ['GET', lease, 403, { name: 'a', group: 'coordination.k8s.io', kind: 'leases' }],
    ['GET', pod, 404, { name: 'a', kind: 'pods' }],
    ['POST', CONFIG_MAPS, 404, { name: 'default', kind: 'namespaces' }],
    ['GET', CONFIG_MAPS, 404, {}],
    ['POST', CONFIG_MAPS, 409, { name: 'a', kind: 'configmaps' }],
    ['DELETE', pod, 409, { name: 'a', kind: 'pods' }],
    ['PUT', lease, 422, { name: 'a', group: 'coordination.k8s.io', kind: 'leases' }],
  ] as const)('names it: %s %s %i', async (method, path, status, details) => {
    const { cluster, send } = await simulated();
    cluster.faults.add({ error: { status, message: 'no' } });
    const { body } = await send(method, path, named('a'));
    expect(body).toMatchObject({ message: 'no', details, code: status });
    expect(Object.keys(body['details'] as object)).not.toContain('retryAfterSeconds');
  });

  it('may ask for patience besides', async () => {
    const { cluster, send } = await simulated();
    cluster.faults.add({ error: { status: 403, retryAfterSeconds: 3 } });
    const { body } = await send('GET', pod);
    expect(body['details']).toMatchObject({ name: 'a', retryAfterSeconds: 3 });
  });
});

describe('a page', () => {
  it('is what something else answers, as it is', async () => {
    const { cluster, send } = await simulated();
    const page = { status: 404, body: '{"error":"not found"}' };
    cluster.faults.add({ page, times: 1 });
    cluster.faults.add({ page: { status: 302, body: '{}', contentType: 'text/plain' } });
    const path = `${CONFIG_MAPS}/a`;
    expect(await send('GET', path)).toMatchObject({
      status: 404,
      headers: { 'content-type': 'text/html' },
      body: { error: 'not found' },
    });
    expect(await send('GET', path)).toMatchObject({
      status: 302,
      headers: { 'content-type': 'text/plain' },
    });
  });

  it.each(['before', 'after'] as const)('may hide a write: %s', async (when) => {
    const { cluster, send } = await simulated();
    cluster.faults.add({ page: { status: 200, body: '{}' }, when });
    expect(await send('POST', CONFIG_MAPS, named('a'))).toMatchObject({ status: 200, body: {} });
    expect(cluster.getConfigMap('a') !== undefined).toBe(when === 'after');
  });

  it('has a status', async () => {
    const { cluster } = await simulated();
    const page = { status: 199 };
    expect(() => cluster.faults.add({ page })).toThrow(
      'rule.page.status must be an HTTP code, 200 to 599, but is 199',
    );
  });
});

describe('a broken connection', () => {
  it.each([
    ['before', false],
    ['after', true],
  ] as const)('%s the request takes effect', async (when, written) => {
    const { cluster, send } = await simulated();
    cluster.faults.add({ reset: true, when });
    const sent = send('POST', CONFIG_MAPS, named('a'));
    await expect(sent).rejects.toMatchObject({ code: 'ECONNRESET', message: 'read ECONNRESET' });
    expect(cluster.getConfigMap('a') !== undefined).toBe(written);
    expect(cluster.requests.filter({ verb: 'create', status: 0 })).toHaveLength(1);
  });
});

describe('a request without an answer', () => {
  it.each([
    ['before', false],
    ['after', true],
  ] as const)('hangs %s it takes effect, until the client gives up', async (when, written) => {
    const { cluster, clock, send } = await simulated();
    cluster.faults.add({ hang: true, when });
    const giveUp = new AbortController();
    const sent = outcome(send('POST', CONFIG_MAPS, named('a'), { signal: giveUp.signal }));
    await clock.advance(3_600_000);
    expect(sent).toEqual({});
    expect(cluster.getConfigMap('a') !== undefined).toBe(written);
    const reason = new Error('enough');
    giveUp.abort(reason);
    await clock.settle();
    expect(sent.error).toBe(reason);
  });

  it('hangs until the cluster closes', async () => {
    const { cluster, clock, send } = await simulated();
    cluster.faults.add({ hang: true });
    const sent = outcome(send('GET', CONFIG_MAPS));
    await clock.settle();
    await cluster.close();
    await clock.settle();
    expect(sent.error).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('latency', () => {
  it('passes by halves, on the way there and back', async () => {
    const { cluster, clock, send } = await simulated();
    cluster.faults.add({ latencyMs: 100 });
    const sent = outcome(send('POST', CONFIG_MAPS, named('a')));
    await clock.advance(49);
    expect(cluster.getConfigMap('a')).toBeUndefined();
    await clock.advance(1);
    expect(cluster.getConfigMap('a')).toBeDefined();
    await clock.advance(49);
    expect(sent).toEqual({});
    await clock.advance(1);
    expect(sent.value?.status).toBe(201);
    expect([...cluster.requests]).toMatchObject([{ latencyMs: 100, time: 0 }]);
  });

  it('adds up over rules, and may be drawn', async () => {
    const { cluster, clock, send } = await simulated();
    cluster.faults.add({ latencyMs: [10, 20] });
    cluster.faults.add({ latencyMs: 100 });
    for (let i = 0; i < 50; i += 1) {
      void send('GET', CONFIG_MAPS);
      await clock.advance(200);
    }
    const drawn = [...cluster.requests].map(({ latencyMs }) => latencyMs);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(110);
    expect(Math.max(...drawn)).toBeLessThan(120);
    expect(Math.max(...drawn) - Math.min(...drawn)).toBeGreaterThan(7);
  });

  it('ends early for a client that gives up: its write may have been made', async () => {
    const { cluster, clock, send } = await simulated();
    cluster.faults.add({ latencyMs: 100 });
    const giveUp = new AbortController();
    const sent = outcome(send('POST', CONFIG_MAPS, named('a'), { signal: giveUp.signal }));
    await clock.advance(75);
    giveUp.abort(new Error('enough'));
    await clock.settle();
    expect(sent.error).toEqual(new Error('enough'));
    expect(cluster.getConfigMap('a')).toBeDefined();
    expect(clock.pending).toBe(0);
  });
});

describe('stale reads', () => {
  it('answer GET and LIST as things stood so many writes ago', async () => {
    const { cluster, send } = await simulated();
    await send('POST', CONFIG_MAPS, named('a'));
    const { body } = await send('POST', CONFIG_MAPS, named('b'));
    await send('DELETE', `${CONFIG_MAPS}/a`);
    cluster.faults.add({ staleBy: 1 });
    expect((await send('GET', `${CONFIG_MAPS}/a`)).status).toBe(200);
    const list = (await send('GET', CONFIG_MAPS)).body;
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(list.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    cluster.faults.add({ staleBy: 2 });
    expect((await send('GET', `${CONFIG_MAPS}/b`)).status).toBe(404);
  });

  it('never go back beyond a version that the client has asked for', async () => {
    const { cluster, send } = await simulated();
    const { body } = await send('POST', CONFIG_MAPS, named('a'));
    cluster.faults.add({ staleBy: 5 });
    const query = `resourceVersion=${body.metadata.resourceVersion}`;
    expect((await send('GET', `${CONFIG_MAPS}?${query}`)).body.items).toHaveLength(1);
  });

  it('do not touch writes, and go back no further than the history', async () => {
    const { cluster, send } = await simulated();
    await send('POST', CONFIG_MAPS, named('a'));
    cluster.compact();
    cluster.faults.add({ staleBy: 100 });
    expect((await send('POST', CONFIG_MAPS, named('a'))).status).toBe(409);
    expect((await send('GET', `${CONFIG_MAPS}/a`)).status).toBe(200);
  });
});

describe('a watch', () => {
  it('freezes: no events, no bookmarks, no end, until it thaws', async () => {
    const { cluster, clock, send, watch } = await simulated({ bookmarkMs: 1000 });
    const watching = await watch(`${CONFIG_MAPS}?allowWatchBookmarks=1&timeoutSeconds=5`);
    await clock.settle();
    const fault = cluster.faults.add({ verb: 'watch', freeze: true });
    await send('POST', CONFIG_MAPS, named('a'));
    await clock.advance(10_000);
    expect(watching.lines).toHaveLength(1);
    expect(watching.ended).toBe('open');
    fault.remove();
    await clock.settle();
    expect(watching.lines.map(({ type }) => type).slice(1, 3)).toEqual(['ADDED', 'BOOKMARK']);
    expect(watching.ended).toBe('closed');
  });

  it('freezes from its beginning, others go on', async () => {
    const { cluster, clock, send, watch } = await simulated();
    cluster.faults.add({ freeze: true, user: 'bob' });
    const frozen = await watch(CONFIG_MAPS, { user: 'bob' });
    const other = await watch(CONFIG_MAPS);
    await send('POST', CONFIG_MAPS, named('a'));
    await clock.settle();
    expect(frozen.lines).toEqual([]);
    expect(other.shown).toEqual(['ADDED a']);
    cluster.faults.clear();
    await clock.settle();
    expect(frozen.shown).toEqual(['ADDED a']);
  });

  it('is cut now', async () => {
    const { cluster, clock, watch } = await simulated();
    const locks = await watch(CONFIG_MAPS);
    const leases = await watch(LEASES);
    expect(cluster.faults.cutWatches({ resource: 'configmaps' })).toBe(1);
    await clock.settle();
    expect(locks.ended).toMatchObject({ code: 'ECONNRESET' });
    expect(leases.ended).toBe('open');
    expect(cluster.faults.cutWatches({}, { cleanly: true })).toBe(1);
    await clock.settle();
    expect(leases.ended).toBe('closed');
    expect(cluster.faults.cutWatches()).toBe(0);
  });

  it('is cut after so many events', async () => {
    const { cluster, clock, send, watch } = await simulated();
    cluster.faults.add({ cutAfterEvents: 2, times: 1 });
    const watching = await watch(CONFIG_MAPS);
    for (const name of ['a', 'b', 'c']) {
      await send('POST', CONFIG_MAPS, named(name));
      await clock.settle();
    }
    expect(watching.shown).toEqual(['ADDED a', 'ADDED b']);
    expect(watching.ended).toMatchObject({ code: 'ECONNRESET' });
    const next = await watch(CONFIG_MAPS);
    await clock.settle();
    expect(next.shown).toHaveLength(3);
  });

  it('that is refused is no watch', async () => {
    const { cluster, watch } = await simulated();
    cluster.faults.add({ verb: 'watch', error: { status: 429 } });
    const watching = await watch(CONFIG_MAPS);
    expect(await watching.opened).toBe(429);
    expect(cluster.faults.cutWatches()).toBe(0);
  });

  it('shows events twice', async () => {
    const { cluster, clock, send, watch } = await simulated();
    cluster.faults.add({ duplicate: true, times: 1 });
    const watching = await watch(CONFIG_MAPS);
    await send('POST', CONFIG_MAPS, named('a'));
    await send('POST', CONFIG_MAPS, named('b'));
    await clock.settle();
    expect(watching.shown).toEqual(['ADDED a', 'ADDED a', 'ADDED b']);
  });

  it('shows events in another order', async () => {
    const { cluster, clock, send, watch } = await simulated();
    cluster.faults.add({ reorder: true, times: 1 });
    const watching = await watch(CONFIG_MAPS);
    for (const name of ['a', 'b', 'c']) await send('POST', CONFIG_MAPS, named(name));
    await clock.settle();
    expect(watching.shown).toEqual(['ADDED b', 'ADDED a', 'ADDED c']);
  });

  it('shows at its end what it held back, and no bookmark before that', async () => {
    const { cluster, clock, send, watch } = await simulated({ bookmarkMs: 100 });
    const watching = await watch(`${CONFIG_MAPS}?allowWatchBookmarks=1&timeoutSeconds=1`);
    cluster.faults.add({ reorder: true });
    await send('POST', CONFIG_MAPS, named('a'));
    await clock.advance(1000);
    expect(watching.lines.map(({ type }) => type)).toEqual(['BOOKMARK', 'ADDED']);
    expect(watching.ended).toBe('closed');
  });

  it('shows events late, in their order, and bookmarks no earlier', async () => {
    const { cluster, clock, send, watch } = await simulated({ bookmarkMs: 120 });
    const watching = await watch(`${CONFIG_MAPS}?allowWatchBookmarks=1`);
    await clock.settle();
    cluster.faults.add({ eventDelayMs: 200, times: 1 });
    await send('POST', CONFIG_MAPS, named('a'));
    await send('POST', CONFIG_MAPS, named('b'));
    await clock.advance(199);
    expect(watching.lines).toHaveLength(1);
    await clock.advance(1);
    expect(watching.shown.slice(1)).toEqual(['ADDED a', 'ADDED b']);
    await clock.advance(40);
    expect(watching.lines.at(-1)?.type).toBe('BOOKMARK');
  });

  it('shows nothing late to a client that has left', async () => {
    const { cluster, clock, send, watch } = await simulated();
    const watching = await watch(CONFIG_MAPS);
    cluster.faults.add({ eventDelayMs: [100, 200] });
    await send('POST', CONFIG_MAPS, named('a'));
    watching.stop();
    await clock.advance(1000);
    expect(watching.lines).toEqual([]);
  });

  it('spends rules for events on events only, and those for requests on requests', async () => {
    const { cluster, send, watch } = await simulated();
    const events = cluster.faults.add({ duplicate: true });
    const requests = cluster.faults.add({ latencyMs: 0 });
    await watch(CONFIG_MAPS);
    await send('POST', CONFIG_MAPS, named('a'));
    expect([events.hits, requests.hits]).toEqual([1, 2]);
  });
});
