import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Cluster } from '../cluster/state.ts';

const TIMEOUT_MS = 10_000;

/** Asks etcd over its HTTP gateway; rejects unless it says yes. */
export async function askEtcd(cluster: Cluster, path: string, body: object): Promise<void> {
  const [certificate, key] = await Promise.all(
    ['tls.crt', 'tls.key'].map((file) => readFile(join(cluster.folder, file))),
  );
  await new Promise<void>((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port: cluster.ports.etcd,
      path: `/v3/${path}`,
      method: 'POST',
      ca: certificate,
      cert: certificate,
      key,
      agent: false,
      timeout: TIMEOUT_MS,
    });
    sent.on('timeout', () => sent.destroy(new Error('etcd does not answer')));
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      if (statusCode === 200) resolve();
      else reject(new Error(`etcd answers ${statusCode} to ${path}`));
    });
    sent.end(JSON.stringify(body));
  });
}
