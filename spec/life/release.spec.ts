import { beforeEach, expect, test } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { ConfigMapLock } from '../../lib/kubernetes/config-map-lock.ts';
import type { ApiError } from '../../lib/kubernetes/outcome.ts';
import type { ApiRequest } from '../../lib/kubernetes/transport.ts';
import type { Lock } from '../../lib/protocol/model.ts';
import { release } from '../../lib/life/release.ts';
import type { FaultRule } from '../../lib/testing/index.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import { LOCK_PATH, Simulation } from './simulation.ts';

let world: Simulation;
let sent: ApiRequest[];
let unmarked: ApiError[];
let unconfirmed: UnconfirmedEnds;
let store: ConfigMapLock;
let api: Api;
let held: Lock;
let podUid: string;

const create = async (attempt: string) =>
  (await world.settled(store.create({ name: 'a', uid: podUid }, attempt))) as Lock;

beforeEach(async () => {
  world = await Simulation.withPods();
  podUid = world.process('a').podUid;
  unmarked = [];
  unconfirmed = new UnconfirmedEnds();
  const transport = world.cluster.transport({ user: 'a' });
  const send: typeof transport.send = (request, ...rest) => {
    sent.push(request);
    return transport.send(request, ...rest);
  };
  api = new Api({ ...transport, send }, world.clock);
  const options = { namespace: 'default', name: 'lock', labels: {}, annotations: {} };
  store = new ConfigMapLock(api, options);
  sent = [];
  held = await create('attempt');
  sent = [];
});

/** The methods of the requests that it takes to give up the lock. */
async function giveUp(lock = held): Promise<string[]> {
  const onUnmarked = (error: ApiError) => unmarked.push(error);
  await world.settled(release({ api, lock: store, unconfirmed, onUnmarked }, lock, podUid));
  return sent.map(({ method }) => method);
}

const strike = (verb: 'patch' | 'delete', fault: FaultRule) =>
  world.fault({ user: 'a', resource: 'configmaps', verb, ...fault });

test('a release marks exactly its version, then deletes exactly the version that is marked', async () => {
  let version = '';
  world.cluster.onChange(({ after }) => {
    version = after?.metadata.resourceVersion ?? version;
  });
  await giveUp();
  const { uid, resourceVersion } = held;
  const annotations = { 'leader-for-life/released': 'true' };
  const contentType = 'application/merge-patch+json';
  const body = { metadata: { uid, resourceVersion, annotations } };
  const preconditions = { uid, resourceVersion: version };
  expect(sent).toMatchObject([
    { method: 'PATCH', path: LOCK_PATH, contentType, body },
    { method: 'DELETE', path: LOCK_PATH, body: { preconditions } },
  ]);
  expect(BigInt(version)).toBeGreaterThan(BigInt(resourceVersion));
  expect([world.lock, unmarked]).toEqual([undefined, []]);
});

test('a release does not mark a lock that is marked', async () => {
  expect(await giveUp({ ...held, released: true })).toEqual(['DELETE']);
});

test('a release without the right to patch deletes the lock unmarked, and says so once', async () => {
  strike('patch', { error: { status: 403 } });
  strike('delete', { times: 1, error: { status: 409 } });
  expect(await giveUp()).toEqual(['PATCH', 'DELETE', 'GET', 'DELETE']);
  expect(unmarked).toMatchObject([{ status: 403 }]);
  expect(world.lock).toBeUndefined();
});

test('a release marks and deletes a lock that was changed meanwhile', async () => {
  const labels = { metadata: { labels: { team: 'x' } } };
  world.cluster.request('PATCH', LOCK_PATH, labels, 'application/merge-patch+json');
  expect(await giveUp()).toEqual(['PATCH', 'GET', 'PATCH', 'DELETE']);
  expect([world.lock, unmarked]).toEqual([undefined, []]);
});

test('a release deletes the lock unmarked if a patch conflicts although nothing has changed', async () => {
  strike('patch', { error: { status: 409 } });
  expect(await giveUp()).toEqual(['PATCH', 'GET', 'DELETE']);
  expect(world.lock).toBeUndefined();
});

test('a release accepts that the lock is gone', async () => {
  world.cluster.deleteConfigMap('lock');
  expect(await giveUp()).toEqual(['PATCH', 'GET']);
});

test('LIFE-4: a release leaves the lock of another Pod alone', async () => {
  world.cluster.deleteConfigMap('lock');
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'b', uid: world.process('b').podUid };
  world.cluster.createConfigMap('lock', { metadata: { ownerReferences: [owner] } });
  expect(await giveUp()).toEqual(['PATCH', 'GET']);
  expect(world.holder).toBe('b');
});

test('a release leaves a later lock of the same Pod alone: that is another term', async () => {
  world.cluster.deleteConfigMap('lock');
  await create('another attempt');
  await giveUp();
  expect(world.lock).toBeDefined();
});

test.each(['patch', 'delete'] as const)(
  'a release retries a %s without an answer',
  async (verb) => {
    strike(verb, { when: 'after', reset: true, times: 1 });
    await giveUp();
    expect(world.lock).toBeUndefined();
    expect(unconfirmed.has(held.uid)).toBe(false);
  },
);

test.each(['patch', 'delete'] as const)(
  'a release whose every %s has no answer fails within 26 s, and notes that the lock may go',
  async (verb) => {
    strike(verb, { hang: true });
    const startedMs = world.clock.now();
    await expect(giveUp()).rejects.toThrow(/no answer within/);
    expect(world.clock.now() - startedMs).toBeLessThan(26_000);
    expect(unconfirmed.has(held.uid)).toBe(true);
  },
);
