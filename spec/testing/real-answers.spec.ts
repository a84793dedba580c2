import { expect, it, test } from 'vitest';
import { ApiModel } from '../../lib/testing/api-model.ts';
import { GarbageCollector } from '../../lib/testing/garbage-collector.ts';
import { NAMESPACES } from '../../lib/testing/kinds.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';
import { EXCHANGES, type Exchange } from './real-answers/exchanges.ts';
import { Normaliser } from './real-answers/normalise.ts';
import { play, recorded, titled } from './real-answers/play.ts';

function ask(model: ApiModel, exchange: Exchange) {
  const { method, path, text, contentType = 'application/json', accept, asNobody } = exchange;
  const { pathname, searchParams } = new URL(path, 'http://cluster');
  const request = {
    method,
    path: pathname,
    query: Object.fromEntries(searchParams),
    contentType,
    ...(text !== undefined && { body: text }),
    ...(accept !== undefined && { accept }),
  };
  const { status, body, watch } = model.handle(request, asNobody ? 'nobody' : 'admin');
  const lines = watch?.initial.map((event) => event.text);
  return Promise.resolve({ status, text: lines?.join('') ?? body });
}

it.each(Object.keys(EXCHANGES))('the model answers as a real API server: %s', async (group) => {
  const clock = new SimulatedClock();
  const model = new ApiModel({ clock });
  const collector = new GarbageCollector(model, clock, 0);
  for (const name of ['default', 'real-answers']) {
    model.registry.create(NAMESPACES, undefined, { metadata: { name } });
  }
  model.access.grant('nobody', [], '*');
  const settle = () => clock.advance(2000);
  const answers = await play(group, { ask: (exchange) => ask(model, exchange), settle });
  collector.close();
  expect(titled(group, answers)).toEqual(titled(group, recorded[group]));
});

test('Normaliser drops a repeated bookmark, as a busy server sends it', () => {
  const bookmark = (annotations?: object) => {
    const metadata = { resourceVersion: '7', ...(annotations && { annotations }) };
    return JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Lease', metadata } });
  };
  const first = bookmark({ 'k8s.io/initial-events-end': 'true' });
  const once = new Normaliser().answer(200, first);
  expect(once.body).toHaveLength(1);
  expect(new Normaliser().answer(200, `${first}\n${first}\n${bookmark()}\n`)).toEqual(once);
});
