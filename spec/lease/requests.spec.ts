import { describe, expect, test } from 'vitest';

import type { ApiRequest } from '../../lib/testing/index.ts';
import { leading, LOST, nothing, UPDATES, world } from './scene.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const HOUR_MS = 3_600_000;

/** All rights to Leases but those. */
function rightsWithout(...missing: string[]) {
  const verbs = ['get', 'create', 'update', 'watch'].filter((verb) => !missing.includes(verb));
  return [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs }];
}

describe('the number of requests', () => {
  test.for([1, 2, 3])(
    'in an hour is at most 1,800 by a leader, and 30 by a candidate (seed %i)',
    async (seed) => {
      const { simulation, clock, a, b, spec } = await world(seed);
      const leader = new Outcome(a.lead(untilAborted));
      await clock.advance(1_000);
      void b.lead(untilAborted);
      for (let hour = 0; hour < 3; hour += 1) {
        const before = { a: a.requests, b: b.requests };
        await clock.advance(HOUR_MS);
        expect(a.requests - before.a).toBeLessThanOrEqual(1_800);
        expect(b.requests - before.b).toBeLessThanOrEqual(30);
      }
      expect(leader.isPending).toBe(true);
      expect(spec()).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
      expect(simulation.warnings).toEqual([]);
    },
  );

  test('of a renewal is one: a PUT with the version and the UID', async () => {
    const { clock, a } = await leading();
    const sent: ApiRequest[] = [];
    a.line.mishap = (request) => {
      sent.push(request);
      return {};
    };
    await clock.advance(60_000);
    expect(sent.length).toBeGreaterThanOrEqual(29);
    const metadata = { resourceVersion: expect.stringMatching(/^\d+$/), uid: expect.any(String) };
    for (const { method, body } of sent)
      expect([method, body]).toMatchObject(['PUT', { metadata }]);
  });

  test('stays low if writes are made, but answered with a failure, and the watch shows each', async () => {
    // Found by the simulator: each echo made the next attempt come at once.
    const { clock, a, faults, store, updates } = await world();
    faults.add({ ...UPDATES, error: { status: 500 }, when: 'after' });
    store({ holderIdentity: '' });
    const waits = new Outcome(a.lead(untilAborted));
    await clock.advance(60_000);
    expect(waits.isPending).toBe(true);
    // The first few come soon; then there is one every second or two, and a read before it.
    expect(updates()).toBeGreaterThan(20);
    expect(updates()).toBeLessThan(50);
  });

  test('stays low when a Lease is released for which a hundred wait, and one leads', async () => {
    const release = Promise.withResolvers<undefined>();
    const { simulation, clock, cluster, faults, updates } = await leading(
      {},
      () => release.promise,
    );
    faults.add({ verb: 'update', latencyMs: [1, 3] });
    faults.add({ verb: 'watch', eventDelayMs: [1, 3] });
    const leaders: string[] = [];
    for (let number = 0; number < 100; number += 1) {
      void new LeaseProcess(simulation, `p${number}`).lead((leadership) => {
        leaders.push(leadership.identity);
        return untilAborted(leadership);
      });
    }
    await clock.advance(10_000);
    cluster.requests.clear();
    release.resolve(undefined);
    await clock.advance(1_000);
    expect(leaders).toHaveLength(1);
    expect(updates()).toBeLessThan(60);
    expect(cluster.requests.count({ ...UPDATES, status: 409 })).toBeGreaterThan(0);
  });
});

describe('without a watch', () => {
  test('LEASE-2: a candidate that may not watch polls, takes over in time, and warns once', async () => {
    const { simulation, clock, cluster, a, b } = await leading();
    cluster.grant('b', rightsWithout('watch'));
    const follower = b.lead(() => clock.now());
    await clock.advance(HOUR_MS);
    const polls = cluster.requests.count({ user: 'b', verb: 'get' });
    expect(polls).toBeGreaterThanOrEqual(1_800);
    expect(polls).toBeLessThanOrEqual(2_250);
    const last = cluster.requests.filter({ ...UPDATES, user: 'a' }).at(-1)?.time ?? 0;
    a.kill();
    const tookOverMs = (await simulation.settled(follower)) - last;
    expect(tookOverMs).toBeGreaterThanOrEqual(15_000);
    expect(tookOverMs).toBeLessThanOrEqual(17_100);
    const message = expect.stringContaining('verbs: ["get", "watch", "update"]');
    expect(simulation.warnings).toEqual([{ code: 'LEADER_FOR_LIFE_DEGRADED', message }]);
  });

  test('a leader renews in the same way', async () => {
    const { clock, cluster, a } = await world();
    cluster.grant('a', rightsWithout('watch'));
    const leader = new Outcome(a.lead(untilAborted));
    await clock.advance(HOUR_MS);
    expect(leader.isPending).toBe(true);
    expect(a.requests).toBeLessThanOrEqual(1_803);
  });

  test('a candidate whose watch ends, and cannot be opened again, polls', async () => {
    const { clock, cluster, b, faults } = await leading();
    void b.lead(untilAborted);
    await clock.advance(60_000);
    const watches = { user: 'b', verb: 'watch' } as const;
    faults.add({ ...watches, error: { status: 503 } });
    faults.cutWatches(watches);
    await clock.advance(1_000);
    cluster.requests.clear();
    await clock.advance(600_000);
    expect(cluster.requests.count({ user: 'b', verb: 'get' })).toBeGreaterThan(290);
    expect(cluster.requests.count({ user: 'b', verb: 'update' })).toBe(0);
  });
});

describe('without the right to', () => {
  test.for(['get', 'create', 'update'])('%s lead rejects, and prints the Role', async (missing) => {
    const { simulation, clock, cluster, a, store } = await world();
    if (missing === 'update') store();
    cluster.grant('a', rightsWithout(missing));
    const outcome = new Outcome(a.lead(() => expect.unreachable('it does not lead')));
    await clock.advance(1_000);
    expect(outcome.error).toMatchObject({ code: 'ERR_FORBIDDEN' });
    const { message } = outcome.error as Error;
    expect(message).toContain('Lease default/lock');
    expect(message).toContain('kind: Role\nmetadata:\n  name: lock-leader-election\n');
    expect(message).toContain('resourceNames: ["lock"]\n  verbs: ["get", "watch", "update"]');
    expect(a.remains).toEqual(nothing);
    expect(simulation.open).toBe(0);
  });

  test('create a Lease that was made in advance is led with', async () => {
    const { simulation, cluster, a, store } = await world();
    store();
    cluster.grant('a', rightsWithout('create'));
    expect(await simulation.settled(a.lead(() => 'done'))).toBe('done');
  });

  test('update a leader loses the Lease at its deadline, and not before', async () => {
    const { clock, cluster, outcome } = await leading();
    await clock.advance(1_000);
    cluster.grant('a', rightsWithout('update'));
    await clock.advance(7_900);
    expect(outcome.isPending).toBe(true);
    await clock.advance(3_000);
    expect(outcome.error).toMatchObject(LOST);
  });
});

describe('when the API server is in trouble', () => {
  test('a candidate honours its Retry-After, whatever becomes of its watch', async () => {
    const { clock, cluster, a, faults } = await world();
    faults.add({ user: 'a', resource: 'leases', error: { status: 429, retryAfterSeconds: 60 } });
    void a.lead(untilAborted);
    await clock.advance(55_000);
    const sent = cluster.requests.filter({ user: 'a', verb: ['get', 'create', 'update'] });
    expect(sent.map(({ verb }) => verb)).toEqual(['get']);
  });

  test.for([1, 60])(
    'a leader repeats a renewal that was surely not made, in time (Retry-After: %d s)',
    async (retryAfterSeconds) => {
      const { clock, cluster, faults, outcome } = await leading();
      await clock.advance(1_000);
      faults.add({ ...UPDATES, times: 3, error: { status: 429, retryAfterSeconds } });
      cluster.requests.clear();
      await clock.advance(60_000);
      expect(outcome.isPending).toBe(true);
      // Without a look.
      expect(new Set([...cluster.requests].map(({ verb }) => verb))).toEqual(new Set(['update']));
    },
  );

  test.for([408, 429, 500, 502, 503, 504])('%i is tried again', async (status) => {
    const { simulation, a, faults } = await world();
    faults.add({ verb: 'get', times: 2, error: { status } });
    faults.add({ verb: 'create', times: 2, error: { status } });
    expect(await simulation.settled(a.lead(() => 'done'))).toBe('done');
  });

  test('an outage is waited out, and warned of once', async () => {
    const { clock, b, faults, codes } = await leading();
    const outage = faults.add({ user: 'b', reset: true });
    const follower = new Outcome(b.lead(() => 'done'));
    await clock.advance(600_000);
    expect(b.requests).toBeLessThan(600);
    outage.remove();
    await clock.advance(60_000);
    expect(follower.isPending).toBe(true);
    expect(codes()).toEqual(['LEADER_FOR_LIFE_TROUBLE']);
  });
});
