import { expect, test } from 'vitest';

import { fresh, ownedBy, type Space, stored } from './space.ts';

/** The garbage collector: what becomes of objects whose owners go. */
export function owners(space: () => Space): void {
  test('what a Pod owns goes when the Pod goes', async () => {
    const { configMaps, pods } = space();
    const pod = await space().pod(fresh('owner'));
    const { name, uid } = await space().configMap(fresh('lock'), ownedBy(pod));
    const watch = await space().watchOne(configMaps, name);
    await space().delete(`${pods}/${pod.name}`);
    await space().gone(`${configMaps}/${name}`);
    const [, deleted] = await watch.first(2, space().patience);
    watch.close();
    expect(deleted).toMatchObject({ type: 'DELETED', object: { metadata: { name, uid } } });
  });

  test('what an owner that never existed owns goes; what another owns stays', async () => {
    const { configMaps, admin } = space();
    const pod = await space().pod(fresh('owner'));
    const kept = await space().configMap(fresh('kept'), ownedBy(pod));
    const never = { name: fresh('never'), uid: '00000000-0000-4000-8000-000000000000' };
    const lost = await space().configMap(fresh('lost'), ownedBy(never));
    await space().gone(`${configMaps}/${lost.name}`);
    expect((await admin.send('GET', `${configMaps}/${kept.name}`)).status).toBe(200);
  });

  test("what a Pod's predecessor of the same name owns goes", async () => {
    const { configMaps, pods } = space();
    const first = await space().pod(fresh('owner'));
    await space().delete(`${pods}/${first.name}`);
    await space().pod(first.name);
    const { name } = await space().configMap(fresh('lock'), ownedBy(first));
    await space().gone(`${configMaps}/${name}`);
  });

  test('what two own stays until both are gone', async () => {
    const { configMaps, pods } = space();
    const [a, b] = [await space().pod(fresh('owner')), await space().pod(fresh('owner'))];
    const { name, uid } = await space().configMap(fresh('lock'), ownedBy(a, b));
    const path = `${configMaps}/${name}`;
    await space().delete(`${pods}/${a.name}`);
    const left = await space().until(
      path,
      ({ body }) => body.metadata?.ownerReferences?.length !== 2,
    );
    expect(left).toMatchObject({ status: 200, body: { metadata: { uid, ...ownedBy(b) } } });
    await space().delete(`${pods}/${b.name}`);
    await space().gone(path);
  });

  test('what has finalizers is deleted with its owner, and stays for them', async () => {
    const { configMaps, pods } = space();
    const pod = await space().pod(fresh('owner'));
    const finalizers = ['example.com/keep'];
    const { name } = await space().configMap(fresh('lock'), { finalizers, ...ownedBy(pod) });
    const path = `${configMaps}/${name}`;
    await space().delete(`${pods}/${pod.name}`);
    const { body } = await space().until(
      path,
      (answer) => answer.body.metadata?.deletionTimestamp !== undefined,
    );
    expect(body.metadata).toMatchObject({ finalizers, ...ownedBy(pod) });
    await space().destroy(path);
    await space().gone(path);
  });

  test('deleted with Orphan, a Pod leaves what it owned without an owner', async () => {
    const { configMaps, pods, admin } = space();
    const pod = await space().pod(fresh('owner'));
    const { name, uid } = await space().configMap(fresh('lock'), ownedBy(pod));
    const answer = await space().delete(`${pods}/${pod.name}`, { propagationPolicy: 'Orphan' });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        kind: 'Pod',
        metadata: { finalizers: ['orphan'], deletionTimestamp: expect.any(String) },
      },
    });
    await space().gone(`${pods}/${pod.name}`);
    const left = await admin.send('GET', `${configMaps}/${name}`);
    expect(left).toMatchObject({ status: 200, body: { metadata: { uid } } });
    expect(left.body.metadata?.ownerReferences).toBeUndefined();
  });

  test('deleted with Foreground, a Pod stays terminating; what it owned goes', async () => {
    const { configMaps, pods, admin } = space();
    const pod = await space().pod(fresh('owner'), { nodeName: 'nowhere' });
    const { name } = await space().configMap(fresh('lock'), ownedBy(pod));
    const answer = await space().delete(`${pods}/${pod.name}`, {
      propagationPolicy: 'Foreground',
    });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        kind: 'Pod',
        metadata: {
          uid: pod.uid,
          finalizers: ['foregroundDeletion'],
          deletionTimestamp: expect.any(String),
          deletionGracePeriodSeconds: 30,
        },
      },
    });

    await space().gone(`${configMaps}/${name}`);
    // The Pod's containers may run for all of that time: what the safety page warns of.
    const still = await space().until(
      `${pods}/${pod.name}`,
      ({ body }) => body.metadata?.finalizers === undefined,
    );
    expect(still).toMatchObject({ status: 200, body: { metadata: { uid: pod.uid } } });
    await space().destroy(`${pods}/${pod.name}`);
    expect((await admin.send('GET', `${pods}/${pod.name}`)).status).toBe(404);
  });

  test('deleted with Foreground, a ConfigMap waits for nothing', async () => {
    const { configMaps } = space();
    const { name, uid } = await space().configMap(fresh('lock'));
    const path = `${configMaps}/${name}`;
    const answer = await space().delete(path, { propagationPolicy: 'Foreground' });
    expect(answer).toMatchObject({ status: 200, body: { kind: 'ConfigMap', metadata: { uid } } });
    expect(stored(answer).finalizers).toEqual(['foregroundDeletion']);
    await space().gone(path);
  });

  test('an owner without a UID is refused: 422', async () => {
    const { configMaps, admin } = space();
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'owner' };
    const body = { metadata: { name: fresh('lock'), ownerReferences: [owner] } };
    const answer = await admin.send('POST', configMaps, { body });
    expect(answer).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    expect(answer.body.details?.causes).toEqual([
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: "": must not be empty',
        field: 'metadata.ownerReferences.uid',
      },
    ]);
  });
}
