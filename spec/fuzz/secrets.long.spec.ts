/** What is secret is planted wherever it can be read, and looked for wherever something is shown. */
import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { LeaderElector, LeaderHealthzAdaptor, LeaseLock } from '../../lib/index.ts';
import { Connection } from '../../lib/kubernetes/connection.ts';
import type { KubeConfigLike } from '../../lib/kubernetes/kube-config.ts';
import type { Environment } from '../../lib/kubernetes/environment.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import { Elections } from '../../lib/platform/elections.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import { createCluster } from '../../lib/testing/index.ts';
import { certificateFor } from '../support/certificate.ts';
import { Container } from '../support/container.ts';
import { type Handler, Server, TcpServer, certificate } from '../support/servers.ts';
import { HASTE, hasty } from './haste.ts';
import { PATIENCE_MS } from './runs.ts';
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

/** A KubeConfig that a program has made itself. */
function withHeaders(headers: Readonly<Record<string, string>>) {
  return (config: KubeConfig): KubeConfigLike => ({
    getCurrentCluster: () => config.getCurrentCluster(),
    getCurrentContext: () => config.getCurrentContext(),
    getContextObject: (name) => config.getContextObject(name),
    applyToHTTPSOptions: async (options) => {
      await config.applyToHTTPSOptions(options);
      Object.assign(options, { headers });
    },
  });
}

/** A plugin that says this, and complains of what it was given. */
function plugin(said: string, args: readonly string[] = [], status = 0): Partial<User> {
  const script = `printf %s "$PLUGIN_SAYS"; echo "bad: $*, $PLUGIN_SECRET" >&2; exit ${status}`;
  const env = [
    { name: 'PLUGIN_SAYS', value: said },
    { name: 'PLUGIN_SECRET', value: secret('plugin-env') },
  ];
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', env };
  return { exec: { ...exec, args: ['-c', script, 'plugin', ...args] } };
}

const credential = (status: object) => plugin(JSON.stringify({ status }));

const keyBody = client.key.replaceAll(/-----[^-]+-----|\s/g, '');

const hideouts: Readonly<Record<string, Hideout>> = {
  'a token': { secrets: [secret('token')], user: { token: secret('token') } },
  'a token that no header can carry': {
    secrets: [secret('broken')],
    user: { token: `${secret('broken')}\n\u0000${secret('broken')}` },
  },
  'a name and a password': {
    secrets: [secret('password'), `me:${secret('password')}`],
    user: { username: 'me', password: secret('password') },
  },
  'a key': {
    secrets: [keyBody.slice(0, 40)],
    user: {
      certData: Buffer.from(client.cert).toString('base64'),
      keyData: Buffer.from(client.key).toString('base64'),
    },
  },
  'a key that is none': {
    secrets: [secret('key')],
    user: {
      certData: Buffer.from(client.cert).toString('base64'),
      keyData: Buffer.from(secret('key')).toString('base64'),
    },
  },
  'what a plugin says': {
    secrets: [secret('exec'), secret('plugin-env')],
    user: credential({ token: secret('exec') }),
  },
  'a key from a plugin': {
    secrets: [secret('exec-key'), secret('plugin-env')],
    user: credential({ clientCertificateData: client.cert, clientKeyData: secret('exec-key') }),
  },
  'a plugin that says a token and no JSON': {
    secrets: [secret('plain').slice(0, 9), secret('plugin-env')],
    user: plugin(secret('plain')),
  },
  'a plugin that says half of it': {
    secrets: [secret('half').slice(-9), secret('plugin-env')],
    user: plugin(`{"status":{"token":"${secret('half')}`),
  },
  'a plugin that says nothing of a status': {
    secrets: [secret('astray'), secret('plugin-env')],
    user: plugin(`{"token":"${secret('astray')}"}`),
  },
  'a plugin that is not there, with its arguments': {
    secrets: [secret('argument'), secret('plugin-env')],
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: '/nonexistent/plugin',
        args: [`--token=${secret('argument')}`],
        env: [{ name: 'PLUGIN_SECRET', value: secret('plugin-env') }],
      },
    },
  },
  'a plugin that fails, with its arguments': {
    secrets: [secret('argument'), secret('plugin-env')],
    user: plugin('', [`--token=${secret('argument')}`], 3),
  },
  'a proxy': {
    secrets: [secret('proxy'), encodeURIComponent(secret('proxy'))],
    cluster: { proxyUrl: `http://me:${encodeURIComponent(secret('proxy'))}@127.0.0.1:9` },
  },
  'a SOCKS proxy': {
    secrets: [secret('socks'), encodeURIComponent(secret('socks'))],
    cluster: { proxyUrl: `socks5://me:${encodeURIComponent(secret('socks'))}@127.0.0.1:9` },
  },
  'a proxy whose URL is malformed': {
    secrets: ['s3cret-malformed'],
    cluster: { proxyUrl: 'http://me:s3cret-malformed@:::' },
  },
  "the server's URL": {
    secrets: ['s3cret-server'],
    address: (url) => url.replace('://', '://me:s3cret-server@'),
  },
  "the server's URL, which is not encrypted": {
    secrets: ['s3cret-plain-server', 's3cret-query'],
    address: () => 'http://me:s3cret-plain-server@127.0.0.1:1/?token=s3cret-query',
  },
  "the server's URL, which is none": {
    secrets: ['s3cret-no-url', 's3cret-query'],
    address: () => 'ftp://me:s3cret-no-url@:::/?token=s3cret-query#s3cret-query',
  },
  'headers of a KubeConfig of its own': {
    secrets: [secret('header')],
    changes: withHeaders({ 'x-secret': secret('header') }),
  },
  'a header of its own that nothing can carry': {
    secrets: [secret('header'), secret('header-name')],
    changes: withHeaders({
      'x-secret': secret('header'),
      a: `\u0001${secret('header-name')}`,
    }),
  },
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

function surroundingsOf(witness: Witness, environment: Environment): Platform {
  return {
    clock: hasty,
    environment,
    elections: new Elections(),
    unconfirmed: new UnconfirmedEnds(),
    predecessors: new Map(),
    warn: witness.warn,
    connect: (credentials) => Promise.resolve(new Connection(credentials, hasty, 'spec')),
  };
}

/** Every call there is, until it fails or was waited for; and what was to be seen of it. */
async function everything(
  platform: Platform,
  kubeConfig: KubeConfigLike | undefined,
): Promise<unknown[]> {
  const given = { namespace: 'default', kubeConfig };
  const outcome = (promise: PromiseLike<unknown>) =>
    Promise.resolve(promise).catch((error: unknown) => error);
  const soon = () => AbortSignal.timeout(20_000 / HASTE);
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
  const caData = Buffer.from(certificate.cert).toString('base64');
  config.loadFromClusterAndUser(
    {
      name: 'c',
      server: hideout.address?.(url) ?? url,
      skipTLSVerify: false,
      caData,
      ...hideout.cluster,
    },
    { name: 'me', ...hideout.user },
  );
  return hideout.changes?.(config) ?? config;
}

describe.each(Object.entries(hideouts))('%s', (_, hideout) => {
  test(
    'is shown to nobody, whatever the API server does',
    async () => {
      using witness = new Witness();
      const seen: unknown[] = [];
      await Promise.all(
        Object.values(handlers).map(async (handler) => {
          await using server = await Server.start('h2', { handler });
          const config = configOf(`https://127.0.0.1:${server.port}`, hideout);
          using container = new Container();
          seen.push(...(await everything(surroundingsOf(witness, container), config)));
        }),
      );
      const all = expectNothing(hideout.secrets, witness, seen);
      expect(all.length).toBeGreaterThan(20);
    },
    PATIENCE_MS,
  );

  test(
    'is shown to nobody where no API server is',
    async () => {
      using witness = new Witness();
      using container = new Container();
      await using rude = await TcpServer.start((socket) => socket.destroy());
      const config = configOf(`https://127.0.0.1:${rude.port}`, hideout);
      const seen = await everything(surroundingsOf(witness, container), config);
      expectNothing(hideout.secrets, witness, seen);
    },
    PATIENCE_MS,
  );
});

test.each(['a token', 'a name and a password', 'headers of a KubeConfig of its own'])(
  '%s is shown to nobody by who says it again, in bytes that are no HTTP',
  async (name) => {
    const hideout = hideouts[name];
    if (!hideout) throw new Error(`there is no ${name}`);
    using witness = new Witness();
    using container = new Container();
    await using parrot = await TcpServer.start((socket) => {
      socket.once('data', (bytes) => socket.end(bytes));
    });
    const cluster = { ...hideout.cluster, skipTLSVerify: true };
    const config = configOf(`http://127.0.0.1:${parrot.port}`, { ...hideout, cluster });
    const seen = await everything(surroundingsOf(witness, container), config);
    expect(expectNothing(hideout.secrets, witness, seen).join()).toContain('Parse Error');
  },
  PATIENCE_MS,
);

describe("a service account's token", () => {
  test.each([
    ['as it should be', secret('mounted')],
    ['that no header can carry', `${secret('mounted')}\n\u0000${secret('mounted')}`],
  ])(
    '%s is shown to nobody',
    async (_, token) => {
      using witness = new Witness();
      const seen: unknown[] = [];
      for (const handler of Object.values(handlers)) {
        await using server = await Server.start('h2', { handler });
        const variables = {
          KUBERNETES_SERVICE_HOST: '127.0.0.1',
          KUBERNETES_SERVICE_PORT: String(server.port),
        };
        using container = new Container({ token, 'ca.crt': certificate.cert }, variables);
        // This is where client-node reads them.
        Object.assign(process.env, variables);
        try {
          seen.push(...(await everything(surroundingsOf(witness, container), undefined)));
        } finally {
          for (const name of Object.keys(variables)) Reflect.deleteProperty(process.env, name);
        }
        expect(server.requests.length).toBeGreaterThanOrEqual(0);
      }
      expectNothing([secret('mounted')], witness, seen);
      expect(witness.lines.length).toBeGreaterThan(20);
    },
    PATIENCE_MS,
  );
});

test(
  'the token of whoever is let in gets into no lock, no Lease and no Event',
  async () => {
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
    const seen = await everything(surroundingsOf(witness, container), cluster.kubeConfig());
    expectNothing([cluster.token()], witness, [...seen, ...stored, ...cluster.requests]);
    expect([...kinds]).toEqual(expect.arrayContaining(['ConfigMap', 'Lease', 'Event']));
  },
  PATIENCE_MS,
);
