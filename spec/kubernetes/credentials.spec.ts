import { mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { spawn } from 'node:child_process';
import { hasSubscribers } from 'node:diagnostics_channel';

import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  type Credentials,
  checkKubeConfig,
  userCredentials,
} from '../../lib/kubernetes/credentials.ts';
import { serviceAccountCredentials } from '../../lib/kubernetes/service-account.ts';
import type { KubeConfigLike } from '../../lib/kubernetes/kube-config.ts';
import { until } from '../support/connections.ts';
import { Container } from '../support/container.ts';
import { PluginFolder as Folder, isAlive } from '../support/plugins.ts';

type Cluster = Parameters<KubeConfig['loadFromClusterAndUser']>[0];
type User = Parameters<KubeConfig['loadFromClusterAndUser']>[1];

const SERVER = 'https://10.0.0.1:6443';

function kubeConfig(cluster: Partial<Cluster> = {}, user: Partial<User> = {}): KubeConfig {
  const config = new KubeConfig();
  const usual = { name: 'prod', server: SERVER, skipTLSVerify: false };
  config.loadFromClusterAndUser({ ...usual, ...cluster }, { name: 'me', ...user });
  return config;
}

const access = (cluster?: Partial<Cluster>, user?: Partial<User>) =>
  userCredentials(kubeConfig(cluster, user)).access();

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a KubeConfig', () => {
  it.each([
    'https://10.0.0.1:6443',
    'https://example.com/k8s/clusters/c-1',
    'https://[fd00::1]:6443',
    'HTTPS://EXAMPLE.COM',
  ])('leads to %s', (server) => {
    expect(checkKubeConfig(kubeConfig({ server })).href).toBe(new URL(server).href);
  });

  it('leads nowhere without a cluster', () => {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [],
      users: [],
      contexts: [{ name: 'prod', cluster: 'missing', user: 'me' }],
      currentContext: 'prod',
    });
    expect(() => checkKubeConfig(config)).toThrow(
      expect.objectContaining({
        code: 'ERR_KUBECONFIG',
        message:
          `The kubeConfig's current context "prod" names no cluster. Load one with ` +
          'loadFromDefault(), or choose a context with setCurrentContext().',
      }) as Error,
    );
  });

  it('leads nowhere if it was never loaded', () => {
    expect(() => checkKubeConfig(new KubeConfig())).toThrow(
      expect.objectContaining({ code: 'ERR_KUBECONFIG' }) as Error,
    );
  });

  it.each([undefined, null, 1n, Symbol('server'), Object.create(null) as unknown, ['x']])(
    'leads nowhere with a server that is no text: %s',
    (server) => {
      const cluster = { name: 1n, server } as unknown as { server: string };
      expect(() => checkKubeConfig(kubeConfig(cluster))).toThrow(
        expect.objectContaining({ code: 'ERR_KUBECONFIG' }) as Error,
      );
    },
  );

  it.each(['', '10.0.0.1:6443', 'localhost', 'ftp://example.com', 'unix:///run/api.sock'])(
    'leads nowhere with the server %j',
    (server) => {
      expect(() => checkKubeConfig(kubeConfig({ server }))).toThrow(
        expect.objectContaining({
          code: 'ERR_KUBECONFIG',
          message:
            `The kubeConfig's cluster "prod" has the server ${JSON.stringify(server)}, ` +
            'which is no http or https URL.',
        }) as Error,
      );
    },
  );

  it('leads nowhere if no kubeconfig was found', () => {
    vi.stubEnv('KUBECONFIG', '');
    for (const name of ['HOME', 'HOMEPATH', 'USERPROFILE']) vi.stubEnv(name, '/nonexistent');
    const config = new KubeConfig();
    config.loadFromDefault();
    vi.unstubAllEnvs();
    expect(() => checkKubeConfig(config)).toThrow(
      expect.objectContaining({
        code: 'ERR_KUBECONFIG',
        message:
          "No kubeconfig was found, so the kubeConfig has client-node's default server, " +
          'http://localhost:8080. loadFromDefault() looks for the files that KUBECONFIG names, for ' +
          "~/.kube/config and for a Pod's service account. Set KUBECONFIG, or name the file with " +
          'loadFromFile().',
      }) as Error,
    );
  });

  it('goes without encryption only if that is meant', () => {
    const server = 'http://127.0.0.1:8001';
    expect(() => checkKubeConfig(kubeConfig({ server }))).toThrow(
      expect.objectContaining({
        code: 'ERR_KUBECONFIG',
        message:
          `The kubeConfig's server ${server} is not encrypted. If that is meant, set ` +
          'skipTLSVerify (insecure-skip-tls-verify) on the cluster, as client-node demands.',
      }) as Error,
    );
    expect(checkKubeConfig(kubeConfig({ server, skipTLSVerify: true })).href).toBe(`${server}/`);
  });
});

describe('access by a KubeConfig', () => {
  it('is nothing but the server for nobody in particular', async () => {
    const { server, ...rest } = await access();
    expect(server).toEqual(new URL(SERVER));
    expect(rest).toStrictEqual({ headers: {}, tls: {} });
  });

  it('fails if it leads nowhere', async () => {
    await expect(access({ server: 'nowhere' })).rejects.toMatchObject({ code: 'ERR_KUBECONFIG' });
  });

  it('shows the token', async () => {
    const { headers } = await access({}, { token: 'secret' });
    expect(headers).toEqual({ authorization: 'Bearer secret' });
  });

  it('shows the password', async () => {
    const { headers } = await access({}, { username: 'alice', password: 'pässword' });
    expect(headers).toEqual({ authorization: `Basic ${base64('alice:pässword')}` });
  });

  it('shows for whom it acts', async () => {
    const { headers } = await access({}, { token: 'secret', impersonateUser: 'alice' });
    expect(headers).toEqual({ authorization: 'Bearer secret', 'impersonate-user': 'alice' });
  });

  it('shows the certificate, and knows what to expect of the server', async () => {
    const { tls } = await access(
      { caData: base64('ca'), tlsServerName: 'kubernetes' },
      { certData: base64('cert'), keyData: base64('key') },
    );
    expect(tls).toEqual({
      ca: Buffer.from('ca'),
      cert: Buffer.from('cert'),
      key: Buffer.from('key'),
      servername: 'kubernetes',
    });
  });

  it('trusts anybody if told so', async () => {
    const { tls } = await access({ skipTLSVerify: true });
    expect(tls).toEqual({ rejectUnauthorized: false });
  });

  it('hands on whatever else TLS can be told', async () => {
    const config = kubeConfig();
    vi.spyOn(config, 'applyToHTTPSOptions').mockImplementation((options) => {
      Object.assign(options, { pfx: 'pfx', passphrase: 'phrase', timeout: 7, agent: false });
      Object.assign(options, { headers: { 'X-Empty': undefined, 'X-Number': 7 } });
      return Promise.resolve();
    });
    const { server: _, ...rest } = await userCredentials(config).access();
    expect(rest).toEqual({
      headers: { 'x-number': '7' },
      tls: { pfx: 'pfx', passphrase: 'phrase' },
    });
  });

  it('goes through a proxy if there is one', async () => {
    expect(await access()).not.toHaveProperty('proxyAgent');
    const { proxyAgent } = await access({ proxyUrl: 'http://proxy:3128' });
    expect(proxyAgent).toHaveProperty('proxy', new URL('http://proxy:3128'));
  });

  it('has no proxy where client-node gives no agent', async () => {
    const config = kubeConfig({ proxyUrl: 'http://proxy:3128' });
    vi.spyOn(config, 'applyToHTTPSOptions').mockResolvedValue();
    expect(await userCredentials(config).access()).not.toHaveProperty('proxyAgent');
  });

  it('asks a plugin', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'secret', clientCertificateData: 'cert', clientKeyData: 'key' },
    };
    const script = `console.log(${JSON.stringify(JSON.stringify(credential))})`;
    const exec = { command: process.execPath, args: ['-e', script] };
    const { headers, tls } = await access({}, { exec });
    expect(headers).toEqual({ authorization: 'Bearer secret' });
    expect(tls).toEqual({ cert: 'cert', key: 'key' });
  });

  it('fails with the plugin', async () => {
    const exec = {
      command: process.execPath,
      args: ['-e', 'console.error("no login"), process.exit(1)'],
    };
    await expect(access({}, { exec })).rejects.toThrow(
      /^there are no credentials: the kubeConfig or its plugin fails; kubectl tells why$/,
    );
  });

  it('is asked for anew each time, and refreshed by whoever made the KubeConfig', async () => {
    const config = kubeConfig({}, { token: 'old' });
    const credentials = userCredentials(config);
    const refused = await credentials.access();
    config.loadFromClusterAndUser(
      { name: 'prod', server: SERVER, skipTLSVerify: false },
      { name: 'me', token: 'new' },
    );
    await expect(credentials.refresh(refused)).resolves.toBeUndefined();
    const { headers } = await credentials.access();
    expect(headers).toEqual({ authorization: 'Bearer new' });
  });
});

describe('access that the API server refuses', () => {
  const folder = new Folder();
  const { exec } = folder;

  afterAll(() => {
    folder[Symbol.dispose]();
  });

  const authorization = async (credentials: Credentials) =>
    (await credentials.access()).headers['authorization'];

  const sources: [string, () => Partial<User>][] = [
    ['a plugin', () => ({ exec })],
    ['a plugin of an auth provider', () => ({ authProvider: { name: 'x', config: { exec } } })],
    [
      'a plugin that states an expiry',
      () => ({ exec: { ...exec, env: [{ name: 'EXPIRY', value: '2100-01-01T00:00:00Z' }] } }),
    ],
    ['a file', () => ({ authProvider: { name: 'x', config: { tokenFile: folder.tokenFile } } })],
  ];

  it.each(sources)('is had anew from its source: %s', async (_, user) => {
    const config = kubeConfig({}, user());
    const credentials = userCredentials(config);
    folder.next();
    const refused = await credentials.access();
    folder.next();
    await credentials.refresh(refused);
    const next = await credentials.access();
    expect(next.headers['authorization']).toMatch(/^Bearer token-/);
    expect(next.headers).not.toEqual(refused.headers);
    expect(next.server).toEqual(refused.server);
    // What is told late of the old one says nothing of the new one.
    folder.next();
    await credentials.refresh(refused);
    await credentials.refresh(next);
    await credentials.refresh(next);
    const last = await authorization(credentials);
    expect(last).not.toBe(next.headers['authorization']);
    await credentials.refresh(next);
    folder.next();
    if (JSON.stringify(config.getCurrentUser()).includes('EXPIRY'))
      expect(await authorization(credentials)).toBe(last);
  });

  it('comes from the context that is chosen meanwhile', async () => {
    const config = kubeConfig({}, { exec });
    config.addUser({ name: 'other', token: 'of the other' });
    config.addContext({ name: 'other', cluster: 'prod', user: 'other' });
    const credentials = userCredentials(config);
    await credentials.refresh(await credentials.access());
    config.setCurrentContext('other');
    expect(await authorization(credentials)).toBe('Bearer of the other');
  });

  it('is left to an object that is less than a KubeConfig', async () => {
    const config = kubeConfig({}, { exec });
    const less: KubeConfigLike = {
      getCurrentCluster: () => config.getCurrentCluster(),
      getCurrentContext: () => config.getCurrentContext(),
      getContextObject: (name) => config.getContextObject(name),
      applyToHTTPSOptions: (options) => config.applyToHTTPSOptions(options),
    };
    const credentials = userCredentials(less);
    await credentials.refresh(await credentials.access());
    expect(await authorization(credentials)).toMatch(/^Bearer token-/);
  });

  it('is left to the authenticators that the app has added', async () => {
    const config = kubeConfig({}, { authProvider: { name: 'ours', config: {} } });
    let asked = 0;
    config.addAuthenticator({
      isAuthProvider: () => true,
      applyAuthentication: (_: unknown, options: { headers?: object }) => {
        options.headers = { Authorization: `Bearer own-${(asked += 1)}` };
        return Promise.resolve();
      },
    });
    const credentials = userCredentials(config);
    await credentials.refresh(await credentials.access());
    expect(await authorization(credentials)).toBe('Bearer own-2');
  });
});

describe('a plugin that hangs', () => {
  it('is ended when nobody waits any more, and no other process is', async () => {
    using folder = new Folder();
    const credentials = userCredentials(kubeConfig({}, { exec: folder.hanging }));
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const controller = new AbortController();
    const failure = credentials.access(controller.signal).catch((error: unknown) => error);
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const [pid] = await folder.pids(1);
    expect(isAlive(pid)).toBe(true);
    controller.abort();
    await until(() => !isAlive(pid));
    expect(await failure).toBeInstanceOf(Error);
    expect([other.exitCode, other.signalCode]).toEqual([null, null]);
    expect([bystander.exitCode, bystander.signalCode]).toEqual([null, null]);
    other.kill();
    bystander.kill();
  });

  it('is not listened for any more than it has to be', async () => {
    using folder = new Folder();
    const credentials = userCredentials(kubeConfig({}, { exec: folder.exec }));
    await credentials.access();
    expect(hasSubscribers('child_process')).toBe(false);
  });
});

describe('access by a service account', () => {
  let container: Container;

  beforeEach(() => {
    container = new Container(
      { token: 'first', 'ca.crt': 'ca', namespace: 'prod\n' },
      { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' },
    );
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) });
  });

  afterEach(() => {
    container[Symbol.dispose]();
    vi.useRealTimers();
  });

  const HOUR = 3_600_000;

  it('shows the token of its file, and trusts the CA of its file', async () => {
    const credentials = serviceAccountCredentials(container);
    await expect(credentials.access()).resolves.toEqual({
      server: new URL('https://10.0.0.1:443'),
      headers: { authorization: 'Bearer first' },
      tls: { ca: 'ca' },
    });
  });

  it.each(['fd00::1', '::1', '::ffff:10.0.0.1'])(
    'trap 13: finds an IPv6 host: %s',
    async (host) => {
      container.variables['KUBERNETES_SERVICE_HOST'] = host;
      const credentials = serviceAccountCredentials(container);
      const { server } = await credentials.access();
      expect(server.href).toBe(new URL(`https://[${host}]:443`).href);
    },
  );

  it.each(['first\n', 'first\r\n'])(
    'trap 13: passes over the newline after a token: %j',
    async (token) => {
      container.write('token', token);
      const credentials = serviceAccountCredentials(container);
      const { headers } = await credentials.access();
      expect(headers).toEqual({ authorization: 'Bearer first' });
    },
  );

  it('is read once for all elections that start at the same time', async () => {
    const elections = Array.from({ length: 3 }, () => serviceAccountCredentials(container));
    const [first, ...others] = await Promise.all(elections.map((one) => one.access()));
    for (const other of others) expect(other).toBe(first);
  });

  it('follows the environment to another API server', async () => {
    await serviceAccountCredentials(container).access();
    container.variables['KUBERNETES_SERVICE_HOST'] = '10.0.0.2';
    const { server } = await serviceAccountCredentials(container).access();
    expect(server.hostname).toBe('10.0.0.2');
  });

  it('notices at once that the token was rotated', async () => {
    const credentials = serviceAccountCredentials(container);
    await credentials.access();
    container.write('token', 'second');
    const { headers } = await credentials.access();
    expect(headers).toEqual({ authorization: 'Bearer second' });
  });

  it.each([
    ['stands still', 0],
    ['jumps back', -2 * HOUR],
    ['jumps ahead', 2 * HOUR],
  ])(
    'trap 13: reads the token anew when refreshed, although the wall clock %s',
    async (_, jump) => {
      const credentials = serviceAccountCredentials(container);
      const refused = await credentials.access();
      container.write('token', 'second');
      vi.setSystemTime(Date.now() + jump);
      await credentials.refresh(refused);
      const { headers } = await credentials.access();
      expect(headers).toEqual({ authorization: 'Bearer second' });
    },
  );

  it('notices a new CA at once', async () => {
    const credentials = serviceAccountCredentials(container);
    await credentials.access();
    container.write('ca.crt', 'new ca');
    const { tls } = await credentials.access();
    expect(tls).toEqual({ ca: 'new ca' });
  });

  it('goes on with what it had while a file is missing or empty', async () => {
    const credentials = serviceAccountCredentials(container);
    const first = await credentials.access();
    container.remove('token');
    await expect(credentials.access()).resolves.toBe(first);
    container.write('token', '');
    await credentials.refresh(first);
    await expect(credentials.access()).resolves.toBe(first);
    container.write('token', 'second');
    const { headers } = await credentials.access();
    expect(headers).toEqual({ authorization: 'Bearer second' });
  });

  it('goes on with what it had while a file cannot be looked at', async () => {
    const credentials = serviceAccountCredentials(container);
    const first = await credentials.access();
    container.remove('token');
    symlinkSync('token', container.path('token'));
    await expect(credentials.access()).resolves.toBe(first);
  });

  it('says what is missing where there was never a token', async () => {
    container.remove('token');
    const error = serviceAccountCredentials(container).access();
    await expect(error).rejects.toThrow(/^there are no credentials: ENOENT.*token/);
  });

  it('follows the links by which Kubernetes replaces the files', async () => {
    const folder = dirname(container.path('token'));
    for (const version of ['1', '2']) {
      mkdirSync(join(folder, version));
      // Of the same size and, as far as anybody can tell, of the same time.
      writeFileSync(join(folder, version, 'token'), `token${version}`);
      utimesSync(join(folder, version, 'token'), 1, 1);
    }
    container.remove('token');
    symlinkSync('1', join(folder, '..data'));
    symlinkSync('..data/token', container.path('token'));
    const credentials = serviceAccountCredentials(container);
    const before = await credentials.access();
    symlinkSync('2', join(folder, '..new'));
    renameSync(join(folder, '..new'), join(folder, '..data'));
    const after = await credentials.access();
    expect([before, after].map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer token1',
      'Bearer token2',
    ]);
  });

  it('are fresh for ten seconds after a look at the files, unless they are refused', async () => {
    const credentials = serviceAccountCredentials(container);
    expect(credentials.fresh?.()).toBeUndefined();
    const first = await credentials.access();
    container.write('token', 'second');
    vi.spyOn(performance, 'now').mockReturnValueOnce(performance.now() + 9_000);
    expect(credentials.fresh?.()).toBe(first);
    vi.spyOn(performance, 'now').mockReturnValueOnce(performance.now() + 11_000);
    expect(credentials.fresh?.()).toBeUndefined();
    await credentials.refresh(first);
    expect(credentials.fresh?.()).toBeUndefined();
    const second = await credentials.access();
    expect(credentials.fresh?.()).toBe(second);
    expect(second.headers).toEqual({ authorization: 'Bearer second' });
  });

  it('does not read what has not changed', async () => {
    const credentials = serviceAccountCredentials(container);
    const first = await credentials.access();
    await expect(credentials.access()).resolves.toBe(first);
  });
});
