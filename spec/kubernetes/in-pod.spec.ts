import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { createCluster } from '../../lib/testing/index.ts';
import { certificateFor } from '../support/certificate.ts';
import { Container } from '../support/container.ts';

test('a process in a Pod elects and observes without any other package', async () => {
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
  // Its dependencies cost a start 3 ms and 1 MB, and are for kubeconfigs, failures and `DEBUG`.
  expect(told.loaded).toEqual([]);
  await cluster.close();
});
