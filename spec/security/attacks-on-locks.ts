import type { V1ObjectMeta } from '@kubernetes/client-node';
import { describe, expect } from 'vitest';

import { Namespace, type Replica, Waits } from '../behaviour/cluster.ts';
import {
  type AttackTest,
  Intruder,
  LOCK,
  NOBODY,
  aborted,
  askedOf,
  documented,
  expectForbidden,
  lost,
  ownedBy,
} from './intruder.ts';

/** What somebody with the Role for `become` can do to the others, as docs/safety.md tells it. */
export function attacksOnLocks(clusterName: string, base: AttackTest): void {
  const it = base
    .extend('space', async ({ cluster }, { onCleanup }) => {
      const space = await Namespace.create(cluster);
      onCleanup(() => space[Symbol.asyncDispose]());
      return space;
    })
    .extend('intruder', ({ cluster, space }) => {
      return Intruder.enter(cluster, space.name, documented.life(space.name));
    })
    .extend('a', ({ space }) => space.replica('a'));
  const maxBackoffMs = 500;

  /** A candidate, once it has waited for this reason, and what it was told. */
  async function waiting(pod: Replica, reason: string) {
    const waits = new Waits();
    const leadership = pod.become(LOCK, { onWaiting: waits.record, maxBackoffMs });
    await waits.for(reason);
    return { leadership, told: waits.messages.join() };
  }

  describe(`a malicious Pod with the Role for become on ${clusterName} can`, () => {
    const released = { annotations: { 'leader-for-life/released': 'true' } };
    it.for<[string, V1ObjectMeta?]>([
      ['delete the lock'],
      ['mark it as released', released],
      ['name another Pod in it, which is gone', ownedBy('gone', NOBODY)],
    ])(
      '%s: a second Pod leads, and only guard tells',
      async ([, change], { a, intruder, space }) => {
        const b = await space.replica('b');
        const first = await a.become(LOCK, { guard: true });
        const unaware = await a.restarted().become(LOCK);
        const { leadership } = await waiting(b, 'held');
        const told = aborted(first.signal);
        await (change ? intruder.patchLock(change) : intruder.deleteLock());
        expect((await leadership).podName).toBe('b');
        expect(await told).toMatchObject(lost);
        expect(unaware.signal.aborted).toBe(false);
      },
    );

    it('ask the leader to hand over: guard tells it, and it keeps the lock', async ({
      a,
      intruder,
      space,
    }) => {
      const leadership = await a.become(LOCK, { guard: true });
      const unaware = await a.restarted().become(LOCK);
      const told = aborted(leadership.signal);
      await intruder.patchLock({ annotations: askedOf('a') });
      expect(await told).toMatchObject({ code: 'ERR_STEPPED_DOWN' });
      expect(unaware.signal.aborted).toBe(false);
      expect((await space.lock(LOCK))?.metadata?.ownerReferences?.[0]?.name).toBe('a');
    });

    it.for<[string, string, (space: Namespace) => Promise<void>]>([
      ['for as long as its own Pod lives', 'thief', (space) => space.deletePod('thief')],
      // Nobody verifies who owns what is created; a human deletes it.
      ['for another Pod', 'database', (space) => space.deleteConfigMap(LOCK)],
    ])(
      'hold it %s; candidates are told which Pod',
      async ([, holder, end], { a, intruder, space }) => {
        const { uid } = await space.replica(holder);
        await intruder.createLock(ownedBy(holder, uid));
        const { leadership, told } = await waiting(a, 'held');
        expect(told).toContain(`Pod ${holder}`);
        await end(space);
        expect((await leadership).podName).toBe('a');
      },
    );

    it('plant what no Pod owns: ERR_FOREIGN_LOCK, and nobody deletes it', async ({
      a,
      intruder,
      space,
    }) => {
      const { metadata } = await intruder.createLock();
      await expect(a.become(LOCK)).rejects.toMatchObject({ code: 'ERR_FOREIGN_LOCK' });
      expect((await space.lock(LOCK))?.metadata?.uid).toBe(metadata?.uid);
    });

    it('keep it by a finalizer; candidates are told which', async ({ a, intruder, space }) => {
      const thief = await space.replica('thief');
      const finalizers = ['example.com/for-ever'];
      await intruder.createLock({ ...ownedBy('thief', thief.uid), finalizers });
      await space.deletePod('thief');
      const { leadership, told } = await waiting(a, 'lock-deleting');
      expect(told).toContain('example.com/for-ever');
      await space.patchConfigMap(LOCK, { finalizers: null });
      expect((await leadership).podName).toBe('a');
    });

    it('create any other ConfigMap that is not there yet', async ({ intruder, space }) => {
      await intruder.createLock({ name: 'app-settings' });
      expect(await space.lock('app-settings')).toBeDefined();
    });

    it('read every Pod of the namespace', async ({ a, intruder, space }) => {
      const { items } = await intruder.core.listNamespacedPod({ namespace: space.name });
      expect(items.map(({ metadata }) => metadata?.name)).toEqual([a.name]);
    });
  });

  describe(`a malicious Pod with the Role for become on ${clusterName} cannot`, () => {
    it.for([
      ['a Pod that does not exist', 'gone'],
      ['a Pod that lives, by another UID', 'a'],
    ] as const)('hold it for %s', async ([, name], { a, intruder }) => {
      await intruder.createLock(ownedBy(name, NOBODY));
      expect((await a.become(LOCK, { maxBackoffMs })).podName).toBe('a');
    });

    it('hold it for a Pod of another namespace', async ({ a, elsewhere, intruder }) => {
      const stranger = await elsewhere.replica('stranger');
      await intruder.createLock(ownedBy('stranger', stranger.uid));
      expect((await a.become(LOCK, { maxBackoffMs })).podName).toBe('a');
    });

    it('LIFE-4: have a leader delete what replaced its lock', async ({ a, intruder, space }) => {
      const leadership = await a.become(LOCK);
      await intruder.deleteLock();
      const { metadata } = await intruder.createLock();
      await leadership.release();
      expect((await space.lock(LOCK))?.metadata?.uid).toBe(metadata?.uid);
    });

    it('replace the lock, or read, change or delete another ConfigMap', async ({
      a,
      intruder: { core },
      space,
    }) => {
      await space.createConfigMap({ name: 'precious' });
      await a.become(LOCK);
      const where = { namespace: space.name };
      const precious = { ...where, name: 'precious' };
      const body = { metadata: { name: LOCK } };
      await expectForbidden(
        core.replaceNamespacedConfigMap({ ...where, name: LOCK, body }),
        core.patchNamespacedConfigMap({ ...precious, body }),
        core.readNamespacedConfigMap(precious),
        core.deleteNamespacedConfigMap(precious),
        core.listNamespacedConfigMap(where),
        core.deleteCollectionNamespacedConfigMap(where),
      );
      expect(await space.lock('precious')).toBeDefined();
    });

    it('delete, change or create Pods', async ({ a, intruder: { core }, space }) => {
      const pod = { namespace: space.name, name: a.name };
      const body = { metadata: { name: 'b' }, spec: { containers: [] } };
      await expectForbidden(
        core.deleteNamespacedPod(pod),
        core.patchNamespacedPod({ ...pod, body: {} }),
        core.patchNamespacedPodStatus({ ...pod, body: {} }),
        core.createNamespacedPod({ namespace: space.name, body }),
      );
    });

    it('do anything in another namespace', async ({ elsewhere, intruder: { core } }) => {
      const where = { namespace: elsewhere.name };
      const body = { metadata: { name: LOCK } };
      await expectForbidden(
        core.createNamespacedConfigMap({ ...where, body }),
        core.deleteNamespacedConfigMap({ ...where, name: LOCK }),
        core.listNamespacedPod(where),
      );
    });
  });
}
