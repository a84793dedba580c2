import { describe, expect } from 'vitest';
import type { PolicyRule } from '../../lib/testing/index.ts';
import { CONFIG_MAPS, LEASES, merge, named, PODS, it } from './support.ts';

const REQUESTS = {
  get: ['GET', `${CONFIG_MAPS}/a`],
  'get b': ['GET', `${CONFIG_MAPS}/b`],
  list: ['GET', CONFIG_MAPS],
  'list a': ['GET', `${CONFIG_MAPS}?fieldSelector=metadata.name%3Da`],
  create: ['POST', CONFIG_MAPS],
  delete: ['DELETE', `${CONFIG_MAPS}/a`],
  'list leases': ['GET', LEASES],
  'list elsewhere': ['GET', '/api/v1/namespaces/other/configmaps'],
  'list everywhere': ['GET', '/api/v1/configmaps'],
  'patch pod': ['PATCH', `${PODS}/p`],
  'patch status': ['PATCH', `${PODS}/p/status`],
  'list nodes': ['GET', '/api/v1/nodes'],
} as const;

const ofConfigMaps = ['get', 'get b', 'list', 'list a', 'create', 'delete'];
const rule = (resources: string[], verbs: string[], more: Partial<PolicyRule> = {}) => [
  { resources, verbs, ...more },
];
const leases = { apiGroups: ['coordination.k8s.io'] };
const every = { apiGroups: ['*'] };

describe('a user with a grant', () => {
  it.for<[string, PolicyRule[], string | undefined, string[]]>([
    ['of nothing', rule([], []), undefined, []],
    ['of verbs', rule(['configmaps'], ['get', 'create']), undefined, ['get', 'get b', 'create']],
    [
      'of everything in a namespace',
      rule(['*'], ['*'], every),
      undefined,
      [...ofConfigMaps, 'list leases', 'patch pod', 'patch status'],
    ],
    [
      'of names: not to create, and to list only by name',
      rule(['configmaps'], ['*'], { resourceNames: ['a'] }),
      undefined,
      ['get', 'list a', 'delete'],
    ],
    ['in another group', rule(['leases'], ['*'], leases), undefined, ['list leases']],
    ['in another namespace', rule(['*'], ['list']), 'other', ['list elsewhere']],
    ['of a subresource', rule(['pods/status'], ['patch']), undefined, ['patch status']],
    [
      'in the whole cluster',
      rule(['configmaps', 'nodes'], ['list']),
      '*',
      ['list', 'list a', 'list elsewhere', 'list everywhere', 'list nodes'],
    ],
    [
      'of several rules',
      [...rule(['configmaps'], ['list']), ...rule(['leases'], ['list'], leases)],
      undefined,
      ['list', 'list a', 'list leases'],
    ],
  ])('%s may do that only', async ([, rules, scope, allowed], { cluster, send }) => {
    cluster.createNamespace('other');
    cluster.createConfigMap('b');
    cluster.createPod('p');
    for (const each of rules) cluster.grant('bob', [each], scope);
    const done: string[] = [];
    for (const [name, [method, path]] of Object.entries(REQUESTS)) {
      const as = { user: 'bob', ...(method === 'PATCH' && merge) };
      const { status } = await send(method, path, method === 'GET' ? undefined : named('a'), as);
      if (status !== 403) done.push(name);
    }
    expect(done).toEqual(allowed);
  });

  it('of a name may not delete a list by it', async ({ cluster, send }) => {
    cluster.grant('bob', rule(['configmaps'], ['*'], { resourceNames: ['a'] }));
    const path = `${CONFIG_MAPS}?fieldSelector=metadata.name%3Da`;
    expect((await send('DELETE', path, undefined, { user: 'bob' })).status).toBe(403);
    expect((await send('GET', path, undefined, { user: 'bob' })).status).toBe(200);
  });

  it.for([
    ['update', ['update'], undefined, 403],
    ['create as well', ['update', 'create'], undefined, 201],
    ['create that name', ['update', 'create'], ['a'], 201],
    ['create another name', ['create'], ['b'], 403],
  ] as const)(
    'to %s: a PUT that creates',
    async ([, verbs, names, expected], { cluster, send }) => {
      cluster.grant('bob', [{ resources: ['leases'], verbs: ['update'], ...leases }]);
      const resourceNames = names && { resourceNames: [...names] };
      cluster.grant('bob', rule(['leases'], [...verbs], { ...leases, ...resourceNames }));
      const put = () => send('PUT', `${LEASES}/a`, named('a'), { user: 'bob' });
      const { status, body } = await put();
      expect(status).toBe(expected);
      if (status === 201) return;
      expect(body.message).toBe(
        'leases.coordination.k8s.io "a" is forbidden: User "bob" cannot create resource "leases" in ' +
          'API group "coordination.k8s.io" in the namespace "default"',
      );
    },
  );

  it('may do everything before, and nothing after revoke', async ({ cluster, send }) => {
    const status = async () => (await send('GET', PODS, undefined, { user: 'bob' })).status;
    expect(await status()).toBe(200);
    cluster.revoke('bob');
    expect(await status()).toBe(403);
  });
});

it('a token is the same until it expires, used or not', async ({ cluster, send }) => {
  const token = cluster.token('bob');
  expect(cluster.token('bob')).toBe(token);
  expect(cluster.token()).not.toBe(token);
  for (const user of ['bob', 'never-seen']) cluster.expireToken(user);
  expect(cluster.token('bob')).not.toBe(token);
  const refused = await send('GET', PODS, undefined, { token: () => token });
  const body = { reason: 'Unauthorized', message: 'Unauthorized' };
  expect(refused).toMatchObject({ status: 401, body });
  expect((await send('GET', PODS, undefined, { user: 'never-seen' })).status).toBe(200);
});
