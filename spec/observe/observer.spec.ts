import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';

import { type LeaseHolder, leases } from '../../lib/observe/holder.ts';
import { Api } from '../../lib/kubernetes/api.ts';
import { EventStream } from '../../lib/events/stream.ts';
import { LeaderObserver } from '../../lib/observe/observer.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

let clock: ManualClock;
let transport: ScriptedTransport;
let seen: (LeaseHolder | null)[];
let codes: string[];

beforeEach(() => {
  clock = new ManualClock();
  transport = new ScriptedTransport();
  seen = [];
  codes = [];
});

const missing = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code: 404,
  reason: 'NotFound',
  message: 'leases.coordination.k8s.io "lease" not found',
  details: { name: 'lease', group: 'coordination.k8s.io', kind: 'leases' },
};

function lease(holderIdentity: string, resourceVersion: string, uid = 'uid') {
  return {
    kind: 'Lease',
    metadata: { name: 'lease', namespace: 'default', uid, resourceVersion },
    spec: { holderIdentity, acquireTime: '2026-01-01T00:00:00.000000Z' },
  };
}

/** Observes until the test is over. */
function observe(): void {
  const subject = { mode: 'lease' as const, name: 'lease', namespace: 'default', identity: '' };
  const warn = (_: string, code: string) => codes.push(code);
  const log = () => undefined;
  const observation = new LeaderObserver({
    api: new Api(transport, clock),
    clock,
    reader: leases,
    namespace: 'default',
    name: 'lease',
    events: new EventStream({ clock, subject, onEvent: undefined, log, warn }),
    onHolder: (holder) => seen.push(holder),
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

describe('a watch that shows nothing', () => {
  test('is no watch: the lock is polled', async () => {
    const feed = transport.stream();
    transport.reply(404, missing).reply(404, missing);
    observe();
    await settled();
    expect(holders()).toEqual([undefined]);
    transport.reply(200, lease('a', '5'));
    await clock.advance(5_000);
    transport.reply(200, lease('b', '6'));
    await clock.advance(5_000);
    expect(holders()).toEqual([undefined, 'a', 'b']);
    expect(codes).toEqual([]);
    transport.reply(404, missing).reply(404, missing);
    await clock.advance(4_000);
    expect(feed.left).toBe(false);
    expect(holders()).toEqual([undefined, 'a', 'b', undefined]);
  });

  test('although the lock is there is lost, and is not opened again for long', async () => {
    const feed = transport.stream();
    for (let count = 0; count < 4; count += 1) transport.reply(200, lease('a', '5'));
    observe();
    await clock.advance(9_000);
    expect(codes).toEqual(['LEADER_FOR_LIFE_SILENT_WATCH']);
    expect(feed.left).toBe(true);
    transport.reply(200, lease('b', '6'));
    await clock.advance(5_000);
    expect(holders()).toEqual(['a', 'b']);
    expect(transport.requests.filter(({ query }) => query?.['watch'])).toHaveLength(1);
  });

  test('is relied on once it shows something', async () => {
    const feed = transport.stream();
    transport.reply(200, lease('a', '5')).reply(200, lease('a', '5'));
    observe();
    feed.event('ADDED', lease('a', '5'));
    await clock.advance(60_000);
    expect(transport.requests).toHaveLength(3);
    feed.event('MODIFIED', lease('b', '6'));
    await settled();
    expect(holders()).toEqual(['a', 'b']);
  });
});

describe('an event that comes late', () => {
  /** Has read this, with its watch open. */
  async function begin(status: number, read: object) {
    const feed = transport.stream();
    transport.reply(status, read).reply(status, read);
    observe();
    await settled();
    return feed;
  }

  const known = lease('b', '20', 'second');

  test.each([
    ['an older version', 'MODIFIED', lease('a', '19', 'second')],
    ['an earlier object', 'MODIFIED', lease('a', '10', 'first')],
    ['the deletion of an earlier object', 'DELETED', lease('a', '11', 'first')],
  ])('and tells of %s changes nothing', async (_, type, object) => {
    const feed = await begin(200, known);
    feed.event(type, object);
    await settled();
    expect(holders()).toEqual(['b']);
    expect(transport.requests).toHaveLength(3);
  });

  test.each([
    ['MODIFIED', lease('a', 'eleven', 'first')],
    ['DELETED', lease('a', 'eleven', 'first')],
    ['DELETED', lease('b', '20', 'second')],
  ])('or may: what is there is read (%s %o)', async (type, object) => {
    const feed = await begin(200, known);
    transport.reply(200, lease('c', '21', 'second'));
    feed.event(type, object);
    await settled();
    expect(holders()).toEqual(['b', 'c']);
  });

  test('and tells of an object that was read to be gone changes nothing', async () => {
    const feed = await begin(200, known);
    transport.reply(404, missing);
    for (let minute = 0; minute < 20; minute += 1) {
      feed.event('BOOKMARK', { metadata: { resourceVersion: '20' } });
      await clock.advance(60_000);
    }
    expect(holders()).toEqual(['b', undefined]);
    feed.event('MODIFIED', lease('c', '21', 'second'));
    feed.event('DELETED', lease('c', '22', 'second'));
    await settled();
    expect(holders()).toEqual(['b', undefined]);
  });

  test('and tells of an object that nobody has seen is believed until a read says more', async () => {
    const feed = await begin(404, missing);
    transport.reply(404, missing);
    feed.event('ADDED', lease('a', '5'));
    await settled();
    expect(holders()).toEqual([undefined, 'a', undefined]);
    transport.reply(200, lease('b', '8', 'third'));
    feed.event('ADDED', lease('b', '8', 'third'));
    await settled();
    expect(holders()).toEqual([undefined, 'a', undefined, 'b']);
  });

  test('is told from news that follow a deletion', async () => {
    const feed = await begin(200, known);
    feed.event('DELETED', lease('b', '21', 'second'));
    feed.event('MODIFIED', lease('b', '20', 'second'));
    feed.event('ADDED', lease('c', '22', 'third'));
    await settled();
    expect(holders()).toEqual(['b', undefined, 'c']);
    expect(transport.requests).toHaveLength(3);
  });
});
