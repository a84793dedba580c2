import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { KubeConfig } from '@kubernetes/client-node';
import { beforeAll, describe, test } from 'vitest';

import { EXCHANGES } from '../testing/real-answers/exchanges.ts';
import { Normaliser, type PlainAnswer } from '../testing/real-answers/normalise.ts';
import { prepare, save, type Saved } from '../testing/real-answers/play.ts';
import { Wire } from './wire.ts';

/** Other versions put some things in other words. */
const RECORDED_ON = '1.36';

const NAMESPACE = '/api/v1/namespaces/real-answers';

/** A namespace takes some seconds to go, on a busy machine more. */
const GONE_WITHIN_MS = 120_000;

const file = new URL('../testing/real-answers/answers.json', import.meta.url);
const recorded = JSON.parse(readFileSync(file, 'utf8')) as Record<string, PlainAnswer[]>;

/**
 * The answers to which the cluster in the process is held, asked for again. Their namespace has a
 * name that somebody else's may have: `foreign` is why they are not asked for.
 */
export function recordedAnswers(kubeConfigPath: string, foreign: string | undefined): void {
  describe.concurrent('what was recorded of a real Kubernetes', () => {
    let admin: Wire;
    let version: string;

    beforeAll(async () => {
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromFile(kubeConfigPath);
      admin = await Wire.of(kubeConfig);
      const { text } = await admin.send('GET', '/version');
      const { major, minor } = JSON.parse(text) as { major: string; minor: string };
      version = `${major}.${minor.replace(/\D/g, '')}`;
    });

    // One after the other: all play in the same namespace.
    test.for(Object.keys(EXCHANGES))(
      'is what one answers: %s',
      { concurrent: false },
      async (group, context) => {
        context.skip(foreign !== undefined, foreign);
        const skipped = version !== RECORDED_ON;
        context.skip(skipped, `this is Kubernetes ${version}, recorded was ${RECORDED_ON}`);
        await empty(admin);
        const answers = await play(admin, group);
        (EXCHANGES[group] ?? []).forEach((exchange, index) => {
          const title = `${exchange.method} ${exchange.path} ${JSON.stringify(exchange.body)}`;
          context.expect
            .soft({ title, ...answers[index] })
            .toEqual({ title, ...recorded[group]?.[index] });
        });
        await admin.send('DELETE', NAMESPACE);
      },
    );
  });
}

async function play(admin: Wire, group: string): Promise<PlainAnswer[]> {
  const normaliser = new Normaliser();
  const saved: Saved = new Map();
  const answers: PlainAnswer[] = [];
  for (const exchange of EXCHANGES[group] ?? []) {
    const { method, path, text, contentType, accept, asNobody } = prepare(exchange, saved);
    const answer = await admin.send(method, path, {
      ...(text !== undefined && { text }),
      ...(contentType !== undefined && { contentType }),
      ...(accept !== undefined && { accept }),
      ...(asNobody && { headers: { 'impersonate-user': 'nobody' } }),
    });
    save(exchange, answer.text, saved);
    answers.push(normaliser.answer(answer.status, answer.text));
    if (exchange.settles) await sleep(2_000);
  }
  return answers;
}

/** Makes the namespace anew: every group was recorded in one that was empty. */
async function empty(admin: Wire): Promise<void> {
  const deadline = performance.now() + GONE_WITHIN_MS;
  while ((await admin.send('DELETE', NAMESPACE)).status !== 404) {
    if (performance.now() > deadline) throw new Error(`${NAMESPACE} does not go`);
    await sleep(200);
  }
  const body = { metadata: { name: 'real-answers' } };
  await admin.send('POST', '/api/v1/namespaces', { body });
}
