import type { TLSSocket } from 'node:tls';

import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { Connection } from '../../lib/kubernetes/connection.ts';
import { type Credentials, userCredentials } from '../../lib/kubernetes/credentials.ts';
import { serviceAccountCredentials } from '../../lib/kubernetes/service-account.ts';
import { certificateFor } from '../support/certificate.ts';
import { failureOf, textOf, until, urlOf } from '../support/connections.ts';
import { Container } from '../support/container.ts';
import { PluginFolder, isAlive } from '../support/plugins.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Server, TcpServer, certificate, connectProxy, socksProxy } from '../support/servers.ts';

type Cluster = Parameters<KubeConfig['loadFromClusterAndUser']>[0];
type User = Parameters<KubeConfig['loadFromClusterAndUser']>[1];

const base64 = (text: string) => Buffer.from(text).toString('base64');

const clusterOf = (server: string): Cluster => {
  return { name: 'prod', server, skipTLSVerify: false, caData: base64(certificate.cert) };
};

function credentialsOf(server: string, cluster: Partial<Cluster>, user: Partial<User>) {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ ...clusterOf(server), ...cluster }, { name: 'me', ...user });
  return userCredentials(config);
}

const connect = (credentials: Credentials) =>
  new Connection(credentials, new ManualClock(), 'spec/1.0');
const get = { method: 'GET', path: '/x' } as const;
const never = new AbortController().signal;

async function fetchOnce(credentials: Credentials): Promise<string> {
  const connection = connect(credentials);
  try {
    return await textOf(await connection.send(get, never));
  } finally {
    connection.close();
  }
}

describe('a kubeConfig', () => {
  it.each([
    ['h2', 'https', '2.0'],
    ['http', 'http', '1.1'],
  ] as const)('sends its token over %s', async (protocol, scheme, httpVersion) => {
    await using server = await Server.start(protocol);
    const cluster = { skipTLSVerify: scheme === 'http' };
    await fetchOnce(credentialsOf(urlOf(server, scheme), cluster, { token: 'secret' }));
    const headers = { authorization: 'Bearer secret' };
    expect(server.requests[0]).toMatchObject({ httpVersion, headers });
  });

  it('sends the certificate of its plugin, and a new one once there is one', async () => {
    const names: unknown[] = [];
    await using server = await Server.start('h2', {
      requestCert: true,
      handler: ({ socket, headers }, response) => {
        names.push((socket as TLSSocket).getPeerCertificate().subject.CN, headers.authorization);
        response.end('{}');
      },
    });
    const plugin = (name: string): Partial<User> => {
      const { cert, key } = certificateFor(name);
      const status = { token: name, clientCertificateData: cert, clientKeyData: key };
      const script = `console.log(${JSON.stringify(JSON.stringify({ status }))})`;
      return { exec: { command: process.execPath, args: ['-e', script] } };
    };
    const config = new KubeConfig();
    const cluster = clusterOf(urlOf(server));
    const load = (name: string) =>
      config.loadFromClusterAndUser(cluster, { name, ...plugin(name) });
    const connection = connect(userCredentials(config));
    for (const name of ['first', 'first', 'second']) {
      if (name !== config.getCurrentUser()?.name) load(name);
      await textOf(await connection.send(get, never));
    }
    expect(names).toEqual([
      ...['first', 'Bearer first'],
      ...['first', 'Bearer first'],
      ...['second', 'Bearer second'],
    ]);
    expect(server.connections).toBe(2);
    connection.close();
  });

  it('asks its plugin again after a 401, once for all that were refused', async () => {
    using plugins = new PluginFolder();
    let valid = plugins.next();
    await using server = await Server.start('h2', {
      handler: ({ headers }, response) => {
        response.statusCode = headers.authorization === `Bearer ${valid}` ? 200 : 401;
        response.end('{}');
      },
    });
    // In version 1.4, client-node asks a plugin that states no expiry for every request.
    const env = [{ name: 'EXPIRY', value: '2100-01-01T00:00:00Z' }];
    const credentials = credentialsOf(urlOf(server), {}, { exec: { ...plugins.exec, env } });
    const connection = connect(credentials);
    const statuses = async () => {
      const answers = await Promise.all([connection.send(get, never), connection.send(get, never)]);
      return answers.map(({ status }) => status);
    };
    expect(await statuses()).toEqual([200, 200]);
    valid = plugins.next();
    expect(await statuses()).toEqual([401, 401]);
    expect(await statuses()).toEqual([200, 200]);
    expect(plugins.started).toHaveLength(2);
    connection.close();
  });

  it('runs one plugin that hangs, until the connection is closed', async () => {
    using plugins = new PluginFolder();
    const connection = connect(credentialsOf('https://127.0.0.1:1', {}, { exec: plugins.hanging }));
    const failures = [];
    for (let tries = 0; tries < 3; tries += 1) {
      const controller = new AbortController();
      failures.push(failureOf(connection.send(get, controller.signal)));
      await plugins.pids(1);
      controller.abort('too late');
    }
    expect(await Promise.all(failures)).toEqual(['too late', 'too late', 'too late']);
    connection.close();
    const [pid] = plugins.started;
    await until(() => !isAlive(pid));
    expect(plugins.started).toHaveLength(1);
  });

  const proxies = [
    ['a proxy', connectProxy, 'tunnels'],
    ['SOCKS', socksProxy, 'targets'],
  ] as const;
  it.each(
    (['http', 'https', 'h2'] as const).flatMap((protocol) =>
      proxies.map((proxy) => [protocol, ...proxy] as const),
    ),
  )('sends %s through %s', async (protocol, _, open, reached) => {
    await using server = await Server.start(protocol);
    await using proxy = await open();
    const scheme = protocol === 'http' ? 'http' : 'https';
    const cluster = { proxyUrl: proxy.url, skipTLSVerify: protocol === 'http' };
    const credentials = credentialsOf(urlOf(server, scheme), cluster, { token: 'secret' });
    await expect(fetchOnce(credentials)).resolves.toBe('{}');
    const targets = (proxy as Partial<Record<typeof reached, string[]>>)[reached];
    expect(targets).toEqual([`127.0.0.1:${server.port}`]);
    expect(server.requests[0]?.headers.authorization).toBe('Bearer secret');
  });

  it('ends requests through a proxy when the connection is closed', async () => {
    await using server = await Server.start('https');
    await using proxy = await connectProxy();
    const connection = connect(credentialsOf(urlOf(server), { proxyUrl: proxy.url }, {}));
    const sent = failureOf(connection.send(get, never));
    await server.next();
    connection.close();
    expect(await sent).toBeInstanceOf(Error);
    await server.left(0);
  });

  it('gives a request up while its proxy opens no tunnel', async () => {
    await using proxy = await TcpServer.start((socket) => socket.resume());
    const proxyUrl = `http://127.0.0.1:${proxy.port}`;
    const connection = connect(credentialsOf('https://127.0.0.1:1', { proxyUrl }, {}));
    const controller = new AbortController();
    const asked = proxy.next();
    const sent = failureOf(connection.send(get, controller.signal));
    await asked;
    controller.abort('too late');
    expect(await sent).toBe('too late');
    const closed = failureOf(connection.send(get, never));
    await proxy.next();
    connection.close();
    expect(await closed).toMatchObject({ message: 'the connection was closed' });
  });

  it.each([false, true])(
    'does not wait for a tunnel for ever (agent used before: %s)',
    async (isUsed) => {
      await using proxy = await TcpServer.start((socket) => socket.resume());
      const config = new KubeConfig();
      const proxyUrl = `http://127.0.0.1:${proxy.port}`;
      config.loadFromClusterAndUser(
        { ...clusterOf('https://127.0.0.1:1'), proxyUrl },
        { name: 'me' },
      );
      if (isUsed) await config.applyToHTTPSOptions({});
      const { proxyAgent } = await userCredentials(config).access();
      expect(proxyAgent).toMatchObject({ options: { timeout: 10_000 } });
    },
  );

  it('sends a certificate whose file was replaced, through a proxy, too', async () => {
    const names: unknown[] = [];
    await using server = await Server.start('https', {
      requestCert: true,
      handler: ({ socket }, response) => {
        names.push((socket as TLSSocket).getPeerCertificate().subject.CN);
        response.end('{}');
      },
    });
    await using proxy = await connectProxy();
    using folder = new Container({});
    const [certFile, keyFile] = [folder.path('cert'), folder.path('key')];
    const write = (name: string) => {
      const { cert, key } = certificateFor(name);
      folder.write('cert', cert);
      folder.write('key', key);
    };
    write('first');
    const cluster = { proxyUrl: proxy.url };
    const connection = connect(credentialsOf(urlOf(server), cluster, { certFile, keyFile }));
    await textOf(await connection.send(get, never));
    write('second');
    await textOf(await connection.send(get, never));
    expect(names).toEqual(['first', 'second']);
    connection.close();
  });

  it('verifies the certificate behind a proxy', async () => {
    await using server = await Server.start('https');
    await using proxy = await connectProxy();
    const caData = base64(certificateFor('somebody else', '127.0.0.1').cert);
    const credentials = credentialsOf(urlOf(server), { proxyUrl: proxy.url, caData }, {});
    expect(await failureOf(fetchOnce(credentials))).toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    expect(server.requests).toEqual([]);
  });

  it('rejects if its proxy is not there', async () => {
    await using server = await Server.start('https');
    const proxy = await connectProxy();
    await proxy[Symbol.asyncDispose]();
    const credentials = credentialsOf(urlOf(server), { proxyUrl: proxy.url }, {});
    expect(await failureOf(fetchOnce(credentials))).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe("a Pod's service account", () => {
  let container: Container;

  beforeEach(() => {
    container = new Container({ token: 'first', 'ca.crt': certificate.cert, namespace: 'prod' });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) });
  });

  afterEach(() => {
    container[Symbol.dispose]();
    vi.unstubAllEnvs();
    vi.useRealTimers();
  });

  /** An API server that knows one token, and how a Pod finds it. */
  async function apiServer(tokens: { valid: string }, host = '127.0.0.1') {
    const server = await Server.start('h2', {
      host,
      handler: ({ headers }, response) => {
        response.statusCode = headers.authorization === `Bearer ${tokens.valid}` ? 200 : 401;
        response.end('{}');
      },
    });
    container.variables['KUBERNETES_SERVICE_HOST'] = host;
    container.variables['KUBERNETES_SERVICE_PORT'] = String(server.port);
    return server;
  }

  const HOUR = 3_600_000;

  it.each([
    ['stands still', 0],
    ['jumps back', -2 * HOUR],
    ['jumps ahead', 2 * HOUR],
  ])('trap 13: reads a rotated token again while the wall clock %s', async (_, jump) => {
    const tokens = { valid: 'first' };
    await using server = await apiServer(tokens);
    const clock = new ManualClock();
    const connection = new Connection(serviceAccountCredentials(container), clock, 'spec');
    const api = new Api(connection, clock);
    const ask = () => api.request(get, (answer) => answer);
    await ask();
    tokens.valid = 'second';
    container.write('token', 'second');
    vi.setSystemTime(Date.now() + jump);
    const retries: string[] = [];
    const asked = api.retry(ask, {
      maxBackoffMs: 0.001,
      onRetry: ({ message }) => {
        retries.push(message);
        void clock.advance(1);
      },
    });
    await expect(asked).resolves.toEqual({});
    expect(retries.length).toBeLessThanOrEqual(1);
    expect(server.requests.at(-1)?.headers.authorization).toBe('Bearer second');
    expect(server.connections).toBe(1);
    connection.close();
  });

  it('keeps its token out of errors', async () => {
    await using server = await apiServer({ valid: 'another' });
    const clock = new ManualClock();
    const connection = new Connection(serviceAccountCredentials(container), clock, 'spec');
    const error = await failureOf(new Api(connection, clock).request(get, (answer) => answer));
    expect(error).toMatchObject({
      status: 401,
      message: 'GET /x: 401: {}',
    });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('first');
    expect(server.requests).toHaveLength(1);
    connection.close();
  });
});
