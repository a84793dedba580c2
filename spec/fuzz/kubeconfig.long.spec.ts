/** A kubeconfig file of any bytes, and plugins that say anything: no leadership that is not founded. */
import { KubeConfig } from '@kubernetes/client-node';
import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { systemClock } from '../../lib/platform/clock.ts';
import { Elections } from '../../lib/platform/elections.ts';
import { Connection } from '../../lib/kubernetes/connection.ts';
import type { KubeConfigLike } from '../../lib/kubernetes/kube-config.ts';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import { Container } from '../support/container.ts';
import { hasty } from './haste.ts';
import { hostileJson, hostileTexts } from './hostile.ts';
import { type Damage, type Edit, damage, damaged, edit, edited } from './mutation.ts';
import { Aftermath, PATIENCE_MS, runs } from './runs.ts';
import { Witness, expectHarmless, expectTyped } from './witness.ts';

/** What is done to the bytes of a file, in the end. */
const encodings: Readonly<Record<string, (text: string) => Buffer>> = {
  'as it is': (text) => Buffer.from(text),
  'with a byte order mark': (text) => Buffer.from(`\ufeff${text}`),
  'with the line ends of Windows': (text) => Buffer.from(text.replaceAll(',', ',\r\n')),
  'with those of old': (text) => Buffer.from(text.replaceAll(',', ',\r')),
  'in UTF-16': (text) => Buffer.from(text, 'utf16le'),
  'with a NUL in front': (text) => Buffer.from(`\0${text}`),
  'half of it': (text) => Buffer.from(text).subarray(0, text.length / 2),
  twice: (text) => Buffer.from(`${text}\n---\n${text}`),
  'with every key twice': (text) => Buffer.from(text.replaceAll(/("[a-z-]+":)/g, '$1null,$1')),
  'after a megabyte of nothing': (text) => Buffer.from(`${'#\n'.repeat(500_000)}${text}`),
  'as binary': (text) => Buffer.from(text, 'base64'),
};

/** A text that would be of a gigabyte, were it written out. */
const bomb = (key: string) => `a0: &a0 [x, x, x, x, x, x, x, x, x, x]
${Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join()}]`).join('\n')}
${key}
`;

const tail = `apiVersion: v1
kind: Config
contexts: [{ name: c, context: { cluster: c, user: u } }]
users: [{ name: u, user: {} }]
`;

const bombs: Readonly<Record<string, string>> = {
  'a bomb for a context': bomb(`${tail}current-context: *a8
clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:1' } }]`),
  "a bomb for a server's URL": bomb(`${tail}current-context: c
clusters: [{ name: c, cluster: { server: *a8 } }]`),
  "a bomb for a cluster's name": bomb(`${tail}current-context: c
clusters: [{ name: *a8, cluster: { server: 'https://127.0.0.1:1' } }]`),
  'a bomb for a namespace': bomb(`apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: c, user: u, namespace: *a8 } }]
users: [{ name: u, user: {} }]
clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:1' } }]`),
  'an alias of itself': `current-context: &a [*a]\n`,
  'a tag that makes a function': `current-context: !!js/function 'function () { return 1; }'\n`,
};

/** What a plugin may say. */
const said = fc.oneof(
  fc.constantFrom(...hostileTexts, ...hostileJson),
  fc
    .tuple(
      fc.array(edit, { minLength: 1, maxLength: 3 }),
      fc.option(damage, { nil: undefined, freq: 3 }),
    )
    .map(([edits, what]) => {
      const status = { token: 'x', expirationTimestamp: '2100-01-01T00:00:00Z' };
      const text = edited(JSON.stringify({ apiVersion: 'v1', kind: 'E', status }), edits);
      return what ? damaged(text, what) : text;
    }),
  fc.string({ unit: 'binary' }),
);

/** Fails unless whoever leads by this kubeconfig holds the lock. */
async function expectFounded(
  cluster: Cluster,
  kubeConfig: KubeConfigLike,
  namespace?: string,
): Promise<void> {
  using aftermath = new Aftermath();
  using witness = new Witness();
  using container = new Container();
  const { podName, podUid } = cluster.optionsFor('mine');
  const platform = {
    clock: hasty,
    environment: container,
    elections: new Elections(),
    unconfirmed: new UnconfirmedEnds(),
    predecessors: new Map(),
    warn: witness.warn,
    connect: (credentials: ConstructorParameters<typeof Connection>[0]) =>
      Promise.resolve(new Connection(credentials, hasty, 'spec')),
  };
  const options = { kubeConfig, namespace, podName, podUid, timeoutMs: 15_000 };
  try {
    const leadership = await becomeOn(platform, 'lock', options);
    const lock = cluster.getConfigMap(`${leadership.namespace}/lock`);
    expect(lock?.metadata.ownerReferences?.[0]?.uid).toBe(podUid);
    await leadership.release();
  } catch (error) {
    expectTyped(error);
  }
  expectHarmless(witness.lines, { lines: false });
  expectHarmless(witness.warnings, { lines: true });
  aftermath.check();
}

/** What client-node makes of a file; undefined where it refuses to read it. */
function loaded(container: Container, bytes: Buffer): KubeConfig | undefined {
  const path = join(container.root, 'kubeconfig');
  writeFileSync(path, bytes);
  const kubeConfig = new KubeConfig();
  try {
    kubeConfig.loadFromFile(path);
    return kubeConfig;
  } catch {
    return undefined;
  }
}

async function inCluster(
  act: (cluster: Cluster, container: Container) => Promise<void>,
): Promise<void> {
  const cluster = await createCluster();
  using container = new Container();
  try {
    cluster.createPod('mine');
    await act(cluster, container);
  } finally {
    await cluster.close();
  }
}

describe('a kubeconfig file', () => {
  test(
    'of which anything was changed',
    async () => {
      await inCluster(async (cluster, container) => {
        const text = cluster.kubeConfigText();
        const encoding = fc.constantFrom(...Object.keys(encodings));
        await fc.assert(
          fc.asyncProperty(
            fc.array(edit, { maxLength: 3 }),
            fc.option(damage, { nil: undefined, freq: 4 }),
            encoding,
            async (edits: Edit[], what: Damage | undefined, name) => {
              const json = edited(text, edits);
              const bytes = encodings[name]?.(what ? damaged(json, what) : json);
              const kubeConfig = loaded(container, bytes ?? Buffer.alloc(0));
              if (kubeConfig) await expectFounded(cluster, kubeConfig);
            },
          ),
          runs(60),
        );
      });
    },
    PATIENCE_MS,
  );

  test.each(Object.keys(encodings))(
    '%s: it leads, or says why not',
    async (name) => {
      await inCluster(async (cluster, container) => {
        const bytes = encodings[name]?.(cluster.kubeConfigText()) ?? Buffer.alloc(0);
        const kubeConfig = loaded(container, bytes);
        if (kubeConfig) await expectFounded(cluster, kubeConfig);
      });
    },
    PATIENCE_MS,
  );

  test.each(Object.keys(bombs))(
    'with %s is refused, without writing it out',
    async (name) => {
      await inCluster(async (cluster, container) => {
        const kubeConfig = loaded(container, Buffer.from(bombs[name] ?? ''));
        if (kubeConfig) await expectFounded(cluster, kubeConfig);
      });
    },
    PATIENCE_MS,
  );

  test(
    'as it should be leads: the others fail for what was done to them',
    async () => {
      await inCluster(async (cluster, container) => {
        const kubeConfig = loaded(container, Buffer.from(cluster.kubeConfigText()));
        const { podName, podUid } = cluster.optionsFor('mine');
        const platform = {
          clock: systemClock,
          environment: container,
          elections: new Elections(),
          unconfirmed: new UnconfirmedEnds(),
          predecessors: new Map(),
          warn: () => undefined,
          connect: (credentials: ConstructorParameters<typeof Connection>[0]) =>
            Promise.resolve(new Connection(credentials, systemClock, 'spec')),
        };
        const options = { kubeConfig, podName, podUid };
        const leadership = await becomeOn(platform, 'lock', options);
        expect(leadership.podUid).toBe(podUid);
        await leadership.release();
      });
    },
    PATIENCE_MS,
  );
});

test(
  'whatever a plugin says',
  async () => {
    await inCluster(async (cluster, container) => {
      await fc.assert(
        fc.asyncProperty(said, async (text) => {
          const path = join(container.root, 'said');
          writeFileSync(path, text);
          const apiVersion = 'client.authentication.k8s.io/v1';
          const exec = { apiVersion, command: 'cat', args: [path], interactiveMode: 'Never' };
          const kubeConfig = new KubeConfig();
          kubeConfig.loadFromClusterAndUser(
            { name: 'c', server: cluster.url, skipTLSVerify: true },
            { name: 'u', exec },
          );
          await expectFounded(cluster, kubeConfig, 'default');
        }),
        runs(15),
      );
    });
  },
  PATIENCE_MS,
);
