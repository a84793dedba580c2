import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect } from 'vitest';

import { eventually } from '../behaviour/cluster.ts';
import { DURATIONS, ElectorSpace } from '../behaviour/electors.ts';
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

/** The longest that a Lease can say: 68 years. */
const FOR_EVER = 2 ** 31 - 1;

/** A Lease as an elector writes it. */
const heldBy = (holderIdentity: string, leaseDurationSeconds: number) => ({
  holderIdentity,
  leaseDurationSeconds,
  leaseTransitions: 7,
});

/** What somebody with the Role of lease mode can do to the others, as docs/safety.md tells it. */
export function attacksOnLeases(clusterName: string, base: AttackTest): void {
  const it = base
    .extend('space', async ({ cluster }, { onCleanup }) => {
      const space = await ElectorSpace.create(cluster);
      onCleanup(() => space[Symbol.asyncDispose]());
      return space;
    })
    .extend('events', false)
    .extend('intruder', ({ cluster, events, space }) => {
      return Intruder.enter(cluster, space.name, documented.lease(space.name, events));
    })
    // Elector `a` leads.
    .extend('led', async ({ space }) => {
      const a = space.elector('a');
      const run = a.run();
      run.catch(() => undefined);
      const leadership = await a.leading;
      const stays = (check: (lease: Awaited<ReturnType<typeof space.lease>>) => void) =>
        eventually(async () => check(await space.lease())).then(() => {
          expect(leadership.signal.aborted).toBe(false);
        });
      return { run, signal: leadership.signal, stays };
    });

  const untrue = (namespace: string) => ({
    namespace,
    body: {
      metadata: { generateName: 'untrue-' },
      involvedObject: { kind: 'Lease', namespace, name: LOCK },
      message: 'a became leader',
      reason: 'LeaderElection',
      type: 'Normal',
    },
  });

  describe(`a malicious Pod with the Role of lease mode on ${clusterName} can`, () => {
    it('depose the leader, which is told by whom', async ({ intruder, led }) => {
      const told = aborted(led.signal);
      await intruder.rewriteLease({ spec: { holderIdentity: 'thief' } });
      expect(await told).toMatchObject(lost);
      expect(String(await told)).toContain('thief');
      await expect(led.run).rejects.toBe(led.signal.reason);
    });

    it('keep everybody out for 68 years, until someone empties the holder', async ({
      intruder,
      space,
    }) => {
      await intruder.createLease(LOCK, heldBy('thief', FOR_EVER));
      const a = space.elector('a');
      a.run().catch(() => undefined);
      // Longer than a lease of its own would have lasted.
      const longer = sleep(2 * DURATIONS.leaseDurationMs, undefined);
      expect(await Promise.race([a.leading, longer])).toBeUndefined();
      expect((await space.lease()).spec.holderIdentity).toBe('thief');
      await space.patchLease({ spec: { holderIdentity: '' } });
      expect((await a.leading).identity).toBe('a');
    });

    it('not do so while one leads: it writes its own duration again', async ({ intruder, led }) => {
      await intruder.rewriteLease({ spec: { leaseDurationSeconds: FOR_EVER } });
      await led.stays(({ spec }) => expect(spec.leaseDurationSeconds).toBe(3));
    });

    it('make a second elector lead by its identity', async ({ intruder, led, space }) => {
      const b = space.elector('b');
      b.run().catch(() => undefined);
      const told = aborted(led.signal);
      await eventually(async () => {
        await intruder.rewriteLease({ spec: { holderIdentity: 'b' } });
        const turn = await Promise.race([b.leading, sleep(100)]);
        expect(turn).toMatchObject({ identity: 'b' });
      });
      expect(await told).toMatchObject(lost);
    });

    it('ask the leader to hand over: its work ends, then the Lease is released', async ({
      intruder,
      led,
      space,
    }) => {
      const told = aborted(led.signal);
      await intruder.rewriteLease({ metadata: { annotations: askedOf('a') } });
      expect(await told).toMatchObject({ code: 'ERR_STEPPED_DOWN' });
      await expect(led.run).rejects.toBe(led.signal.reason);
      expect((await space.lease()).spec.holderIdentity).toBe('');
    });

    it('empty the holder: the leader takes the Lease back', async ({ intruder, led }) => {
      await intruder.rewriteLease({ spec: { holderIdentity: '' } });
      await led.stays(({ spec }) => expect(spec.holderIdentity).toBe('a'));
    });

    it('have it collected: the leader creates it again', async ({ intruder, led, space }) => {
      const { uid } = (await space.lease()).metadata;
      await intruder.rewriteLease({ metadata: ownedBy('gone', NOBODY) });
      await led.stays(({ metadata, spec }) => {
        expect(metadata.uid).not.toBe(uid);
        expect(spec.holderIdentity).toBe('a');
      });
    });

    it('end all elections so if nobody may create it', async ({ cluster, intruder, space }) => {
      const rules = documented.lease(space.name).filter(({ verbs }) => !verbs.includes('create'));
      await space.createLease({});
      const { kubeConfig } = await cluster.user(space.name, rules);
      await eventually(() => new Intruder(space.name, kubeConfig).readLease());
      const a = space.elector('a', kubeConfig);
      const run = a.run();
      run.catch(() => undefined);
      await a.leading;
      await intruder.rewriteLease({ metadata: ownedBy('gone', NOBODY) });
      await expect(run).rejects.toMatchObject(lost);
      const next = space.elector('b', kubeConfig).run();
      await expect(next).rejects.toMatchObject({ code: 'ERR_FORBIDDEN' });
    });

    it('keep a deleted Lease by a finalizer', async ({ intruder, led, space }) => {
      expect(led.signal.aborted).toBe(false);
      const finalizers = ['example.com/for-ever'];
      await intruder.rewriteLease({ metadata: { finalizers } });
      await space.deleteLease();
      expect((await space.lease()).metadata.finalizers).toEqual(finalizers);
      await space.patchLease({ metadata: { finalizers: null } });
    });

    it('create any other Lease that is not there yet', async ({ intruder, space }) => {
      const name = 'other-program';
      await intruder.createLease(name, heldBy('thief', FOR_EVER));
      const { coordination } = intruder;
      await expectForbidden(coordination.readNamespacedLease({ namespace: space.name, name }));
    });

    describe('with the right to', () => {
      it.override('events', true);

      it('record untrue Events', async ({ intruder, space }) => {
        const { message } = await intruder.core.createNamespacedEvent(untrue(space.name));
        expect(message).toBe('a became leader');
      });
    });
  });

  describe(`a malicious Pod with the Role of lease mode on ${clusterName} cannot`, () => {
    it('delete or patch the Lease, or touch another', async ({ intruder, led, space }) => {
      expect(led.signal.aborted).toBe(false);
      const { coordination } = intruder;
      const where = { namespace: space.name };
      const other = { ...where, name: 'other' };
      const body = { metadata: { name: 'other' }, spec: { leaseDurationSeconds: 1 } };
      await expectForbidden(
        coordination.deleteNamespacedLease({ ...where, name: LOCK }),
        coordination.patchNamespacedLease({ ...where, name: LOCK, body }),
        coordination.readNamespacedLease(other),
        coordination.replaceNamespacedLease({ ...other, body }),
        coordination.deleteNamespacedLease(other),
        coordination.listNamespacedLease(where),
        coordination.deleteCollectionNamespacedLease(where),
      );
    });

    it('read Pods or ConfigMaps, record Events, or reach another namespace', async ({
      elsewhere,
      intruder: { coordination, core },
      space,
    }) => {
      const namespace = space.name;
      await expectForbidden(
        core.listNamespacedPod({ namespace }),
        core.readNamespacedConfigMap({ namespace, name: LOCK }),
        core.createNamespacedEvent(untrue(namespace)),
        coordination.readNamespacedLease({ namespace: elsewhere.name, name: LOCK }),
      );
    });

    it.for([0, -1])('store a duration of %i', async (seconds, { intruder }) => {
      const creating = intruder.createLease(LOCK, heldBy('thief', seconds));
      await expect(creating).rejects.toMatchObject({ code: 422 });
    });
  });
}
