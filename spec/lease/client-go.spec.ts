/**
 * The cases of client-go's own tests (v0.36: `leaderelection_test.go`, `healthzadaptor_test.go`,
 * `resourcelock/leaselock_test.go`), each with its name there. Not for us are
 * - `TestTryCoordinatedRenew` and `leasecandidate_test.go`: coordinated election is alpha, and needs a
 *   coordinator. Both rows are those of `TestTryAcquireOrRenew` again.
 * - `TestCheckMethodRace`: it is about a lock between goroutines. `check` is asked at any time all the
 *   same.
 */
import type { CoreV1Event } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { LeaderElectionError } from '../../lib/errors.ts';
import { Api } from '../../lib/kubernetes/api.ts';
import { Lease, type LeaseOptions } from '../../lib/kubernetes/lease.ts';
import { LeaderHealthzAdaptor } from '../../lib/lease/healthz.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';
import type { LeaderCallbacks, LeaderElectionConfig } from '../../lib/lease/config.ts';
import type { LeaderElectionRecord, LockVersion } from '../../lib/protocol/lease/record.ts';
import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

let simulation: Simulation;
let baz: LeaseProcess;

beforeEach(async () => {
  simulation = await Simulation.create();
  baz = new LeaseProcess(simulation, 'baz');
});

afterEach(() => simulation.cluster.close());

const stored = () => simulation.cluster.getLease('lock')?.spec;

function store(spec: object): void {
  const body = { metadata: { name: 'lock' }, spec };
  expect(simulation.cluster.request('POST', LEASES, body).status).toBe(201);
}

/** Changes the Lease as somebody else does. */
function patch(changes: object): void {
  const type = 'application/merge-patch+json';
  expect(simulation.cluster.request('PATCH', `${LEASES}/lock`, changes, type).status).toBe(200);
}

/** What an elector has asked for, but for watches and Events. */
function requests(): string[] {
  const asked = simulation.cluster.requests.filter({ user: 'baz', resource: 'leases' });
  return asked.map(({ verb }) => verb).filter((verb) => verb !== 'watch');
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
  const stop = new AbortController();
  return { elector, reported, stop, outcome: new Outcome(elector.run(stop.signal)) };
}

describe('TestTryAcquireOrRenew', () => {
  const transitions = () => stored()?.leaseTransitions;

  test('acquire from no object', async () => {
    const { elector, reported } = elect();
    await simulation.clock.runUntil(() => elector.isLeader());
    expect(requests().slice(0, 2)).toEqual(['get', 'create']);
    expect(stored()).toMatchObject({ holderIdentity: 'baz', leaseTransitions: 0 });
    expect(reported).toEqual(['baz']);
  });

  test.for([
    ['acquire from object without annotations', {}],
    ['acquire from unled object', { holderIdentity: '', leaseTransitions: 0 }],
    ['acquire from empty led, acked object', { holderIdentity: '', leaseDurationSeconds: 3600 }],
  ] as const)('%s', async ([, spec]) => {
    store(spec);
    const { elector, reported } = elect();
    await simulation.clock.runUntil(() => elector.isLeader(), 1_000);
    expect(requests().slice(-1)).toEqual(['update']);
    expect(requests()).not.toContain('create');
    expect(transitions()).toBe(1);
    expect(reported).toEqual(['baz']);
  });

  test.for([
    ['acquire from led object with the lease duration seconds', 3, 3_000],
    ['acquire from led, unacked object (without a duration: our own)', undefined, 15_000],
  ] as const)('%s', async ([, leaseDurationSeconds, untilMs]) => {
    store({ holderIdentity: 'bing', ...(leaseDurationSeconds && { leaseDurationSeconds }) });
    const { elector, reported } = elect();
    await simulation.clock.advance(untilMs - 100);
    expect(elector.getLeader()).toBe('bing');
    expect(requests()).not.toContain('update');
    await simulation.clock.runUntil(() => elector.isLeader(), 1_000);
    expect(transitions()).toBe(1);
    expect(reported).toEqual(['bing', 'baz']);
  });

  test("don't acquire from led, acked object", async () => {
    store({ holderIdentity: 'bing', leaseDurationSeconds: 3_600 });
    const { elector, reported } = elect();
    await simulation.clock.advance(3_500_000);
    expect(elector.isLeader()).toBe(false);
    expect(new Set(requests())).toEqual(new Set(['get']));
    expect(stored()).toMatchObject({ holderIdentity: 'bing' });
    expect(reported).toEqual(['bing']);
  });

  test('renew already acquired object', async () => {
    const acquireTime = '2025-01-01T00:00:00.000000Z';
    store({ holderIdentity: 'baz', leaseDurationSeconds: 3_600, acquireTime });
    const { elector, reported } = elect();
    await simulation.clock.runUntil(() => elector.isLeader(), 1_000);
    expect(requests()).not.toContain('create');
    expect(transitions()).toBe(0);
    expect(stored()).toMatchObject({ holderIdentity: 'baz', leaseDurationSeconds: 15 });
    expect(String(stored()?.acquireTime)).toContain('2025');
    expect(reported).toEqual(['baz']);
  });
});

describe('TestReleaseLease', () => {
  test('release acquired lock from no object', async () => {
    const { elector, stop, outcome } = elect({ releaseOnCancel: true });
    await simulation.clock.runUntil(() => elector.isLeader());
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(stored()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(stored()?.leaseTransitions).toBe(0);
    expect(elector.getLeader()).toBe('');
  });

  test('TestReleaseMethodCallsGet: what is given up is a version known to be our own', async () => {
    // client-go reads before it releases, for its copy may be old. Ours is what the last write was
    // answered with, or the watch has shown since; a read comes only where that was not current.
    const { elector, stop, outcome } = elect({ releaseOnCancel: true });
    await simulation.clock.runUntil(() => elector.isLeader());
    baz.line.hold();
    patch({ metadata: { labels: { touched: 'yes' } } });
    stop.abort();
    await simulation.clock.settle();
    baz.line.release();
    await simulation.settled(outcome.promise);
    expect(requests().slice(-3)).toEqual(['update', 'get', 'update']);
    expect(stored()).toMatchObject({ holderIdentity: '' });
  });

  test('TestReleaseRetriesOnConflict', async () => {
    const { elector, stop, outcome } = elect({ releaseOnCancel: true });
    await simulation.clock.runUntil(() => elector.isLeader());
    const error = { status: 409, reason: 'Conflict' };
    simulation.cluster.faults.add({ verb: 'update', resource: 'leases', error, times: 1 });
    const before = requests().length;
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(requests().slice(before)).toEqual(['update', 'get', 'update']);
    expect(stored()).toMatchObject({ holderIdentity: '' });
  });
});

describe('TestReleaseOnCancellation_Leases', () => {
  const events = () => {
    const path = '/api/v1/namespaces/default/events';
    const { items } = simulation.cluster.request('GET', path).body as { items: CoreV1Event[] };
    return items.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
  };

  test.for([
    ['release acquired lock on cancellation of update', 'update'],
    ['release acquired lock on cancellation of get', 'get'],
  ] as const)('%s', async ([, verb]) => {
    const { elector, stop, outcome } = elect({ releaseOnCancel: true, events: true });
    await simulation.clock.runUntil(() => elector.isLeader());
    const leases = { resource: 'leases', times: 1 } as const;
    if (verb === 'get') {
      const error = { status: 409, reason: 'Conflict' };
      simulation.cluster.faults.add({ ...leases, verb: 'update', error });
    }
    simulation.cluster.faults.add({ ...leases, verb, hang: true });
    const before = requests().filter((each) => each === verb).length;
    await simulation.clock.runUntil(
      () => requests().filter((each) => each === verb).length > before,
    );
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(stored()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(events()).toEqual([
      'Normal LeaderElection baz became leader',
      'Normal LeaderElection baz stopped leading',
    ]);
  });
});

describe('TestLeaderElectionConfigValidation', () => {
  const durations = { leaseDurationMs: 15_000, renewDeadlineMs: 2_000, retryPeriodMs: 1_000 };

  test('a valid configuration', () => {
    expect(() => baz.elector({ ...durations, releaseOnCancel: true })).not.toThrow();
  });

  test('Lock identity is empty', () => {
    const { lock } = cluster();
    expect(() => baz.elector({ ...durations, lock: { ...lock, identity: '' } })).toThrow(
      new RegExp('^config.lock.identity must be a string that is not empty'),
    );
  });

  const cluster = () => {
    const nothing = () => Promise.resolve(undefined);
    const conflict = () => Promise.resolve('conflict' as const);
    const describe = () => 'lock';
    return { lock: { identity: 'x', describe, get: nothing, create: conflict, update: conflict } };
  };
});

describe('TestFastPathLeaderElection', () => {
  const durations = { leaseDurationMs: 15_000, renewDeadlineMs: 2_000, retryPeriodMs: 1_000 };
  const updates = () => requests().filter((verb) => verb === 'update').length;

  test('Exercise fast path after lock acquired', async () => {
    const { stop, outcome } = elect(durations);
    await simulation.clock.runUntil(() => updates() === 2);
    stop.abort();
    await simulation.settled(outcome.promise);
    // One more read than client-go: the watch opened after the first.
    expect(requests().filter((verb) => verb !== 'get')).toEqual(['create', 'update', 'update']);
    expect(requests().lastIndexOf('get')).toBeLessThan(requests().indexOf('update'));
  });

  test('Fallback to slow path after fast path fails', async () => {
    const { elector, stop, outcome } = elect(durations);
    await simulation.clock.runUntil(() => updates() === 1 && elector.isLeader());
    const before = requests().length;
    const error = { status: 409, reason: 'Conflict' };
    simulation.cluster.faults.add({ verb: 'update', resource: 'leases', error, times: 1 });
    await simulation.clock.runUntil(() => updates() === 4);
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(requests().slice(before)).toEqual(['update', 'get', 'update', 'update']);
  });
});

test('TestCheckMethodRace: a leader that renews is healthy whenever it is asked', async () => {
  const { elector, outcome } = elect({
    leaseDurationMs: 2_000,
    renewDeadlineMs: 1_000,
    retryPeriodMs: 5,
  });
  for (let count = 0; count < 200; count += 1) {
    elector.check(1_000);
    await simulation.clock.advance(10);
  }
  expect(elector.isLeader()).toBe(true);
  expect(outcome.isPending).toBe(true);
});

describe('TestLeaderElectionHealthChecker', () => {
  const config = { leaseDurationMs: 60_000, renewDeadlineMs: 50_000 };

  /** An elector whose work never ends, and that lost its line after so many renewals' time. */
  async function cutOff(passedMs: number) {
    const adaptor = new LeaderHealthzAdaptor(20_000);
    const endless = { onStartedLeading: () => new Promise(() => undefined) };
    const { elector } = elect({ ...config, watchDog: adaptor }, endless);
    await simulation.clock.runUntil(() => elector.isLeader());
    baz.line.cut();
    await simulation.clock.advance(passedMs);
    return () => {
      adaptor.check();
    };
  }

  test('call check before leader elector initialized', () => {
    expect(() => {
      new LeaderHealthzAdaptor(20_000).check();
    }).not.toThrow();
  });

  test('call check when the lease is far expired', async () => {
    const check = await cutOff(3_600_000);
    expect(check).toThrow(LeaderElectionError);
    expect(check).toThrow(/^baz could not renew Lease default\/lock for 3\d{6} ms/);
  });

  test('call check when the lease is far expired but held by another server', async () => {
    store({ holderIdentity: 'otherServer', leaseDurationSeconds: 3_600 });
    const adaptor = new LeaderHealthzAdaptor(20_000);
    elect({ ...config, watchDog: adaptor });
    await simulation.clock.advance(1_000);
    baz.line.cut();
    await simulation.clock.advance(3_600_000);
    expect(() => {
      adaptor.check();
    }).not.toThrow();
  });

  test('call check when the lease is not expired', async () => {
    expect(await cutOff(0)).not.toThrow();
  });

  test('call check when the lease is expired but inside the timeout', async () => {
    expect(await cutOff(61_000)).not.toThrow();
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

  const lease = (changes: Partial<LeaseOptions> = {}) => {
    const api = new Api(simulation.cluster.transport(), simulation.clock);
    const options = { namespace: 'default', name: 'lock', labels: {}, annotations: {} };
    return new Lease(api, { ...options, ...changes });
  };
  const create = async () => {
    const created = await lease().create(record, signal);
    if (created === 'conflict') throw new Error('it exists already');
    return created;
  };
  const labels = () => simulation.cluster.getLease('lock')?.metadata.labels;
  const label = (all: object) => {
    patch({ metadata: { labels: all } });
  };
  const read = async (): Promise<LockVersion> => {
    const found = await lease().get(signal);
    if (!found) throw new Error('there is none');
    return found;
  };

  test('TestLeaseSpecToLeaderElectionRecordRoundTrip, TestLeaseConversion', async () => {
    const created = await create();
    expect(created.record).toEqual(record);
    // What client-go keeps in its record for coordinated election, we keep in the object.
    const spec = { preferredHolder: 'preferred-holder', strategy: 'strategy' };
    patch({ spec });
    const found = await read();
    expect(found.record).toEqual(record);
    expect(await lease().update(found, found.record, signal)).toMatchObject({ record });
    expect(stored()).toEqual({ ...record, ...spec });
  });

  test('TestGetError: none is no error, but none', async () => {
    expect(await lease().get(signal)).toBeUndefined();
  });

  test('TestGet', async () => {
    expect(await read().catch(String)).toContain('there is none');
    await create();
    expect((await read()).record).toEqual(record);
  });

  test('TestRecordEventSuccess, TestRecordEventNilRecorder: with `events`, and without', async () => {
    for (const [events, count] of [
      [false, 0],
      [true, 1],
    ] as const) {
      const { elector, stop, outcome } = elect({ events, releaseOnCancel: true });
      await simulation.clock.runUntil(() => elector.isLeader());
      const path = '/api/v1/namespaces/default/events';
      await simulation.clock.settle();
      const { items } = simulation.cluster.request('GET', path).body as { items: CoreV1Event[] };
      expect(items.map(({ message }) => message)).toEqual(Array(count).fill('baz became leader'));
      stop.abort();
      await simulation.settled(outcome.promise);
    }
  });

  test('TestCreateError: a second one is a conflict', async () => {
    await create();
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

  test('TestUpdateWithNilLabelsOnLease', async () => {
    const created = await create();
    expect(labels()).toBeUndefined();
    await lease({ labels: { 'custom-key': 'custom-val' } }).update(created, record, signal);
    expect(labels()).toEqual({ 'custom-key': 'custom-val' });
  });

  test('TestUpdateWithNilLabelsOnLeaseLock', async () => {
    await create();
    label({ 'custom-key': 'custom-val' });
    await lease().update(await read(), record, signal);
    expect(labels()).toEqual({ 'custom-key': 'custom-val' });
  });

  test('TestLabelUpdate: our values, beside those of others', async () => {
    await create();
    label({ 'custom-key': 'new-custom-val', 'custom-key-2': 'custom-val-2' });
    await lease({ labels: { 'custom-key': 'custom-val' } }).update(await read(), record, signal);
    expect(labels()).toEqual({ 'custom-key': 'custom-val', 'custom-key-2': 'custom-val-2' });
  });
});
