import { beforeEach, expect, onTestFinished, test } from 'vitest';

import { type LeaseHolder, leases } from '../lib/holder.ts';
import { Api } from '../lib/kubernetes/api.ts';
import { Observation } from '../lib/observation.ts';
import { ManualClock, settled } from './support/manual-clock.ts';
import { ScriptedTransport } from './support/scripted-transport.ts';

let clock: ManualClock;
let transport: ScriptedTransport;
let seen: (LeaseHolder | null)[];

beforeEach(() => {
  clock = new ManualClock();
  transport = new ScriptedTransport();
  seen = [];
});

function lease(holderIdentity: string, resourceVersion: string) {
  return {
    kind: 'Lease',
    metadata: { name: 'lease', namespace: 'default', uid: 'uid', resourceVersion },
    spec: { holderIdentity, acquireTime: '2026-01-01T00:00:00.000000Z' },
  };
}

/** Observes until the test is over. */
function observe(): void {
  const observation = new Observation({
    api: new Api(transport, clock),
    clock,
    kind: leases,
    namespace: 'default',
    name: 'lease',
    onHolder: (holder) => seen.push(holder),
    onTrouble: () => undefined,
    onLost: () => undefined,
    onRefused: () => undefined,
  });
  const stop = new AbortController();
  const running = observation.run(stop.signal).catch((error: unknown) => error);
  onTestFinished(async () => {
    stop.abort(new Error('the test is over'));
    expect(await running).toBe(stop.signal.reason);
  });
}

function holders(): (string | undefined)[] {
  return seen.map((holder) => holder?.identity);
}

test('an API server that was restored from a backup is believed by its watch', async () => {
  const before = transport.stream();
  transport.reply(200, lease('a', '1000')).reply(200, lease('a', '1000'));
  observe();
  await settled();
  before.event('MODIFIED', lease('b', '1001'));
  await settled();
  expect(holders()).toEqual(['a', 'b']);

  transport.reply(200, lease('b', '1001'));
  const after = transport.stream();
  transport.hang();
  before.fail(new Error('restored'));
  await clock.advance(1_000);
  after.event('ADDED', lease('a', '500'));
  await settled();
  expect(holders()).toEqual(['a', 'b', 'a']);
});

test('an API server that was restored from a backup is believed by its answers', async () => {
  const before = transport.stream();
  transport.reply(200, lease('b', '1001')).reply(200, lease('b', '1001'));
  observe();
  await settled();
  transport.reply(200, lease('b', '1001'));
  transport.refuse(403);
  before.fail(new Error('restored'));
  await clock.advance(1_000);
  transport.reply(200, lease('a', '500'));
  await clock.advance(5_000);
  expect(holders()).toEqual(['b', 'a']);
});

test('what is no Lease is not believed', async () => {
  const feed = transport.stream();
  transport.reply(200, { metadata: { name: 'lease' } }).reply(200, lease('a', '5'));
  transport.reply(200, lease('a', '5'));
  observe();
  await clock.advance(1_000);
  expect(holders()).toEqual(['a']);
  transport.reply(200, lease('a', '5'));
  feed.event('MODIFIED', { metadata: { name: 'lease' } });
  await clock.advance(10);
  expect(holders()).toEqual(['a']);
  expect(feed.left).toBe(true);
});
