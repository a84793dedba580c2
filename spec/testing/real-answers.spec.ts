import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { ApiModel } from '../../lib/testing/api-model.ts';
import { GarbageCollector } from '../../lib/testing/garbage-collector.ts';
import { NAMESPACES } from '../../lib/testing/kinds.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';
import { EXCHANGES } from './real-answers/exchanges.ts';
import { Normaliser, type PlainAnswer } from './real-answers/normalise.ts';
import { prepare, save, type Saved } from './real-answers/play.ts';

const file = new URL('real-answers/answers.json', import.meta.url);
const recorded = JSON.parse(readFileSync(file, 'utf8')) as Record<string, PlainAnswer[]>;

async function play(group: string): Promise<PlainAnswer[]> {
  const clock = new SimulatedClock();
  const model = new ApiModel({ clock });
  const collector = new GarbageCollector(model, clock, 0);
  for (const name of ['default', 'real-answers']) {
    model.registry.create(NAMESPACES, undefined, {
      metadata: { name },
    });
  }
  model.access.grant('nobody', [], '*');
  const normaliser = new Normaliser();
  const saved: Saved = new Map();
  const answers: PlainAnswer[] = [];
  for (const exchange of EXCHANGES[group] ?? []) {
    const {
      method,
      path,
      text,
      contentType = 'application/json',
      accept,
      asNobody,
    } = prepare(exchange, saved);
    const { pathname, searchParams } = new URL(path, 'http://cluster');
    const answer = model.handle(
      {
        method,
        path: pathname,
        query: Object.fromEntries(searchParams),
        contentType,
        ...(text !== undefined && { body: text }),
        ...(accept !== undefined && { accept }),
      },
      asNobody ? 'nobody' : 'admin',
    );
    const watched = answer.watch?.initial().map((event) => event.text);
    const body = watched ? watched.join('') : answer.body;
    save(exchange, body, saved);
    answers.push(normaliser.answer(answer.status, body));
    if (exchange.settles) await clock.advance(2000);
  }
  collector.close();
  return answers;
}

test('a bookmark more, as a busy server sends it, changes nothing', () => {
  const bookmark = (annotations?: object) =>
    JSON.stringify({
      type: 'BOOKMARK',
      object: {
        kind: 'Lease',
        metadata: { resourceVersion: '7', ...(annotations && { annotations }) },
      },
    });
  const first = bookmark({ 'k8s.io/initial-events-end': 'true' });
  const once = new Normaliser().answer(200, first);
  expect(once.body).toHaveLength(1);
  expect(new Normaliser().answer(200, `${first}\n${first}\n${bookmark()}\n`)).toEqual(once);
});

describe('the model answers as a real API server', () => {
  for (const [group, exchanges] of Object.entries(EXCHANGES)) {
    it(group, async () => {
      const answers = await play(group);
      exchanges.forEach((exchange, index) => {
        const title = `${exchange.method} ${exchange.path} ${JSON.stringify(exchange.body)}`;
        expect.soft({ title, ...answers[index] }).toEqual({ title, ...recorded[group]?.[index] });
      });
    });
  }
});
