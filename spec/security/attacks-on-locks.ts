import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { type Cluster, Namespace, type Replica, Waits } from '../behaviour/cluster.ts';
import { Intruder, LOCK, documented, expectForbidden, ownedBy } from './intruder.ts';

/** A UID that no Pod has. */
const NOBODY = '00000000-0000-4000-8000-000000000000';

/** What somebody with the Role for `become` can do to the others, as docs/safety.md tells it. */
export function attacksOnLocks(clusterName: string, open: () => Promise<Cluster>): void {
  describe(`a malicious Pod with the Role for become on ${clusterName}`, () => {
    let cluster: Cluster;

    beforeAll(async () => {
      cluster = await open();
    }, 120_000);

    afterAll(async () => {
      await cluster[Symbol.asyncDispose]();
    });

    async function scene() {
      const space = await Namespace.create(cluster);
      onTestFinished(() => space[Symbol.asyncDispose]());
      const intruder = await Intruder.enter(cluster, space.name, documented.life(space.name));
      return { space, intruder };
    }

    /** A candidate, once it has waited for this reason, and what it was told. */
    async function waiting(pod: Replica, reason: string) {
      const waits = new Waits();
      const leadership = pod.become(LOCK, { onWaiting: waits.record, maxBackoffMs: 500 });
      await waits.for(reason);
      return { leadership, waits };
    }

    describe('can', () => {
      test('delete the lock: a second Pod leads, and the first one is told with guard only', async () => {
        const { space, intruder } = await scene();
        const [a, b] = [await space.replica('a'), await space.replica('b')];
        const first = await a.become(LOCK, { guard: true });
        const unaware = await a.restarted().become(LOCK);
        const { leadership } = await waiting(b, 'held');
        const told = new Promise((resolve) => {
          first.signal.addEventListener('abort', resolve);
        });
        await intruder.deleteLock();
        expect((await leadership).podName).toBe('b');
        await told;
        expect(first.signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
        expect(unaware.signal.aborted).toBe(false);
      });

      test.each([
        ['mark it as released', { annotations: { 'leader-for-life/released': 'true' } }],
        ['name another Pod in it, which is gone', ownedBy('gone', NOBODY)],
      ])('%s: a second Pod leads, and the first one is told with guard only', async (_, change) => {
        const { space, intruder } = await scene();
        const [a, b] = [await space.replica('a'), await space.replica('b')];
        const first = await a.become(LOCK, { guard: true });
        const unaware = await a.restarted().become(LOCK);
        const { leadership } = await waiting(b, 'held');
        const told = new Promise((resolve) => {
          first.signal.addEventListener('abort', resolve);
        });
        await intruder.patchLock(change);
        expect((await leadership).podName).toBe('b');
        await told;
        expect(first.signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
        expect(unaware.signal.aborted).toBe(false);
      });

      test('hold it for as long as its own Pod lives; everybody is told who holds it', async () => {
        const { space, intruder } = await scene();
        const [a, thief] = [await space.replica('a'), await space.replica('thief')];
        await intruder.createLock(ownedBy('thief', thief.uid));
        const { leadership, waits } = await waiting(a, 'held');
        expect(waits.messages.join()).toContain('Pod thief');
        await space.deletePod('thief');
        expect((await leadership).podName).toBe('a');
      });

      test('hold it in the name of another Pod: nobody verifies who owns what is created', async () => {
        const { space, intruder } = await scene();
        const [a, database] = [await space.replica('a'), await space.replica('database')];
        await intruder.createLock(ownedBy('database', database.uid));
        const { leadership, waits } = await waiting(a, 'held');
        expect(waits.messages.join()).toContain('Pod database');
        // What a human does about it.
        await space.deleteConfigMap(LOCK);
        expect((await leadership).podName).toBe('a');
      });

      test('plant what no Pod owns: ERR_FOREIGN_LOCK, and nobody deletes it', async () => {
        const { space, intruder } = await scene();
        const a = await space.replica('a');
        const { metadata } = await intruder.createLock();
        await expect(a.become(LOCK)).rejects.toMatchObject({ code: 'ERR_FOREIGN_LOCK' });
        expect((await space.lock(LOCK))?.metadata?.uid).toBe(metadata?.uid);
      });

      test('keep it by a finalizer; everybody is told which', async () => {
        const { space, intruder } = await scene();
        const [a, thief] = [await space.replica('a'), await space.replica('thief')];
        const finalizers = ['example.com/for-ever'];
        await intruder.createLock({ ...ownedBy('thief', thief.uid), finalizers });
        await space.deletePod('thief');
        const { leadership, waits } = await waiting(a, 'lock-deleting');
        expect(waits.messages.join()).toContain('example.com/for-ever');
        await space.patchConfigMap(LOCK, { finalizers: null });
        expect((await leadership).podName).toBe('a');
      });

      test('squat on the name of any other ConfigMap that is not there yet', async () => {
        const { space, intruder } = await scene();
        await intruder.createLock({ name: 'app-settings' });
        expect(await space.lock('app-settings')).toBeDefined();
      });

      test('read every Pod of the namespace', async () => {
        const { space, intruder } = await scene();
        await space.replica('a');
        const { items } = await intruder.core.listNamespacedPod({ namespace: space.name });
        expect(items.map(({ metadata }) => metadata?.name)).toEqual(['a']);
      });
    });

    describe('cannot', () => {
      test.each([
        ['a Pod that does not exist', 'gone', NOBODY],
        ['the name of a living Pod, and another UID', 'a', NOBODY],
      ])('hold it in the name of %s', async (_what, name, uid) => {
        const { space, intruder } = await scene();
        const a = await space.replica('a');
        await intruder.createLock(ownedBy(name, uid));
        expect((await a.become(LOCK, { maxBackoffMs: 500 })).podName).toBe('a');
      });

      test('hold it in the name of a Pod of another namespace', async () => {
        const { space, intruder } = await scene();
        const elsewhere = await Namespace.create(cluster);
        onTestFinished(() => elsewhere[Symbol.asyncDispose]());
        const stranger = await elsewhere.replica('stranger');
        const a = await space.replica('a');
        await intruder.createLock(ownedBy('stranger', stranger.uid));
        expect((await a.become(LOCK, { maxBackoffMs: 500 })).podName).toBe('a');
      });

      test('have a leader delete what replaced its lock', async () => {
        const { space, intruder } = await scene();
        const a = await space.replica('a');
        const leadership = await a.become(LOCK);
        await intruder.deleteLock();
        const { metadata } = await intruder.createLock();
        await leadership.release();
        expect((await space.lock(LOCK))?.metadata?.uid).toBe(metadata?.uid);
      });

      test('replace the lock, or get, list, watch, change or delete any other ConfigMap', async () => {
        const { space, intruder } = await scene();
        const { core } = intruder;
        await space.createConfigMap({ name: 'precious' });
        await (await space.replica('a')).become(LOCK);
        const where = { namespace: space.name };
        const body = { metadata: { name: LOCK } };
        await expectForbidden(core.replaceNamespacedConfigMap({ ...where, name: LOCK, body }));
        await expectForbidden(core.patchNamespacedConfigMap({ ...where, name: 'precious', body }));
        await expectForbidden(core.readNamespacedConfigMap({ ...where, name: 'precious' }));
        await expectForbidden(core.deleteNamespacedConfigMap({ ...where, name: 'precious' }));
        await expectForbidden(core.listNamespacedConfigMap(where));
        await expectForbidden(core.deleteCollectionNamespacedConfigMap(where));
        expect(await space.lock('precious')).toBeDefined();
      });

      test('delete, change or make Pods', async () => {
        const { space, intruder } = await scene();
        const { core } = intruder;
        await space.replica('a');
        const pod = { namespace: space.name, name: 'a' };
        const body = { metadata: { name: 'b' }, spec: { containers: [] } };
        await expectForbidden(core.deleteNamespacedPod(pod));
        await expectForbidden(core.patchNamespacedPod({ ...pod, body: {} }));
        await expectForbidden(core.patchNamespacedPodStatus({ ...pod, body: {} }));
        await expectForbidden(core.createNamespacedPod({ namespace: space.name, body }));
      });

      test('do anything in another namespace', async () => {
        const { intruder } = await scene();
        const elsewhere = await Namespace.create(cluster);
        onTestFinished(() => elsewhere[Symbol.asyncDispose]());
        const where = { namespace: elsewhere.name };
        const body = { metadata: { name: LOCK } };
        await expectForbidden(intruder.core.createNamespacedConfigMap({ ...where, body }));
        await expectForbidden(intruder.core.deleteNamespacedConfigMap({ ...where, name: LOCK }));
        await expectForbidden(intruder.core.listNamespacedPod(where));
      });
    });
  });
}
