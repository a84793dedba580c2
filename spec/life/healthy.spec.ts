import { expect, test, vi } from 'vitest';

import type { ElectionEvent } from '../../lib/events/event.ts';
import { Outcome } from '../lease/simulation.ts';
import { Simulation } from './simulation.ts';

const UNHEALTHY = {
  code: 'ERR_STEPPED_DOWN',
  message: expect.stringContaining('its health check has failed too often'),
};

/** Pods `a`, `b` and `c`, and a check whose answer can be set. */
async function world() {
  const simulation = await Simulation.withPods();
  const healthy = vi.fn<(signal: AbortSignal) => boolean | Promise<boolean>>(() => true);
  const events: ElectionEvent[] = [];
  const onEvent = (event: ElectionEvent) => events.push(event);
  return { simulation, clock: simulation.clock, healthy, events, onEvent };
}

test('the signal of a leader aborts after three failures; the lock stays until it is released', async () => {
  const { simulation, clock, healthy, events, onEvent } = await world();
  const leadership = await simulation.lead('a', { healthy, onEvent });
  const next = simulation.become('b', { healthy: () => true });
  healthy.mockReturnValue(false);
  await clock.advance(5_000);
  expect(leadership.signal.aborted).toBe(false);
  await clock.advance(1_100);
  expect(leadership.signal.reason).toMatchObject(UNHEALTHY);
  await clock.advance(60_000);
  expect(simulation.holder).toBe('a');
  await simulation.settled(leadership.release());
  await simulation.settled(next);
  const told = events.filter(({ type }) => !['started', 'leading', 'waiting'].includes(type));
  expect(told).toMatchObject([
    { type: 'unhealthy', failures: 1 },
    { type: 'unhealthy', failures: 2 },
    { type: 'unhealthy', failures: 3 },
    { type: 'stepping-down', reason: 'unhealthy' },
    { type: 'released' },
    { type: 'ended' },
  ]);
});

test('a leader is not checked any more once it was told, nor after its release', async () => {
  const { simulation, clock, healthy } = await world();
  const leadership = await simulation.lead('a', { healthy });
  await clock.advance(60_000);
  await simulation.settled(leadership.release());
  const count = healthy.mock.calls.length;
  expect(count).toBeGreaterThan(29);
  await clock.advance(60_000);
  expect(healthy.mock.calls.length).toBe(count);
  expect([simulation.open, clock.pending]).toEqual([0, 0]);
});

test('a leader that has lost its lock is not checked any more', async () => {
  const { simulation, clock, healthy } = await world();
  await simulation.lead('a', { healthy, guard: true });
  simulation.cluster.deleteConfigMap('lock');
  await clock.advance(1_000);
  const count = healthy.mock.calls.length;
  await clock.advance(60_000);
  expect(healthy.mock.calls.length).toBe(count);
});

test('a candidate does not take a free lock, and takes it once a check passes', async () => {
  const { simulation, clock, healthy, events, onEvent } = await world();
  healthy.mockReturnValue(false);
  const waiting = new Outcome(simulation.become('a', { healthy, onEvent }));
  await clock.advance(60_000);
  expect([simulation.lock, waiting.state]).toEqual([undefined, 'pending']);
  expect(events.filter(({ type }) => type === 'waiting')).toMatchObject([{ reason: 'unhealthy' }]);
  healthy.mockReturnValue(true);
  await clock.advance(2_100);
  expect([simulation.holder, waiting.state]).toEqual(['a', 'resolved']);
});

test('a candidate that waits leaves the lock to one that is healthy', async () => {
  const { simulation, clock, healthy } = await world();
  const leadership = await simulation.lead('a');
  healthy.mockReturnValue(false);
  const sick = new Outcome(simulation.become('b', { healthy }));
  await clock.advance(5_000);
  await simulation.settled(leadership.release());
  await clock.advance(60_000);
  expect(simulation.lock).toBeUndefined();
  await simulation.lead('c', { healthy: () => true });
  expect([simulation.holder, sick.isPending]).toEqual(['c', true]);
});

test('a candidate does not take the lock of a Pod that has ended', async () => {
  const { simulation, clock, healthy } = await world();
  await simulation.lead('a');
  healthy.mockReturnValue(false);
  void simulation.become('b', { healthy });
  await clock.advance(5_000);
  simulation.end('a');
  await clock.advance(60_000);
  expect(simulation.lock).toBeUndefined();
});

test('a process that starts again in the leader\u2019s Pod gives the lock up if it is not healthy', async () => {
  const { simulation, clock, healthy } = await world();
  await simulation.lead('a');
  healthy.mockReturnValue(false);
  const again = new Outcome(simulation.become('a', { healthy }));
  const next = await simulation.settled(simulation.become('b', { healthy: () => true }));
  expect([next.podName, again.isPending]).toEqual(['b', true]);
  healthy.mockReturnValue(true);
  await clock.advance(5_000);
  await simulation.settled(next.release());
  await simulation.settled(again.promise);
  expect(simulation.holder).toBe('a');
});

test('a process that starts again and is not healthy tries to give the lock up until it can', async () => {
  const { simulation, clock, healthy } = await world();
  await simulation.lead('a');
  healthy.mockReturnValue(false);
  const refusals = (['patch', 'delete'] as const).map((verb) =>
    simulation.fault({ verb, error: { status: 503 } }),
  );
  const again = new Outcome(simulation.become('a', { healthy }));
  await clock.advance(60_000);
  expect([again.error, simulation.holder]).toEqual([undefined, 'a']);
  for (const refusal of refusals) refusal.remove();
  await clock.advance(20_000);
  expect([simulation.lock, again.isPending, simulation.codes]).toEqual([
    undefined,
    true,
    ['LEADER_FOR_LIFE_TROUBLE'],
  ]);
});

test('a process that gives the lock up because it is not healthy can be aborted', async () => {
  const { simulation, clock, healthy } = await world();
  await simulation.lead('a');
  healthy.mockReturnValue(false);
  for (const verb of ['patch', 'delete'] as const) simulation.fault({ verb, hang: true });
  const abort = simulation.abortable((signal) => simulation.become('a', { healthy, signal }));
  await clock.advance(2_000);
  expect(await abort()).toBeLessThan(1_000);
  expect([simulation.open, clock.pending]).toEqual([0, 0]);
});

test('a process that starts again in the leader\u2019s Pod leads again if it is healthy', async () => {
  const { simulation, healthy } = await world();
  const first = await simulation.lead('a');
  const again = await simulation.lead('a', { healthy });
  expect(again.fencingToken).toBe(first.fencingToken);
});

test('a candidate can be aborted during its first check', async () => {
  const { simulation, clock } = await world();
  const healthy = () => new Promise<boolean>(() => undefined);
  const abort = simulation.abortable((signal) => simulation.become('a', { healthy, signal }));
  await clock.advance(500);
  expect(await abort()).toBe(0);
  expect([simulation.open, clock.pending]).toEqual([0, 0]);
});

test('without an election nothing is checked', async () => {
  const { simulation, clock, healthy } = await world();
  await simulation.lead('a', { healthy, enabled: false });
  await clock.advance(60_000);
  expect(healthy).not.toHaveBeenCalled();
});

test('a candidate that is not healthy sees who leads, also without a watch', async () => {
  const { simulation, clock, healthy, events, onEvent } = await world();
  const message = 'configmaps is forbidden: User "b" cannot watch resource "configmaps"';
  const error = { status: 403, reason: 'Forbidden', message };
  simulation.cluster.faults.add({ verb: 'watch', error });
  healthy.mockReturnValue(false);
  const waiting = new Outcome(simulation.become('b', { healthy, onEvent }));
  await clock.advance(1_000);
  await simulation.lead('a');
  await clock.advance(20_000);
  const reports = events.filter(({ type }) => type === 'waiting');
  expect([reports.at(-1), waiting.state]).toMatchObject([{ reason: 'held' }, 'pending']);
});

test('a create that is tried again is not tried once the health check fails', async () => {
  const { simulation, clock, healthy } = await world();
  simulation.cluster.faults.add({ verb: 'create', error: { status: 503 }, times: 6 });
  const waiting = new Outcome(simulation.become('a', { healthy }));
  await clock.advance(1_000);
  healthy.mockReturnValue(false);
  await clock.advance(60_000);
  expect(simulation.cluster.requests.count({ verb: 'create', status: 201 })).toBe(0);
  healthy.mockReturnValue(true);
  await clock.advance(20_000);
  expect([simulation.holder, waiting.state]).toEqual(['a', 'resolved']);
});

test('an abort while the mark is removed takes back the lock that was created meanwhile', async () => {
  const { simulation, clock, healthy } = await world();
  simulation.fault({ verb: 'create', resource: 'configmaps', latencyMs: 3_000 });
  simulation.fault({ verb: 'patch', resource: 'pods', latencyMs: 2_000 });
  const options = { healthy, label: 'x/leads' };
  const abort = simulation.abortable((signal) => simulation.become('a', { ...options, signal }));
  await clock.advance(1_000);
  healthy.mockReturnValue(false);
  await clock.advance(3_000);
  expect(simulation.holder).toBe('a');
  await abort();
  expect([simulation.lock, simulation.open]).toEqual([undefined, 0]);
});
