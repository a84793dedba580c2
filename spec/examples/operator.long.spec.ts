import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { Program } from './program.ts';

describe('the operator', () => {
  it('reconciles from one replica, and from the next when that one goes', async () => {
    await using cluster = await createCluster();
    cluster.createConfigMap('early', wanted({ key: 'a' }));
    await using first = new Program(cluster, 'operator', 'operator-0', { PORT: await freePort() });
    await first.prints('leading');
    await checksum(cluster, 'early');

    const port = await freePort();
    await using second = new Program(cluster, 'operator', 'operator-1', { PORT: port });
    await second.prints('operator-0 on node node-1 leads');
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
    cluster.createConfigMap('late', wanted({ key: 'a' }));
    cluster.createConfigMap('unasked', { data: { key: 'a' } });
    expect(await checksum(cluster, 'late')).toBe(await checksum(cluster, 'early'));

    expect(await first.terminate()).toEqual({ code: 0, stderr: '' });
    await second.prints('leading');
    cluster.createConfigMap('later', wanted({ key: 'b' }));
    expect(await checksum(cluster, 'later')).not.toBe(await checksum(cluster, 'early'));
    const before = await checksum(cluster, 'late');
    cluster.request('PATCH', path('late'), { data: { key: 'c' } }, 'application/merge-patch+json');
    await cluster.until(() => annotation(cluster, 'late') !== before);
    expect(cluster.getConfigMap('unasked')?.metadata.annotations).toBeUndefined();

    expect(await second.terminate()).toEqual({ code: 0, stderr: '' });
    expect(cluster.getConfigMap('checksum-operator')).toBeUndefined();
  });

  it('ends without an error when it has to go while it waits', async () => {
    await using cluster = await createCluster();
    await using first = new Program(cluster, 'operator', 'operator-0', { PORT: await freePort() });
    await first.prints('leading');
    await using second = new Program(cluster, 'operator', 'operator-1', { PORT: await freePort() });
    await second.prints('leads');
    expect(await second.terminate()).toEqual({ code: 0, stderr: '' });
  });
});

function wanted(data: Readonly<Record<string, string>>) {
  return { data, metadata: { labels: { 'example.com/checksum': 'wanted' } } };
}

function path(name: string): string {
  return `/api/v1/namespaces/default/configmaps/${name}`;
}

function annotation(cluster: Cluster, name: string): string | undefined {
  return cluster.getConfigMap(name)?.metadata.annotations?.['example.com/checksum'];
}

function checksum(cluster: Cluster, name: string): Promise<string> {
  return cluster.until(() => annotation(cluster, name));
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? String(address.port) : '0';
}
