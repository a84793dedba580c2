import { describe, expect, it } from 'vitest';
import type { PolicyRule } from '../../lib/testing/index.ts';
import { CONFIG_MAPS, LEASES, PODS, simulated } from './support.ts';

const OTHER = '/api/v1/namespaces/other/configmaps';
const body = { metadata: { name: 'a' } };

type Case = readonly [
  what: string,
  rule: PolicyRule,
  scope: string | undefined,
  allowed: readonly string[],
];

const REQUESTS = {
  get: ['GET', `${CONFIG_MAPS}/a`],
  'get b': ['GET', `${CONFIG_MAPS}/b`],
  list: ['GET', CONFIG_MAPS],
  'list a': ['GET', `${CONFIG_MAPS}?fieldSelector=metadata.name%3Da`],
  create: ['POST', CONFIG_MAPS],
  delete: ['DELETE', `${CONFIG_MAPS}/a`],
  'list leases': ['GET', LEASES],
  'list elsewhere': ['GET', OTHER],
  'list everywhere': ['GET', '/api/v1/configmaps'],
  'patch pod': ['PATCH', `${PODS}/p`],
  'patch status': ['PATCH', `${PODS}/p/status`],
  'list nodes': ['GET', '/api/v1/nodes'],
} as const;

const inNamespace = ['get', 'get b', 'list', 'list a', 'create', 'delete'];
const CASES: readonly Case[] = [
  ['nothing', { resources: [], verbs: [] }, undefined, []],
  [
    'verbs',
    { resources: ['configmaps'], verbs: ['get', 'create'] },
    undefined,
    ['get', 'get b', 'create'],
  ],
  [
    'everything in a namespace',
    { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
    undefined,
    [...inNamespace, 'list leases', 'patch pod', 'patch status'],
  ],
  [
    'names: not to create, and to list only by name',
    { resources: ['configmaps'], verbs: ['*'], resourceNames: ['a'] },
    undefined,
    ['get', 'list a', 'delete'],
  ],
  [
    'another group',
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] },
    undefined,
    ['list leases'],
  ],
  ['another namespace', { resources: ['*'], verbs: ['list'] }, 'other', ['list elsewhere']],
  ['a subresource', { resources: ['pods/status'], verbs: ['patch'] }, undefined, ['patch status']],
  [
    'the whole cluster',
    { resources: ['configmaps', 'nodes'], verbs: ['list'] },
    '*',
    ['list', 'list a', 'list elsewhere', 'list everywhere', 'list nodes'],
  ],
];

describe('a user who is granted', () => {
  it.each(CASES)('%s', async (_, rule, scope, allowed) => {
    const { cluster, send } = await simulated();
    cluster.createNamespace('other');
    cluster.createConfigMap('b');
    cluster.createPod('p');
    cluster.grant('bob', [rule], scope);
    const done: string[] = [];
    for (const [name, [method, path]] of Object.entries(REQUESTS)) {
      const more = { user: 'bob', contentType: 'application/merge-patch+json' };
      const as = method === 'PATCH' ? more : { user: 'bob' };
      const { status } = await send(method, path, method === 'GET' ? undefined : body, as);
      if (status !== 403) done.push(name);
    }
    expect(done).toEqual(allowed);
  });

  it('several things may do all of them', async () => {
    const { cluster, send } = await simulated();
    cluster.grant('bob', [{ resources: ['configmaps'], verbs: ['list'] }]);
    cluster.grant('bob', [{ resources: ['pods'], verbs: ['list'] }]);
    expect((await send('GET', CONFIG_MAPS, undefined, { user: 'bob' })).status).toBe(200);
    expect((await send('GET', PODS, undefined, { user: 'bob' })).status).toBe(200);
  });

  it('nothing in particular may do everything, until it is taken from him', async () => {
    const { cluster, send } = await simulated();
    const status = async () => (await send('GET', PODS, undefined, { user: 'bob' })).status;
    expect(await status()).toBe(200);
    cluster.revoke('bob');
    expect(await status()).toBe(403);
  });
});

describe('a token', () => {
  it('is the same until it expires, and of no use after', async () => {
    const { cluster, send } = await simulated();
    const token = cluster.token('bob');
    expect(cluster.token('bob')).toBe(token);
    expect(cluster.token()).not.toBe(token);
    cluster.expireToken('bob');
    expect(cluster.token('bob')).not.toBe(token);
    const { status, body: refusal } = await send('GET', PODS, undefined, { token: () => token });
    expect(status).toBe(401);
    expect(refusal).toMatchObject({ reason: 'Unauthorized', message: 'Unauthorized' });
  });

  it('can expire before it was ever used', async () => {
    const { cluster, send } = await simulated();
    cluster.expireToken('bob');
    expect((await send('GET', PODS, undefined, { user: 'bob' })).status).toBe(200);
  });
});
