import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import { request, type IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CoordinationV1Api, CoreV1Api, V1MicroTime, Watch } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createCluster, type Cluster, type ClusterOptions } from '../../lib/testing/index.ts';
import { certificateFor } from '../support/certificate.ts';
import { CONFIG_MAPS, type Plain, read } from './support.ts';

const identity = certificateFor('cluster', '127.0.0.1');

const it = test
  .extend('options', (): ClusterOptions => ({}))
  .extend('to', async ({ options }, { onCleanup }) => {
    const created = await createCluster(options);
    onCleanup(() => created.close());
    return created;
  })
  .extend('client', ({ to }, { onCleanup }): ClientHttp2Session => {
    const client = connect(to.url, { ca: identity.cert });
    onCleanup(() => client.destroy());
    return client;
  });

function bearer(to: Cluster, user?: string) {
  return { authorization: `Bearer ${to.token(user)}` };
}

async function ask(to: Cluster, path: string, init: RequestInit = {}) {
  const response = await fetch(`${to.url}${path}`, { headers: bearer(to), ...init });
  return { status: response.status, body: (await response.json()) as Plain };
}

async function askHttp2(client: ClientHttp2Session, headers: Record<string, string>) {
  const stream = client.request(headers);
  stream.setEncoding('utf8');
  const [answer] = (await once(stream, 'response')) as [Record<string, string | number>];
  return { status: answer[':status'], body: JSON.parse(await read(stream)) as Plain };
}

describe.each([
  ['HTTP', {}],
  ['HTTPS', { https: identity }],
])('client-node, by %s', (_, options: ClusterOptions) => {
  it.override('options', options);

  it('reads, writes and deletes', async ({ to }) => {
    const pod = to.createPod('a');
    const core = to.kubeConfig().makeApiClient(CoreV1Api);
    const namespace = 'default';
    const metadata = { name: 'lock', labels: { a: 'b' } };
    const created = await core.createNamespacedConfigMap({ namespace, body: { metadata } });
    expect(created.metadata).toMatchObject(metadata);
    expect((await core.readNamespacedPod({ namespace, name: 'a' })).metadata).toMatchObject({
      uid: pod.metadata.uid,
      creationTimestamp: expect.any(Date),
    });
    expect((await core.listNamespacedConfigMap({ namespace })).items).toHaveLength(1);
    const again = core.createNamespacedConfigMap({ namespace, body: { metadata } });
    await expect(again).rejects.toMatchObject({ code: 409 });
    const preconditions = { uid: 'wrong' };
    const wrong = { namespace, name: 'lock', body: { preconditions } };
    await expect(core.deleteNamespacedConfigMap(wrong)).rejects.toMatchObject({ code: 409 });
    await core.deleteNamespacedConfigMap({ namespace, name: 'lock' });
    expect(to.getConfigMap('lock')).toBeUndefined();
  });

  it('keeps the microseconds of a Lease', async ({ to }) => {
    const leases = to.kubeConfig().makeApiClient(CoordinationV1Api);
    const renewTime = new V1MicroTime('2026-01-02T03:04:05.678Z');
    const body = { metadata: { name: 'l' }, spec: { leaseDurationSeconds: 15, renewTime } };
    const lease = await leases.createNamespacedLease({ namespace: 'default', body });
    expect(to.getLease('l')?.spec?.renewTime).toBe('2026-01-02T03:04:05.678000Z');
    lease.spec = { ...lease.spec, leaseDurationSeconds: 0 };
    const bad = leases.replaceNamespacedLease({ namespace: 'default', name: 'l', body: lease });
    await expect(bad).rejects.toMatchObject({ code: 422 });
  });

  it('watches until the watch is closed, or breaks', async ({ to }) => {
    const open = async () => {
      const shown: string[] = [];
      const { promise: ended, resolve } = Promise.withResolvers<unknown>();
      const show = (type: string, object: Plain) => shown.push(`${type} ${object.metadata.name}`);
      await new Watch(to.kubeConfig()).watch(CONFIG_MAPS, {}, show, resolve);
      await to.until(() => to.requests.count({ verb: 'watch', status: 200 }) > 0);
      return { shown, ended };
    };
    const closed = await open();
    to.createConfigMap('a');
    to.faults.cutWatches({}, { cleanly: true });
    expect(await closed.ended).toBeNull();
    expect(closed.shown).toEqual(['ADDED a']);
    const broken = await open();
    to.deleteConfigMap('a');
    to.faults.cutWatches();
    expect(await broken.ended).toBeInstanceOf(Error);
    expect(broken.shown).toEqual(['ADDED a', 'DELETED a']);
  });

  it('is authenticated by its token', async ({ to }) => {
    to.grant('bob', [{ resources: ['pods'], verbs: ['list'] }]);
    const config = to.kubeConfig({ user: 'bob' });
    const core = config.makeApiClient(CoreV1Api);
    const namespace = 'default';
    expect((await core.listNamespacedPod({ namespace })).items).toEqual([]);
    await expect(core.listNamespacedConfigMap({ namespace })).rejects.toMatchObject({ code: 403 });
    to.expireToken('bob');
    await expect(core.listNamespacedPod({ namespace })).rejects.toMatchObject({ code: 401 });
    expect([...to.requests].map(({ user }) => user)).toEqual(['bob', 'bob', '']);
    expect([...to.requests][0]?.userAgent).toContain('kubernetes-client-javascript');
  });
});

describe('the port', () => {
  it('speaks HTTP/2 without TLS', async ({ client, to }) => {
    const body = JSON.stringify({ metadata: { name: 'a' } });
    const stream = client.request({
      ':method': 'POST',
      ':path': CONFIG_MAPS,
      'content-type': 'application/json',
      ...bearer(to),
    });
    stream.end(body);
    const [answer] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(answer).toMatchObject({ ':status': 201, 'content-type': 'application/json' });
    expect(JSON.parse(await read(stream.setEncoding('utf8')))).toMatchObject({ kind: 'ConfigMap' });
    const found = await askHttp2(client, { ':path': `${CONFIG_MAPS}/a`, ...bearer(to) });
    expect(found).toMatchObject({ status: 200, body: { metadata: { name: 'a' } } });
    expect((await ask(to, `${CONFIG_MAPS}/a`)).status).toBe(200);
  });

  it('streams a watch over HTTP/2, and resets it when it breaks', async ({ client, to }) => {
    const headers = { ':path': `${CONFIG_MAPS}?watch=1`, ...bearer(to) };
    const stream = client.request(headers).setEncoding('utf8');
    await once(stream, 'response');
    to.createConfigMap('a');
    const [line] = (await once(stream, 'data')) as [string];
    expect(JSON.parse(line)).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
    const failed = once(stream, 'error');
    to.faults.cutWatches();
    await failed;
    expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });

  it('delivers what came before a break', async ({ client, to }) => {
    for (const name of ['a', 'b', 'c']) to.createConfigMap(name);
    to.faults.add({ cutAfterEvents: 2 });
    const readAll = async (stream: AsyncIterable<unknown>) => {
      const lines: string[] = [];
      try {
        for await (const chunk of stream) lines.push(...String(chunk).trim().split('\n'));
      } catch {
        return lines.length;
      }
      return 'unbroken';
    };
    const { body } = await fetch(`${to.url}${CONFIG_MAPS}?watch=1`, { headers: bearer(to) });
    const decoded = body?.pipeThrough(new TextDecoderStream()) ?? [];
    expect(await readAll(decoded as AsyncIterable<string>)).toBe(2);
    const headers = { ':path': `${CONFIG_MAPS}?watch=1`, ...bearer(to) };
    expect(await readAll(client.request(headers).setEncoding('utf8'))).toBe(2);
  });

  it('breaks connections by a fault', async ({ client, to }) => {
    to.faults.add({ reset: true });
    await expect(ask(to, CONFIG_MAPS)).rejects.toThrow('fetch failed');
    const stream = client.request({ ':path': CONFIG_MAPS, ...bearer(to) });
    await expect(once(stream, 'response')).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
  });

  it('ends requests whose client has left', async ({ to }) => {
    to.faults.add({ verb: 'list', hang: true });
    const leave = new AbortController();
    const { signal } = leave;
    const hanging = ask(to, CONFIG_MAPS, { headers: bearer(to), signal });
    const watching = await fetch(`${to.url}${CONFIG_MAPS}?watch=1`, {
      headers: bearer(to),
      signal,
    });
    expect(watching.status).toBe(200);
    leave.abort();
    await expect(hanging).rejects.toThrow('aborted');
    await expect(watching.text()).rejects.toThrow('aborted');
    await expect.poll(() => to.faults.cutWatches()).toBe(0);
  });

  it('survives clients that leave while they send', async ({ client, to }) => {
    const { hostname, port } = new URL(to.url);
    const half = `POST ${CONFIG_MAPS} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{`;
    const socket = connectTcp(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(half);
    socket.resetAndDestroy();
    const silent = connectTcp(Number(port), hostname);
    await once(silent, 'connect');
    silent.resetAndDestroy();
    const stream = client.request({ ':method': 'POST', ':path': CONFIG_MAPS });
    stream.on('error', () => undefined);
    stream.write('{');
    stream.close(constants.NGHTTP2_CANCEL);
    expect((await ask(to, CONFIG_MAPS)).status).toBe(200);
    expect(to.requests.count()).toBe(1);
  });

  it('answers 404 to a path with invalid escapes', async ({ to }) => {
    const { status } = await ask(to, `${CONFIG_MAPS}/%E0%A4%A`);
    expect(status).toBe(404);
  });

  it('answers 500 to what it does not expect, and goes on', async ({ to }) => {
    const { status, body } = await ask(to, '//');
    expect(status).toBe(500);
    expect(body.message).toContain('Invalid URL');
    expect((await ask(to, CONFIG_MAPS)).status).toBe(200);
  });

  it('lets system:anonymous read the version only', async ({ to }) => {
    expect((await ask(to, '/version', { headers: {} })).status).toBe(200);
    const { status, body } = await ask(to, CONFIG_MAPS, { headers: {} });
    expect(status).toBe(403);
    expect(body.message).toContain('User "system:anonymous" cannot list resource "configmaps"');
    const wrong = await ask(to, CONFIG_MAPS, { headers: { authorization: 'Bearer wrong' } });
    expect(wrong).toMatchObject({ status: 401, body: { reason: 'Unauthorized' } });
  });

  it('sends content-length, and keeps connections alive', async ({ to }) => {
    const { host, hostname, port } = new URL(to.url);
    const socket = connectTcp(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    const createConnection = () => socket;
    for (let count = 0; count < 2; count += 1) {
      const headers = { host, connection: 'keep-alive', ...bearer(to) };
      const outgoing = request({ path: CONFIG_MAPS, headers, createConnection }).end();
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
      const text = await read(incoming.setEncoding('utf8'));
      expect(Number(incoming.headers['content-length'])).toBe(text.length);
    }
  });

  it('cutConnections cuts all, and new ones are accepted', async ({ client, to }) => {
    to.faults.add({ verb: 'get', hang: true });
    const hanging = ask(to, `${CONFIG_MAPS}/a`);
    const watching = client.request({ ':path': `${CONFIG_MAPS}?watch=1`, ...bearer(to) });
    await once(watching, 'response');
    await to.until(() => to.requests.count({ verb: 'get' }) === 1);
    const closed = once(client, 'close');
    watching.on('error', () => undefined);
    to.cutConnections();
    await expect(hanging).rejects.toThrow('fetch failed');
    await closed;
    expect((await ask(to, CONFIG_MAPS)).status).toBe(200);
  });

  it('closes with the cluster, twice if need be', async () => {
    const to = await createCluster();
    const watching = await fetch(`${to.url}${CONFIG_MAPS}?watch=1`, { headers: bearer(to) });
    await Promise.all([to.close(), to.close()]);
    await expect(watching.text()).rejects.toThrow('terminated');
    await expect(ask(to, CONFIG_MAPS)).rejects.toThrow('fetch failed');
  });

  it('lets the process end after close', async () => {
    const script = `
      import { createCluster } from './lib/testing/index.ts';
      const cluster = await createCluster({ gcDelayMs: 60_000, podShutdownMs: 60_000 });
      const pod = cluster.createPod('a');
      cluster.until(() => false).catch(() => undefined);
      cluster.deletePod(pod, { gracePeriodSeconds: 30 });
      const headers = { authorization: 'Bearer ' + cluster.token() };
      await fetch(cluster.url + '/api/v1/pods?watch=1&allowWatchBookmarks=1', { headers });
      await cluster.close();
    `;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script]);
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(0);
  });
});

describe('the port with TLS', () => {
  it.override('options', { https: identity });

  it('negotiates HTTP/2 or HTTP/1.1 by ALPN', async ({ client, to }) => {
    const port = Number(new URL(to.url).port);
    const agreed = async (ALPNProtocols: string[]) => {
      const socket = connectTls({ port, host: '127.0.0.1', ca: identity.cert, ALPNProtocols });
      await once(socket, 'secureConnect');
      const { alpnProtocol } = socket;
      socket.destroy();
      return alpnProtocol;
    };
    expect(await agreed(['h2', 'http/1.1'])).toBe('h2');
    expect(await agreed(['http/1.1'])).toBe('http/1.1');
    const found = await askHttp2(client, { ':path': CONFIG_MAPS, ...bearer(to) });
    expect(found).toMatchObject({ status: 200, body: { kind: 'ConfigMapList' } });
  });
});
