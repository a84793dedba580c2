import { expect } from 'vitest';

import { type ContractTest, fresh, NO_UID, ownedBy, refusedAs, stored } from './space.ts';

const deletionTimestamp = expect.any(String) as string;

/** The garbage collector: what becomes of objects whose owners go. */
export function owners(it: ContractTest): void {
  it('what a Pod owns goes when the Pod goes', async ({ space }) => {
    const pod = await space.pod();
    const { name, path, uid } = await space.configMap(ownedBy(pod));
    const watch = await space.watchOne(path);
    await space.delete(pod.path);
    await space.gone(path);
    const [, deleted] = await watch.first(2, space.patience);
    expect(deleted).toMatchObject({ type: 'DELETED', object: { metadata: { name, uid } } });
  });

  it('what nothing owns that exists goes; what a Pod owns stays', async ({ space }) => {
    const kept = await space.configMap(ownedBy(await space.pod()));
    const lost = await space.configMap(ownedBy({ name: fresh('never'), uid: NO_UID }));
    await space.gone(lost.path);
    expect((await space.get(kept.path)).status).toBe(200);
  });

  it('LIFE-1: what a former Pod of the same name owns goes', async ({ space }) => {
    const first = await space.pod();
    await space.delete(first.path);
    await space.pod({ name: first.name });
    const { path } = await space.configMap(ownedBy(first));
    await space.gone(path);
  });

  it('what two own stays until both are gone', async ({ space }) => {
    const [a, b] = [await space.pod(), await space.pod()];
    const { path, uid } = await space.configMap(ownedBy(a, b));
    await space.delete(a.path);
    const left = await space.until(
      path,
      ({ body }) => body.metadata?.ownerReferences?.length !== 2,
    );
    expect(left).toMatchObject({ status: 200, body: { metadata: { uid, ...ownedBy(b) } } });
    await space.delete(b.path);
    await space.gone(path);
  });

  it('what has finalizers is deleted with its owner, and stays for them', async ({ space }) => {
    const pod = await space.pod();
    const metadata = { finalizers: ['example.com/keep'], ...ownedBy(pod) };
    const { path } = await space.configMap(metadata);
    await space.delete(pod.path);
    const { body } = await space.until(
      path,
      (answer) => answer.body.metadata?.deletionTimestamp !== undefined,
    );
    expect(body.metadata).toMatchObject(metadata);
    await space.destroy(path);
    await space.gone(path);
  });

  it('a Pod deleted with Orphan leaves what it owned without an owner', async ({ space }) => {
    const pod = await space.pod();
    const { path, uid } = await space.configMap(ownedBy(pod));
    const answer = await space.delete(pod.path, { propagationPolicy: 'Orphan' });
    const metadata = { finalizers: ['orphan'], deletionTimestamp };
    expect(answer).toMatchObject({ status: 200, body: { kind: 'Pod', metadata } });
    await space.gone(pod.path);
    const left = await space.get(path);
    expect(left).toMatchObject({ status: 200, body: { metadata: { uid } } });
    expect(left.body.metadata?.ownerReferences).toBeUndefined();
  });

  it('a Pod deleted with Foreground goes after what it owned', async ({ space }) => {
    const pod = await space.pod({}, 'nowhere');
    const lock = await space.configMap(ownedBy(pod));
    const answer = await space.delete(pod.path, { propagationPolicy: 'Foreground' });
    const { uid } = pod;
    const finalizers = ['foregroundDeletion'];
    const metadata = { uid, finalizers, deletionTimestamp, deletionGracePeriodSeconds: 30 };
    expect(answer).toMatchObject({ status: 200, body: { kind: 'Pod', metadata } });
    await space.gone(lock.path);
    // The Pod's containers may run for all of that time: what the safety page warns of.
    const still = await space.until(
      pod.path,
      ({ body }) => body.metadata?.finalizers === undefined,
    );
    expect(still).toMatchObject({ status: 200, body: { metadata: { uid } } });
    await space.destroy(pod.path);
    expect((await space.get(pod.path)).status).toBe(404);
  });

  it('a Pod deleted with Foreground goes without what another Pod still owns', async ({
    space,
  }) => {
    const [a, b] = [await space.pod(), await space.pod()];
    const shared = await space.configMap(ownedBy(a, b));
    const lock = await space.configMap(ownedBy(a));
    await space.delete(a.path, { propagationPolicy: 'Foreground' });
    await space.gone(lock.path);
    await space.gone(a.path);
    const { uid } = shared;
    const left = await space.until(
      shared.path,
      ({ body }) => body.metadata?.ownerReferences?.length !== 2,
    );
    expect(left).toMatchObject({ status: 200, body: { metadata: { uid, ...ownedBy(b) } } });
    expect(left.body.metadata?.deletionTimestamp).toBeUndefined();
  });

  it('a ConfigMap deleted with Foreground waits for nothing', async ({ space }) => {
    const { path, uid } = await space.configMap();
    const answer = await space.delete(path, { propagationPolicy: 'Foreground' });
    expect(answer).toMatchObject({ status: 200, body: { kind: 'ConfigMap', metadata: { uid } } });
    expect(stored(answer).finalizers).toEqual(['foregroundDeletion']);
    await space.gone(path);
  });

  it('an owner deleted with Foreground waits for what blocks it, and no longer', async ({
    space,
  }) => {
    const [owner, free] = [await space.configMap(), await space.configMap()];
    const held = ({ name, uid }: { name: string; uid: string }, blockOwnerDeletion: boolean) => {
      const reference = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion };
      return space.configMap({ finalizers: ['example.com/held'], ownerReferences: [reference] });
    };
    const [blocking, other] = [await held(owner, true), await held(free, false)];
    for (const { path } of [owner, free]) {
      await space.delete(path, { propagationPolicy: 'Foreground' });
    }
    await space.gone(free.path);
    for (const { path } of [blocking, other]) {
      await space.until(path, ({ body }) => body.metadata?.deletionTimestamp !== undefined);
    }
    expect((await space.get(owner.path)).status).toBe(200);
    await space.patch(blocking.path, { metadata: { ownerReferences: null } });
    await space.gone(owner.path);
    for (const { path } of [blocking, other]) await space.destroy(path);
  });

  it('an owner without a UID is refused: 422', async ({ space }) => {
    const metadata = {
      name: fresh('lock'),
      ...ownedBy({ name: 'owner' } as { name: string; uid: string }),
    };
    const answer = await space.post('configmaps', metadata);
    expect(answer).toMatchObject(refusedAs(422, 'Invalid'));
    const message = 'Invalid value: "": must not be empty';
    const field = 'metadata.ownerReferences.uid';
    const causes = [{ reason: 'FieldValueInvalid', message, field }];
    expect(answer.body.details?.causes).toEqual(causes);
  });
}
