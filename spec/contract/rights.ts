import { loadYaml, type V1PolicyRule } from '@kubernetes/client-node';
import { expect } from 'vitest';

import { roleYaml } from '../../lib/kubernetes/role.ts';
import { type ContractTest, refused, refusedAs, type Space } from './space.ts';
import type { Wire } from './wire.ts';

const LOCK = 'lock';
const named = { body: { metadata: { name: LOCK } } };
const unauthorized = refused(401, 'Unauthorized', 'Unauthorized');

const core = (resource: string, verbs: string[], more: Partial<V1PolicyRule> = {}) => [
  { apiGroups: [''], resources: [resource], verbs, ...more },
];

/** What a user may do, and how the API server says that it may not. */
export function rights(it: ContractTest): void {
  const denied = [
    ['GET', 'configmaps/lock', 'get', 'configmaps', LOCK],
    ['POST', 'configmaps', 'create', 'configmaps'],
    ['PUT', 'configmaps/lock', 'update', 'configmaps', LOCK],
    ['DELETE', 'configmaps/lock', 'delete', 'configmaps', LOCK],
    ['GET', 'configmaps', 'list', 'configmaps'],
    ['GET', 'configmaps?watch=true', 'watch', 'configmaps'],
    ['GET', 'pods/p', 'get', 'pods', 'p'],
    ['GET', 'pods?limit=1', 'list', 'pods'],
    ['DELETE', 'pods/p', 'delete', 'pods', 'p'],
    // A Role allows nothing of what belongs to no namespace.
    ['GET', '/api/v1/nodes/n', 'get', 'nodes', 'n'],
  ] as const;

  it('without a right all is forbidden, in words that name the user', async ({
    cluster,
    space,
  }) => {
    const rules = [...core('secrets', ['get']), ...core('nodes', ['get', 'watch'])];
    const { name: user, wire } = await cluster.user(space.name, rules);
    for (const [method, path, verb, kind, name] of denied) {
      const body = method === 'POST' || method === 'PUT' ? named : {};
      const where = kind === 'nodes' ? 'at the cluster scope' : `in the namespace "${space.name}"`;
      const message =
        `${kind}${name === undefined ? '' : ` "${name}"`} is forbidden: User "${user}" ` +
        `cannot ${verb} resource "${kind}" in API group "" ${where}`;
      const details = { ...(name !== undefined && { name }), kind };
      const answer = await space.send(method, path, body, wire);
      expect(answer).toEqual(refused(403, 'Forbidden', message, details));
    }
  });

  it('the Role that the library prints allows what it does, and no more', async ({
    cluster,
    own,
  }) => {
    const { wire } = await cluster.user(own.name, rulesOf(own.name));
    const allowed = [
      ['POST', 'configmaps', 201],
      ['GET', 'configmaps/lock', 200],
      ['WATCH', 'configmaps?fieldSelector=metadata.name=lock', 200],
      ['DELETE', 'configmaps/lock', 200],
      ['GET', 'pods/p', 404],
      ['GET', 'pods?limit=1', 200],
      ['WATCH', 'pods?fieldSelector=metadata.name=p', 200],
    ] as const;
    const forbidden = [
      ['GET', 'configmaps/other', 403],
      ['DELETE', 'configmaps/other', 403],
      ['GET', 'configmaps', 403],
      ['WATCH', 'configmaps?', 403],
      ['WATCH', 'configmaps?fieldSelector=metadata.name=other', 403],
      ['WATCH', 'configmaps?labelSelector=name=lock', 403],
      ['PUT', 'configmaps/lock', 403],
      ['DELETE', 'pods/p', 403],
      ['GET', '/api/v1/nodes/n', 403],
    ] as const;
    for (const [method, path, status] of [...allowed, ...forbidden]) {
      expect([method, path, await statusOf(own, wire, method, path)]).toEqual([
        method,
        path,
        status,
      ]);
    }
  });

  it('a right with names does not allow to create', async ({ cluster, space }) => {
    const rules = core('configmaps', ['create', 'get'], { resourceNames: [LOCK] });
    const { wire } = await cluster.user(space.name, rules);
    const answer = await space.send('POST', 'configmaps', named, wire);
    expect(answer).toMatchObject(refusedAs(403, 'Forbidden'));
  });

  it('a worthless token is refused, 401, a new one is not', async ({ cluster, space }) => {
    const user = await cluster.user(space.name, core('configmaps', ['get', 'list']));
    const list = (wire: Wire) => space.send('GET', 'configmaps', {}, wire);
    expect((await list(user.wire)).status).toBe(200);
    const renewed = await user.renew();
    // The real server remembers a token for some seconds.
    const answer = await space.eventually(
      () => list(user.wire),
      ({ status }) => status !== 200,
    );
    expect(answer).toEqual(unauthorized);
    expect(await statusOf(space, user.wire, 'WATCH', 'configmaps?')).toBe(401);
    expect((await list(renewed)).status).toBe(200);
  });

  it('an expired token is refused: 401', async ({ cluster, skip, space }) => {
    const expired = await cluster.expiredToken(space.name);
    if (typeof expired === 'string') return skip(expired);
    const wire = space.admin.withToken(expired.token);
    expect(await space.send('GET', 'configmaps', {}, wire)).toEqual(unauthorized);
  });

  it('an unknown token is refused: 401', async ({ space }) => {
    const wire = space.admin.withToken('unknown');
    expect(await space.send('GET', 'configmaps', {}, wire)).toEqual(unauthorized);
  });

  it('a user without a token is system:anonymous', async ({ space }) => {
    const wire = space.admin.withToken(undefined);
    const message =
      `configmaps "${LOCK}" is forbidden: User "system:anonymous" cannot get resource ` +
      `"configmaps" in API group "" in the namespace "${space.name}"`;
    const details = { name: LOCK, kind: 'configmaps' };
    expect(await space.send('GET', 'configmaps/lock', {}, wire)).toEqual(
      refused(403, 'Forbidden', message, details),
    );
  });
}

async function statusOf(space: Space, wire: Wire, method: string, path: string): Promise<number> {
  if (method !== 'WATCH') {
    const body = method === 'POST' || method === 'PUT' ? named : {};
    return (await space.send(method, path, body, wire)).status;
  }
  const [collection = '', query] = path.split('?');
  const timeoutSeconds = '1';
  const selector = Object.fromEntries(new URLSearchParams(query));
  const watch = await wire.watch(space.at(collection), { ...selector, timeoutSeconds });
  watch.close();
  return watch.status;
}

function rulesOf(namespace: string): V1PolicyRule[] {
  const yaml = roleYaml({ namespace, lockName: LOCK, takeOver: false });
  return loadYaml<{ rules: V1PolicyRule[] }>(yaml).rules;
}
