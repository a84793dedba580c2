/** What is secret is planted wherever it can be read, and looked for wherever something is shown. */
import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { LeaderElector, LeaderHealthzAdaptor, LeaseLock } from '../../lib/index.ts';
import { systemClock } from '../../lib/platform/clock.ts';
import { Connection } from '../../lib/kubernetes/connection.ts';
import type { KubeConfigLike } from '../../lib/kubernetes/kube-config.ts';
import type { Environment } from '../../lib/kubernetes/environment.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import { createCluster } from '../../lib/testing/index.ts';
import { aPlatform } from '../life/platform.ts';
import { certificateFor } from '../support/certificate.ts';
import { Container } from '../support/container.ts';
import { type Handler, Server, TcpServer, certificate } from '../support/servers.ts';
import { HASTE, hasty } from './haste.ts';
import { property } from './runs.ts';
import { Witness, shown } from './witness.ts';

type Cluster = Parameters<KubeConfig['loadFromClusterAndUser']>[0];
type User = Parameters<KubeConfig['loadFromClusterAndUser']>[1];

/** Nobody else says this. */
const secret = (name: string) => `s3cret-${name}-p@ss/w%rd`;

const client = certificateFor('client', 'client');

/** Where a secret can be, and what is secret about it. */
interface Hideout {
  readonly secrets: readonly string[];
  readonly cluster?: Partial<Cluster>;
  readonly user?: Partial<User>;
  /** Of the server's URL. */
  readonly address?: (url: string) => string;
  readonly changes?: (config: KubeConfig) => KubeConfigLike;
}

/** A plugin that says this, and complains of what it was given. */
function plugin(
  said: string,
  args: readonly string[] = [],
  { status = 0, command = 'sh' } = {},
): Partial<User> {
  const script = `printf %s "$PLUGIN_SAYS"; echo "bad: $*, $PLUGIN_SECRET" >&2; exit ${status}`;
  const env = [
    { name: 'PLUGIN_SAYS', value: said },
    { name: 'PLUGIN_SECRET', value: secret('plugin-env') },
  ];
  const apiVersion = 'client.authentication.k8s.io/v1';
  return { exec: { apiVersion, command, env, args: ['-c', script, 'plugin', ...args] } };
}

const credential = (status: object) => plugin(JSON.stringify({ status }));

const base64 = (text: string) => Buffer.from(text).toString('base64');
const certData = base64(client.cert);
const bodyOf = (key: string) => key.replaceAll(/-----[^-]+-----|\s/g, '');
const escaped = (text: string) => [text, encodeURIComponent(text)];

const byUser = (user: Partial<User>, ...secrets: string[]): Hideout => ({ secrets, user });
const byPlugin = (user: Partial<User>, ...secrets: string[]): Hideout =>
  byUser(user, ...secrets, secret('plugin-env'));
const byServer = (address: (url: string) => string, ...secrets: string[]): Hideout => ({
  secrets,
  address,
});
const byProxy = (proxyUrl: string, ...secrets: string[]): Hideout => ({
  secrets,
  cluster: { proxyUrl },
});

/** Headers of a KubeConfig that a program has made itself. */
const byHeaders = (headers: Readonly<Record<string, string>>, ...secrets: string[]): Hideout => ({
  secrets,
  changes: (config) => ({
    getCurrentCluster: () => config.getCurrentCluster(),
    getCurrentContext: () => config.getCurrentContext(),
    getContextObject: (name) => config.getContextObject(name),
    applyToHTTPSOptions: async (options) => {
      await config.applyToHTTPSOptions(options);
      Object.assign(options, { headers });
    },
  }),
});

const broken = `${secret('broken')}\n\u0000${secret('broken')}`;
const argument = `--token=${secret('argument')}`;
const execKey = { clientCertificateData: client.cert, clientKeyData: secret('exec-key') };
const xSecret = { 'x-secret': secret('header') };

const hideouts: Readonly<Record<string, Hideout>> = {
  'a token': byUser({ token: secret('token') }, secret('token')),
  'a token that no header can carry': byUser({ token: broken }, secret('broken')),
  'a name and a password': byUser(
    { username: 'me', password: secret('password') },
    ...[secret('password'), `me:${secret('password')}`],
  ),
  'a key': byUser({ certData, keyData: base64(client.key) }, bodyOf(client.key).slice(0, 40)),
  'a key that is none': byUser({ certData, keyData: base64(secret('key')) }, secret('key')),
  'what a plugin says': byPlugin(credential({ token: secret('exec') }), secret('exec')),
  'a key from a plugin': byPlugin(credential(execKey), secret('exec-key')),
  'a plugin that says a token and no JSON': byPlugin(
    plugin(secret('plain')),
    secret('plain').slice(0, 9),
  ),
  'a plugin that says half of it': byPlugin(
    plugin(`{"status":{"token":"${secret('half')}`),
    secret('half').slice(-9),
  ),
  'a plugin that says nothing of a status': byPlugin(
    plugin(`{"token":"${secret('astray')}"}`),
    secret('astray'),
  ),
  'a plugin that is not there, with its arguments': byPlugin(
    plugin('', [argument], { command: '/nonexistent/plugin' }),
    secret('argument'),
  ),
  'a plugin that fails, with its arguments': byPlugin(
    plugin('', [argument], { status: 3 }),
    secret('argument'),
  ),
  'a proxy': byProxy(
    `http://me:${encodeURIComponent(secret('proxy'))}@127.0.0.1:9`,
    ...escaped(secret('proxy')),
  ),
  'a SOCKS proxy': byProxy(
    `socks5://me:${encodeURIComponent(secret('socks'))}@127.0.0.1:9`,
    ...escaped(secret('socks')),
  ),
  'a proxy whose URL is malformed': byProxy('http://me:s3cret-malformed@:::', 's3cret-malformed'),
  "the server's URL": byServer(
    (url) => url.replace('://', '://me:s3cret-server@'),
    's3cret-server',
  ),
  "the server's URL, which is not encrypted": byServer(
    () => 'http://me:s3cret-plain-server@127.0.0.1:1/?token=s3cret-query',
    ...['s3cret-plain-server', 's3cret-query'],
  ),
  "the server's URL, which is none": byServer(
    () => 'ftp://me:s3cret-no-url@:::/?token=s3cret-query#s3cret-query',
    ...['s3cret-no-url', 's3cret-query'],
  ),
  'a header of its own': byHeaders(xSecret, secret('header')),
  'a header of its own that nothing can carry': byHeaders(
    { ...xSecret, a: `\u0001${secret('header-name')}` },
    ...[secret('header'), secret('header-name')],
  ),
};

const status = (code: number, reason: string, message: string) =>
  JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message });

const answer =
  (code: number, body: string): Handler =>
  (_, response) => {
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(body);
  };

const handlers: Readonly<Record<string, Handler>> = {
  'does not know it': answer(401, status(401, 'Unauthorized', 'Unauthorized')),
  'forbids it': answer(403, status(403, 'Forbidden', 'leases is forbidden: User "me" cannot')),
  'finds nothing': answer(404, status(404, 'NotFound', 'not found')),
  'refuses it': answer(422, status(422, 'Invalid', 'invalid')),
  fails: answer(500, '<html>oops</html>'),
  'talks nonsense': answer(200, '{"metadata":'),
  'says what it was told': (request, response) => {
    const said = JSON.stringify(request.headers);
    const details = { causes: [{ reason: said }] };
    response.writeHead(403, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ kind: 'Status', code: 403, reason: said, message: said, details }),
    );
  },
  'breaks off': (_, response) => {
    response.destroy();
  },
};

/** All forms in which a secret can show up. */
function forms(text: string): string[] {
  const bare = [0, 1, 2].map((skip) => Buffer.from('\0'.repeat(skip) + text).toString('base64'));
  // Of what stands within other text, the middle is the same in one of three alignments.
  const middles = bare.map((encoded) => encoded.slice(4, -4)).filter(({ length }) => length >= 8);
  return [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1), ...middles];
}

const platformOf = (witness: Witness, environment: Environment, clock = hasty): Platform =>
  aPlatform({
    clock,
    environment,
    warn: witness.warn,
    connect: (credentials) => Promise.resolve(new Connection(credentials, clock, 'spec')),
  });

/** Every call there is, until it fails or was waited for; and what was to be seen of it. */
async function everything(
  platform: Platform,
  kubeConfig: KubeConfigLike | undefined,
  patienceMs = 20_000 / HASTE,
): Promise<unknown[]> {
  const given = { namespace: 'default', kubeConfig };
  const outcome = (promise: PromiseLike<unknown>) =>
    Promise.resolve(promise).catch((error: unknown) => error);
  const soon = () => AbortSignal.timeout(patienceMs);
  const states: unknown[] = [];
  const lock = new LeaseLock({ ...given, name: 'lease', identity: 'me' });
  const callbacks = { onStartedLeading: () => undefined, onStoppedLeading: () => undefined };
  const note = (name: string) => states.push(name);
  const metrics = { on: note, off: note, slowpathExercised: note };
  const health = new LeaderHealthzAdaptor(0);
  const config = { lock, callbacks, events: true, metrics, watchDog: health };
  const elector = new LeaderElector(config, platform);
  const first = async (holders: AsyncIterable<unknown>) => {
    for await (const holder of holders) return holder;
    return undefined;
  };
  const direct = kubeConfig ? [outcome(lock.get(soon()))] : [];
  const outcomes = await Promise.all([
    outcome(
      becomeOn(platform, 'lock', {
        ...given,
        podName: 'me',
        podUid: 'uid',
        guard: true,
        timeoutMs: 20_000,
        maxBackoffMs: 500,
        takeOverFromNotReadyNodeAfterMs: 1_000,
        onWaiting: (state) => states.push(state),
      }),
    ),
    outcome(leadOn(platform, 'lease', () => 1, { ...given, signal: soon(), events: true })),
    outcome(elector.run(soon())),
    outcome(first(observeLeaseIn(platform, 'lease', { ...given, signal: soon() }))),
    outcome(first(observeLockIn(platform, 'lock', { ...given, signal: soon() }))),
    ...direct,
  ]);
  const unhealthy = await outcome(Promise.resolve().then(() => health.check()));
  return [...outcomes, ...states, unhealthy, health, lock, elector];
}

/** Fails where any of it is anywhere. */
function expectNothing(secrets: readonly string[], witness: Witness, seen: readonly unknown[]) {
  const all = [...witness.lines, ...witness.warnings, ...seen.flatMap(shown)];
  for (const needle of secrets.flatMap(forms)) {
    expect(
      all.filter((text) => text.includes(needle)),
      needle,
    ).toEqual([]);
  }
  return all;
}

function configOf(url: string, hideout: Hideout): KubeConfigLike {
  const config = new KubeConfig();
  const server = hideout.address?.(url) ?? url;
  const cluster = { name: 'c', server, skipTLSVerify: false, caData: base64(certificate.cert) };
  config.loadFromClusterAndUser(
    { ...cluster, ...hideout.cluster },
    { name: 'me', ...hideout.user },
  );
  return hideout.changes?.(config) ?? config;
}

/** Makes every call, against a server with each of the handlers. */
async function everywhere(witness: Witness, act: (port: number) => Promise<unknown[]>) {
  const seen = Object.values(handlers).map(async (handler) => {
    await using server = await Server.start('h2', { handler });
    return await act(server.port);
  });
  const all = (await Promise.all(seen)).flat();
  expect(witness.lines.length).toBeGreaterThan(20);
  return all;
}

/** Every call with a kubeConfig that hides something. */
async function callsOf(witness: Witness, url: string, hideout: Hideout): Promise<unknown[]> {
  using container = new Container();
  return await everything(platformOf(witness, container), configOf(url, hideout));
}

describe.each(Object.entries(hideouts))('%s', (name, hideout) => {
  property('is shown to nobody, whatever the API server does', 1, [], async () => {
    using witness = new Witness();
    const seen = await everywhere(witness, (port) =>
      callsOf(witness, `https://127.0.0.1:${port}`, hideout),
    );
    expectNothing(hideout.secrets, witness, seen);
  });

  property('is shown to nobody where no API server is', 1, [], async () => {
    using witness = new Witness();
    await using rude = await TcpServer.start((socket) => socket.destroy());
    const seen = await callsOf(witness, `https://127.0.0.1:${rude.port}`, hideout);
    expectNothing(hideout.secrets, witness, seen);
  });

  if (!['a token', 'a name and a password', 'a header of its own'].includes(name)) return;
  property('is shown to nobody by a server that echoes what is no HTTP then', 1, [], async () => {
    using witness = new Witness();
    await using parrot = await TcpServer.start((socket) => {
      socket.once('data', (bytes) => socket.end(bytes));
    });
    const plain = { ...hideout, cluster: { ...hideout.cluster, skipTLSVerify: true } };
    const seen = await callsOf(witness, `http://127.0.0.1:${parrot.port}`, plain);
    expect(expectNothing(hideout.secrets, witness, seen).join()).toContain('Parse Error');
  });
});

describe("a service account's token", () => {
  for (const token of [secret('mounted'), `${secret('mounted')}\n\u0000${secret('mounted')}`]) {
    property(`(${JSON.stringify(token)}) is shown to nobody`, 1, [], async () => {
      using witness = new Witness();
      const seen = await everywhere(witness, async (port) => {
        const host = { KUBERNETES_SERVICE_HOST: '127.0.0.1' };
        const variables = { ...host, KUBERNETES_SERVICE_PORT: String(port) };
        using container = new Container({ token, 'ca.crt': certificate.cert }, variables);
        return await everything(platformOf(witness, container), undefined);
      });
      expectNothing([secret('mounted')], witness, seen);
    });
  }
});

property('the token gets into no lock, no Lease and no Event', 1, [], async () => {
  using witness = new Witness();
  using container = new Container();
  await using cluster = await createCluster();
  const stored: unknown[] = [];
  const kinds = new Set<unknown>();
  cluster.onChange(({ after }) => {
    stored.push(after);
    kinds.add(after?.kind);
  });
  cluster.createPod('me');
  // In no haste: what is stored has to be stored in time.
  const platform = platformOf(witness, container, systemClock);
  const seen = await everything(platform, cluster.kubeConfig(), 5_000);
  expectNothing([cluster.token()], witness, [...seen, ...stored, ...cluster.requests]);
  expect([...kinds]).toEqual(expect.arrayContaining(['ConfigMap', 'Lease', 'Event']));
});
