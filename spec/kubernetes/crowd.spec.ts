import { describe, expect } from 'vitest';

import { countReplicas, leavingReplicas, replicaSelector } from '../../lib/kubernetes/crowd.ts';
import { NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { it } from './scripted.ts';

describe('replicaSelector', () => {
  it.for<[unknown, string]>([
    [
      { app: 'my-app', 'example.com/tier': 'a_b', flag: '' },
      'app=my-app,example.com/tier=a_b,flag=',
    ],
    [{ app: 7, tier: null, x: 'y' }, 'app=,tier=,x=y'],
    ...[{}, undefined, null, [], 'app=a', Object.create({ app: 'a' })].map((labels: unknown) => {
      return [labels, ''] as [unknown, string];
    }),
  ])('of the labels %j is %j', ([labels, selector]) => {
    expect(replicaSelector({ metadata: { labels } })).toBe(selector);
  });

  it('of an object without metadata is empty', () => {
    expect(replicaSelector({})).toBe('');
  });

  it.for([
    'pod-template-hash',
    'pod-template-generation',
    'controller-revision-hash',
    'statefulset.kubernetes.io/pod-name',
    'apps.kubernetes.io/pod-index',
    'controller-uid',
    'batch.kubernetes.io/controller-uid',
    'batch.kubernetes.io/job-completion-index',
    'topology.kubernetes.io/region',
    'topology.kubernetes.io/zone',
  ])('leaves out %s, which differs by Pod or rollout', (label) => {
    const of = (labels: object) => replicaSelector({ metadata: { labels } });
    expect(of({ [label]: 'x', app: 'my-app' })).toBe('app=my-app');
    expect(of({ [label]: 'x' })).toBe('');
  });

  it('leaves out the label of a leader, or replicas of the leader would not be found', () => {
    const labels = { app: 'my-app', role: 'leader' };
    const annotations = { 'leader-for-life/label-of-lease-x': 'role=leader 7' };
    expect(replicaSelector({ metadata: { labels, annotations } })).toBe('app=my-app');
  });
});

/** A page of a list of Pods; a number stands for as many that are not being deleted. */
const page = (items: number | object[], metadata: object = {}) => ({
  kind: 'PartialObjectMetadataList',
  metadata: { resourceVersion: '7', ...metadata },
  items:
    typeof items === 'number' ? Array.from({ length: items }, () => ({ metadata: {} })) : items,
});
const more = (remainingItemCount?: unknown) => ({ continue: 'token', remainingItemCount });

describe('countReplicas', () => {
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

  it.for<[string, string, object[], number, object[]]>([
    ['lists metadata only, by label', 'app=a', [page(3)], 3, [exact]],
    ['takes an empty continue for the end', 'app=a', [page(50, { continue: '' })], 50, [exact]],
    [
      'takes the size of the namespace if a page is not enough',
      'app=a',
      [page(50, more()), page(1, more(999))],
      1_000,
      [exact, rough],
    ],
    ['takes the size of the namespace without labels', '', [page(1, more(6))], 7, [rough]],
    ['is 1,000 at most', '', [page(1, more(2 ** 31))], 1_000, [rough]],
    ...[undefined, null, '6', {}].map(
      (remainingItemCount): [string, string, object[], number, object[]] => [
        `counts what it sees if remainingItemCount is ${JSON.stringify(remainingItemCount)}`,
        '',
        [page(1, { remainingItemCount })],
        1,
        [rough],
      ],
    ),
  ])('%s', async ([, selector, pages, count, requests], { api, transport }) => {
    for (const answer of pages) transport.reply(200, answer);
    await expect(countReplicas(api, 'prod', selector)).resolves.toBe(count);
    expect(transport.requests).toEqual(requests);
  });

  it.for([
    { ...page(1), items: { length: 7 } },
    { ...page(1), kind: 'ConfigMapList' },
  ])('takes what is no list of Pods for no answer: %o', async (answer, { api, transport }) => {
    transport.reply(200, answer);
    await expect(countReplicas(api, 'prod', 'app=a')).rejects.toThrow(NoAnswerError);
  });
});

describe('leavingReplicas', () => {
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  const staying = (name: string) => ({ metadata: { name, uid: `uid-of-${name}` } });
  const leaving = (name: string) => ({
    metadata: { ...staying(name).metadata, deletionTimestamp },
  });

  // No fieldSelector: a container of a Pod in a terminal phase may still run.
  const all = { timeout: '8000ms', limit: '50' };
  const ofApp = { ...all, labelSelector: 'app=x' };

  it.for<[string, string, object[], string[], object[]]>([
    [
      'lists Pods with a deletionTimestamp, by label, whatever their phase',
      'app=x',
      [page([staying('a'), leaving('b'), { metadata: {} }])],
      ['b'],
      [ofApp],
    ],
    ['lists them of the namespace without labels', '', [page([leaving('b')])], ['b'], [all]],
    [
      'reads every page',
      'app=x',
      [page([leaving('a')], more()), page([leaving('b')])],
      ['a', 'b'],
      [ofApp, { ...ofApp, continue: 'token' }],
    ],
  ])('%s', async ([, selector, pages, names, queries], { api, transport }) => {
    for (const answer of pages) transport.reply(200, answer);
    const found = await leavingReplicas(api, 'prod', selector);
    expect(found).toEqual(names.map((name) => ({ name, uid: `uid-of-${name}` })));
    expect(transport.requests.map(({ query }) => query)).toEqual(queries);
  });
});
