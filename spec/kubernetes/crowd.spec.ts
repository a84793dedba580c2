import { beforeEach, describe, expect, it } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { countReplicas, leavingReplicas, replicaSelector } from '../../lib/kubernetes/crowd.ts';
import { NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

describe('the selector for the replicas of a Pod', () => {
  const of = (labels: unknown) => replicaSelector({ metadata: { labels } });

  it('is all its labels', () => {
    expect(of({ app: 'my-app', 'example.com/tier': 'a_b', flag: '' })).toBe(
      'app=my-app,example.com/tier=a_b,flag=',
    );
  });

  it.each([
    'pod-template-hash',
    'pod-template-generation',
    'controller-revision-hash',
    'statefulset.kubernetes.io/pod-name',
    'apps.kubernetes.io/pod-index',
    'controller-uid',
    'batch.kubernetes.io/controller-uid',
    'batch.kubernetes.io/job-completion-index',
  ])('is without %s, which is different for each or for each rollout', (label) => {
    expect(of({ [label]: 'x', app: 'my-app' })).toBe('app=my-app');
    expect(of({ [label]: 'x' })).toBe('');
  });

  it.each([{}, undefined, null, [], 'app=a', Object.create({ app: 'a' })])(
    'is empty where there is none: %j',
    (labels: unknown) => {
      expect(of(labels)).toBe('');
      expect(replicaSelector({})).toBe('');
    },
  );

  it('makes do with what is no label', () => {
    expect(of({ app: 7, tier: null, x: 'y' })).toBe('app=,tier=,x=y');
  });
});

const page = (items: number, metadata: object = {}) => ({
  kind: 'PartialObjectMetadataList',
  metadata: { resourceVersion: '7', ...metadata },
  items: Array.from({ length: items }, () => ({ metadata: {} })),
});

describe('counting replicas', () => {
  let transport: ScriptedTransport;
  let api: Api;

  beforeEach(() => {
    transport = new ScriptedTransport();
    api = new Api(transport, new ManualClock());
  });

  const request = (query: object) => ({
    method: 'GET',
    path: '/api/v1/namespaces/prod/pods',
    accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    query: { timeout: '8000ms', ...query },
  });
  const exact = request({
    labelSelector: 'app=a',
    fieldSelector: 'status.phase!=Failed,status.phase!=Succeeded',
    limit: '50',
  });
  const rough = request({ limit: '1' });

  it('lists those with the same labels, without what is in them', async () => {
    transport.reply(200, page(3));
    await expect(countReplicas(api, 'prod', 'app=a')).resolves.toBe(3);
    expect(transport.requests).toEqual([exact]);
  });

  it('reckons with no more than compete for any lock, whatever else is in the namespace', async () => {
    transport.reply(200, page(1, { continue: 'token', remainingItemCount: 2 ** 31 }));
    await expect(countReplicas(api, 'prod', '')).resolves.toBe(1_000);
  });

  it('is content with the size of the namespace where those are too many', async () => {
    transport
      .reply(200, page(50, { continue: 'token' }))
      .reply(200, page(1, { continue: 'token', remainingItemCount: 999 }));
    await expect(countReplicas(api, 'prod', 'app=a')).resolves.toBe(1_000);
    expect(transport.requests).toEqual([exact, rough]);
  });

  it('takes an empty continuation for the end', async () => {
    transport.reply(200, page(50, { continue: '' }));
    await expect(countReplicas(api, 'prod', 'app=a')).resolves.toBe(50);
  });

  it('asks only for the size of the namespace where no label can tell', async () => {
    transport.reply(200, page(1, { continue: 'token', remainingItemCount: 6 }));
    await expect(countReplicas(api, 'prod', '')).resolves.toBe(7);
    expect(transport.requests).toEqual([rough]);
  });

  it.each([undefined, null, '6', {}])(
    'counts what it sees where the server does not say how many remain: %j',
    async (remainingItemCount) => {
      transport.reply(200, page(1, { remainingItemCount }));
      await expect(countReplicas(api, 'prod', '')).resolves.toBe(1);
    },
  );

  it.each([{ ...page(1), items: { length: 7 } }, { ...page(1), kind: 'ConfigMapList' }, {}])(
    'takes an answer that is no list of Pods for none: %o',
    async (answer) => {
      transport.reply(200, answer);
      await expect(countReplicas(api, 'prod', 'app=a')).rejects.toThrow(NoAnswerError);
    },
  );

  it('fails as the API does', async () => {
    transport.refuse(403);
    await expect(countReplicas(api, 'prod', 'app=a')).rejects.toMatchObject({ status: 403 });
  });

  it.each(['', 'app=a'])('ends with the signal (selector %j)', async (selector) => {
    transport.hang();
    const controller = new AbortController();
    const counting = countReplicas(api, 'prod', selector, controller.signal);
    await settled();
    controller.abort(new Error('the reason'));
    await expect(counting).rejects.toThrow('the reason');
  });
});

describe('searching for replicas that are being deleted', () => {
  let transport: ScriptedTransport;
  let api: Api;

  beforeEach(() => {
    transport = new ScriptedTransport();
    api = new Api(transport, new ManualClock());
  });

  const metadata = (name: string, isLeaving: boolean) => ({
    metadata: {
      name,
      uid: `uid-of-${name}`,
      ...(isLeaving && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
  });
  const pageOf = (items: object[], more: object = {}) => ({ ...page(0, more), items });
  const queries = () => transport.requests.map(({ query }) => query);

  it('finds them, and no others', async () => {
    transport.reply(200, pageOf([metadata('a', false), metadata('b', true), { metadata: {} }]));
    const found = await leavingReplicas(api, 'prod', 'app=x');
    expect(found).toEqual([{ name: 'b', uid: 'uid-of-b' }]);
    expect(queries()).toEqual([{ timeout: '8000ms', labelSelector: 'app=x', limit: '500' }]);
  });

  it('leaves out none because it has ended: a container of it may still run', async () => {
    transport.reply(200, pageOf([]));
    await leavingReplicas(api, 'prod', 'app=x');
    expect(queries()[0]).not.toHaveProperty('fieldSelector');
  });

  it('looks at all Pods where no label can tell', async () => {
    transport.reply(200, pageOf([metadata('b', true)]));
    await expect(leavingReplicas(api, 'prod', '')).resolves.toHaveLength(1);
    expect(queries()[0]).not.toHaveProperty('labelSelector');
  });

  it('reads every page', async () => {
    transport
      .reply(200, pageOf([metadata('a', true)], { continue: 'token' }))
      .reply(200, pageOf([metadata('b', true)]));
    const found = await leavingReplicas(api, 'prod', 'app=x');
    expect(found.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(queries()[1]).toMatchObject({ continue: 'token', labelSelector: 'app=x' });
  });

  it('fails as the API does', async () => {
    transport.refuse(403);
    await expect(leavingReplicas(api, 'prod', '')).rejects.toMatchObject({ status: 403 });
  });
});
