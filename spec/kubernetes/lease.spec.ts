import { beforeEach, describe, expect, it } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { Lease, type LeaseOptions, leasesPath, toVersion } from '../../lib/kubernetes/lease.ts';
import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import type { LeaderElectionRecord } from '../../lib/protocol/lease/record.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

let transport: ScriptedTransport;
let lease: Lease;

const options: LeaseOptions = { namespace: 'prod', name: 'my-lease', labels: {}, annotations: {} };
const open = (changes: Partial<LeaseOptions> = {}) =>
  new Lease(new Api(transport, new ManualClock()), { ...options, ...changes });
const signal = new AbortController().signal;

beforeEach(() => {
  transport = new ScriptedTransport();
  lease = open();
});

const collection = '/apis/coordination.k8s.io/v1/namespaces/prod/leases';
const object = `${collection}/my-lease`;

const record: LeaderElectionRecord = {
  holderIdentity: 'app-0_1',
  leaseDurationSeconds: 15,
  acquireTime: '2026-01-01T00:00:00.000000Z',
  renewTime: '2026-01-01T00:00:02.000000Z',
  leaseTransitions: 3,
};

/** A Lease as the API server answers it. */
const stored = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: {
    name: 'my-lease',
    namespace: 'prod',
    uid: 'uid-1',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { team: 'a' },
    finalizers: ['example.com/keep'],
  },
  spec: { ...record, strategy: 'OldestEmulationVersion', preferredHolder: 'app-1' },
};
const read = { record, resourceVersion: '7', uid: 'uid-1', object: stored };
const next = { ...record, renewTime: '2026-01-01T00:00:04.000000Z' };

/** The one request, with its body. */
function request() {
  expect(transport.requests).toHaveLength(1);
  const { method, path, body } = transport.requests[0] ?? {};
  return { method, path, body: typeof body === 'string' ? (JSON.parse(body) as unknown) : body };
}

const refusals = [403, 422, 429, 500];

describe('the path', () => {
  it('is that of the Leases of a namespace', () => {
    expect(lease.path).toBe(collection);
    expect(leasesPath('prod')).toBe(collection);
  });
});

describe('reading', () => {
  it('is one request', async () => {
    transport.reply(200, stored);
    expect(await lease.get(signal)).toEqual(read);
    expect(request()).toMatchObject({ method: 'GET', path: object });
  });

  it('finds nothing where there is nothing', async () => {
    transport.refuse(404);
    expect(await lease.get(signal)).toBeUndefined();
  });

  it.each(refusals)('passes a refusal on: %d', async (status) => {
    transport.refuse(status);
    await expect(lease.get(signal)).rejects.toThrow(ApiError);
  });

  it('ends with its signal', async () => {
    transport.hang();
    const stop = new AbortController();
    const reading = lease.get(stop.signal);
    stop.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });
});

describe('what is read', () => {
  it.each([
    ['a Lease', stored],
    ['one with more than is known', { ...stored, status: {}, more: 1 }],
  ])('is the record, what it takes to replace it, and the object: of %s', (_, answer) => {
    expect(toVersion(answer)).toEqual({ ...read, object: answer });
  });

  it.each([
    ['no spec', {}],
    ['a spec that is null', { spec: null }],
    ['an empty spec', { spec: {} }],
    ['fields that are null', { spec: { holderIdentity: null, leaseTransitions: null } }],
    [
      'fields of other types',
      { spec: { holderIdentity: 7, leaseDurationSeconds: '15', renewTime: 1 } },
    ],
    ['a duration that is no whole number', { spec: { leaseDurationSeconds: 1.5 } }],
  ])('is held by nobody, and says nothing else, with %s', (_, rest) => {
    const { metadata } = stored;
    expect(toVersion({ metadata, ...rest }).record).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: undefined,
      acquireTime: undefined,
      renewTime: undefined,
      leaseTransitions: 0,
    });
  });

  it.each([
    ['without a resourceVersion', { metadata: { uid: 'uid-1' } }],
    ['with an empty resourceVersion', { metadata: { uid: 'uid-1', resourceVersion: '' } }],
    ['without a UID', { metadata: { resourceVersion: '7' } }],
    ['with an empty UID', { metadata: { uid: '', resourceVersion: '7' } }],
    ['without metadata', {}],
  ])('is no Lease %s, for it could not be replaced safely', (_, answer) => {
    expect(() => toVersion(answer)).toThrow(new Error('the answer is no Lease'));
  });

  it('makes a request fail without an answer if it is no Lease', async () => {
    transport.reply(200, { kind: 'Status' });
    await expect(lease.get(signal)).rejects.toThrow(NoAnswerError);
  });
});

describe('creating', () => {
  it('writes all five fields', async () => {
    transport.reply(201, stored);
    expect(await lease.create(record, signal)).toEqual(read);
    expect(request()).toEqual({
      method: 'POST',
      path: collection,
      body: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'my-lease', namespace: 'prod' },
        spec: record,
      },
    });
  });

  it('puts labels and annotations on it', async () => {
    transport.reply(201, stored);
    await open({ labels: { app: 'x' }, annotations: { note: 'y' } }).create(record, signal);
    expect(request().body).toMatchObject({
      metadata: { name: 'my-lease', labels: { app: 'x' }, annotations: { note: 'y' } },
    });
  });

  it('is in conflict with one that exists', async () => {
    transport.refuse(409, { reason: 'AlreadyExists' });
    expect(await lease.create(record, signal)).toBe('conflict');
  });

  it('does not take every 409 for a Lease that exists', async () => {
    transport.refuse(409);
    await expect(lease.create(record, signal)).rejects.toThrow(ApiError);
  });

  it.each([...refusals, 404])('passes a refusal on: %d', async (status) => {
    transport.refuse(status);
    await expect(lease.create(record, signal)).rejects.toThrow(ApiError);
  });
});

describe('replacing', () => {
  it('names the version that it replaces, and keeps what it does not know', async () => {
    transport.reply(200, stored);
    expect(await lease.update(read, next, signal)).toEqual(read);
    expect(request()).toEqual({
      method: 'PUT',
      path: object,
      body: { ...stored, spec: { ...stored.spec, ...next } },
    });
    expect(stored.spec.renewTime).toBe(record.renewTime);
  });

  it('completes what lacks fields, and what it is', async () => {
    const { metadata } = stored;
    const bare = { metadata, spec: { leaseTransitions: 3 } };
    transport.reply(200, stored);
    await lease.update({ ...read, object: bare }, next, signal);
    expect(request().body).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata,
      spec: next,
    });
  });

  it('adds its labels and annotations to those that are there, whose values it replaces', async () => {
    const metadata = { ...stored.metadata, labels: { team: 'a', app: 'old' } };
    const there = { ...stored, metadata };
    transport.reply(200, stored);
    const labelled = open({ labels: { app: 'x' }, annotations: { note: 'y' } });
    await labelled.update({ ...read, object: there }, next, signal);
    expect(request().body).toMatchObject({
      metadata: { ...metadata, labels: { team: 'a', app: 'x' }, annotations: { note: 'y' } },
    });
  });

  it.each([
    ['replaced', 409],
    ['deleted', 404],
  ])('is in conflict with one that was %s', async (_, status) => {
    transport.refuse(status);
    expect(await lease.update(read, next, signal)).toBe('conflict');
  });

  it.each(refusals)('passes a refusal on: %d', async (status) => {
    transport.refuse(status);
    await expect(lease.update(read, next, signal)).rejects.toThrow(ApiError);
  });

  it.each([undefined, null, 'an object', []])(
    'needs a version that was read from a Lease, not one of %j',
    async (unknown) => {
      const version = { record, resourceVersion: '7', object: unknown };
      await expect(lease.update(version, next, signal)).rejects.toThrow(
        new TypeError('this version was not read from a Lease'),
      );
      expect(transport.requests).toEqual([]);
    },
  );
});

describe('an answer about another Lease', () => {
  const another = { ...stored, metadata: { ...stored.metadata, name: 'a\nb' } };

  it.each([another, { ...stored, metadata: { ...stored.metadata, name: undefined } }])(
    'is none (%#)',
    async (answer) => {
      transport.reply(200, answer).reply(201, answer).reply(200, answer);
      await expect(lease.get(signal)).rejects.toThrow(NoAnswerError);
      await expect(lease.create(record, signal)).rejects.toThrow(NoAnswerError);
      await expect(lease.update(read, record, signal)).rejects.toThrow(/: something between /);
    },
  );
});

describe('a number that no Lease can hold', () => {
  it.each([-1, 1.5, 2 ** 31, 1e300, '15', true, [15]])('is none: %j', (number) => {
    const spec = { leaseDurationSeconds: number, leaseTransitions: number };
    const { record: found } = toVersion({ ...stored, spec });
    expect(found).toMatchObject({ leaseDurationSeconds: undefined, leaseTransitions: 0 });
  });

  it('is not the largest that it can', () => {
    const spec = { leaseDurationSeconds: 2 ** 31 - 1, leaseTransitions: 2 ** 31 - 1 };
    expect(toVersion({ ...stored, spec }).record).toMatchObject(spec);
  });
});
