import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Cluster } from './state.ts';

/** Answer is what an HTTP server said; status 0: it did not. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

const TIMEOUT_MS = 2000;

/**
 * get asks an HTTPS server of the cluster, by default its API server. It bears the cluster's
 * certificate and the administrator's token.
 */
export async function get(
  cluster: Cluster,
  path: string,
  port = cluster.ports.apiServer,
): Promise<Answer> {
  const [certificate, key, token] = await Promise.all(
    ['tls.crt', 'tls.key', 'token'].map((file) => readFile(join(cluster.folder, file), 'utf8')),
  );
  return new Promise((resolve) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      path,
      ca: certificate,
      cert: certificate,
      key,
      headers: { authorization: `Bearer ${token}`, 'user-agent': 'leader-for-life-cluster' },
      timeout: TIMEOUT_MS,
      agent: false,
    });
    sent.on('timeout', () => sent.destroy(new Error('timeout')));
    sent.on('error', () => resolve({ status: 0, text: '' }));
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', () => resolve({ status: 0, text: '' }));
    });
    sent.end();
  });
}
