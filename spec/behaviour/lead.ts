import { CoordinationV1Api, type V1PolicyRule } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test } from 'vitest';

import { LeaderElector, LeaseLock, lead } from '../../lib/index.ts';
import { type Cluster, eventually } from './cluster.ts';
import { DURATIONS, ElectorSpace, type Lease } from './electors.ts';
import { describeOn } from './on-cluster.ts';

const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** Rights to Leases. */
function rights(...verbs: string[]): V1PolicyRule {
  return { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs };
}

/** What lease mode promises, on whichever cluster: the same for the one in memory and real ones. */
export function leadBehaviour(clusterName: string, open: () => Promise<Cluster>): void {
  describeOn(`lead on ${clusterName}`, open, (on) => {
    async function space(): Promise<ElectorSpace> {
      const created = await ElectorSpace.create(on.cluster);
      onTestFinished(() => created[Symbol.asyncDispose]());
      return created;
    }

    /** Elector `a`, which leads. */
    async function leader(options = {}) {
      const created = await space();
      const a = created.elector('a');
      const run = a.run(options);
      return { space: created, a, run, leadership: await a.leading };
    }

    /** What is stored, as soon as it is as it should be. */
    function stored(where: ElectorSpace, check: (lease: Lease) => void): Promise<Lease> {
      return eventually(async () => {
        const lease = await where.lease();
        check(lease);
        return lease;
      });
    }

    /** What is stored, as soon as its holder has renewed it. */
    const renewed = (where: ElectorSpace) =>
      stored(where, ({ spec }) => {
        expect(spec.renewTime).not.toBe(spec.acquireTime);
      });

    describe('a Lease that is free', () => {
      test('is taken, with every field that client-go writes', async () => {
        const options = { labels: { team: 'blue' }, annotations: { 'example.com/note': 'x' } };
        const { space: where, leadership } = await leader({ ...options, retryPeriodMs: 1_500 });
        const { metadata, spec } = await where.lease();
        expect(spec).toEqual({
          holderIdentity: 'a',
          leaseDurationSeconds: 3,
          acquireTime: expect.stringMatching(MICRO_TIME),
          renewTime: spec.acquireTime,
          leaseTransitions: 0,
        });
        expect(metadata).toMatchObject(options);
        expect(leadership).toMatchObject({
          identity: 'a',
          leaseName: 'lock',
          namespace: where.name,
          fencingToken: metadata.resourceVersion,
          skipped: false,
        });
        expect(leadership.signal.aborted).toBe(false);
      });

      test('LEASE-1: is taken by exactly one of many', async () => {
        const where = await space();
        const electors = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => where.elector(name));
        // Long enough that no machine is too slow to renew.
        const durations = { leaseDurationMs: 60_000, renewDeadlineMs: 40_000 };
        for (const elector of electors) elector.run(durations).catch(() => undefined);
        const { identity } = await Promise.race(electors.map(({ leading }) => leading));
        const { spec } = await renewed(where);
        expect([spec.holderIdentity, ...where.journal]).toEqual([identity, `${identity} leads`]);
      });

      test('and exists already is taken without the right to create', async () => {
        const where = await space();
        await where.createLease({});
        const user = await on.cluster.user(where.name, [rights('get', 'watch', 'update')]);
        const elector = where.elector('a', user.kubeConfig);
        void elector.run();
        await elector.leading;
        expect((await where.lease()).spec).toMatchObject({
          holderIdentity: 'a',
          leaseTransitions: 1,
        });
      });

      test.for([
        ['an empty holder', { holderIdentity: '', leaseDurationSeconds: 1 }],
        ['no holder, and transitions only', { leaseTransitions: 5 }],
        ['no holder, and a time only', { acquireTime: '2026-01-01T00:00:00.000000Z' }],
        ['nothing', undefined],
      ] as const)('is one with %s', async ([, spec]) => {
        const where = await space();
        await where.createLease(spec === undefined ? {} : { spec });
        const a = where.elector('a');
        void a.run();
        await a.leading;
        const { leaseTransitions } = { leaseTransitions: 0, ...spec };
        expect((await where.lease()).spec).toMatchObject({
          holderIdentity: 'a',
          leaseDurationSeconds: 3,
          acquireTime: expect.stringMatching(MICRO_TIME),
          leaseTransitions: leaseTransitions + 1,
        });
      });
    });

    describe('a Lease that is held', () => {
      test('is renewed: only renewTime changes', async () => {
        const { space: where } = await leader();
        const before = await where.lease();
        const after = await stored(where, ({ spec }) => {
          expect(spec.renewTime).not.toBe(before.spec.renewTime);
        });
        const { renewTime } = after.spec;
        expect(after.spec).toEqual({ ...before.spec, renewTime });
        expect(renewTime).toMatch(MICRO_TIME);
        expect(after.metadata.uid).toBe(before.metadata.uid);
      });

      test('keeps what others have put on it', async () => {
        const { space: where, a } = await leader({ labels: { team: 'blue' } });
        const metadata = {
          labels: { other: 'green' },
          annotations: { 'example.com/note': 'x' },
          finalizers: ['example.com/keep'],
        };
        await where.patchLease({ metadata });
        onTestFinished(async () => {
          await where.patchLease({ metadata: { finalizers: null } });
        });
        const b = where.elector('b');
        void b.run();
        a.finish();
        await b.leading;
        const labels = { ...metadata.labels, team: 'blue' };
        expect((await where.lease()).metadata).toMatchObject({ ...metadata, labels });
      });

      test('LEASE-3: is passed on when the work is done, with a larger token', async () => {
        const { space: where, a, run, leadership } = await leader();
        const b = where.elector('b');
        void b.run();
        a.finish();
        await run;
        const next = await b.leading;
        expect(BigInt(next.fencingToken)).toBeGreaterThan(BigInt(leadership.fencingToken));
        expect(where.journal).toEqual(['a leads', 'a ends', 'b leads']);
        expect((await where.lease()).spec).toMatchObject({
          holderIdentity: 'b',
          leaseTransitions: 1,
        });
      });

      test('is written as released when nobody else waits', async () => {
        const { space: where, a, run } = await leader();
        a.finish();
        await run;
        const { spec } = await where.lease();
        expect(spec).toEqual({
          holderIdentity: '',
          leaseDurationSeconds: 1,
          acquireTime: expect.stringMatching(MICRO_TIME),
          renewTime: spec.acquireTime,
          leaseTransitions: 0,
        });
      });

      test('is released when the leader is cancelled', async () => {
        const { space: where, a, run } = await leader();
        const reason = new Error('enough');
        a.cancel(reason);
        await expect(run).rejects.toBe(reason);
        expect((await where.lease()).spec.holderIdentity).toBe('');
      });

      test('is left alone by a candidate that is cancelled', async () => {
        const { space: where, leadership } = await leader();
        const b = where.elector('b');
        const waiting = b.run();
        await renewed(where);
        const reason = new Error('enough');
        b.cancel(reason);
        await expect(waiting).rejects.toBe(reason);
        expect((await where.lease()).spec.holderIdentity).toBe('a');
        expect(leadership.signal.aborted).toBe(false);
      });

      test('LEASE-1: is taken over when it has expired, after its leader has stopped leading', async () => {
        const { space: where, a, run } = await leader();
        const b = where.elector('b');
        void b.run();
        await renewed(where);
        a.cut();
        const { spec: last } = await where.lease();
        await expect(run).rejects.toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
        await b.leading;
        expect(where.journal).toEqual(['a leads', 'a ends', 'b leads']);
        const { spec } = await where.lease();
        expect(spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
        // Wall times of one machine; they may be set by a little in the meantime.
        const tookMs = Date.parse(spec.acquireTime ?? '') - Date.parse(last.renewTime ?? '');
        expect(tookMs).toBeGreaterThan(DURATIONS.leaseDurationMs - 50);
      });

      test('is taken over soon if its record has a duration of a second', async () => {
        const where = await space();
        const spec = { holderIdentity: 'fabric8', leaseDurationSeconds: 1, leaseTransitions: 1 };
        await where.createLease({ spec });
        const a = where.elector('a');
        void a.run();
        await a.leading;
        expect((await where.lease()).spec.leaseTransitions).toBe(2);
      });
    });

    describe('a Lease that is taken away', () => {
      test('ends its leader at once, and is not touched', async () => {
        const { space: where, run, leadership } = await leader();
        await where.patchLease({ spec: { holderIdentity: 'thief', leaseTransitions: 1 } });
        await expect(run).rejects.toMatchObject({
          code: 'ERR_LEADERSHIP_LOST',
          message: expect.stringContaining(`${where.name}/lock is not held any more by a: thief`),
        });
        expect(leadership.remainingMs()).toBe(0);
        expect((await where.lease()).spec.holderIdentity).toBe('thief');
      });

      test('is taken back by its leader if only the holder was removed', async () => {
        const { space: where, leadership } = await leader();
        await where.patchLease({ spec: { holderIdentity: '' } });
        await stored(where, ({ spec }) => {
          expect(spec.holderIdentity).toBe('a');
        });
        expect(leadership.signal.aborted).toBe(false);
      });

      test('is created again if it was deleted, and its leader goes on', async () => {
        const { space: where, leadership } = await leader();
        const b = where.elector('b');
        void b.run();
        const before = await renewed(where);
        await where.deleteLease();
        const after = await stored(where, ({ metadata, spec }) => {
          expect(metadata.uid).not.toBe(before.metadata.uid);
          expect(spec.renewTime).not.toBe(spec.acquireTime);
        });
        expect(after.spec.holderIdentity).toBe('a');
        expect(leadership.signal.aborted).toBe(false);
        expect(where.journal).toEqual(['a leads']);
      });
    });

    describe('rights', () => {
      test('that are missing: ERR_FORBIDDEN with the Role', async () => {
        const where = await space();
        const { kubeConfig } = await on.cluster.user(where.name, [rights('watch')]);
        const run = where.elector('a', kubeConfig).run();
        await expect(run).rejects.toMatchObject({
          code: 'ERR_FORBIDDEN',
          message: expect.stringContaining('verbs: ["get", "watch", "update"]'),
        });
      });

      test('of that Role are enough', async () => {
        const where = await space();
        const { kubeConfig } = await on.cluster.user(where.name, [
          rights('create'),
          { ...rights('get', 'watch', 'update'), resourceNames: ['lock'] },
        ]);
        const [a, b] = [where.elector('a', kubeConfig), where.elector('b', kubeConfig)];
        const first = a.run();
        await a.leading;
        const second = b.run();
        a.finish();
        await first;
        await b.leading;
        b.finish();
        await second;
        expect(where.warnings).toEqual([]);
      });

      test('without watch: it polls, warns once, and takes over', async () => {
        const { space: where, a } = await leader();
        const { kubeConfig } = await on.cluster.user(where.name, [
          rights('get', 'create', 'update'),
        ]);
        const b = where.elector('b', kubeConfig);
        void b.run();
        await eventually(() => {
          expect(where.warnings).toHaveLength(1);
          return Promise.resolve();
        });
        a.finish();
        await b.leading;
        expect(where.warnings).toEqual([
          {
            code: 'LEADER_FOR_LIFE_DEGRADED',
            message: expect.stringContaining('kind: Role'),
          },
        ]);
      });
    });

    test('a namespace that does not exist is ERR_NAMESPACE_NOT_FOUND', async () => {
      const { kubeConfig } = on.cluster;
      await expect(
        lead('lock', () => 1, { kubeConfig, namespace: 'there-is-none', ...DURATIONS }),
      ).rejects.toMatchObject({
        code: 'ERR_NAMESPACE_NOT_FOUND',
        message: expect.stringContaining('there-is-none/lock'),
      });
    });

    test('a namespace that is being deleted is ERR_NAMESPACE_TERMINATING', async () => {
      const where = await space();
      // What holds the namespace, so that it is seen terminating.
      const leases = on.cluster.kubeConfig.makeApiClient(CoordinationV1Api);
      const metadata = { name: 'anchor', finalizers: ['example.com/anchor'] };
      await leases.createNamespacedLease({ namespace: where.name, body: { metadata } });
      onTestFinished(async () => {
        const lease = await leases.readNamespacedLease({ namespace: where.name, name: 'anchor' });
        const body = { ...lease, metadata: { ...lease.metadata, finalizers: [] } };
        await leases.replaceNamespacedLease({ namespace: where.name, name: 'anchor', body });
      });
      await on.cluster.admin.deleteNamespace({ name: where.name });
      await expect(where.elector('a').run()).rejects.toMatchObject({
        code: 'ERR_NAMESPACE_TERMINATING',
      });
    });

    test('LeaderElector records its terms as Events, and releases the Lease when it is aborted', async () => {
      const where = await space();
      const { kubeConfig } = on.cluster;
      const lock = new LeaseLock({
        name: 'lock',
        namespace: where.name,
        identity: 'elector',
        kubeConfig,
      });
      const stop = new AbortController();
      const elector: LeaderElector = new LeaderElector({
        ...DURATIONS,
        lock,
        events: true,
        releaseOnCancel: true,
        callbacks: {
          onStartedLeading: () => {
            expect(elector.isLeader()).toBe(true);
            stop.abort();
          },
          onStoppedLeading: () => {
            expect(elector.isLeader()).toBe(false);
          },
        },
      });
      await elector.run(stop.signal);
      expect([elector.isLeader(), elector.getLeader()]).toEqual([false, '']);
      const { items } = await on.cluster.admin.listNamespacedEvent({ namespace: where.name });
      // They are listed by name, and the names of two of one millisecond are in no order.
      const events = items.map(({ reason, type, message }) => [reason, type, message ?? '']);
      expect(events.toSorted(([, , a = ''], [, , b = '']) => (a < b ? -1 : 1))).toEqual([
        ['LeaderElection', 'Normal', 'elector became leader'],
        ['LeaderElection', 'Normal', 'elector stopped leading'],
      ]);
      const { metadata } = await where.lease();
      expect(items[0]?.involvedObject).toMatchObject({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        name: 'lock',
        namespace: where.name,
        uid: metadata.uid,
      });
    });
  });
}
