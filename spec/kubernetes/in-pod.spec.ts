import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { createCluster } from '../../lib/testing/index.ts';
import { certificateFor } from '../support/certificate.ts';
import { Container } from '../support/container.ts';

test('a process in a Pod elects and observes without @kubernetes/client-node', async () => {
  const https = certificateFor('kubernetes', '127.0.0.1');
  const cluster = await createCluster({ https });
  const pod = cluster.createPod('a');
  const { hostname, port } = new URL(cluster.url);
  const files = { token: cluster.token('a'), 'ca.crt': https.cert, namespace: 'default' };
  using container = new Container(files);
  const variables = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'in-pod-child.ts'), container.root],
    { env: { PATH: process.env['PATH'], ...cluster.env(pod), ...variables }, timeout: 110_000 },
  );
  const told = JSON.parse(stdout) as { loaded: string[]; skipped: boolean; token: string };
  expect(told.skipped).toBe(false);
  expect(cluster.getLease('lease')).toBeDefined();
  expect(told.loaded).toContain('p-retry');
  expect(told.loaded).not.toContain('debug');
  expect(told.loaded.filter((name) => name.includes('kubernetes'))).toEqual([]);
  // What those that are loaded need.
  expect(told.loaded.length).toBeLessThanOrEqual(6);
  await cluster.close();
});
