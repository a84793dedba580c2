/** A kubeconfig file of any bytes, and plugins that say anything: only the holder of the lock leads. */
import { KubeConfig } from '@kubernetes/client-node';
import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { Connection } from '../../lib/kubernetes/connection.ts';
import type { KubeConfigLike } from '../../lib/kubernetes/kube-config.ts';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { aPlatform } from '../life/platform.ts';
import { Container } from '../support/container.ts';
import { hasty } from './haste.ts';
import { hostileJson, hostileTexts } from './hostile.ts';
import { changed, changes } from './mutation.ts';
import { property } from './runs.ts';
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
  changes.map((made) => {
    const status = { token: 'x', expirationTimestamp: '2100-01-01T00:00:00Z' };
    return changed(JSON.stringify({ apiVersion: 'v1', kind: 'E', status }), made);
  }),
  fc.string({ unit: 'binary' }),
);

/** Tries to lead in a cluster by a kubeconfig: who leads has the lock, and nothing else is wrong. */
async function expectLeadOrRefuse(
  kubeConfigOf: (cluster: Cluster, container: Container) => KubeConfigLike | undefined,
): Promise<'led' | 'refused'> {
  await using cluster = await createCluster();
  using container = new Container();
  const { podName, podUid } = cluster.optionsFor(cluster.createPod('mine'));
  const kubeConfig = kubeConfigOf(cluster, container);
  if (!kubeConfig) return 'refused';
  using witness = new Witness();
  const platform = aPlatform({
    clock: hasty,
    environment: container,
    warn: witness.warn,
    connect: (credentials) => Promise.resolve(new Connection(credentials, hasty, 'spec')),
  });
  try {
    const options = { kubeConfig, podName, podUid, timeoutMs: 15_000 };
    const leadership = await becomeOn(platform, 'lock', options);
    const lock = cluster.getConfigMap(`${leadership.namespace}/lock`);
    expect(lock?.metadata.ownerReferences?.[0]?.uid).toBe(podUid);
    await leadership.release();
    return 'led';
  } catch (error) {
    expectTyped(error);
    return 'refused';
  } finally {
    expectHarmless(witness.lines, { lines: false });
    expectHarmless(witness.warnings, { lines: true });
  }
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

describe('a kubeconfig file', () => {
  property(
    'with any change, in any encoding: it leads by the lock, or throws a typed error',
    60,
    [changes, fc.constantFrom(...Object.values(encodings))],
    (made, encode) =>
      expectLeadOrRefuse((cluster, container) =>
        loaded(container, encode(changed(cluster.kubeConfigText(), made))),
      ),
  );

  for (const [name, encode] of Object.entries(encodings)) {
    property(`${name}: it leads by the lock, or throws a typed error`, 1, [], async () => {
      const outcome = await expectLeadOrRefuse((cluster, container) =>
        loaded(container, encode(cluster.kubeConfigText())),
      );
      // The others fail for what was done to them.
      if (name === 'as it is') expect(outcome).toBe('led');
    });
  }

  for (const [name, text] of Object.entries(bombs)) {
    property(`with ${name} is refused without expanding it`, 1, [], async () => {
      const outcome = expectLeadOrRefuse((_, container) => loaded(container, Buffer.from(text)));
      expect(await outcome).toBe('refused');
    });
  }
});

property('a plugin that says anything: ERR_, or it leads by the lock', 15, [said], (text) =>
  expectLeadOrRefuse((cluster, container) => {
    const path = join(container.root, 'said');
    writeFileSync(path, text);
    const apiVersion = 'client.authentication.k8s.io/v1';
    const exec = { apiVersion, command: 'cat', args: [path], interactiveMode: 'Never' };
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromClusterAndUser(
      { name: 'c', server: cluster.url, skipTLSVerify: true },
      { name: 'u', exec },
    );
    return kubeConfig;
  }),
);
