import type { CoreV1Event } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';

import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const LEASES = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] };

async function world(namespace = 'default') {
  const simulation = await Simulation.create();
  const a = new LeaseProcess(simulation, 'a');
  if (namespace !== 'default') simulation.cluster.createNamespace(namespace);
  const events = () => {
    const path = `/api/v1/namespaces/${namespace}/events`;
    return (simulation.cluster.request('GET', path).body as { items: CoreV1Event[] }).items;
  };
  return { simulation, a, events };
}

describe('Events', () => {
  test('tell who became leader and who stopped leading, as client-go’s recorder writes them', async () => {
    const { simulation, a, events } = await world('leases');
    let uid: string | undefined;
    let resourceVersion: string | undefined;
    await simulation.settled(
      a.lead(
        async ({ fencingToken }) => {
          uid = simulation.cluster.getLease('leases/lock')?.metadata.uid;
          resourceVersion = fencingToken;
          await new Promise((resolve) => a.clock.after(61_500, () => resolve(1)));
        },
        { events: true, namespace: 'leases' },
      ),
    );
    const common = {
      involvedObject: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        namespace: 'leases',
        name: 'lock',
        uid,
        resourceVersion,
      },
      reason: 'LeaderElection',
      type: 'Normal',
      source: { component: 'leader-for-life' },
      reportingComponent: 'leader-for-life',
      count: 1,
    };
    expect(events()).toEqual([
      expect.objectContaining({
        ...common,
        message: 'a became leader',
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:00:00Z',
      }),
      expect.objectContaining({
        ...common,
        message: 'a stopped leading',
        firstTimestamp: '2026-01-01T00:01:01Z',
        lastTimestamp: '2026-01-01T00:01:01Z',
      }),
    ]);
    // As client-go's `GenerateEventName`: the object's name, and nanoseconds in hexadecimal.
    const names = events().map(({ metadata }) => metadata.name ?? '');
    for (const [index, name] of names.entries()) {
      const [, digits = '0'] = /^lock\.([0-9a-f]+)$/.exec(name) ?? [];
      const ms = Number(BigInt(`0x${digits}`) / 1_000_000n);
      expect(ms).toBe(Date.UTC(2026, 0, 1) + index * 61_500);
    }
    expect(a.remains).toEqual({ timers: 0, requests: 0 });
  });

  test('tell of another process of the same identity, once', async () => {
    const { simulation, a, events } = await world();
    const options = { identity: 'one', events: true };
    void new Outcome(a.lead(untilAborted, options)).promise;
    await simulation.clock.advance(1_000);
    void new Outcome(new LeaseProcess(simulation, 'b').lead(untilAborted, options)).promise;
    await simulation.clock.advance(60_000);
    const messages = events().map(({ message }) => message);
    const told = 'one shares its identity with another process';
    expect(messages.filter((message) => message === told)).toHaveLength(1);
  });

  test('tell of work that was given up', async () => {
    const { simulation, a, events } = await world();
    const stop = new AbortController();
    const endless = () => new Promise<never>(() => undefined);
    const outcome = new Outcome(a.lead(endless, { events: true, signal: stop.signal }));
    await simulation.clock.advance(1_000);
    stop.abort(new Error('stop'));
    await simulation.settled(outcome.promise.catch(() => undefined));
    expect(events().map(({ message }) => message)).toEqual([
      'a became leader',
      'a gave up work that had not ended',
      'a stopped leading',
    ]);
  });

  test('are recorded of a loss, too', async () => {
    const { simulation, a, events } = await world();
    const lost = new Outcome(
      a.lead(
        async ({ signal }) => {
          a.line.cut();
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          a.line.mend();
        },
        { events: true },
      ),
    );
    await simulation.settled(lost.promise.catch(() => undefined));
    expect(lost.error).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
    expect(events().map(({ message }) => message)).toContain('a stopped leading');
  });

  test('are recorded before the process goes on', async () => {
    const { simulation, a, events } = await world();
    simulation.cluster.faults.add({ resource: 'events', latencyMs: 3_000 });
    await simulation.settled(a.lead(() => undefined, { events: true }));
    expect(events()).toHaveLength(2);
    expect(simulation.clock.now()).toBe(3_000);
  });

  test('are not written unless they are asked for', async () => {
    const { simulation, a, events } = await world();
    await simulation.settled(a.lead(() => undefined));
    expect(events()).toEqual([]);
    expect(simulation.cluster.requests.count({ resource: 'events' })).toBe(0);
  });

  test('without the right to write them there is one warning, and an election all the same', async () => {
    const { simulation, a } = await world();
    simulation.cluster.grant('a', [LEASES]);
    for (let count = 0; count < 2; count += 1) {
      expect(await simulation.settled(a.lead(() => 'done', { events: true }))).toBe('done');
    }
    const [warning, ...others] = simulation.warnings;
    expect(warning?.code).toBe('LEADER_FOR_LIFE_EVENT');
    expect(warning?.message).toMatch(
      /^default\/lock: the Event "became leader" could not be recorded/,
    );
    expect(warning?.message).toContain('resources: ["events"]');
    // One for each call; a process that calls once is told once.
    expect(others).toHaveLength(1);
  });

  test('that hang hold nobody up for longer than a request may take', async () => {
    const { simulation, a } = await world();
    simulation.cluster.faults.add({ resource: 'events', hang: true });
    expect(await simulation.settled(a.lead(() => 'done', { events: true }))).toBe('done');
    expect(simulation.clock.now()).toBeLessThanOrEqual(10_000);
    expect(a.remains).toEqual({ timers: 0, requests: 0 });
  });
});
