import type { CoreV1Event } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';

import { endless, enough, leading, LOST, nothing, world } from './scene.ts';

type Cluster = Awaited<ReturnType<typeof world>>['cluster'];

function eventsOf(cluster: Cluster, namespace = 'default'): CoreV1Event[] {
  const path = `/api/v1/namespaces/${namespace}/events`;
  return (cluster.request('GET', path).body as { items: CoreV1Event[] }).items;
}

const messages = (cluster: Cluster) => eventsOf(cluster).map(({ message }) => message);

describe('Kubernetes Events', () => {
  const events = { events: true };

  test('say who became leader and who stopped leading, as client-go’s recorder does', async () => {
    const { simulation, cluster, a, sleep } = await world();
    cluster.createNamespace('leases');
    let involved = {};
    const work = async ({ fencingToken }: { readonly fencingToken: string }) => {
      const uid = cluster.getLease('leases/lock')?.metadata.uid;
      involved = { uid, resourceVersion: fencingToken };
      await sleep(61_500);
    };
    await simulation.settled(a.lead(work, { ...events, namespace: 'leases' }));
    const event = (message: string, time: string) =>
      expect.objectContaining({
        involvedObject: {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          namespace: 'leases',
          name: 'lock',
          ...involved,
        },
        reason: 'LeaderElection',
        type: 'Normal',
        source: { component: 'leader-for-life' },
        reportingComponent: 'leader-for-life',
        count: 1,
        message,
        firstTimestamp: time,
        lastTimestamp: time,
      }) as unknown;
    const recorded = eventsOf(cluster, 'leases');
    expect(recorded).toEqual([
      event('a became leader', '2026-01-01T00:00:00Z'),
      event('a stopped leading', '2026-01-01T00:01:01Z'),
    ]);
    // As client-go's `GenerateEventName`: the object's name, and nanoseconds in hexadecimal.
    for (const [index, { metadata }] of recorded.entries()) {
      const [, digits = '0'] = /^lock\.([0-9a-f]+)$/.exec(metadata.name ?? '') ?? [];
      const ms = Number(BigInt(`0x${digits}`) / 1_000_000n);
      expect(ms).toBe(Date.UTC(2026, 0, 1) + index * 61_500);
    }
    expect(a.remains).toEqual(nothing);
  });

  test('say once that another process has the same identity', async () => {
    const options = { identity: 'one', ...events };
    const { clock, cluster, b } = await leading(options);
    void b.lead(endless, options);
    await clock.advance(60_000);
    const told = messages(cluster).filter((message) => message?.includes('shares its identity'));
    expect(told).toEqual(['one shares its identity with another process']);
  });

  test('say that work was given up', async () => {
    const { simulation, cluster, stop, outcome } = await leading(events, endless);
    stop.abort(enough);
    await expect(simulation.settled(outcome.promise)).rejects.toThrow();
    expect(messages(cluster)).toEqual([
      'a became leader',
      'a gave up work that had not ended',
      'a stopped leading',
    ]);
  });

  test('are recorded of a loss', async () => {
    const { simulation, cluster, a, outcome, leadership } = await leading(events);
    a.line.cut();
    leadership.signal.addEventListener('abort', () => a.line.mend());
    await expect(simulation.settled(outcome.promise)).rejects.toMatchObject(LOST);
    expect(messages(cluster)).toContain('a stopped leading');
  });

  test('are recorded before the process goes on', async () => {
    const { simulation, clock, cluster, a, faults } = await world();
    faults.add({ resource: 'events', latencyMs: 3_000 });
    await simulation.settled(a.lead(() => undefined, events));
    expect(messages(cluster)).toHaveLength(2);
    expect(clock.now()).toBe(3_000);
  });

  test('are not written unless they are asked for', async () => {
    const { simulation, cluster, a } = await world();
    await simulation.settled(a.lead(() => undefined));
    expect(messages(cluster)).toEqual([]);
    expect(cluster.requests.count({ resource: 'events' })).toBe(0);
  });

  test('that may not be written are warned of once a call, and hinder no election', async () => {
    const { simulation, cluster, a } = await world();
    const apiGroups = ['coordination.k8s.io'];
    cluster.grant('a', [{ apiGroups, resources: ['leases'], verbs: ['*'] }]);
    for (let count = 0; count < 2; count += 1) {
      expect(await simulation.settled(a.lead(() => 'done', events))).toBe('done');
    }
    const [warning, ...others] = simulation.warnings;
    expect(warning?.code).toBe('LEADER_FOR_LIFE_EVENT');
    expect(warning?.message).toMatch(
      /^default\/lock: the Event "became leader" could not be recorded/,
    );
    expect(warning?.message).toContain('resources: ["events"]');
    expect(others).toHaveLength(1);
  });

  test('that hang delay a process no longer than a request may take', async () => {
    const { simulation, clock, a, faults } = await world();
    faults.add({ resource: 'events', hang: true });
    expect(await simulation.settled(a.lead(() => 'done', events))).toBe('done');
    expect(clock.now()).toBeLessThanOrEqual(10_000);
    expect(a.remains).toEqual(nothing);
  });
});
