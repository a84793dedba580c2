import { expect, test } from 'vitest';

import { failure, fresh, MERGE, ownedBy, type Space, stored } from './space.ts';

const NO_UID = '00000000-0000-4000-8000-000000000000';

/** Creating, replacing, patching and deleting one object. */
export function objects(space: () => Space): void {
  test('a create is answered with the object as given, its UID and its version', async () => {
    const { admin, configMaps, name: namespace } = space();
    const name = fresh('lock');
    const pod = await space().pod(fresh('owner'));
    const metadata = {
      name,
      namespace,
      labels: { team: 'blue' },
      annotations: { 'leader-for-life/attempt': 'x', 'example.com/note': 'ünïcode' },
      ...ownedBy(pod),
    };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    const answer = await admin.send('POST', configMaps, { body });

    expect(answer.status).toBe(201);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.body).toMatchObject(body);
    expect(answer.body.metadata?.uid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(answer.body.metadata?.resourceVersion).toMatch(/^[1-9]\d*$/);
    expect(answer.body.metadata?.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/);
    const read = await admin.send('GET', `${configMaps}/${name}`);
    expect(read).toMatchObject({ status: 200, body: answer.body });
  });

  test('a second create is refused: 409 AlreadyExists', async () => {
    const { admin, configMaps } = space();
    const name = fresh('lock');
    const first = await space().configMap(name);
    const body = { metadata: { name, labels: { other: 'yes' } } };
    const answer = await admin.send('POST', configMaps, { body });

    expect(answer.status).toBe(409);
    expect(answer.body).toEqual(
      failure(409, 'AlreadyExists', `configmaps "${name}" already exists`, {
        name,
        kind: 'configmaps',
      }),
    );
    expect(stored(await admin.send('GET', `${configMaps}/${name}`))).toEqual(
      expect.objectContaining({ uid: first.uid, resourceVersion: first.resourceVersion }),
    );
  });

  test('of creates at the same time exactly one succeeds', async () => {
    const { admin, configMaps } = space();
    const body = { metadata: { name: fresh('lock') } };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => admin.send('POST', configMaps, { body })),
    );
    const refused = answers.filter((answer) => answer.body.reason === 'AlreadyExists');
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(9).fill(409)]);
    expect(refused).toHaveLength(9);
  });

  test('a later object of the same name has another UID and a larger version', async () => {
    const { configMaps } = space();
    const name = fresh('lock');
    const first = await space().configMap(name);
    await space().delete(`${configMaps}/${name}`);
    const second = await space().configMap(name);
    expect(second.uid).not.toBe(first.uid);
    expect(BigInt(second.resourceVersion)).toBeGreaterThan(BigInt(first.resourceVersion));
  });

  test('what is not there is answered 404 NotFound, to read and to delete', async () => {
    const { admin, configMaps } = space();
    const name = fresh('none');
    for (const method of ['GET', 'DELETE']) {
      const answer = await admin.send(method, `${configMaps}/${name}`);
      expect(answer.status).toBe(404);
      expect(answer.body).toEqual(
        failure(404, 'NotFound', `configmaps "${name}" not found`, { name, kind: 'configmaps' }),
      );
    }
  });

  test('deleting a ConfigMap answers Status Success, and at once it is not there', async () => {
    const { admin, configMaps } = space();
    const { name, uid } = await space().configMap(fresh('lock'));
    const answer = await space().delete(`${configMaps}/${name}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name, kind: 'configmaps', uid },
    });
    expect((await admin.send('GET', `${configMaps}/${name}`)).status).toBe(404);
  });

  test('a DELETE with the right UID and version as preconditions succeeds', async () => {
    const { configMaps } = space();
    const { name, uid, resourceVersion } = await space().configMap(fresh('lock'));
    const answer = await space().delete(`${configMaps}/${name}`, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid, resourceVersion },
    });
    expect(answer).toMatchObject({ status: 200, body: { status: 'Success' } });
  });

  test('a DELETE with another UID as precondition is refused: 409 Conflict', async () => {
    const { admin, configMaps } = space();
    const { name, uid, resourceVersion } = await space().configMap(fresh('lock'));
    const answer = await space().delete(`${configMaps}/${name}`, {
      preconditions: { uid: NO_UID, resourceVersion },
    });
    expect(answer.status).toBe(409);
    expect(answer.body).toEqual(
      failure(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ConfigMap "${name}": the UID in the precondition ` +
          `(${NO_UID}) does not match the UID in record (${uid}). The object might have been ` +
          'deleted and then recreated',
        { name, kind: 'ConfigMap' },
      ),
    );
    expect((await admin.send('GET', `${configMaps}/${name}`)).status).toBe(200);
  });

  test('a DELETE with a stale version as precondition is refused: 409 Conflict', async () => {
    const { admin, configMaps } = space();
    const { name, uid, resourceVersion } = await space().configMap(fresh('lock'));
    const path = `${configMaps}/${name}`;
    const changed = stored(await space().patch(path, { data: { key: 'value' } }));
    const answer = await space().delete(path, { preconditions: { uid, resourceVersion } });
    expect(answer.status).toBe(409);
    expect(answer.body).toEqual(
      failure(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ConfigMap "${name}": the ResourceVersion in the ` +
          `precondition (${resourceVersion}) does not match the ResourceVersion in record ` +
          `(${changed.resourceVersion}). The object might have been modified`,
        { name, kind: 'ConfigMap' },
      ),
    );
    expect((await admin.send('GET', path)).status).toBe(200);
  });

  test('of deletes of one version at the same time exactly one succeeds', async () => {
    const { configMaps } = space();
    const { name, uid, resourceVersion } = await space().configMap(fresh('lock'));
    const options = { preconditions: { uid, resourceVersion } };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => space().delete(`${configMaps}/${name}`, options)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 404 || status === 409)).toHaveLength(9);
  });

  test('deleted while it has finalizers it stays, marked, until they go', async () => {
    const { admin, configMaps } = space();
    const finalizers = ['example.com/keep'];
    const { name, uid, resourceVersion } = await space().configMap(fresh('lock'), { finalizers });
    const path = `${configMaps}/${name}`;

    for (let time = 1; time <= 2; time += 1) {
      const answer = await space().delete(path);
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({
        kind: 'ConfigMap',
        metadata: {
          name,
          finalizers,
          deletionTimestamp: expect.stringMatching(/Z$/),
          deletionGracePeriodSeconds: 0,
        },
      });
    }
    const preconditions = { uid, resourceVersion };
    const stale = await space().delete(path, { preconditions });
    expect(stale).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
    const create = await admin.send('POST', configMaps, { body: { metadata: { name } } });
    expect(create).toMatchObject({ status: 409, body: { reason: 'AlreadyExists' } });

    const last = await space().patch(path, { metadata: { finalizers: null } });
    expect(last.status).toBe(200);
    expect(last.body.metadata?.finalizers).toBeUndefined();
    expect((await admin.send('GET', path)).status).toBe(404);
  });

  test('to an object that is being deleted no finalizer can be added: 422', async () => {
    const { configMaps } = space();
    const { name } = await space().configMap(fresh('lock'), { finalizers: ['example.com/a'] });
    const path = `${configMaps}/${name}`;
    await space().delete(path);
    const finalizers = ['example.com/a', 'example.com/b'];
    const answer = await space().patch(path, { metadata: { finalizers } });
    await space().destroy(path);
    expect(answer).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
  });

  test('a PUT of a stale version is refused: 409 Conflict', async () => {
    const { admin, configMaps } = space();
    const { name, resourceVersion } = await space().configMap(fresh('lock'));
    const path = `${configMaps}/${name}`;
    const body = { metadata: { name, resourceVersion }, data: { key: '1' } };
    expect((await admin.send('PUT', path, { body })).status).toBe(200);
    const answer = await admin.send('PUT', path, { body: { ...body, data: { key: '2' } } });
    expect(answer.status).toBe(409);
    expect(answer.body).toEqual(
      failure(
        409,
        'Conflict',
        `Operation cannot be fulfilled on configmaps "${name}": the object has been modified; ` +
          'please apply your changes to the latest version and try again',
        { name, kind: 'configmaps' },
      ),
    );
  });

  test('a PUT without a version replaces a ConfigMap, but not a Lease: 422', async () => {
    const { admin, configMaps, leases } = space();
    const { name } = await space().configMap(fresh('lock'));
    const replaced = await admin.send('PUT', `${configMaps}/${name}`, {
      body: { metadata: { name }, data: { key: 'value' } },
    });
    expect(replaced).toMatchObject({ status: 200, body: { data: { key: 'value' } } });

    const lease = { metadata: { name } };
    expect((await admin.send('POST', leases, { body: lease })).status).toBe(201);
    const refused = await admin.send('PUT', `${leases}/${name}`, { body: lease });
    expect(refused.status).toBe(422);
    const why = 'Invalid value: 0: must be specified for an update';
    expect(refused.body).toEqual(
      failure(
        422,
        'Invalid',
        `leases.coordination.k8s.io "${name}" is invalid: metadata.resourceVersion: ${why}`,
        {
          name,
          group: 'coordination.k8s.io',
          kind: 'leases',
          causes: [
            { reason: 'FieldValueInvalid', message: why, field: 'metadata.resourceVersion' },
          ],
        },
      ),
    );
  });

  test('a PUT creates a Lease that is not there, but none that is gone: 409 by its UID', async () => {
    const { admin, leases } = space();
    const name = fresh('lease');
    const path = `${leases}/${name}`;
    const created = await admin.send('PUT', path, { body: { metadata: { name } } });
    expect(created.status).toBe(201);
    const { uid, resourceVersion } = stored(created);
    await space().delete(path);

    const body = { metadata: { name, uid, resourceVersion } };
    const refused = await admin.send('PUT', path, { body });
    expect(refused).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
    expect(refused.body.message).toContain(
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: `,
    );
    expect((await admin.send('GET', path)).status).toBe(404);

    expect((await admin.send('POST', leases, { body: { metadata: { name } } })).status).toBe(201);
    const other = await admin.send('PUT', path, { body });
    expect(other).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
  });

  test('a PUT that changes nothing writes nothing', async () => {
    const { admin, configMaps } = space();
    const { name, resourceVersion } = await space().configMap(fresh('lock'));
    const body = { metadata: { name, resourceVersion } };
    const answer = await admin.send('PUT', `${configMaps}/${name}`, { body });
    expect(stored(answer).resourceVersion).toBe(resourceVersion);
  });

  test('a patch of a stale version is refused: 409 Conflict', async () => {
    const { configMaps } = space();
    const { name, resourceVersion } = await space().configMap(fresh('lock'));
    const body = { metadata: { resourceVersion, labels: { a: 'b' } } };
    expect((await space().patch(`${configMaps}/${name}`, body)).status).toBe(200);
    const again = { metadata: { resourceVersion, labels: { a: 'c' } } };
    const answer = await space().patch(`${configMaps}/${name}`, again);
    expect(answer).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
  });

  test('a patch that names another UID is refused, and one that names this one is not', async () => {
    const { configMaps } = space();
    const { name, uid, resourceVersion } = await space().configMap(fresh('lock'));
    const path = `${configMaps}/${name}`;
    const annotations = { 'leader-for-life/released': 'true' };
    const other = fresh('uid');
    const refused = await space().patch(path, { metadata: { uid: other, annotations } });
    expect(refused).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    const both = { metadata: { uid: other, resourceVersion: '1', annotations } };
    expect((await space().patch(path, both)).body).toMatchObject({ reason: 'Conflict' });
    const marked = await space().patch(path, { metadata: { uid, resourceVersion, annotations } });
    expect(stored(marked)).toMatchObject({ uid, annotations });
  });

  test('every request takes a timeout, and none that is no duration: 400', async () => {
    const { admin, configMaps } = space();
    const name = fresh('lock');
    const path = `${configMaps}/${name}`;
    const body = { metadata: { name } };
    const later = { body: { metadata: { name, labels: { a: 'b' } } } };
    const patch = { body: { data: { a: 'b' } }, contentType: MERGE };
    const timeout = 'timeout=8s';
    const statuses = [
      await admin.send('POST', `${configMaps}?${timeout}`, { body }),
      await admin.send('GET', `${path}?${timeout}`),
      await admin.send('GET', `${configMaps}?limit=1&${timeout}`),
      await admin.send('PUT', `${path}?${timeout}`, later),
      await admin.send('PATCH', `${path}?${timeout}`, patch),
      await admin.send('DELETE', `${path}?${timeout}`),
    ].map(({ status }) => status);
    expect(statuses).toEqual([201, 200, 200, 200, 200, 200]);

    const invalid = {
      soon: 'invalid duration "soon"',
      '8': 'missing unit in duration "8"',
      '1m8x': 'unknown unit "x" in duration "1m8x"',
    };
    for (const [given, why] of Object.entries(invalid)) {
      const refused = await admin.send('POST', `${configMaps}?timeout=${given}`, { body });
      expect(refused.status).toBe(400);
      expect(refused.body).toEqual(
        failure(400, 'BadRequest', `invalid timeout specified in the request URL - time: ${why}`),
      );
    }
    for (const given of ['', '0', '-1s', '+1m30.5s', '.5h']) {
      const timed = `${path}?timeout=${encodeURIComponent(given)}`;
      expect((await admin.send('GET', timed)).status).toBe(404);
    }
  });
}
