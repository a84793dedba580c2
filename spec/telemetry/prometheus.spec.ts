import { channel } from 'node:diagnostics_channel';

import { Registry } from 'prom-client';
import { afterEach, describe, expect, test } from 'vitest';

import type { LeaseLeadership } from '../../lib/lease/lead.ts';
import { TextRegistry, collectElections } from '../../lib/telemetry/prometheus.ts';
import { endless } from '../lease/scene.ts';
import { LeaseProcess, untilAborted } from '../lease/simulation.ts';
import { Simulation } from '../life/simulation.ts';

const stops: (() => void)[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A simulated world, and a registry that sees all of it: its processes are one process here. */
async function world() {
  const simulation = await Simulation.withPods();
  const registry = new Registry();
  stops.push(collectElections(registry, simulation.clock));
  const lines = async (pattern: RegExp) =>
    (await registry.metrics()).split('\n').filter((line) => pattern.test(line));
  return { simulation, registry, lines };
}

const ofLease = 'name="lock",namespace="default",mode="lease"';
const ofLife = 'name="lock",namespace="default",mode="life"';

describe('the metrics of a Lease', () => {
  test('say that nobody leads yet, then who leads, then that the election is over', async () => {
    const { simulation, lines } = await world();
    const a = new LeaseProcess(simulation, 'a');
    const status = () => lines(/^leader_election_master_status/);
    simulation.fault({ error: { status: 503 }, times: 2 });
    const stop = new AbortController();
    const leading = a.lead(untilAborted, { signal: stop.signal });
    await simulation.clock.advance(1);
    expect(await status()).toEqual(['leader_election_master_status{name="lock"} 0']);
    await simulation.clock.advance(5_000);
    expect(await status()).toEqual(['leader_election_master_status{name="lock"} 1']);
    stop.abort();
    await simulation.settled(leading).catch(() => undefined);
    expect(await lines(/^[a-z_]+(?:status|remaining_seconds|waiting\w+|degraded)\{/)).toEqual([]);
  });

  test('count down what is proven, and never claim more', async () => {
    const { simulation, lines } = await world();
    const a = new LeaseProcess(simulation, 'a');
    void a.lead(untilAborted);
    await simulation.clock.advance(1_000);
    const remaining = async () => {
      const [line = ''] = await lines(/^leader_for_life_remaining_seconds/);
      expect(line).toContain(`{${ofLease}} `);
      return Number(line.split(' ').at(-1));
    };
    expect(await remaining()).toBeGreaterThan(8.9);
    // The loop is dead, and its timers with it.
    a.kill();
    await simulation.clock.advance(5_000);
    expect(await remaining()).toBeLessThan(5);
    await simulation.clock.advance(5_000);
    expect(await remaining()).toBe(0);
    expect(await lines(/^leader_election_master_status/)).toEqual([
      'leader_election_master_status{name="lock"} 0',
    ]);
  });

  test.each([
    ['work was given up', endless, []],
    ['the Lease could not be released', untilAborted, [{ error: { status: 503 }, times: 50 }]],
  ])('say that it leads no longer when %s', async (_, work, faults) => {
    const { simulation, lines } = await world();
    const begun = Promise.withResolvers<LeaseLeadership>();
    const lead = (leadership: LeaseLeadership) => {
      begun.resolve(leadership);
      return work(leadership);
    };
    void new LeaseProcess(simulation, 'a').lead(lead, { recampaign: true });
    const leadership = await simulation.settled(begun.promise);
    for (const fault of faults) simulation.fault(fault);
    void leadership.stepDown();
    await simulation.clock.advance(12_000);
    expect(
      await lines(/^leader_election_master_status|^leader_for_life_(?:remaining|losses)/),
    ).toEqual([
      'leader_election_master_status{name="lock"} 0',
      `leader_for_life_losses_total{${ofLease},code="ERR_LEADERSHIP_LOST"} 0`,
    ]);
  });

  test('count renewals, slow paths, losses, errors and what lasts', async () => {
    const { simulation, lines } = await world();
    const a = new LeaseProcess(simulation, 'a');
    a.lead(untilAborted, { recampaign: true }).catch(() => undefined);
    await simulation.clock.advance(5_000);
    expect(await lines(/^leader_for_life_renew_duration_seconds_count/)).toEqual([
      `leader_for_life_renew_duration_seconds_count{${ofLease}} 2`,
    ]);
    expect(await lines(/^leader_for_life_losses|^leader_election_slow/)).toEqual([
      'leader_election_slowpath_total{name="lock"} 0',
      `leader_for_life_losses_total{${ofLease},code="ERR_LEADERSHIP_LOST"} 0`,
    ]);
    const fault = simulation.fault({ error: { status: 503 } });
    await simulation.clock.advance(9_000);
    expect(await lines(/^leader_for_life_degraded/)).toEqual([]);
    await simulation.clock.advance(21_000);
    expect(await lines(/^leader_for_life_degraded/)).toEqual([
      `leader_for_life_degraded{${ofLease},what="trouble"} 1`,
    ]);
    expect(await lines(/^leader_for_life_losses/)).toEqual([
      `leader_for_life_losses_total{${ofLease},code="ERR_LEADERSHIP_LOST"} 1`,
    ]);
    const [errors = ''] = await lines(/^leader_for_life_errors/);
    expect(errors).toMatch(/code="HTTP_503"\} [1-9]/);
    expect(await lines(/^leader_for_life_waiting/)).toEqual([
      expect.stringMatching(/reason="api-unavailable"\} \d{9}/),
    ]);
    fault.remove();
    await simulation.clock.advance(40_000);
    expect(await lines(/^leader_for_life_degraded|^leader_for_life_waiting/)).toEqual([]);
    const [slow = ''] = await lines(/^leader_election_slowpath_total/);
    expect(Number(slow.split(' ')[1])).toBeGreaterThan(0);
  });

  test('measure a takeover, and count a change of the leader once it was seen', async () => {
    const { simulation, lines } = await world();
    const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
    const stop = new AbortController();
    const leading = a.lead(untilAborted, { signal: stop.signal });
    await simulation.clock.advance(1_000);
    void b.lead(untilAborted);
    await simulation.clock.advance(1_000);
    expect(await lines(/^leader_for_life_(?:transitions|takeover\w+_count)/)).toEqual([
      `leader_for_life_transitions_total{${ofLease}} 0`,
      `leader_for_life_takeover_duration_seconds_count{${ofLease}} 0`,
    ]);
    stop.abort();
    await simulation.settled(leading).catch(() => undefined);
    await simulation.clock.advance(1_000);
    expect(await lines(/^leader_for_life_transitions/)).toEqual([
      `leader_for_life_transitions_total{${ofLease}} 1`,
    ]);
    expect(await lines(/^leader_for_life_takeover\w+(?:_count|le="1"\}|le="\+Inf"\})/)).toEqual([
      `leader_for_life_takeover_duration_seconds_count{${ofLease}} 1`,
    ]);
    expect(await lines(/^leader_for_life_takeover.*le="1"/)).toEqual([
      expect.stringMatching(/ 1$/),
    ]);
  });
});

describe('the metrics of a lock', () => {
  test('follow a handover', async () => {
    const { simulation, lines } = await world();
    const first = await simulation.lead('a');
    const second = simulation.become('b');
    await simulation.clock.advance(5_000);
    expect(await lines(/^leader_for_life_waiting/)).toEqual([
      expect.stringMatching(/^leader_for_life_waiting_since_seconds\{.*reason="held"\} \d{9}/),
    ]);
    await simulation.settled(first.release());
    const leadership = await simulation.settled(second);
    expect(await lines(/^leader_for_life_(?:waiting|remaining|transitions)/)).toEqual([
      `leader_for_life_transitions_total{${ofLife}} 1`,
    ]);
    expect(await lines(/^leader_election_master/)).toEqual([
      'leader_election_master_status{name="lock"} 1',
    ]);
    expect(await lines(/^leader_for_life_takeover\w+_count/)).toEqual([
      `leader_for_life_takeover_duration_seconds_count{${ofLife}} 1`,
    ]);
    await simulation.settled(leadership.release());
    expect(await lines(/^leader_election_master/)).toEqual([]);
  });

  test('name what is degraded', async () => {
    const { simulation, lines } = await world();
    await simulation.lead('b');
    simulation.cluster.grant('a', [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'delete', 'patch'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    ]);
    void simulation.become('a');
    await simulation.clock.advance(5_000);
    expect(await lines(/^leader_for_life_degraded/)).toEqual([
      `leader_for_life_degraded{${ofLife},what="degraded"} 1`,
    ]);
  });

  test('say that it leads where there is no election', async () => {
    const { simulation, lines } = await world();
    const leadership = await simulation.lead('a', { enabled: false });
    expect(await lines(/^leader_election_master/)).toHaveLength(1);
    await leadership.release();
    expect(await lines(/^leader_election_master/)).toEqual([]);
  });
});

describe('a registry', () => {
  test('that is passed twice has the metrics once, also by another copy of the package', async () => {
    const { simulation, registry, lines } = await world();
    const copy = '../../lib/telemetry/prometheus.ts?copy';
    const other = (await import(copy)) as { collectElections: typeof collectElections };
    expect(other.collectElections).not.toBe(collectElections);
    expect(collectElections(registry)).toBe(other.collectElections(registry));
    void new LeaseProcess(simulation, 'a').lead(untilAborted);
    await simulation.clock.advance(3_000);
    expect(await lines(/^leader_for_life_renew_duration_seconds_count/)).toEqual([
      `leader_for_life_renew_duration_seconds_count{${ofLease}} 1`,
    ]);
  });

  test('loses the metrics again, and can be collected into once more', async () => {
    const { registry } = await world();
    stops[0]?.();
    expect(registry.getMetricsAsArray()).toEqual([]);
    stops.push(collectElections(registry));
    expect(registry.getMetricsAsArray()).toHaveLength(10);
  });

  test('that has another metric of such a name is refused before anything is added', async () => {
    const registry = new Registry();
    const { Gauge } = await import('prom-client');
    const name = 'leader_for_life_degraded';
    new Gauge({ name, help: 'mine', registers: [registry] });
    expect(() => collectElections(registry)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error,
    );
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });

  test('must be one', () => {
    expect(() => collectElections({} as Registry)).toThrow(
      'registry must be a registry of prom-client, but is an object',
    );
  });

  test('for OpenMetrics, with default labels and a reset, is served as well', async () => {
    const { simulation, registry } = await world();
    void new LeaseProcess(simulation, 'a').lead(untilAborted);
    await simulation.clock.advance(3_000);
    registry.setDefaultLabels({ app: 'mine' });
    (registry as unknown as Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>).setContentType(
      Registry.OPENMETRICS_CONTENT_TYPE,
    );
    const text = await registry.metrics();
    expect(text).toContain('leader_election_slowpath_total{name="lock",app="mine"} 0');
    expect(text).not.toContain('_total_total');
    registry.resetMetrics();
    expect(await registry.metrics()).not.toContain('leader_election_slowpath_total{');
  });

  test('for text prints what prom-client prints', async () => {
    const { simulation, registry } = await world();
    const own = new TextRegistry();
    stops.push(collectElections(own, simulation.clock));
    const stop = collectElections(own, simulation.clock);
    void new LeaseProcess(simulation, 'a').lead(untilAborted);
    await simulation.lead('a');
    await simulation.clock.advance(3_000);
    expect(own.contentType).toBe(registry.contentType);
    expect(await own.metrics()).toBe(await registry.metrics());
    stop();
    expect(await own.metrics()).toBe('');
  });
});

test.each([
  ['another leads after it', 'b', 1],
  ['the same process leads again', 'a', 0],
])('changes of the leader are counted across terms for life: %s', async (_, next, count) => {
  const own = new TextRegistry();
  stops.push(collectElections(own));
  const about = { mode: 'life', namespace: 'default', name: 'lock', identity: 'a', message: '' };
  const leading = { type: 'leading', waitedMs: 0, fencingToken: '1' };
  const then = next === 'a' ? leading : { type: 'waiting', reason: 'held', leader: next };
  const [started, ended] = [{ type: 'started' }, { type: 'ended' }];
  for (const event of [started, leading, { type: 'released' }, ended, started, then]) {
    channel('leader-for-life').publish({ ...about, level: 'info', ...event });
  }
  expect(await own.metrics()).toContain(`leader_for_life_transitions_total{${ofLife}} ${count}\n`);
});

test('labels are escaped, and messages that are no events are ignored', async () => {
  const own = new TextRegistry();
  stops.push(collectElections(own));
  const events = channel('leader-for-life');
  events.publish(undefined);
  events.publish({ type: 'leading' });
  const event = { type: 'started', mode: 'lease', namespace: '', identity: '', level: 'debug' };
  events.publish({ ...event, name: 'a"b\\c\nd', message: '' });
  events.publish({ ...event, type: 'invented by a later version', name: 'x', message: '' });
  expect(await own.metrics()).toContain(
    String.raw`leader_election_master_status{name="a\"b\\c\nd"} 0`,
  );
});
