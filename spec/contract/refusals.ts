import { expect } from 'vitest';

import { type ContractTest, fresh, refused, refusedAs } from './space.ts';

const LOCK = 'lock';

/** What is not possible or not valid, and how the API server says so. */
export function refusals(it: ContractTest): void {
  it('in a namespace that does not exist nothing can be created: 404', async ({ space }) => {
    const name = 'there-is-no-such-namespace';
    const path = `/api/v1/namespaces/${name}/configmaps`;
    const details = { name, kind: 'namespaces' };
    expect(await space.post(path, { name: LOCK })).toEqual(
      refused(404, 'NotFound', `namespaces "${name}" not found`, details),
    );
    const read = await space.get(`${path}/${LOCK}`);
    expect(read).toMatchObject({ status: 404, body: { details: { kind: 'configmaps' } } });
    expect(await space.get(path)).toMatchObject({ status: 200, body: { items: [] } });
  });

  it('in a terminating namespace nothing can be created: 403, and why', async ({ own }) => {
    const held = await own.configMap({ finalizers: ['example.com/keep'] });
    const deleted = await own.delete(own.path);
    const terminating = { kind: 'Namespace', status: { phase: 'Terminating' } };
    expect(deleted).toMatchObject({ status: 200, body: terminating });
    const why = `namespace ${own.name} is being terminated`;
    const field = 'metadata.namespace';
    const causes = [{ reason: 'NamespaceTerminating', message: why, field }];
    const message =
      `configmaps "${LOCK}" is forbidden: unable to create new content in namespace ` +
      `${own.name} because it is being terminated`;
    expect(await own.post('configmaps', { name: LOCK })).toEqual(
      refused(403, 'Forbidden', message, { name: LOCK, kind: 'configmaps', causes }),
    );
    expect((await own.get(held.path)).status).toBe(200);
    await own.destroy(held.path);
  });

  it('a namespace that is deleted ends, with all in it', async ({ cluster, own, skip }) => {
    skip(cluster.endless !== undefined, cluster.endless);
    const { name, path } = await own.configMap();
    await own.delete(own.path);
    await own.gone(own.path);
    await own.gone(path);
    const answer = await own.post('configmaps', { name });
    expect(answer).toMatchObject({ status: 404, body: { details: { kind: 'namespaces' } } });
  });

  it('more than a quota allows is forbidden, and why', async ({ cluster, own }) => {
    const key = 'count/leases.coordination.k8s.io';
    await cluster.limit(own.name, { [key]: 1, 'count/configmaps': 0 });
    expect((await own.post('leases', { name: 'a' })).status).toBe(201);
    const message =
      'leases.coordination.k8s.io "b" is forbidden: exceeded quota: quota, ' +
      `requested: ${key}=1, used: ${key}=1, limited: ${key}=1`;
    const details = { name: 'b', group: 'coordination.k8s.io', kind: 'leases' };
    expect(await own.post('leases', { name: 'b' })).toEqual(
      refused(403, 'Forbidden', message, details),
    );
    const lock = await own.post('configmaps', { name: LOCK });
    // How many are used is not the same everywhere: a real namespace has a ConfigMap of its own.
    const counted = lock.body.message?.replace(/used: count\/configmaps=\d,/, 'used: some,') ?? '';
    expect(counted).toBe(
      `configmaps "${LOCK}" is forbidden: exceeded quota: quota, requested: count/configmaps=1, ` +
        'used: some, limited: count/configmaps=0',
    );
    const ofLock = { name: LOCK, kind: 'configmaps' };
    expect(lock).toEqual(refused(403, 'Forbidden', lock.body.message ?? '', ofLock));
  });

  it.for([
    [
      'metadata.name',
      { name: 'My_Lock' },
      'Invalid value: "My_Lock": a lowercase RFC 1123 subdomain must consist of ',
    ],
    ['metadata.labels', { labels: { key: 'no value' } }, 'no value'],
    ['metadata.annotations', { annotations: { 'no key': '' } }, 'no key'],
    ['metadata.finalizers[0]', { finalizers: ['none'] }, 'none'],
  ] as const)(
    '%s is checked: 422 Invalid, with the field',
    async ([field, metadata, why], { space }) => {
      const all = { name: fresh('lock'), ...metadata };
      const answer = await space.post('configmaps', all);
      expect(answer).toMatchObject(refusedAs(422, 'Invalid'));
      const { message, details } = answer.body;
      expect(message).toContain(`ConfigMap "${all.name}" is invalid: `);
      expect(details).toMatchObject({ name: all.name, kind: 'ConfigMap' });
      const reason = 'FieldValueInvalid';
      expect(details?.causes).toContainEqual({
        reason,
        field,
        message: expect.stringContaining(why),
      });
    },
  );

  it('what is no JSON is refused: 400 BadRequest', async ({ space }) => {
    const answer = await space.send('POST', 'configmaps', { text: '{"metadata":' });
    expect(answer).toMatchObject(refusedAs(400, 'BadRequest'));
  });
}
