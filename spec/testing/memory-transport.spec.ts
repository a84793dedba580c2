import { describe, expect } from 'vitest';
import type { ApiRequest } from '../../lib/kubernetes/transport.ts';
import { CONFIG_MAPS, named, never, read, it } from './support.ts';

const watchAll: ApiRequest = { method: 'GET', path: CONFIG_MAPS, query: { watch: 'true' } };
const list: ApiRequest = { method: 'GET', path: CONFIG_MAPS };

describe('cluster.transport', () => {
  it('answers at once', async ({ cluster, clock }) => {
    const sent = { method: 'POST', path: CONFIG_MAPS, body: named('a') } as const;
    const { status, headers, body } = await cluster.transport().send(sent, never);
    expect([status, headers['content-type']]).toEqual([201, 'application/json']);
    expect(JSON.parse(await read(body))).toMatchObject(named('a'));
    expect(clock.now()).toBe(0);
  });

  it('sends a body as JSON carries it', async ({ cluster }) => {
    const body = { metadata: { name: 'a', labels: { gone: undefined, kept: 'x' } } };
    await cluster.transport().send({ method: 'POST', path: CONFIG_MAPS, body }, never);
    expect(cluster.getConfigMap('a')?.metadata.labels).toEqual({ kept: 'x' });
  });

  it('says who sends', async ({ cluster }) => {
    const bob = { user: 'bob', userAgent: 'bob/1.0' };
    await cluster.transport(bob).send(list, never);
    expect([...cluster.requests]).toMatchObject([bob]);
  });

  it('keeps its token, or asks for one each time', async ({ cluster }) => {
    const tokens = [{}, { token: () => cluster.token() }, { token: () => undefined }];
    const transports = tokens.map((options) => cluster.transport(options));
    const statuses = async () => {
      const answers = await Promise.all(transports.map((each) => each.send(list, never)));
      return answers.map(({ status }) => status);
    };
    expect(await statuses()).toEqual([200, 200, 403]);
    cluster.expireToken();
    expect(await statuses()).toEqual([401, 200, 403]);
  });

  it('sends nothing with an aborted signal', async ({ cluster }) => {
    const sent = cluster.transport().send(list, AbortSignal.abort('enough'));
    await expect(sent).rejects.toBe('enough');
  });

  it.for(['before', 'while'])(
    'ends a watch with its signal %s it is read',
    async (when, { cluster, clock }) => {
      const abort = new AbortController();
      const { body } = await cluster.transport().send(watchAll, abort.signal);
      const reading = when === 'while' && read(body);
      cluster.createConfigMap('a');
      await clock.settle();
      abort.abort('enough');
      await expect(reading || read(body)).rejects.toBe('enough');
      expect(clock.pending).toBe(0);
    },
  );

  it.for(['a cut', 'an abort'])(
    'ends a watch with %s right after its answer is recorded',
    async (how, { cluster, clock }) => {
      const abort = new AbortController();
      const sent = cluster.transport().send(watchAll, abort.signal);
      await cluster.until(() => cluster.requests.count({ verb: 'watch', status: 200 }) > 0);
      if (how === 'a cut') expect(cluster.faults.cutWatches()).toBe(1);
      else abort.abort(new Error('enough'));
      const { body } = await sent;
      const why = how === 'a cut' ? { code: 'ECONNRESET' } : { message: 'enough' };
      await expect(read(body)).rejects.toMatchObject(why);
      expect(clock.pending).toBe(0);
      expect(cluster.faults.cutWatches()).toBe(0);
    },
  );

  it('ends a watch when its reader leaves', async ({ cluster, clock }) => {
    cluster.createConfigMap('a');
    const { body } = await cluster.transport().send(watchAll, never);
    for await (const piece of body) {
      expect(piece).toContain('ADDED');
      break;
    }
    expect(clock.pending).toBe(0);
    expect(cluster.faults.cutWatches()).toBe(0);
  });

  it('keeps an answer whose signal aborts afterwards', async ({ cluster }) => {
    const abort = new AbortController();
    const { body } = await cluster.transport().send(list, abort.signal);
    abort.abort();
    expect(await read(body)).toContain('ConfigMapList');
  });

  it('close breaks what it sent, and nothing else', async ({ cluster, clock, watch }) => {
    const other = await watch(CONFIG_MAPS);
    const transport = cluster.transport();
    const { body } = await transport.send(watchAll, never);
    cluster.faults.add({ verb: 'list', hang: true, times: 1 });
    const broken = [transport.send(list, never), read(body)].map((each) =>
      expect(each).rejects.toMatchObject({ code: 'ECONNRESET' }),
    );
    await clock.settle();
    transport.close();
    await Promise.all(broken);
    expect((await transport.send(list, never)).status).toBe(200);
    expect(other.ended).toBe('open');
  });

  it('sends nothing once the cluster is closed', async ({ cluster }) => {
    await cluster.close();
    const sent = cluster.transport().send(list, never);
    await expect(sent).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
