import { describe, expect, it } from 'vitest';
import type { ApiRequest } from '../../lib/kubernetes/transport.ts';
import { CONFIG_MAPS, simulated } from './support.ts';

const never = new AbortController().signal;
const watchAll: ApiRequest = { method: 'GET', path: CONFIG_MAPS, query: { watch: 'true' } };
const list: ApiRequest = { method: 'GET', path: CONFIG_MAPS };

async function read(body: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of body) text += piece;
  return text;
}

describe('the transport in memory', () => {
  it('answers without any time passing', async () => {
    const { cluster, clock } = await simulated();
    const transport = cluster.transport();
    const sent = { method: 'POST', path: CONFIG_MAPS, body: { metadata: { name: 'a' } } } as const;
    const { status, headers, body } = await transport.send(sent, never);
    expect(status).toBe(201);
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(await read(body))).toMatchObject({ metadata: { name: 'a' } });
    expect(clock.now()).toBe(0);
  });

  it('sends bodies as JSON would carry them', async () => {
    const { cluster } = await simulated();
    const body = { metadata: { name: 'a', labels: { gone: undefined, kept: 'x' } } };
    await cluster.transport().send({ method: 'POST', path: CONFIG_MAPS, body }, never);
    expect(cluster.getConfigMap('a')?.metadata.labels).toEqual({ kept: 'x' });
  });

  it('says who sends', async () => {
    const { cluster } = await simulated();
    const transport = cluster.transport({ user: 'bob', userAgent: 'bob/1.0' });
    await transport.send(list, never);
    expect([...cluster.requests]).toMatchObject([{ user: 'bob', userAgent: 'bob/1.0' }]);
  });

  it('keeps its token, unless it is told how to get another', async () => {
    const { cluster } = await simulated();
    const keeps = cluster.transport();
    const renews = cluster.transport({ token: () => cluster.token() });
    const nobody = cluster.transport({ token: () => undefined });
    const statuses = async () =>
      (await Promise.all([keeps, renews, nobody].map((each) => each.send(list, never)))).map(
        ({ status }) => status,
      );
    expect(await statuses()).toEqual([200, 200, 403]);
    cluster.expireToken();
    expect(await statuses()).toEqual([401, 200, 403]);
  });

  it('sends nothing when the signal is aborted already', async () => {
    const { cluster } = await simulated();
    const reason = new Error('enough');
    const sent = cluster.transport().send(list, AbortSignal.abort(reason));
    await expect(sent).rejects.toBe(reason);
  });

  it('ends a watch with the reason of its signal, and drops what was not read', async () => {
    const { cluster, clock } = await simulated();
    const abort = new AbortController();
    const { body } = await cluster.transport().send(watchAll, abort.signal);
    cluster.createConfigMap('a');
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(read(body)).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });

  it('ends a watch whose reader waits', async () => {
    const { cluster, clock } = await simulated();
    const abort = new AbortController();
    const { body } = await cluster.transport().send(watchAll, abort.signal);
    const reading = read(body);
    await clock.settle();
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  it('ends a watch whose reader leaves the loop', async () => {
    const { cluster, clock } = await simulated();
    cluster.createConfigMap('a');
    const { body } = await cluster.transport().send(watchAll, never);
    for await (const piece of body) {
      expect(piece).toContain('ADDED');
      break;
    }
    expect(clock.pending).toBe(0);
    expect(cluster.faults.cutWatches()).toBe(0);
  });

  it('lets a signal be aborted after the answer is there', async () => {
    const { cluster } = await simulated();
    const abort = new AbortController();
    const { body } = await cluster.transport().send(list, abort.signal);
    abort.abort();
    expect(await read(body)).toContain('ConfigMapList');
  });

  it('breaks what is under way when it is closed, and works again', async () => {
    const { cluster, clock } = await simulated();
    const transport = cluster.transport();
    const { body } = await transport.send(watchAll, never);
    cluster.faults.add({ verb: 'list', hang: true, times: 1 });
    const hanging = transport.send(list, never);
    const failed = Promise.all([
      expect(hanging).rejects.toMatchObject({ code: 'ECONNRESET' }),
      expect(read(body)).rejects.toMatchObject({ code: 'ECONNRESET' }),
    ]);
    await clock.settle();
    transport.close();
    await failed;
    expect((await transport.send(list, never)).status).toBe(200);
  });

  it('leaves other transports alone when it is closed', async () => {
    const { cluster, watch, clock } = await simulated();
    const watching = await watch(CONFIG_MAPS);
    cluster.transport().close();
    await clock.settle();
    expect(watching.ended).toBe('open');
  });

  it('refuses once the cluster is closed', async () => {
    const { cluster } = await simulated();
    const transport = cluster.transport();
    await cluster.close();
    await expect(transport.send(list, never)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
