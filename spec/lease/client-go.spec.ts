/**
 * The cases of client-go's own tests (v0.36: `leaderelection_test.go`, `healthzadaptor_test.go`,
 * `resourcelock/leaselock_test.go`), each with its name there. Not for us are
 * - `TestTryCoordinatedRenew` and `leasecandidate_test.go`: coordinated election is alpha, and needs a
 *   coordinator. Both rows are those of `TestTryAcquireOrRenew` again.
 * - `TestCheckMethodRace`: it is about a lock between goroutines. `check` is asked at any time all the
 *   same.
 * `TestLeaderElectionConfigValidation` is `options.spec.ts`; the check before there is an elector,
 * `healthz.spec.ts`.
 */
import type { CoreV1Event } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { LeaderElectionError } from '../../lib/errors.ts';
import { Api } from '../../lib/kubernetes/api.ts';
import { Lease, type LeaseOptions } from '../../lib/kubernetes/lease.ts';
import type { LeaderCallbacks, LeaderElectionConfig } from '../../lib/lease/config.ts';
import { LeaderHealthzAdaptor } from '../../lib/lease/healthz.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';
import type { LeaderElectionRecord, LockVersion } from '../../lib/protocol/lease/record.ts';
import { endless, LEASES, UPDATES, world } from './scene.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

let scene: Awaited<ReturnType<typeof world>>;
let baz: LeaseProcess;

beforeEach(async () => {
  scene = await world();
  baz = new LeaseProcess(scene.simulation, 'baz');
});

afterEach(() => scene.cluster.close());

/** Changes the Lease as somebody else does. */
function patch(changes: object): void {
  const type = 'application/merge-patch+json';
  expect(scene.cluster.request('PATCH', `${LEASES}/lock`, changes, type).status).toBe(200);
}

/** What an elector has asked for, but for watches and Events. */
function requests(): string[] {
  const asked = scene.cluster.requests.filter({ user: 'baz', resource: 'leases' });
  return asked.map(({ verb }) => verb).filter((verb) => verb !== 'watch');
}

const counted = (verb: string) => requests().filter((each) => each === verb).length;

function events(): string[] {
  const path = '/api/v1/namespaces/default/events';
  const { items } = scene.cluster.request('GET', path).body as { items: CoreV1Event[] };
  return items.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
}

function elect(config: Partial<LeaderElectionConfig> = {}, more: Partial<LeaderCallbacks> = {}) {
  const reported: string[] = [];
  const callbacks: LeaderCallbacks = {
    onStartedLeading: (signal) => untilAborted({ signal }),
    onStoppedLeading: () => undefined,
    onNewLeader: (identity) => reported.push(identity),
    ...more,
  };
  const elector = baz.elector({ callbacks, ...config });
  const controller = new AbortController();
  const outcome = new Outcome(elector.run(controller.signal));
  const stop = async () => {
    controller.abort();
    await scene.simulation.settled(outcome.promise);
  };
  const leads = (maxMs?: number) => scene.clock.runUntil(() => elector.isLeader(), maxMs);
  return { elector, reported, stop, leads, outcome };
}

const conflictOnce = () =>
  scene.faults.add({ ...UPDATES, error: { status: 409, reason: 'Conflict' }, times: 1 });

describe('TestTryAcquireOrRenew', () => {
  const acquireTime = '2025-01-01T00:00:00.000000Z';

  test('acquire from no object', async () => {
    const { leads, reported } = elect();
    await leads();
    expect(requests().slice(0, 2)).toEqual(['get', 'create']);
    expect(scene.spec()).toMatchObject({ holderIdentity: 'baz', leaseTransitions: 0 });
    expect(reported).toEqual(['baz']);
  });

  test.for<[string, object, object]>([
    ['acquire from object without annotations', {}, { leaseTransitions: 1 }],
    ['acquire from unled object', { holderIdentity: '' }, { leaseTransitions: 1 }],
    [
      'acquire from empty led, acked object',
      { holderIdentity: '', leaseDurationSeconds: 3600 },
      { leaseTransitions: 1 },
    ],
    [
      'renew already acquired object',
      { holderIdentity: 'baz', leaseDurationSeconds: 3_600, acquireTime },
      { leaseTransitions: 0, leaseDurationSeconds: 15, acquireTime },
    ],
  ])('%s', async ([, before, after]) => {
    scene.store(before);
    const { leads, reported } = elect();
    await leads(1_000);
    expect(requests().slice(-1)).toEqual(['update']);
    expect(requests()).not.toContain('create');
    expect(scene.spec()).toMatchObject({ holderIdentity: 'baz', ...after });
    expect(reported).toEqual(['baz']);
  });

  test.for([
    ['acquire from led object with the lease duration seconds', 3, 3_000],
    ['acquire from led, unacked object (without a duration: our own)', undefined, 15_000],
  ] as const)('%s', async ([, leaseDurationSeconds, untilMs]) => {
    scene.store({ holderIdentity: 'bing', ...(leaseDurationSeconds && { leaseDurationSeconds }) });
    const { elector, leads, reported } = elect();
    await scene.clock.advance(untilMs - 100);
    expect(elector.getLeader()).toBe('bing');
    expect(requests()).not.toContain('update');
    await leads(1_000);
    expect(scene.spec()?.leaseTransitions).toBe(1);
    expect(reported).toEqual(['bing', 'baz']);
  });

  test("don't acquire from led, acked object", async () => {
    scene.store({ holderIdentity: 'bing', leaseDurationSeconds: 3_600 });
    const { elector, reported } = elect();
    await scene.clock.advance(3_500_000);
    expect([elector.isLeader(), scene.holder()]).toEqual([false, 'bing']);
    expect(new Set(requests())).toEqual(new Set(['get']));
    expect(reported).toEqual(['bing']);
  });
});

describe('TestReleaseLease', () => {
  const released = { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 };

  test('release acquired lock from no object', async () => {
    const { elector, leads, stop } = elect({ releaseOnCancel: true });
    await leads();
    await stop();
    expect(scene.spec()).toMatchObject(released);
    expect(elector.getLeader()).toBe('');
  });

  test('TestReleaseMethodCallsGet: what is given up is a version known to be our own', async () => {
    // client-go reads before it releases, for its copy may be old. Ours is what the last write was
    // answered with, or the watch has shown since; a read comes only where that was not current.
    const { leads, stop } = elect({ releaseOnCancel: true });
    await leads();
    baz.line.hold();
    patch({ metadata: { labels: { touched: 'yes' } } });
    const stopped = stop();
    await scene.clock.settle();
    baz.line.release();
    await stopped;
    expect(requests().slice(-3)).toEqual(['update', 'get', 'update']);
    expect(scene.spec()).toMatchObject(released);
  });

  test('TestReleaseRetriesOnConflict', async () => {
    const { leads, stop } = elect({ releaseOnCancel: true });
    await leads();
    conflictOnce();
    const before = requests().length;
    await stop();
    expect(requests().slice(before)).toEqual(['update', 'get', 'update']);
    expect(scene.spec()).toMatchObject(released);
  });

  test.for(['update', 'get'] as const)(
    'TestReleaseOnCancellation_Leases: release acquired lock on cancellation of %s',
    async (verb) => {
      const { leads, stop } = elect({ releaseOnCancel: true, events: true });
      await leads();
      if (verb === 'get') conflictOnce();
      scene.faults.add({ resource: 'leases', times: 1, verb, hang: true });
      const before = counted(verb);
      await scene.clock.runUntil(() => counted(verb) > before);
      await stop();
      expect(scene.spec()).toMatchObject(released);
      expect(events()).toEqual([
        'Normal LeaderElection baz became leader',
        'Normal LeaderElection baz stopped leading',
      ]);
    },
  );
});

describe('TestFastPathLeaderElection', () => {
  const durations = { leaseDurationMs: 15_000, renewDeadlineMs: 2_000, retryPeriodMs: 1_000 };

  test('Exercise fast path after lock acquired', async () => {
    const { stop } = elect(durations);
    await scene.clock.runUntil(() => counted('update') === 2);
    await stop();
    // One more read than client-go: the watch opened after the first.
    expect(requests().filter((verb) => verb !== 'get')).toEqual(['create', 'update', 'update']);
    expect(requests().lastIndexOf('get')).toBeLessThan(requests().indexOf('update'));
  });

  test('Fallback to slow path after fast path fails', async () => {
    const { elector, stop } = elect(durations);
    await scene.clock.runUntil(() => counted('update') === 1 && elector.isLeader());
    const before = requests().length;
    conflictOnce();
    await scene.clock.runUntil(() => counted('update') === 4);
    await stop();
    expect(requests().slice(before)).toEqual(['update', 'get', 'update', 'update']);
  });
});

describe('TestLeaderElectionHealthChecker', () => {
  const config = { leaseDurationMs: 60_000, renewDeadlineMs: 50_000 };
  const expired = /^baz could not renew Lease default\/lock for 3\d{6} ms/;

  test.for<[string, number, (RegExp | undefined)?, string?]>([
    ['call check when the lease is not expired', 0],
    ['call check when the lease is expired but inside the timeout', 61_000],
    ['call check when the lease is far expired', 3_600_000, expired],
    [
      'call check when the lease is far expired but held by another server',
      3_600_000,
      undefined,
      'otherServer',
    ],
  ])('%s', async ([, passedMs, message, holderIdentity]) => {
    if (holderIdentity) scene.store({ holderIdentity, leaseDurationSeconds: 3_600 });
    const adaptor = new LeaderHealthzAdaptor(20_000);
    const { elector } = elect({ ...config, watchDog: adaptor }, { onStartedLeading: endless });
    await scene.clock.runUntil(() => elector.getLeader() !== '');
    baz.line.cut();
    await scene.clock.advance(passedMs);
    const check = () => adaptor.check();
    if (!message) expect(check).not.toThrow();
    else {
      expect(check).toThrow(message);
      expect(check).toThrow(LeaderElectionError);
    }
  });

  test('TestCheckMethodRace: a leader that renews is healthy whenever it is asked', async () => {
    const durations = { leaseDurationMs: 2_000, renewDeadlineMs: 1_000, retryPeriodMs: 5 };
    const { elector, outcome } = elect(durations);
    for (let count = 0; count < 200; count += 1) {
      elector.check(1_000);
      await scene.clock.advance(10);
    }
    expect([elector.isLeader(), outcome.isPending]).toEqual([true, true]);
  });
});

describe('a LeaseLock', () => {
  const record: LeaderElectionRecord = {
    holderIdentity: 'test-identity',
    leaseDurationSeconds: 15,
    acquireTime: '2026-01-01T00:00:00.000000Z',
    renewTime: '2026-01-01T00:00:00.000000Z',
    leaseTransitions: 1,
  };
  const { signal } = new AbortController();
  const custom = { 'custom-key': 'custom-val' };

  const lease = (changes: Partial<LeaseOptions> = {}) => {
    const api = new Api(scene.cluster.transport(), scene.clock);
    const options = { namespace: 'default', name: 'lock', labels: {}, annotations: {} };
    return new Lease(api, { ...options, ...changes });
  };
  const labels = () => scene.cluster.getLease('lock')?.metadata.labels;
  const read = async (): Promise<LockVersion> => {
    const found = await lease().get(signal);
    return found ?? expect.unreachable('there is none');
  };

  test('TestLeaseSpecToLeaderElectionRecordRoundTrip, TestLeaseConversion, TestGet', async () => {
    expect(await lease().create(record, signal)).toMatchObject({ record });
    // What client-go keeps in its record for coordinated election, we keep in the object.
    const spec = { preferredHolder: 'preferred-holder', strategy: 'strategy' };
    patch({ spec });
    const found = await read();
    expect(found.record).toEqual(record);
    expect(await lease().update(found, found.record, signal)).toMatchObject({ record });
    expect(scene.spec()).toEqual({ ...record, ...spec });
  });

  test('TestGetError: none is no error, but none', async () => {
    expect(await lease().get(signal)).toBeUndefined();
  });

  test.for([
    ['TestRecordEventSuccess', true, ['Normal LeaderElection baz became leader']],
    ['TestRecordEventNilRecorder', false, []],
  ] as const)('%s (events: %s)', async ([, recorded, expected]) => {
    const { leads } = elect({ events: recorded });
    await leads();
    await scene.clock.settle();
    expect(events()).toEqual(expected);
  });

  test('TestCreateError: a second one is a conflict', async () => {
    await lease().create(record, signal);
    expect(await lease().create(record, signal)).toBe('conflict');
  });

  test('TestUpdateError: what was not read cannot be replaced', async () => {
    const unread = { record, resourceVersion: '1' };
    await expect(lease().update(unread, record, signal)).rejects.toThrow(
      'this version was not read from a Lease',
    );
  });

  test('TestDescribe', () => {
    const lock = new LeaseLock({ namespace: 'test-namespace', name: 'test-name' });
    expect(lock.describe()).toBe('test-namespace/test-name');
  });

  test.for<[string, object | null, Record<string, string>, object]>([
    ['TestUpdateWithNilLabelsOnLease', null, custom, custom],
    ['TestUpdateWithNilLabelsOnLeaseLock', custom, {}, custom],
    [
      'TestLabelUpdate: our values, beside those of others',
      { 'custom-key': 'new-custom-val', 'custom-key-2': 'custom-val-2' },
      custom,
      { ...custom, 'custom-key-2': 'custom-val-2' },
    ],
  ])('%s', async ([, before, own, after]) => {
    await lease().create(record, signal);
    expect(labels()).toBeUndefined();
    if (before) patch({ metadata: { labels: before } });
    await lease({ labels: own }).update(await read(), record, signal);
    expect(labels()).toEqual(after);
  });
});
