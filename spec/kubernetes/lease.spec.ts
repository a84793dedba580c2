import { describe, expect } from 'vitest';

import { Lease, type LeaseOptions, toVersion } from '../../lib/kubernetes/lease.ts';
import type { LeaderElectionRecord } from '../../lib/protocol/lease/record.ts';
import { it as base } from './scripted.ts';

const options: LeaseOptions = { namespace: 'prod', name: 'my-lease', labels: {}, annotations: {} };
const extra = { labels: { app: 'x' }, annotations: { note: 'y' } };
const { signal } = new AbortController();

const collection = '/apis/coordination.k8s.io/v1/namespaces/prod/leases';
const path = `${collection}/my-lease`;
const query = expect.anything() as unknown;

const record: LeaderElectionRecord = {
  holderIdentity: 'app-0_1',
  leaseDurationSeconds: 15,
  acquireTime: '2026-01-01T00:00:00.000000Z',
  renewTime: '2026-01-01T00:00:02.000000Z',
  leaseTransitions: 3,
};

const type = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
const metadata = {
  name: 'my-lease',
  namespace: 'prod',
  uid: 'uid-1',
  resourceVersion: '7',
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels: { team: 'a' },
  finalizers: ['example.com/keep'],
};
/** A Lease as the API server answers it. */
const stored = {
  ...type,
  metadata,
  spec: { ...record, strategy: 'OldestEmulationVersion', preferredHolder: 'app-1' },
};
const read = {
  record,
  resourceVersion: '7',
  uid: 'uid-1',
  handoverAsked: true,
  object: stored,
};
const next = { ...record, renewTime: '2026-01-01T00:00:04.000000Z' };

const it = base.extend('open', ({ api }) => (changes: Partial<LeaseOptions> = {}) => {
  return new Lease(api, { ...options, ...changes });
});

describe('toVersion', () => {
  it.for([stored, { ...stored, status: {}, more: 1 }])(
    'gives the record, the version and the object (%#)',
    (answer) => {
      expect(toVersion(answer)).toEqual({ ...read, object: answer });
    },
  );

  it.for([
    {},
    { spec: null },
    { spec: {} },
    { spec: { holderIdentity: null, leaseTransitions: null } },
    { spec: { holderIdentity: 7, leaseDurationSeconds: '15', renewTime: 1 } },
    ...[-1, 1.5, 2 ** 31, 1e300, '15', true, [15]].map((number) => {
      return { spec: { leaseDurationSeconds: number, leaseTransitions: number } };
    }),
  ])('takes what no Lease can hold for missing: %j', (rest) => {
    expect(toVersion({ metadata, ...rest }).record).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: undefined,
      acquireTime: undefined,
      renewTime: undefined,
      leaseTransitions: 0,
    });
  });

  const asking = { ...metadata, annotations: { 'leader-for-life/step-down': 'app-0_1' } };
  it.for<[boolean, object, object]>([
    [true, asking, record],
    [true, metadata, { ...record, preferredHolder: 'app-1' }],
    [false, metadata, { ...record, preferredHolder: 'app-0_1' }],
    [false, metadata, { ...record, preferredHolder: '' }],
    [false, metadata, { preferredHolder: 'app-1' }],
    [false, asking, { ...record, holderIdentity: 'app-0' }],
    [false, { ...metadata, annotations: { 'leader-for-life/step-down': '' } }, {}],
  ])('says that the holder is asked to hand over: %j (%j, %j)', ([asked, about, spec]) => {
    const { handoverAsked = false } = toVersion({ ...type, metadata: about, spec });
    expect(handoverAsked).toBe(asked);
  });

  it('takes the largest number that a Lease can hold', () => {
    const spec = { leaseDurationSeconds: 2 ** 31 - 1, leaseTransitions: 2 ** 31 - 1 };
    expect(toVersion({ ...stored, spec }).record).toMatchObject(spec);
  });

  it.for([
    { metadata: { uid: 'uid-1' } },
    { metadata: { uid: 'uid-1', resourceVersion: '' } },
    { metadata: { resourceVersion: '7' } },
    { metadata: { uid: '', resourceVersion: '7' } },
    {},
  ])('throws without a UID and a version: %j', (answer) => {
    expect(() => toVersion(answer)).toThrow(new Error('the answer is no Lease'));
  });
});

describe('Lease', () => {
  it('get reads the Lease of its name', async ({ open, transport }) => {
    transport.reply(200, stored);
    expect(await open().get(signal)).toEqual(read);
    expect(transport.requests).toEqual([{ method: 'GET', path, query }]);
    expect(open().path).toBe(collection);
  });

  it.for([{}, extra])(
    'create writes all five fields, and %j',
    async (more, { open, transport }) => {
      transport.reply(201, stored);
      expect(await open(more).create(record, signal)).toEqual(read);
      const body = {
        ...type,
        metadata: { name: 'my-lease', namespace: 'prod', ...more },
        spec: record,
      };
      expect(transport.requests).toEqual([{ method: 'POST', path: collection, query, body }]);
    },
  );

  /** A Lease whose holder is asked to hand over, in both ways. */
  function requested(holderIdentity: string, changes: object = {}) {
    const annotations = { note: 'y', 'leader-for-life/step-down': holderIdentity };
    const spec = { ...record, holderIdentity, preferredHolder: 'app-1', ...changes };
    return { ...type, metadata: { ...metadata, annotations }, spec };
  }

  it('a release drops the annotation, and says who is preferred', async ({ open, transport }) => {
    transport.reply(200, stored);
    const released = { ...record, holderIdentity: '' };
    await open().update({ ...read, object: requested('app-0_1') }, released, signal);
    const { metadata: about, spec } = transport.requests[0]?.body as typeof stored;
    expect(about).toEqual({ ...metadata, annotations: { note: 'y' } });
    expect(spec).toEqual({ ...released, preferredHolder: 'app-1' });
  });

  const labelled = { ...metadata, labels: { team: 'a', app: 'old' } };
  it.for<[string, Partial<LeaseOptions>, object, object]>([
    [
      'LEASE-2: names the version that it replaces, and keeps unknown fields',
      {},
      stored,
      { ...stored, spec: { ...stored.spec, ...next } },
    ],
    [
      'completes missing fields, apiVersion and kind',
      {},
      { metadata, spec: { leaseTransitions: 3 } },
      { ...type, metadata, spec: next },
    ],
    [
      'adds its labels and annotations to those that are there',
      extra,
      { ...type, metadata: labelled, spec: {} },
      { ...type, metadata: { ...labelled, ...extra, labels: { team: 'a', app: 'x' } }, spec: next },
    ],
    [
      'drops what was asked of another holder, and keeps other annotations',
      {},
      requested('other'),
      { ...requested('other'), metadata: { ...metadata, annotations: { note: 'y' } }, spec: next },
    ],
    [
      'keeps what is asked of the same holder',
      {},
      requested('app-0_1'),
      requested('app-0_1', next),
    ],
  ])('update %s', async ([, changes, object, body], { open, transport }) => {
    transport.reply(200, stored);
    expect(await open(changes).update({ ...read, object }, next, signal)).toEqual(read);
    expect(transport.requests).toEqual([{ method: 'PUT', path, query, body }]);
    expect(stored.spec.renewTime).toBe(record.renewTime);
  });

  it.for([undefined, null, 'an object', []])(
    'update throws at a version of %j, which is no Lease',
    async (object, { open, transport }) => {
      const version = { record, resourceVersion: '7', object };
      await expect(open().update(version, next, signal)).rejects.toThrow(
        new TypeError('this version was not read from a Lease'),
      );
      expect(transport.requests).toEqual([]);
    },
  );
});
