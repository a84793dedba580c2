import { beforeEach, describe, expect, it } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import {
  ConfigMapLock,
  type ConfigMapLockOptions,
  reservedAnnotations,
  toLock,
} from '../../lib/kubernetes/config-map-lock.ts';
import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

let transport: ScriptedTransport;
let lock: ConfigMapLock;

const options: ConfigMapLockOptions = {
  namespace: 'prod',
  name: 'my-lock',
  labels: { team: 'a' },
  annotations: { 'example.com/note': 'b' },
};
const open = (changes: Partial<ConfigMapLockOptions> = {}) =>
  new ConfigMapLock(new Api(transport, new ManualClock()), { ...options, ...changes });

beforeEach(() => {
  transport = new ScriptedTransport();
  lock = open();
});

const collection = '/api/v1/namespaces/prod/configmaps';
const object = `${collection}/my-lock`;
const owner = { name: 'app-0', uid: 'uid-of-app-0' };

/** A lock as the API server answers it. */
const stored = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'my-lock',
    namespace: 'prod',
    uid: 'lock-1',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'app.kubernetes.io/managed-by': 'leader-for-life', team: 'a' },
    annotations: {
      'example.com/note': 'b',
      'leader-for-life/pod-name': 'app-0',
      'leader-for-life/pod-uid': 'uid-of-app-0',
      'leader-for-life/attempt': 'attempt-1',
    },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'app-0', uid: 'uid-of-app-0' }],
  },
};
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

const refusals = [403, 422, 500];

describe('the lock', () => {
  it('is a ConfigMap of its name in its namespace', () => {
    expect(lock).toMatchObject({ name: 'my-lock', path: collection });
  });

  it('keeps its annotations for itself', () => {
    expect(reservedAnnotations).toEqual([
      'leader-for-life/pod-name',
      'leader-for-life/pod-uid',
      'leader-for-life/attempt',
      'leader-for-life/predecessors',
      'leader-for-life/released',
    ]);
  });
});

describe('reading the lock', () => {
  it('gives what the protocol knows of it', async () => {
    transport.reply(200, stored);
    await expect(lock.get()).resolves.toEqual(read);
    expect(transport.requests).toEqual([{ method: 'GET', path: object, query: expect.anything() }]);
  });

  it('gives nothing if it is not there', async () => {
    transport.refuse(404);
    await expect(lock.get()).resolves.toBeUndefined();
  });

  it.each(refusals)('fails with a %i', async (status) => {
    transport.refuse(status);
    await expect(lock.get()).rejects.toMatchObject({ status });
  });

  it('ends with the signal', async () => {
    transport.hang();
    const controller = new AbortController();
    const reading = lock.get(controller.signal);
    await settled();
    controller.abort(new Error('the reason'));
    await expect(reading).rejects.toThrow('the reason');
  });
});

describe('creating the lock', () => {
  const body = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'my-lock',
      namespace: 'prod',
      labels: stored.metadata.labels,
      annotations: stored.metadata.annotations,
      ownerReferences: stored.metadata.ownerReferences,
    },
  };

  it('writes a ConfigMap that the Pod owns, and gives what became of it', async () => {
    transport.reply(201, stored);
    await expect(lock.create(owner, 'attempt-1')).resolves.toEqual(read);
    expect(transport.requests).toEqual([
      { method: 'POST', path: collection, query: expect.anything(), body },
    ]);
  });

  it('has its own say in the annotations, the user in the labels', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'helm' };
    const annotations = Object.fromEntries(reservedAnnotations.map((key) => [key, 'hijacked']));
    transport.reply(201, stored);
    await open({ labels, annotations }).create(owner, 'attempt-1');
    const { 'example.com/note': _, ...own } = stored.metadata.annotations;
    expect(transport.requests[0]?.body).toMatchObject({
      metadata: { labels, annotations: own },
    });
  });

  it('tells when there is one', async () => {
    transport.refuse(409, { reason: 'AlreadyExists' });
    await expect(lock.create(owner, 'attempt-1')).resolves.toBe('exists');
  });

  it.each([...refusals, 409, 404])('fails with a %i', async (status) => {
    transport.refuse(status);
    const creating = lock.create(owner, 'attempt-1');
    await expect(creating).rejects.toBeInstanceOf(ApiError);
    await expect(creating).rejects.toMatchObject({ status });
  });
});

describe('the predecessors of a lock', () => {
  const before = [
    { name: 'app-1', uid: 'uid-of-app-1' },
    { name: 'app-2', uid: 'uid-of-app-2' },
  ];
  const note = 'app-1/uid-of-app-1,app-2/uid-of-app-2';
  const noted = (annotation: unknown) => {
    const annotations = {
      ...stored.metadata.annotations,
      'leader-for-life/predecessors': annotation,
    };
    return { ...stored, metadata: { ...stored.metadata, annotations } };
  };

  it('are noted in it, oldest first', async () => {
    transport.reply(201, noted(note));
    const created = await lock.create(owner, 'attempt-1', before);
    expect(created).toEqual({ ...read, predecessors: before });
    expect(transport.requests[0]?.body).toEqual(
      expect.objectContaining({
        metadata: expect.objectContaining({
          annotations: expect.objectContaining({ 'leader-for-life/predecessors': note }) as unknown,
        }) as unknown,
      }),
    );
  });

  it.each([
    ['none', stored],
    ['one that is missing', noted('app-1/uid-of-app-1')],
    ['another order', noted('app-2/uid-of-app-2,app-1/uid-of-app-1')],
    ['another Pod', noted('app-1/uid-of-app-1,app-2/successor')],
  ])('have to be stored as they were sent: not as %s', async (_, answer) => {
    transport.reply(201, answer);
    await expect(lock.create(owner, 'attempt-1', before)).rejects.toThrow(
      'the answer is not the ConfigMap that was to be created',
    );
  });

  it.each([
    [note, before],
    ['app-1/uid-of-app-1,,App_3/uid,app-2/uid-of-app-2,app-4/', before],
    ['', undefined],
    ['app-1', undefined],
    [7, undefined],
  ])('are read, as far as they can be: %j', (annotation, expected) => {
    expect(toLock(noted(annotation)).predecessors).toEqual(expected);
  });
});

describe('marking the lock as released', () => {
  const { uid, resourceVersion } = read;
  const marked = {
    ...stored,
    metadata: {
      ...stored.metadata,
      resourceVersion: '8',
      annotations: { ...stored.metadata.annotations, 'leader-for-life/released': 'true' },
    },
  };

  it('changes exactly the version that was read, and gives what became of it', async () => {
    transport.reply(200, marked);
    const released = { ...read, resourceVersion: '8', released: true };
    await expect(lock.release(read)).resolves.toEqual(released);
    expect(transport.requests).toEqual([
      {
        method: 'PATCH',
        path: object,
        contentType: 'application/merge-patch+json',
        query: expect.anything(),
        body: {
          metadata: { uid, resourceVersion, annotations: { 'leader-for-life/released': 'true' } },
        },
      },
    ]);
  });

  it.each([404, 409, 422])('tells with a %i that it was changed meanwhile', async (status) => {
    transport.refuse(status);
    await expect(lock.release(read)).resolves.toBe('changed');
  });

  it.each([403, 500])('fails with a %i', async (status) => {
    transport.refuse(status);
    await expect(lock.release(read)).rejects.toMatchObject({ status });
  });

  it('is what a lock says whose annotation is there, whatever is in it', () => {
    expect(toLock(stored).released).toBe(false);
    const annotations = { 'leader-for-life/released': '' };
    expect(toLock({ metadata: { ...stored.metadata, annotations } }).released).toBe(true);
  });
});

describe('deleting the lock', () => {
  const { uid, resourceVersion } = read;

  it('deletes exactly the version that was read', async () => {
    const details = { name: 'my-lock', kind: 'configmaps', uid };
    transport.reply(200, { kind: 'Status', status: 'Success', details });
    await expect(lock.delete(read)).resolves.toBe(true);
    expect(transport.requests).toEqual([
      {
        method: 'DELETE',
        path: object,
        query: expect.anything(),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions: { uid, resourceVersion },
        },
      },
    ]);
  });

  it.each([404, 409])('tells with a %i that somebody else was faster', async (status) => {
    transport.refuse(status);
    await expect(lock.delete(read)).resolves.toBe(false);
  });

  it.each(refusals)('fails with a %i', async (status) => {
    transport.refuse(status);
    await expect(lock.delete(read)).rejects.toMatchObject({ status });
  });

  it('ends with the signal', async () => {
    transport.hang();
    const controller = new AbortController();
    const deleting = lock.delete(read, controller.signal);
    await settled();
    controller.abort(new Error('the reason'));
    await expect(deleting).rejects.toThrow('the reason');
  });
});

describe('a ConfigMap that is read', () => {
  const metadata = { uid: 'u', resourceVersion: '1' };
  const bare = {
    uid: 'u',
    resourceVersion: '1',
    released: false,
    deleting: false,
    finalizers: [],
  };
  const pod = { apiVersion: 'v1', kind: 'Pod', name: 'app-1', uid: 'uid-of-app-1' };
  const of = (more: object) => toLock({ metadata: { ...metadata, ...more } });

  it('may have nothing but what the API server always adds', () => {
    expect(of({})).toStrictEqual(bare);
  });

  it.each([
    {},
    { metadata: null },
    { metadata: [] },
    { metadata: { uid: 'u' } },
    { metadata: { resourceVersion: '1' } },
    { metadata: { uid: '', resourceVersion: '1' } },
    { metadata: { uid: 'u', resourceVersion: '' } },
    { metadata: { uid: 7, resourceVersion: '1' } },
    { metadata: { uid: 'u', resourceVersion: 1 } },
    Object.create({ metadata }) as object,
  ])('is none if it was never stored: %j', (json) => {
    expect(() => toLock(json as Record<string, unknown>)).toThrow(
      new Error('the answer is no ConfigMap'),
    );
  });

  it('is being deleted once it has a timestamp', () => {
    expect(of({ deletionTimestamp: '2026-01-01T00:00:00Z' }).deleting).toBe(true);
    expect(of({ deletionTimestamp: null }).deleting).toBe(false);
  });

  it('may have finalizers', () => {
    expect(of({ finalizers: ['a/b', 'c/d'] }).finalizers).toEqual(['a/b', 'c/d']);
    expect(of({ finalizers: ['a/b', 7, null, {}] }).finalizers).toEqual(['a/b']);
    expect(of({ finalizers: 'a/b' }).finalizers).toEqual([]);
  });

  it.each([
    ['no reference', []],
    ['something else than a list', pod],
    ['a ReplicaSet', [{ ...pod, kind: 'ReplicaSet', apiVersion: 'apps/v1' }]],
    ['another kind of v1', [{ ...pod, kind: 'Node' }]],
    ['a Pod of another group', [{ ...pod, apiVersion: 'example.com/v1' }]],
    ['a Pod without a UID', [{ ...pod, uid: '' }]],
    ['a Pod without a name', [{ ...pod, name: undefined }]],
    ['a Pod that cannot be', [{ ...pod, name: '../secrets' }]],
    ['a Pod with a huge name', [{ ...pod, name: 'a'.repeat(1_000_000) }]],
    ['wrong types', [null, 7, 'Pod', [], { ...pod, name: { toString: () => 'x' } }]],
    ['a prototype', [Object.create(pod)]],
  ])('is owned by no Pod if it has %s', (_, ownerReferences) => {
    expect(of({ ownerReferences })).toEqual(bare);
  });

  it('is owned by the first Pod among its owners', () => {
    const { name, uid } = pod;
    const others = [{ ...pod, kind: 'Deployment' }, { ...pod, uid: '' }, null];
    const second = { ...pod, name: 'app-2', uid: 'uid-of-app-2' };
    expect(of({ ownerReferences: [...others, pod, second] })).toEqual({
      ...bare,
      owner: { name, uid },
    });
  });

  it.each([
    [{ 'leader-for-life/pod-name': 'app-1' }],
    [{ 'leader-for-life/pod-uid': 'uid' }],
    [{ 'leader-for-life/pod-name': 'App_1', 'leader-for-life/pod-uid': 'uid' }],
    [{ 'leader-for-life/pod-name': 'app-1', 'leader-for-life/pod-uid': 7 }],
    [['leader-for-life/pod-name']],
    [JSON.parse('{"__proto__":{"leader-for-life/pod-name":"a","leader-for-life/pod-uid":"b"}}')],
  ])('is not marked as ours by %j', (annotations: unknown) => {
    expect(of({ annotations })).toEqual(bare);
  });

  it('is marked as ours by name and UID', () => {
    const annotations = {
      'leader-for-life/pod-name': 'app-1',
      'leader-for-life/pod-uid': 'uid-of-app-1',
    };
    expect(of({ annotations })).toEqual({
      ...bare,
      mark: { name: 'app-1', uid: 'uid-of-app-1' },
    });
  });

  it('may name the attempt that made it', () => {
    const annotations = { 'leader-for-life/attempt': '' };
    expect(of({ annotations })).toEqual({ ...bare, attempt: '' });
  });
});

describe('an answer that cannot be meant', () => {
  const changed = (metadata: object) => ({
    ...stored,
    metadata: { ...stored.metadata, ...metadata },
  });
  const another = { apiVersion: 'v1', kind: 'Pod', name: 'app-1', uid: 'uid-of-app-1' };

  it('is one about another ConfigMap', async () => {
    transport.reply(200, changed({ name: 'other' })).reply(201, changed({ name: 'other' }));
    await expect(lock.get()).rejects.toThrow(NoAnswerError);
    await expect(lock.create(owner, 'attempt-1')).rejects.toThrow(NoAnswerError);
  });

  it.each([
    ['another owner', { ownerReferences: [another] }],
    ['another attempt', { annotations: { 'leader-for-life/attempt': 'attempt-2' } }],
    ['nobody', { ownerReferences: [], annotations: {} }],
    [
      'one that was released',
      { annotations: { ...stored.metadata.annotations, 'leader-for-life/released': 'true' } },
    ],
  ])('is a created one of %s', async (_, metadata) => {
    transport.reply(201, changed(metadata));
    await expect(lock.create(owner, 'attempt-1')).rejects.toThrow(
      'the answer is not the ConfigMap that was to be created',
    );
  });

  it.each([1, true, {}, [], ''])('is still deleted: at %j', async (deletionTimestamp) => {
    transport.reply(200, changed({ deletionTimestamp }));
    await expect(lock.get()).resolves.toMatchObject({ deleting: true });
  });
});
