/** What the simulator's client-go does, held to what `leaderelection.go` of v0.36 does. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { Simulation } from '../life/simulation.ts';
import { ClientGoElector } from './client-go.ts';

const PATH = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

let simulation: Simulation;

beforeEach(async () => {
  simulation = await Simulation.create();
});

afterEach(() => simulation.cluster.close());

const spec = () => simulation.cluster.getLease('lock')?.spec;

function candidate(identity: string, releaseOnCancel = true) {
  const stop = new AbortController();
  const seen = { startedMs: 0, stoppedMs: 0, work: undefined as AbortSignal | undefined };
  const { clock, cluster } = simulation;
  const elector = new ClientGoElector(
    clock,
    cluster.transport({ user: identity }),
    {
      identity,
      name: 'lock',
      namespace: 'default',
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2_000,
      requestTimeoutMs: 5_000,
      releaseOnCancel,
    },
    {
      onStartedLeading: (signal) => {
        seen.startedMs = clock.now();
        seen.work = signal;
      },
      onStoppedLeading: () => {
        seen.stoppedMs = clock.now();
      },
    },
  );
  void elector.run(stop.signal);
  const verbs = () => cluster.requests.filter({ user: identity }).map(({ verb }) => verb);
  return { elector, stop, seen, verbs };
}

describe('client-go', () => {
  test('creates the Lease, and then replaces it once per RetryPeriod, without reading', async () => {
    const a = candidate('a');
    await simulation.clock.advance(10_500);
    expect(a.verbs()).toEqual(['get', 'create', ...Array<string>(6).fill('update')]);
    expect(spec()).toMatchObject({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
    });
  });

  test('waits for one to 2.2 RetryPeriods between its tries', async () => {
    candidate('a');
    await simulation.clock.advance(1_000);
    const b = candidate('b');
    await simulation.clock.advance(600_000);
    expect(b.verbs().length).toBeGreaterThan(600_000 / 4_400);
    expect(b.verbs().length).toBeLessThan(600_000 / 2_000);
    expect(new Set(b.verbs())).toEqual(new Set(['get']));
  });

  test('takes over a LeaseDuration after it saw the last change, and counts the transition', async () => {
    const body = {
      metadata: { name: 'lock' },
      spec: { holderIdentity: 'x', leaseDurationSeconds: 15, leaseTransitions: 4 },
    };
    simulation.cluster.request('POST', PATH, body);
    const a = candidate('a');
    await simulation.clock.runUntil(() => a.seen.startedMs > 0);
    expect(a.seen.startedMs).toBeGreaterThanOrEqual(15_000);
    expect(a.seen.startedMs).toBeLessThan(15_000 + 4_400);
    expect(spec()).toMatchObject({ holderIdentity: 'a', leaseTransitions: 5 });
  });

  test('releases by a duration of 1 s and no holder, before its work is told to stop', async () => {
    const a = candidate('a');
    await simulation.clock.advance(3_000);
    a.stop.abort();
    await simulation.clock.advance(100);
    expect(spec()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(a.seen.work?.aborted).toBe(true);
  });

  test('leads on for RetryPeriod and RenewDeadline after its last renewal', async () => {
    const a = candidate('a', false);
    await simulation.clock.advance(4_500);
    simulation.cluster.faults.add({ user: 'a', error: { status: 500 } });
    await simulation.clock.runUntil(() => a.seen.stoppedMs > 0);
    expect(a.seen.stoppedMs).toBe(4_000 + 2_000 + 10_000);
  });

  test('wipes its successor’s Lease: it reads it, but judges by what it saw last', async () => {
    const a = candidate('a');
    await simulation.clock.advance(3_000);
    const type = 'application/merge-patch+json';
    const changes = { spec: { holderIdentity: 'successor' } };
    simulation.cluster.request('PATCH', `${PATH}/lock`, changes, type);
    a.stop.abort();
    await simulation.clock.advance(100);
    expect(spec()?.holderIdentity).toBe('');
  });

  test('does what Retry-After says, in the request', async () => {
    simulation.cluster.faults.add({
      user: 'a',
      times: 1,
      error: { status: 429, retryAfterSeconds: 3 },
    });
    const a = candidate('a');
    await simulation.clock.advance(3_100);
    expect(a.verbs().slice(0, 3)).toEqual(['get', 'get', 'create']);
    expect(a.seen.startedMs).toBe(3_000);
  });
});
