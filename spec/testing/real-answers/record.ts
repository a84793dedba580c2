/**
 * Asks a real API server all exchanges and writes its answers to `answers.json`:
 *
 *     KUBECONFIG=… node spec/testing/real-answers/record.ts
 *
 * It needs an administrator's rights, in a cluster that nobody minds: it creates and deletes the
 * namespace `real-answers` many times, and a node.
 */
import { writeFile } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { toLines } from '../../support/lines.ts';
import { EXCHANGES, type Exchange } from './exchanges.ts';
import { Normaliser, type PlainAnswer } from './normalise.ts';
import { prepare, type Saved, save } from './play.ts';

const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();
const server = kubeConfig.getCurrentCluster()?.server;
if (!server) throw new Error('The kubeconfig names no cluster');
const credentials: RequestOptions = {};
await kubeConfig.applyToHTTPSOptions(credentials);

const NAMESPACE = '/api/v1/namespaces/real-answers';

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(exchange: Exchange): Promise<Answer> {
  const { method, path, text, contentType, accept, asNobody } = exchange;
  const headers = {
    ...credentials.headers,
    'user-agent': 'leader-for-life',
    ...(text !== undefined && {
      'content-type': contentType ?? 'application/json',
      // Without it Node.js drops the body of a DELETE.
      'content-length': String(Buffer.byteLength(text)),
    }),
    ...(accept && { accept }),
    ...(asNobody && { 'impersonate-user': 'nobody' }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${server}${path}`,
      { ...credentials, method, headers },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: body }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}

async function whenGone(): Promise<void> {
  await ask({ method: 'DELETE', path: NAMESPACE });
  while ((await ask({ method: 'GET', path: NAMESPACE })).status !== 404) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const answers: Record<string, PlainAnswer[]> = {};
await whenGone();
for (const [group, exchanges] of Object.entries(EXCHANGES)) {
  await ask({
    method: 'POST',
    path: '/api/v1/namespaces',
    text: JSON.stringify({ metadata: { name: 'real-answers' } }),
  });
  const normaliser = new Normaliser();
  const saved: Saved = new Map();
  answers[group] = [];
  for (const exchange of exchanges) {
    const { status, text } = await ask(prepare(exchange, saved));
    save(exchange, text, saved);
    answers[group].push(normaliser.answer(status, text));
    if (exchange.settles) await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  await whenGone();
  console.log(group);
}
await writeFile(new URL('answers.json', import.meta.url), toLines(answers));
