import { loadYaml, type V1PolicyRule } from '@kubernetes/client-node';
import { expect, test, type TestContext } from 'vitest';

import { roleYaml } from '../../lib/kubernetes/role.ts';
import { failure, fresh, type Space } from './space.ts';
import type { Answer } from './wire.ts';

const LOCK = 'lock';

/** What is not allowed, not possible or not valid, and how the API server says so. */
export function refusals(space: () => Space, own: (context: TestContext) => Promise<Space>): void {
  test('without a right every verb is forbidden, in words that name the user', async (context) => {
    const { configMaps, pods, name: namespace } = space();
    const { name: user, wire } = await space().cluster.user(namespace, [
      { apiGroups: [''], resources: ['secrets'], verbs: ['get'] },
    ]);
    const body = { metadata: { name: LOCK } };
    const named = `${configMaps}/${LOCK}`;
    const denied: [Answer, string, string, string?][] = [
      [await wire.send('GET', named), 'get', 'configmaps', LOCK],
      [await wire.send('POST', configMaps, { body }), 'create', 'configmaps'],
      [await wire.send('PUT', named, { body }), 'update', 'configmaps', LOCK],
      [await wire.send('DELETE', named), 'delete', 'configmaps', LOCK],
      [await wire.send('GET', configMaps), 'list', 'configmaps'],
      [await wire.send('GET', `${configMaps}?watch=true`), 'watch', 'configmaps'],
      [await wire.send('GET', `${pods}/p`), 'get', 'pods', 'p'],
      [await wire.send('GET', `${pods}?limit=1`), 'list', 'pods'],
      [await wire.send('DELETE', `${pods}/p`), 'delete', 'pods', 'p'],
    ];
    for (const [answer, verb, kind, name] of denied) {
      context.expect.soft(answer.status).toBe(403);
      context.expect
        .soft(answer.body)
        .toEqual(
          failure(
            403,
            'Forbidden',
            `${kind}${name === undefined ? '' : ` "${name}"`} is forbidden: User "${user}" ` +
              `cannot ${verb} resource "${kind}" in API group "" in the namespace "${namespace}"`,
            { ...(name !== undefined && { name }), kind },
          ),
        );
    }
  });

  test('without a right to nodes they are forbidden at the cluster scope', async () => {
    const { name: namespace } = space();
    const { name: user, wire } = await space().cluster.user(namespace, [
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'watch'] },
    ]);
    const answer = await wire.send('GET', '/api/v1/nodes/n');
    expect(answer.status).toBe(403);
    expect(answer.body).toEqual(
      failure(
        403,
        'Forbidden',
        `nodes "n" is forbidden: User "${user}" cannot get resource "nodes" in API group "" ` +
          'at the cluster scope',
        { name: 'n', kind: 'nodes' },
      ),
    );
  });

  test('the Role that the library prints allows what it does, and no more', async (context) => {
    const { configMaps, pods, name: namespace } = await own(context);
    const { wire } = await space().cluster.user(namespace, rulesOf(namespace));
    const body = { metadata: { name: LOCK } };
    const watch = async (path: string, query: Record<string, string>) => {
      const stream = await wire.watch(path, { ...query, timeoutSeconds: '1' });
      stream.close();
      return stream.status;
    };
    const byName = { fieldSelector: `metadata.name=${LOCK}` };

    expect({
      create: (await wire.send('POST', configMaps, { body })).status,
      get: (await wire.send('GET', `${configMaps}/${LOCK}`)).status,
      watch: await watch(configMaps, byName),
      delete: (await wire.send('DELETE', `${configMaps}/${LOCK}`)).status,
      getPod: (await wire.send('GET', `${pods}/p`)).status,
      listPods: (await wire.send('GET', `${pods}?limit=1`)).status,
      watchPod: await watch(pods, { fieldSelector: 'metadata.name=p' }),
    }).toEqual({
      create: 201,
      get: 200,
      watch: 200,
      delete: 200,
      getPod: 404,
      listPods: 200,
      watchPod: 200,
    });

    expect({
      getOther: (await wire.send('GET', `${configMaps}/other`)).status,
      deleteOther: (await wire.send('DELETE', `${configMaps}/other`)).status,
      list: (await wire.send('GET', configMaps)).status,
      watchAll: await watch(configMaps, {}),
      watchOther: await watch(configMaps, { fieldSelector: 'metadata.name=other' }),
      watchByLabel: await watch(configMaps, { labelSelector: `name=${LOCK}` }),
      update: (await wire.send('PUT', `${configMaps}/${LOCK}`, { body })).status,
      deletePod: (await wire.send('DELETE', `${pods}/p`)).status,
      node: (await wire.send('GET', '/api/v1/nodes/n')).status,
    }).toEqual({
      getOther: 403,
      deleteOther: 403,
      list: 403,
      watchAll: 403,
      watchOther: 403,
      watchByLabel: 403,
      update: 403,
      deletePod: 403,
      node: 403,
    });
  });

  test('a Role with names does not allow to create them', async () => {
    const { configMaps, name: namespace } = space();
    const { wire } = await space().cluster.user(namespace, [
      {
        apiGroups: [''],
        resources: ['configmaps'],
        verbs: ['create', 'get'],
        resourceNames: ['a'],
      },
    ]);
    const answer = await wire.send('POST', configMaps, { body: { metadata: { name: 'a' } } });
    expect(answer).toMatchObject({ status: 403, body: { reason: 'Forbidden' } });
  });

  test('a worthless token is not accepted: 401, and a new one of the same user is', async () => {
    const { configMaps, name: namespace } = space();
    const user = await space().cluster.user(namespace, [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] },
    ]);
    expect((await user.wire.send('GET', configMaps)).status).toBe(200);
    const renewed = await user.renew();
    // The real server remembers a token for some seconds.
    const answer = await space().eventually(
      () => user.wire.send('GET', configMaps),
      ({ status }) => status !== 200,
    );
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual(failure(401, 'Unauthorized', 'Unauthorized'));
    expect((await user.wire.send('GET', `${configMaps}?watch=true`)).status).toBe(401);
    expect((await renewed.send('GET', configMaps)).status).toBe(200);
  });

  test('an expired token is not accepted: 401', async (context) => {
    const { configMaps, admin, cluster, name } = space();
    const expired = await cluster.expiredToken(name);
    if (typeof expired === 'string') return context.skip(expired);
    const answer = await admin.withToken(expired.token).send('GET', configMaps);
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual(failure(401, 'Unauthorized', 'Unauthorized'));
  });

  test('an unknown token is not accepted: 401', async () => {
    const { configMaps, admin } = space();
    const answer = await admin.withToken('unknown').send('GET', configMaps);
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual(failure(401, 'Unauthorized', 'Unauthorized'));
  });

  test('without a token one is system:anonymous, and may not', async () => {
    const { configMaps, admin, name } = space();
    const answer = await admin.withToken(undefined).send('GET', `${configMaps}/${LOCK}`);
    expect(answer.status).toBe(403);
    expect(answer.body.message).toBe(
      `configmaps "${LOCK}" is forbidden: User "system:anonymous" cannot get resource ` +
        `"configmaps" in API group "" in the namespace "${name}"`,
    );
  });

  test('in a namespace that does not exist nothing can be created: 404', async () => {
    const name = 'there-is-no-such-namespace';
    const path = `/api/v1/namespaces/${name}/configmaps`;
    const { admin } = space();
    const create = await admin.send('POST', path, { body: { metadata: { name: LOCK } } });
    expect(create.status).toBe(404);
    const details = { name, kind: 'namespaces' };
    expect(create.body).toEqual(
      failure(404, 'NotFound', `namespaces "${name}" not found`, details),
    );
    const read = await admin.send('GET', `${path}/${LOCK}`);
    expect(read).toMatchObject({ status: 404, body: { details: { kind: 'configmaps' } } });
    expect(await admin.send('GET', path)).toMatchObject({ status: 200, body: { items: [] } });
  });

  test('in a terminating namespace nothing can be created: 403, and why', async (context) => {
    const terminating = await own(context);
    const { configMaps, path, name: namespace, admin } = terminating;
    const held = await terminating.configMap('held', { finalizers: ['example.com/keep'] });
    const deleted = await terminating.delete(path);
    expect(deleted).toMatchObject({
      status: 200,
      body: { kind: 'Namespace', status: { phase: 'Terminating' } },
    });
    const answer = await admin.send('POST', configMaps, { body: { metadata: { name: LOCK } } });
    expect(answer.status).toBe(403);
    const why = `namespace ${namespace} is being terminated`;
    expect(answer.body).toEqual(
      failure(
        403,
        'Forbidden',
        `configmaps "${LOCK}" is forbidden: unable to create new content in namespace ` +
          `${namespace} because it is being terminated`,
        {
          name: LOCK,
          kind: 'configmaps',
          causes: [{ reason: 'NamespaceTerminating', message: why, field: 'metadata.namespace' }],
        },
      ),
    );
    expect((await admin.send('GET', `${configMaps}/held`)).status).toBe(200);
    await terminating.destroy(`${configMaps}/${held.name}`);
  });

  test('a namespace that is deleted ends: it is not found, and nothing in it', async (context) => {
    const { endless } = space().cluster;
    context.skip(endless !== undefined, endless);
    const ending = await own(context);
    const { name } = await ending.configMap(LOCK);
    await ending.delete(ending.path);
    await ending.gone(ending.path);
    await ending.gone(`${ending.configMaps}/${name}`);
    const body = { metadata: { name } };
    const answer = await ending.admin.send('POST', ending.configMaps, { body });
    expect(answer).toMatchObject({ status: 404, body: { details: { kind: 'namespaces' } } });
  });

  test('more than a quota allows is forbidden, and the message says so', async (context) => {
    const { configMaps, leases, admin, name: namespace, cluster } = await own(context);
    const key = 'count/leases.coordination.k8s.io';
    await cluster.limit(namespace, { [key]: 1, 'count/configmaps': 0 });
    const lease = (name: string) => ({ body: { metadata: { name } } });
    expect((await admin.send('POST', leases, lease('a'))).status).toBe(201);
    const answer = await admin.send('POST', leases, lease('b'));
    expect(answer.status).toBe(403);
    expect(answer.body).toEqual(
      failure(
        403,
        'Forbidden',
        'leases.coordination.k8s.io "b" is forbidden: exceeded quota: quota, ' +
          `requested: ${key}=1, used: ${key}=1, limited: ${key}=1`,
        { name: 'b', group: 'coordination.k8s.io', kind: 'leases' },
      ),
    );
    const lock = await admin.send('POST', configMaps, { body: { metadata: { name: LOCK } } });
    expect(lock.status).toBe(403);
    // How many are used is not the same everywhere: a real namespace has a ConfigMap of its own.
    expect(lock.body.message).toMatch(
      new RegExp(
        `^configmaps "${LOCK}" is forbidden: exceeded quota: quota, requested: ` +
          'count/configmaps=1, used: count/configmaps=\\d, limited: count/configmaps=0$',
      ),
    );
    expect(lock.body.details).toEqual({ name: LOCK, kind: 'configmaps' });
  });

  test('a name that is none is refused: 422 Invalid, with its field', async () => {
    const { configMaps, admin } = space();
    const name = 'My_Lock';
    const answer = await admin.send('POST', configMaps, { body: { metadata: { name } } });
    expect(answer.status).toBe(422);
    const why = `Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist of `;
    expect(answer.body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'Invalid',
      code: 422,
      details: {
        name,
        kind: 'ConfigMap',
        causes: [
          {
            reason: 'FieldValueInvalid',
            message: expect.stringContaining(why),
            field: 'metadata.name',
          },
        ],
      },
    });
    expect(answer.body.message).toMatch(/^ConfigMap "My_Lock" is invalid: metadata.name: /);
  });

  test.each([
    ['a label', { labels: { key: 'no value' } }, 'metadata.labels'],
    ['an annotation', { annotations: { 'no key': '' } }, 'metadata.annotations'],
    ['a finalizer', { finalizers: ['none'] }, 'metadata.finalizers[0]'],
  ])('%s that is none is refused: 422 Invalid, with its field', async (_what, metadata, field) => {
    const { configMaps, admin } = space();
    const body = { metadata: { name: fresh('lock'), ...metadata } };
    const answer = await admin.send('POST', configMaps, { body });
    expect(answer).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    expect(answer.body.details?.causes?.map((cause) => cause.field)).toContain(field);
  });

  test('what is no object at all is refused: 400 BadRequest', async () => {
    const { configMaps, admin } = space();
    const answer = await admin.send('POST', configMaps, { text: '{"metadata":' });
    expect(answer).toMatchObject({ status: 400, body: { reason: 'BadRequest' } });
  });
}

function rulesOf(namespace: string): V1PolicyRule[] {
  const yaml = roleYaml({ namespace, lockName: LOCK, takeOver: false });
  return loadYaml<{ rules: V1PolicyRule[] }>(yaml).rules;
}
