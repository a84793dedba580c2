import { describe, expect } from 'vitest';

import {
  ConfigMapLock,
  type ConfigMapLockOptions,
  reservedAnnotations,
  toLock,
} from '../../lib/kubernetes/config-map-lock.ts';
import { it as base } from './scripted.ts';

const options: ConfigMapLockOptions = {
  namespace: 'prod',
  name: 'my-lock',
  labels: { team: 'a' },
  annotations: { 'example.com/note': 'b' },
};
const it = base
  .extend('open', ({ api }) => (changes: Partial<ConfigMapLockOptions> = {}) => {
    return new ConfigMapLock(api, { ...options, ...changes });
  })
  .extend('lock', ({ open }) => open());

const collection = '/api/v1/namespaces/prod/configmaps';
const path = `${collection}/my-lock`;
const query = expect.anything() as unknown;
const owner = { name: 'app-0', uid: 'uid-of-app-0' };
const reference = ({ name, uid }: typeof owner) => ({ apiVersion: 'v1', kind: 'Pod', name, uid });

const asSent = {
  name: 'my-lock',
  namespace: 'prod',
  labels: { 'app.kubernetes.io/managed-by': 'leader-for-life', team: 'a' },
  annotations: {
    'example.com/note': 'b',
    'leader-for-life/pod-name': 'app-0',
    'leader-for-life/pod-uid': 'uid-of-app-0',
    'leader-for-life/attempt': 'attempt-1',
  },
  ownerReferences: [reference(owner)],
};
/** A lock as the API server answers it, with other metadata, or other annotations besides. */
const stored = (changes: object = {}, annotations: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    ...asSent,
    uid: 'lock-1',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
    annotations: { ...asSent.annotations, ...annotations },
    ...changes,
  },
});
const read = {
  uid: 'lock-1',
  resourceVersion: '7',
  owner,
  mark: owner,
  attempt: 'attempt-1',
  released: false,
  deleting: false,
  finalizers: [],
};
const { uid, resourceVersion } = read;

describe('ConfigMapLock', () => {
  it('get reads the ConfigMap of its name', async ({ lock, transport }) => {
    transport.reply(200, stored());
    await expect(lock.get()).resolves.toEqual(read);
    expect(transport.requests).toEqual([{ method: 'GET', path, query }]);
    expect(lock).toMatchObject({ name: 'my-lock', path: collection });
  });

  it('create writes a ConfigMap that the Pod owns', async ({ lock, transport }) => {
    transport.reply(201, stored());
    await expect(lock.create(owner, 'attempt-1')).resolves.toEqual(read);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: asSent };
    expect(transport.requests).toEqual([{ method: 'POST', path: collection, query, body }]);
  });

  it('create lets options override its labels, not its annotations', async ({
    open,
    transport,
  }) => {
    const labels = { 'app.kubernetes.io/managed-by': 'helm' };
    const annotations = Object.fromEntries(reservedAnnotations.map((key) => [key, 'hijacked']));
    transport.reply(201, stored());
    await open({ labels, annotations }).create(owner, 'attempt-1');
    const { 'example.com/note': _, ...own } = asSent.annotations;
    expect(transport.requests[0]?.body).toMatchObject({ metadata: { labels, annotations: own } });
    expect(reservedAnnotations).toEqual(
      ['pod-name', 'pod-uid', 'attempt', 'predecessors', 'released', 'step-down'].map(
        (key) => `leader-for-life/${key}`,
      ),
    );
  });

  it('LIFE-4: release marks the version that was read, and no other', async ({
    lock,
    transport,
  }) => {
    const annotations = { 'leader-for-life/released': 'true' };
    transport.reply(200, stored({ resourceVersion: '8' }, annotations));
    const released = { ...read, resourceVersion: '8', released: true };
    await expect(lock.release(read)).resolves.toEqual(released);
    const contentType = 'application/merge-patch+json';
    const body = { metadata: { uid, resourceVersion, annotations } };
    expect(transport.requests).toEqual([{ method: 'PATCH', path, contentType, query, body }]);
  });

  it('LIFE-4: delete deletes the version that was read, and no other', async ({
    lock,
    transport,
  }) => {
    const details = { name: 'my-lock', kind: 'configmaps', uid };
    transport.reply(200, { kind: 'Status', status: 'Success', details });
    await expect(lock.delete(read)).resolves.toBe(true);
    const preconditions = { uid, resourceVersion };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
    expect(transport.requests).toEqual([{ method: 'DELETE', path, query, body }]);
  });
});

describe('LIFE-3: an answer to ConfigMapLock.create is no lock of ours', () => {
  it.for<[string, object, object]>([
    ['owner', { ownerReferences: [reference({ name: 'app-1', uid: 'uid-of-app-1' })] }, {}],
    ['attempt', { annotations: { 'leader-for-life/attempt': 'attempt-2' } }, {}],
    ['owner and attempt: none', { ownerReferences: [], annotations: {} }, {}],
    ['mark: released', {}, { 'leader-for-life/released': 'true' }],
  ])('with another %s', async ([, changes, annotations], { lock, transport }) => {
    transport.reply(201, stored(changes, annotations));
    await expect(lock.create(owner, 'attempt-1')).rejects.toThrow(
      'the answer is not the ConfigMap that was to be created',
    );
  });
});

describe('the predecessors of a lock', () => {
  const before = [1, 2].map((n) => ({ name: `app-${n}`, uid: `uid-of-app-${n}` }));
  const note = 'app-1/uid-of-app-1,app-2/uid-of-app-2';
  const noted = (text: unknown) => stored({}, { 'leader-for-life/predecessors': text });

  it('are written oldest first', async ({ lock, transport }) => {
    transport.reply(201, noted(note));
    const created = await lock.create(owner, 'attempt-1', before);
    expect(created).toEqual({ ...read, predecessors: before });
    expect(transport.requests[0]?.body).toMatchObject({
      metadata: { annotations: { 'leader-for-life/predecessors': note } },
    });
  });

  it.for([
    ['none', stored()],
    ['one missing', noted('app-1/uid-of-app-1')],
    ['another order', noted('app-2/uid-of-app-2,app-1/uid-of-app-1')],
    ['another Pod', noted('app-1/uid-of-app-1,app-2/successor')],
  ] as const)(
    'LIFE-3: have to be stored as they were sent, not with %s',
    async ([, answer], { lock, transport }) => {
      transport.reply(201, answer);
      await expect(lock.create(owner, 'attempt-1', before)).rejects.toThrow(
        'the answer is not the ConfigMap that was to be created',
      );
    },
  );

  it.for([
    [note, before],
    ['app-1/uid-of-app-1,,App_3/uid,app-2/uid-of-app-2,app-4/', before],
    ['', undefined],
    ['app-1', undefined],
    [7, undefined],
  ])('are read as far as they are valid: %j', ([annotation, expected]) => {
    expect(toLock(noted(annotation)).predecessors).toEqual(expected);
  });
});

describe('toLock', () => {
  const metadata = { uid: 'u', resourceVersion: '1' };
  const bare = { ...metadata, released: false, deleting: false, finalizers: [] };
  const pod = reference({ name: 'app-1', uid: 'uid-of-app-1' });
  const mark = (name: unknown, uid: unknown) => ({
    annotations: { 'leader-for-life/pod-name': name, 'leader-for-life/pod-uid': uid },
  });

  it.for<unknown>([
    {},
    { metadata: null },
    { metadata: [] },
    { metadata: { uid: 'u' } },
    { metadata: { resourceVersion: '1' } },
    { metadata: { uid: '', resourceVersion: '1' } },
    { metadata: { uid: 'u', resourceVersion: '' } },
    { metadata: { uid: 7, resourceVersion: '1' } },
    { metadata: { uid: 'u', resourceVersion: 1 } },
    Object.create({ metadata }),
  ])('throws without a UID and a version: %j', (json) => {
    expect(() => toLock(json as Record<string, unknown>)).toThrow(
      new Error('the answer is no ConfigMap'),
    );
  });

  it.for<[string, object, object]>([
    ['no more than the API server always adds', {}, {}],
    ['a deletionTimestamp', { deletionTimestamp: '2026-01-01T00:00:00Z' }, { deleting: true }],
    ...[1, true, {}, [], ''].map((deletionTimestamp): [string, object, object] => {
      return ['an odd deletionTimestamp', { deletionTimestamp }, { deleting: true }];
    }),
    ['no deletionTimestamp', { deletionTimestamp: null }, {}],
    ['finalizers', { finalizers: ['a/b', 'c/d'] }, { finalizers: ['a/b', 'c/d'] }],
    ['odd finalizers', { finalizers: ['a/b', 7, null, {}] }, { finalizers: ['a/b'] }],
    ['finalizers that are no list', { finalizers: 'a/b' }, {}],
    [
      'the mark of a release',
      { annotations: { 'leader-for-life/released': '' } },
      { released: true },
    ],
    ['an attempt', { annotations: { 'leader-for-life/attempt': '' } }, { attempt: '' }],
    ['a mark', mark('app-1', 'x'), { mark: { name: 'app-1', uid: 'x' } }],
    ['the first half of a mark', { annotations: { 'leader-for-life/pod-name': 'app-1' } }, {}],
    ['the other half of a mark', { annotations: { 'leader-for-life/pod-uid': 'uid' } }, {}],
    ['a mark with an invalid name', mark('App_1', 'uid'), {}],
    ['a mark with an invalid UID', mark('app-1', 7), {}],
    ['a mark in a list', { annotations: ['leader-for-life/pod-name'] }, {}],
    ['a mark in a prototype', { annotations: { ['__proto__']: mark('a', 'b').annotations } }, {}],
    [
      'several owners: the first Pod among them',
      {
        ownerReferences: [
          ...[{ ...pod, kind: 'Deployment' }, { ...pod, uid: '' }, null, pod],
          { ...pod, name: 'app-2', uid: 'uid-of-app-2' },
        ],
      },
      { owner: { name: 'app-1', uid: 'uid-of-app-1' } },
    ],
  ])('reads %s (%#)', ([, more, meaning]) => {
    expect(toLock({ metadata: { ...metadata, ...more } })).toStrictEqual({ ...bare, ...meaning });
  });

  it.for<[string, unknown]>([
    ['no reference', []],
    ['something else than a list', pod],
    ['a ReplicaSet', [{ ...pod, kind: 'ReplicaSet', apiVersion: 'apps/v1' }]],
    ['another kind of v1', [{ ...pod, kind: 'Node' }]],
    ['a Pod of another group', [{ ...pod, apiVersion: 'example.com/v1' }]],
    ['a Pod without a UID', [{ ...pod, uid: '' }]],
    ['a Pod without a name', [{ ...pod, name: undefined }]],
    ['a Pod with an invalid name', [{ ...pod, name: '../secrets' }]],
    ['a Pod with a huge name', [{ ...pod, name: 'a'.repeat(1_000_000) }]],
    ['wrong types', [null, 7, 'Pod', [], { ...pod, name: { toString: () => 'x' } }]],
    ['a prototype', [Object.create(pod)]],
  ])('takes %s for no owner', ([, ownerReferences]) => {
    expect(toLock({ metadata: { ...metadata, ownerReferences } })).toStrictEqual(bare);
  });
});
