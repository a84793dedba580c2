import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Cluster } from '../cluster/state.ts';

const TIMEOUT_MS = 10_000;

/** One change of a key. */
export interface Change {
  readonly revision: bigint;
  readonly isDeletion: boolean;
}

/** Asks etcd over its HTTP gateway; rejects unless it says yes. */
export async function askEtcd(cluster: Cluster, path: string, body: object): Promise<void> {
  const response = await send(cluster, path, body);
  response.resume();
}

/**
 * All changes of a key after one revision until another, which is to be one of them. Rejects if etcd
 * has forgotten some.
 */
export async function changesOf(
  cluster: Cluster,
  key: string,
  after: bigint,
  until: bigint,
): Promise<Change[]> {
  const response = await send(cluster, 'watch', {
    create_request: { key: Buffer.from(key).toString('base64'), start_revision: `${after + 1n}` },
  });
  const changes: Change[] = [];
  try {
    for await (const line of linesOf(response)) {
      const { result = {}, error } = JSON.parse(line) as Told;
      if (error ?? result.canceled) throw new Error(`etcd does not tell the changes: ${line}`);
      for (const { type, kv } of result.events ?? []) {
        const revision = BigInt(kv.mod_revision);
        if (revision > until) return changes;
        changes.push({ revision, isDeletion: type === 'DELETE' });
        if (revision === until) return changes;
      }
    }
  } finally {
    response.destroy();
  }
  throw new Error(`etcd stopped telling the changes of ${key} before revision ${until}`);
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string, void> {
  let rest = '';
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}

interface Told {
  readonly result?: {
    readonly events?: readonly { type?: string; kv: { mod_revision: string } }[];
    readonly canceled?: boolean;
  };
  readonly error?: unknown;
}

async function send(cluster: Cluster, path: string, body: object): Promise<IncomingMessage> {
  const [certificate, key] = await Promise.all(
    ['tls.crt', 'tls.key'].map((file) => readFile(join(cluster.folder, file))),
  );
  return new Promise((resolve, reject) => {
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
      const { statusCode = 0 } = response;
      if (statusCode === 200) {
        resolve(response);
        return;
      }
      response.resume();
      reject(new Error(`etcd answers ${statusCode} to ${path}`));
    });
    sent.end(JSON.stringify(body));
  });
}
