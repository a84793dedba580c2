import { expect } from 'vitest';

import { type ContractTest, fresh, NO_UID, ownedBy, refused, refusedAs, stored } from './space.ts';

/** Creating, replacing, patching and deleting one object. */
export function objects(it: ContractTest): void {
  creating(it);
  deleting(it);
  replacing(it);
  patching(it);

  it('a timeout can be given with every request', async ({ space }) => {
    const name = fresh('lock');
    const path = `configmaps/${name}?timeout=8s`;
    const answers = [
      await space.post('configmaps?timeout=8s', { name }),
      await space.get(path),
      await space.get('configmaps?limit=1&timeout=8s'),
      await space.put(path, { name, labels: { a: 'b' } }),
      await space.patch(path, { data: { a: 'b' } }),
      await space.delete(path),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 200, 200]);
  });

  it.for([
    ['soon', 'invalid duration "soon"'],
    ['8', 'missing unit in duration "8"'],
    ['1m8x', 'unknown unit "x" in duration "1m8x"'],
  ])('a timeout that is no duration is refused, 400: %s', async ([given, why], { space }) => {
    const answer = await space.get(`configmaps?timeout=${given}`);
    const message = `invalid timeout specified in the request URL - time: ${why}`;
    expect(answer).toEqual(refused(400, 'BadRequest', message));
  });

  it.for(['', '0', '-1s', '+1m30.5s', '.5h'])('a timeout may be %j', async (given, { space }) => {
    const path = `configmaps/${fresh('none')}?timeout=${encodeURIComponent(given)}`;
    expect((await space.get(path)).status).toBe(404);
  });
}

function creating(it: ContractTest): void {
  it('a create is answered with the object, its UID and its version', async ({ space }) => {
    const metadata = {
      name: fresh('lock'),
      namespace: space.name,
      labels: { team: 'blue' },
      annotations: { 'leader-for-life/attempt': 'x', 'example.com/note': 'ünïcode' },
      ...ownedBy(await space.pod()),
    };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    const { status, headers, body } = await space.send('POST', 'configmaps', { body: object });
    expect([status, headers['content-type']]).toEqual([201, 'application/json']);
    expect(body).toMatchObject(object);
    expect(body.metadata?.uid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(body.metadata?.resourceVersion).toMatch(/^[1-9]\d*$/);
    expect(body.metadata?.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/);
    const read = await space.get(`configmaps/${metadata.name}`);
    expect(read).toMatchObject({ status: 200, body });
  });

  it('LIFE-1: a second create is refused, 409 AlreadyExists', async ({ space }) => {
    const { name, path, uid, resourceVersion } = await space.configMap();
    const again = await space.post('configmaps', { name, labels: { other: 'yes' } });
    const details = { name, kind: 'configmaps' };
    expect(again).toEqual(
      refused(409, 'AlreadyExists', `configmaps "${name}" already exists`, details),
    );
    expect(stored(await space.get(path))).toMatchObject({ uid, resourceVersion });
  });

  it('LIFE-1: of creates at the same time exactly one succeeds', async ({ space }) => {
    const name = fresh('lock');
    const creates = Array.from({ length: 10 }, () => space.post('configmaps', { name }));
    const answers = await Promise.all(creates);
    const reasons = answers.map(({ status, body }) => body.reason ?? status);
    expect(reasons.toSorted()).toEqual([201, ...Array<string>(9).fill('AlreadyExists')]);
  });

  it('a later object of a name has another UID and a larger version', async ({ space }) => {
    const first = await space.configMap();
    await space.delete(first.path);
    const second = await space.configMap({ name: first.name });
    expect(second.uid).not.toBe(first.uid);
    expect(BigInt(second.resourceVersion)).toBeGreaterThan(BigInt(first.resourceVersion));
  });
}

function deleting(it: ContractTest): void {
  it.for(['GET', 'DELETE'])('%s of what is not there: 404 NotFound', async (method, { space }) => {
    const name = fresh('none');
    const details = { name, kind: 'configmaps' };
    expect(await space.send(method, `configmaps/${name}`)).toEqual(
      refused(404, 'NotFound', `configmaps "${name}" not found`, details),
    );
  });

  it('a DELETE is answered with a Status, and at once it is done', async ({ space }) => {
    const { name, path, uid } = await space.configMap();
    const answer = await space.delete(path);
    expect(answer.status).toBe(200);
    const details = { name, kind: 'configmaps', uid };
    const type = { kind: 'Status', apiVersion: 'v1' };
    expect(answer.body).toEqual({ ...type, metadata: {}, status: 'Success', details });
    expect((await space.get(path)).status).toBe(404);
  });

  it('LIFE-4: a DELETE may name the UID and version that it deletes', async ({ space }) => {
    const { path, uid, resourceVersion } = await space.configMap();
    const type = { apiVersion: 'v1', kind: 'DeleteOptions' };
    const answer = await space.delete(path, { ...type, preconditions: { uid, resourceVersion } });
    expect(answer).toMatchObject({ status: 200, body: { status: 'Success' } });
  });

  it('LIFE-4: a DELETE of another UID is refused, 409 Conflict', async ({ space }) => {
    const { name, path, uid, resourceVersion } = await space.configMap();
    const answer = await space.delete(path, { preconditions: { uid: NO_UID, resourceVersion } });
    const message =
      `Operation cannot be fulfilled on ConfigMap "${name}": the UID in the precondition ` +
      `(${NO_UID}) does not match the UID in record (${uid}). The object might have been ` +
      'deleted and then recreated';
    expect(answer).toEqual(refused(409, 'Conflict', message, { name, kind: 'ConfigMap' }));
    expect((await space.get(path)).status).toBe(200);
  });

  it('LIFE-4: a DELETE of a stale version is refused, 409 Conflict', async ({ space }) => {
    const { name, path, uid, resourceVersion } = await space.configMap();
    const changed = stored(await space.patch(path, { data: { key: 'value' } }));
    const answer = await space.delete(path, { preconditions: { uid, resourceVersion } });
    const message =
      `Operation cannot be fulfilled on ConfigMap "${name}": the ResourceVersion in the ` +
      `precondition (${resourceVersion}) does not match the ResourceVersion in record ` +
      `(${changed.resourceVersion}). The object might have been modified`;
    expect(answer).toEqual(refused(409, 'Conflict', message, { name, kind: 'ConfigMap' }));
    expect((await space.get(path)).status).toBe(200);
  });

  it('of DELETEs of one version at the same time exactly one succeeds', async ({ space }) => {
    const { path, uid, resourceVersion } = await space.configMap();
    const options = { preconditions: { uid, resourceVersion } };
    const deletes = Array.from({ length: 10 }, () => space.delete(path, options));
    const statuses = (await Promise.all(deletes)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 404 || status === 409)).toHaveLength(9);
  });

  it('what has finalizers stays until they go, marked as deleted', async ({ space }) => {
    const finalizers = ['example.com/keep'];
    const { name, path, uid, resourceVersion } = await space.configMap({ finalizers });
    const deletionTimestamp = expect.stringMatching(/Z$/) as string;
    const marked = { name, finalizers, deletionTimestamp, deletionGracePeriodSeconds: 0 };
    for (let time = 1; time <= 2; time += 1) {
      const answer = await space.delete(path);
      expect(answer).toMatchObject({ status: 200, body: { kind: 'ConfigMap', metadata: marked } });
    }
    const stale = await space.delete(path, { preconditions: { uid, resourceVersion } });
    expect(stale).toMatchObject(refusedAs(409, 'Conflict'));
    const again = await space.post('configmaps', { name });
    expect(again).toMatchObject(refusedAs(409, 'AlreadyExists'));
    const more = [...finalizers, 'example.com/more'];
    const added = await space.patch(path, { metadata: { finalizers: more } });
    expect(added).toMatchObject(refusedAs(422, 'Invalid'));
    const last = await space.patch(path, { metadata: { finalizers: null } });
    expect(last.status).toBe(200);
    expect(last.body.metadata?.finalizers).toBeUndefined();
    expect((await space.get(path)).status).toBe(404);
  });
}

function replacing(it: ContractTest): void {
  it('LEASE-2: a PUT of a stale version is refused, 409 Conflict', async ({ space }) => {
    const { name, path, resourceVersion } = await space.configMap();
    const put = (key: string) => space.put(path, { name, resourceVersion }, { data: { key } });
    expect((await put('1')).status).toBe(200);
    const message =
      `Operation cannot be fulfilled on configmaps "${name}": the object has been modified; ` +
      'please apply your changes to the latest version and try again';
    const details = { name, kind: 'configmaps' };
    expect(await put('2')).toEqual(refused(409, 'Conflict', message, details));
  });

  it('a PUT needs a version to replace a Lease, but not a ConfigMap', async ({ space }) => {
    const { name, path } = await space.configMap();
    const data = { key: 'value' };
    const replaced = await space.put(path, { name }, { data });
    expect(replaced).toMatchObject({ status: 200, body: { data } });

    expect((await space.post('leases', { name })).status).toBe(201);
    const field = 'metadata.resourceVersion';
    const why = 'Invalid value: 0: must be specified for an update';
    const message = `leases.coordination.k8s.io "${name}" is invalid: ${field}: ${why}`;
    const causes = [{ reason: 'FieldValueInvalid', message: why, field }];
    const details = { name, group: 'coordination.k8s.io', kind: 'leases', causes };
    const answer = await space.put(`leases/${name}`, { name });
    expect(answer).toEqual(refused(422, 'Invalid', message, details));
  });

  it('a PUT creates a Lease, but none that is gone: 409 by its UID', async ({ space }) => {
    const name = fresh('lease');
    const path = `leases/${name}`;
    const created = await space.put(path, { name });
    expect(created.status).toBe(201);
    const { uid, resourceVersion } = stored(created);
    await space.delete(path);

    const replace = () => space.put(path, { name, uid, resourceVersion });
    const late = await replace();
    expect(late).toMatchObject(refusedAs(409, 'Conflict'));
    expect(late.body.message).toContain(
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: `,
    );
    expect((await space.get(path)).status).toBe(404);
    expect((await space.post('leases', { name })).status).toBe(201);
    expect(await replace()).toMatchObject(refusedAs(409, 'Conflict'));
  });

  it('a PUT that changes nothing writes nothing', async ({ space }) => {
    const { name, path, resourceVersion } = await space.configMap();
    const answer = await space.put(path, { name, resourceVersion });
    expect(stored(answer).resourceVersion).toBe(resourceVersion);
  });
}

function patching(it: ContractTest): void {
  it('a PATCH of a stale version is refused, 409 Conflict', async ({ space }) => {
    const { path, resourceVersion } = await space.configMap();
    const patch = (a: string) =>
      space.patch(path, { metadata: { resourceVersion, labels: { a } } });
    expect((await patch('b')).status).toBe(200);
    expect(await patch('c')).toMatchObject(refusedAs(409, 'Conflict'));
  });

  it('LIFE-4: a PATCH may name the UID that it changes, and no other', async ({ space }) => {
    const { path, uid, resourceVersion } = await space.configMap();
    const annotations = { 'leader-for-life/released': 'true' };
    const patch = (metadata: object) =>
      space.patch(path, { metadata: { ...metadata, annotations } });
    const other = fresh('uid');
    expect(await patch({ uid: other })).toMatchObject(refusedAs(422, 'Invalid'));
    const both = await patch({ uid: other, resourceVersion: '1' });
    expect(both).toMatchObject(refusedAs(409, 'Conflict'));
    expect(stored(await patch({ uid, resourceVersion }))).toMatchObject({ uid, annotations });
  });
}
