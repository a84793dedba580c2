import { describe, expect, test } from 'vitest';

import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const HOUR_MS = 3_600_000;

/** All rights to Leases but those. */
function rightsWithout(...missing: string[]) {
  const verbs = ['get', 'create', 'update', 'watch'].filter((verb) => !missing.includes(verb));
  return [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs }];
}

/** `a` leads, `b` waits. */
async function waiting(seed = 1) {
  const simulation = await Simulation.create({ seed });
  const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
  const leader = new Outcome(a.lead(untilAborted));
  await simulation.clock.advance(1_000);
  return { simulation, a, b, leader };
}

describe.for([1, 2, 3])('in an hour (seed %i)', (seed) => {
  test('a leader sends at most 1,800 requests, and one that waits 30', async () => {
    const { simulation, a, b, leader } = await waiting(seed);
    const follower = b.lead(untilAborted);
    follower.catch(() => undefined);
    for (let hour = 0; hour < 3; hour += 1) {
      const before = { a: a.requests, b: b.requests };
      await simulation.clock.advance(HOUR_MS);
      expect(a.requests - before.a).toBeLessThanOrEqual(1_800);
      expect(b.requests - before.b).toBeLessThanOrEqual(30);
    }
    expect(leader.isPending).toBe(true);
    expect(simulation.cluster.getLease('lock')?.spec).toMatchObject({
      holderIdentity: 'a',
      leaseTransitions: 0,
    });
    expect(simulation.warnings).toEqual([]);
  });
});

describe('a renewal', () => {
  test('is one PUT', async () => {
    const { simulation } = await waiting();
    simulation.cluster.requests.clear();
    await simulation.clock.advance(60_000);
    const verbs = [...simulation.cluster.requests].map(({ verb }) => verb);
    expect(new Set(verbs)).toEqual(new Set(['update']));
    expect(verbs.length).toBeGreaterThanOrEqual(29);
  });
});

describe('writes that are made, but answered with a failure', () => {
  test('are tried again with patience, although the watch shows each of them', async () => {
    // Found by the simulator: each echo made the next attempt come at once.
    const simulation = await Simulation.create();
    const a = new LeaseProcess(simulation, 'a');
    simulation.cluster.faults.add({
      resource: 'leases',
      verb: 'update',
      error: { status: 500 },
      when: 'after',
    });
    simulation.cluster.request('POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', {
      metadata: { name: 'lock' },
      spec: { holderIdentity: '' },
    });
    const waits = new Outcome(a.lead(untilAborted));
    await simulation.clock.advance(60_000);
    expect(waits.isPending).toBe(true);
    // The first few come soon; then there is one every second or two, and a read before it.
    const writes = simulation.cluster.requests.count({ user: 'a', verb: 'update' });
    expect(writes).toBeGreaterThan(20);
    expect(writes).toBeLessThan(50);
  });
});

describe('without the right to watch', () => {
  test('one that waits polls every retryPeriodMs, takes over all the same, and says so once', async () => {
    const { simulation, a, b } = await waiting();
    simulation.cluster.grant('b', rightsWithout('watch'));
    const follower = new Outcome(b.lead(() => simulation.clock.now()));
    await simulation.clock.advance(HOUR_MS);
    const polls = simulation.cluster.requests.count({ user: 'b', verb: 'get' });
    expect(polls).toBeGreaterThanOrEqual(1_800);
    expect(polls).toBeLessThanOrEqual(2_250);
    const last =
      simulation.cluster.requests.filter({ user: 'a', verb: 'update' }).at(-1)?.time ?? 0;
    a.kill();
    const tookOverMs = (await simulation.settled(follower.promise)) - last;
    expect(tookOverMs).toBeGreaterThanOrEqual(15_000);
    expect(tookOverMs).toBeLessThanOrEqual(17_100);
    expect(simulation.warnings).toEqual([
      {
        code: 'LEADER_FOR_LIFE_DEGRADED',
        message: expect.stringContaining('verbs: ["get", "watch", "update"]'),
      },
    ]);
  });

  test('a leader renews in the same way', async () => {
    const simulation = await Simulation.create();
    simulation.cluster.grant('a', rightsWithout('watch'));
    const a = new LeaseProcess(simulation, 'a');
    const leader = new Outcome(a.lead(untilAborted));
    await simulation.clock.advance(HOUR_MS);
    expect(leader.isPending).toBe(true);
    expect(a.requests).toBeLessThanOrEqual(1_803);
  });
});

describe('a watch that ends', () => {
  test('and cannot be opened again is made up for by polling', async () => {
    const { simulation, b } = await waiting();
    void b.lead(untilAborted);
    await simulation.clock.advance(60_000);
    const watches = { user: 'b', verb: 'watch' } as const;
    simulation.cluster.faults.add({ ...watches, error: { status: 503 } });
    simulation.cluster.faults.cutWatches(watches);
    await simulation.clock.advance(1_000);
    simulation.cluster.requests.clear();
    await simulation.clock.advance(600_000);
    expect(simulation.cluster.requests.count({ user: 'b', verb: 'get' })).toBeGreaterThan(290);
    expect(simulation.cluster.requests.count({ user: 'b', verb: 'update' })).toBe(0);
  });
});

describe('without the right to', () => {
  test.for(['get', 'create', 'update'])('%s it fails, and prints the Role', async (missing) => {
    const simulation = await Simulation.create();
    const a = new LeaseProcess(simulation, 'a');
    const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    if (missing === 'update')
      simulation.cluster.request('POST', path, { metadata: { name: 'lock' } });
    simulation.cluster.grant('a', rightsWithout(missing));
    const outcome = new Outcome(a.lead(() => expect.unreachable('it does not lead')));
    await simulation.clock.advance(1_000);
    expect(outcome.error).toMatchObject({ code: 'ERR_FORBIDDEN' });
    const { message } = outcome.error as Error;
    expect(message).toContain('Lease default/lock');
    expect(message).toContain('kind: Role\nmetadata:\n  name: lock-leader-election\n');
    expect(message).toContain('resourceNames: ["lock"]\n  verbs: ["get", "watch", "update"]');
    expect(a.remains).toEqual({ timers: 0, requests: 0 });
    expect(simulation.open).toBe(0);
  });

  test('create nothing is missed where the Lease was made in advance', async () => {
    const simulation = await Simulation.create();
    const a = new LeaseProcess(simulation, 'a');
    const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    simulation.cluster.request('POST', path, { metadata: { name: 'lock' } });
    simulation.cluster.grant('a', rightsWithout('create'));
    expect(await simulation.settled(a.lead(() => 'done'))).toBe('done');
  });

  test('update while it leads, it is lost at its deadline, and not before', async () => {
    const { simulation, leader } = await waiting();
    simulation.cluster.grant('a', rightsWithout('update'));
    await simulation.clock.advance(7_900);
    expect(leader.isPending).toBe(true);
    await simulation.clock.advance(3_000);
    expect(leader.error).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
  });
});

describe('when the API server is in trouble', () => {
  test('its Retry-After is honoured by one that waits, whatever becomes of its watch', async () => {
    const simulation = await Simulation.create();
    const a = new LeaseProcess(simulation, 'a');
    const error = { status: 429, retryAfterSeconds: 60 };
    simulation.cluster.faults.add({ user: 'a', resource: 'leases', error });
    void a.lead(untilAborted);
    await simulation.clock.advance(55_000);
    const sent = simulation.cluster.requests.filter({
      user: 'a',
      verb: ['get', 'create', 'update'],
    });
    expect(sent.map(({ verb }) => verb)).toEqual(['get']);
  });

  test('a renewal that was surely not made is repeated without a look', async () => {
    const { simulation, leader } = await waiting();
    simulation.cluster.faults.add({
      user: 'a',
      verb: 'update',
      times: 3,
      error: { status: 429, retryAfterSeconds: 1 },
    });
    simulation.cluster.requests.clear();
    await simulation.clock.advance(60_000);
    const verbs = [...simulation.cluster.requests].map(({ verb }) => verb);
    expect(new Set(verbs)).toEqual(new Set(['update']));
    expect(leader.isPending).toBe(true);
  });

  test('a leader tries again sooner than it is told if it would be too late', async () => {
    const { simulation, leader } = await waiting();
    const error = { status: 429, retryAfterSeconds: 60 };
    simulation.cluster.faults.add({ user: 'a', verb: 'update', times: 3, error });
    await simulation.clock.advance(30_000);
    expect(leader.isPending).toBe(true);
  });

  test.for([408, 429, 500, 502, 503, 504])('%i is tried again', async (status) => {
    const simulation = await Simulation.create();
    const a = new LeaseProcess(simulation, 'a');
    simulation.cluster.faults.add({ verb: 'get', times: 2, error: { status } });
    simulation.cluster.faults.add({ verb: 'create', times: 2, error: { status } });
    expect(await simulation.settled(a.lead(() => 'done'))).toBe('done');
  });

  test('an outage is waited out, and warned of once', async () => {
    const { simulation, b } = await waiting();
    const outage = simulation.cluster.faults.add({ user: 'b', reset: true });
    const follower = new Outcome(b.lead(() => 'done'));
    await simulation.clock.advance(600_000);
    expect(b.requests).toBeLessThan(600);
    outage.remove();
    await simulation.clock.advance(60_000);
    expect(follower.isPending).toBe(true);
    expect(simulation.warnings.map(({ code }) => code)).toEqual(['LEADER_FOR_LIFE_TROUBLE']);
  });
});

describe('a hundred that wait', () => {
  test('do not storm the API server when the Lease is released', async () => {
    const simulation = await Simulation.create();
    const a = new LeaseProcess(simulation, 'a');
    const release = Promise.withResolvers<undefined>();
    void a.lead(() => release.promise);
    await simulation.clock.advance(100);
    simulation.cluster.faults.add({ verb: 'update', latencyMs: [1, 3] });
    simulation.cluster.faults.add({ verb: 'watch', eventDelayMs: [1, 3] });
    const leaders: string[] = [];
    for (let number = 0; number < 100; number += 1) {
      const process = new LeaseProcess(simulation, `p${number}`);
      void process.lead((leadership) => {
        leaders.push(process.name);
        return untilAborted(leadership);
      });
    }
    await simulation.clock.advance(10_000);
    simulation.cluster.requests.clear();
    release.resolve(undefined);
    await simulation.clock.advance(1_000);
    expect(leaders).toHaveLength(1);
    expect(simulation.cluster.requests.count({ verb: 'update' })).toBeLessThan(60);
  });
});
