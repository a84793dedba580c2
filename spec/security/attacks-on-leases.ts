import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { type Cluster, Namespace, eventually } from '../behaviour/cluster.ts';
import { DURATIONS, ElectorSpace } from '../behaviour/electors.ts';
import { Intruder, LOCK, documented, expectForbidden, ownedBy } from './intruder.ts';

const NOBODY = '00000000-0000-4000-8000-000000000000';

/** The longest that a Lease can say: 68 years. */
const FOR_EVER = 2 ** 31 - 1;

/** What somebody with the Role of lease mode can do to the others, as docs/safety.md tells it. */
export function attacksOnLeases(clusterName: string, open: () => Promise<Cluster>): void {
  describe(`a malicious Pod with the Role of lease mode on ${clusterName}`, () => {
    let cluster: Cluster;

    beforeAll(async () => {
      cluster = await open();
    }, 120_000);

    afterAll(async () => {
      await cluster[Symbol.asyncDispose]();
    });

    async function scene(events = false) {
      const space = await ElectorSpace.create(cluster);
      onTestFinished(() => space[Symbol.asyncDispose]());
      const rules = documented.lease(space.name, events);
      return { space, intruder: await Intruder.enter(cluster, space.name, rules) };
    }

    /** Elector `a` leads. */
    async function led() {
      const { space, intruder } = await scene();
      const a = space.elector('a');
      const run = a.run();
      run.catch(() => undefined);
      return { space, intruder, run, leadership: await a.leading };
    }

    /** A Lease as an elector writes it. */
    const held = (holderIdentity: string, leaseDurationSeconds: number) => ({
      holderIdentity,
      leaseDurationSeconds,
      leaseTransitions: 7,
    });

    describe('can', () => {
      test('depose the leader, who is told by whom', async () => {
        const { intruder, run, leadership } = await led();
        const { signal } = leadership;
        const ended = new Promise((resolve) => {
          signal.addEventListener('abort', resolve);
        });
        await intruder.rewriteLease({ spec: { holderIdentity: 'thief' } });
        await ended;
        expect(signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
        expect((signal.reason as Error).message).toContain('thief');
        await expect(run).rejects.toBe(signal.reason);
      });

      test('keep everybody out for 68 years by one write; whoever empties the holder ends that', async () => {
        const { space, intruder } = await scene();
        await intruder.createLease(LOCK, held('thief', FOR_EVER));
        const a = space.elector('a');
        a.run().catch(() => undefined);
        // Longer than a lease of its own would have lasted.
        const longer = sleep(2 * DURATIONS.leaseDurationMs, undefined);
        expect(await Promise.race([a.leading, longer])).toBeUndefined();
        expect((await space.lease()).spec.holderIdentity).toBe('thief');
        await space.patchLease({ spec: { holderIdentity: '' } });
        expect((await a.leading).identity).toBe('a');
      });

      test('not freeze a leader out: what it writes next is its own duration again', async () => {
        const { space, intruder, leadership } = await led();
        await intruder.rewriteLease({ spec: { leaseDurationSeconds: FOR_EVER } });
        await eventually(async () => {
          expect((await space.lease()).spec.leaseDurationSeconds).toBe(3);
        });
        expect(leadership.signal.aborted).toBe(false);
      });

      test('make one lead that waits, by its identity, while another one still does', async () => {
        const { space, intruder, leadership } = await led();
        const b = space.elector('b');
        b.run().catch(() => undefined);
        const ended = new Promise((resolve) => {
          leadership.signal.addEventListener('abort', resolve);
        });
        await eventually(async () => {
          await intruder.rewriteLease({ spec: { holderIdentity: 'b' } });
          const turn = await Promise.race([b.leading, sleep(100)]);
          expect(turn).toMatchObject({ identity: 'b' });
        });
        await ended;
        expect(leadership.signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
      });

      test('empty the holder: the leader takes the Lease back', async () => {
        const { space, intruder, leadership } = await led();
        await intruder.rewriteLease({ spec: { holderIdentity: '' } });
        await eventually(async () => {
          expect((await space.lease()).spec.holderIdentity).toBe('a');
        });
        expect(leadership.signal.aborted).toBe(false);
      });

      test('have the garbage collector delete it; its leader makes it again and leads on', async () => {
        const { space, intruder, leadership } = await led();
        const { uid } = (await space.lease()).metadata;
        await intruder.rewriteLease({ metadata: ownedBy('gone', NOBODY) });
        await eventually(async () => {
          const lease = await space.lease();
          expect(lease.metadata.uid).not.toBe(uid);
          expect(lease.spec.holderIdentity).toBe('a');
        });
        expect(leadership.signal.aborted).toBe(false);
      });

      test('end all elections so, where nobody has the right to create it', async () => {
        const { space, intruder } = await scene();
        const rules = documented.lease(space.name).filter(({ verbs }) => !verbs.includes('create'));
        await space.createLease({});
        const { kubeConfig } = await cluster.user(space.name, rules);
        await eventually(() => new Intruder(space.name, kubeConfig).readLease());
        const a = space.elector('a', kubeConfig);
        const run = a.run();
        run.catch(() => undefined);
        await a.leading;
        await intruder.rewriteLease({ metadata: ownedBy('gone', NOBODY) });
        await expect(run).rejects.toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
        await expect(space.elector('b', kubeConfig).run()).rejects.toMatchObject({
          code: 'ERR_FORBIDDEN',
        });
      });

      test('put a finalizer on it, which keeps it when it is deleted', async () => {
        const { space, intruder } = await led();
        await intruder.rewriteLease({ metadata: { finalizers: ['example.com/for-ever'] } });
        await space.deleteLease();
        expect((await space.lease()).metadata.finalizers).toEqual(['example.com/for-ever']);
        await space.patchLease({ metadata: { finalizers: null } });
      });

      test("squat on another program's Lease that is not there yet", async () => {
        const { space, intruder } = await scene();
        await intruder.createLease('other-program', held('thief', FOR_EVER));
        await expectForbidden(
          intruder.coordination.readNamespacedLease({
            namespace: space.name,
            name: 'other-program',
          }),
        );
      });

      test('record untrue Events, with that right', async () => {
        const { space, intruder } = await scene(true);
        const namespace = space.name;
        const { message } = await intruder.core.createNamespacedEvent({
          namespace,
          body: untrue(namespace),
        });
        expect(message).toBe('a became leader');
      });
    });

    describe('cannot', () => {
      test('delete the Lease by itself, patch it, or touch another one', async () => {
        const { space, intruder } = await led();
        const { coordination } = intruder;
        const where = { namespace: space.name };
        const other = { ...where, name: 'other' };
        const body = { metadata: { name: 'other' }, spec: { leaseDurationSeconds: 1 } };
        await expectForbidden(coordination.deleteNamespacedLease({ ...where, name: LOCK }));
        await expectForbidden(coordination.patchNamespacedLease({ ...where, name: LOCK, body }));
        await expectForbidden(coordination.readNamespacedLease(other));
        await expectForbidden(coordination.replaceNamespacedLease({ ...other, body }));
        await expectForbidden(coordination.deleteNamespacedLease(other));
        await expectForbidden(coordination.listNamespacedLease(where));
        await expectForbidden(coordination.deleteCollectionNamespacedLease(where));
      });

      test('read Pods or ConfigMaps, record Events, or do anything in another namespace', async () => {
        const { space, intruder } = await scene();
        const elsewhere = await Namespace.create(cluster);
        onTestFinished(() => elsewhere[Symbol.asyncDispose]());
        const { core, coordination } = intruder;
        const namespace = space.name;
        await expectForbidden(core.listNamespacedPod({ namespace }));
        await expectForbidden(core.readNamespacedConfigMap({ namespace, name: LOCK }));
        await expectForbidden(core.createNamespacedEvent({ namespace, body: untrue(namespace) }));
        await expectForbidden(
          coordination.readNamespacedLease({ namespace: elsewhere.name, name: LOCK }),
        );
      });

      test.each([0, -1])('store a duration of %i', async (leaseDurationSeconds) => {
        const { intruder } = await scene();
        await expect(
          intruder.createLease(LOCK, held('thief', leaseDurationSeconds)),
        ).rejects.toMatchObject({ code: 422 });
      });
    });
  });
}

function untrue(namespace: string) {
  return {
    metadata: { generateName: 'untrue-' },
    involvedObject: { kind: 'Lease', namespace, name: LOCK },
    message: 'a became leader',
    reason: 'LeaderElection',
    type: 'Normal',
  };
}
