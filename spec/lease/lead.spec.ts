import { getEventListeners } from 'node:events';

import { describe, expect, test, vi } from 'vitest';

import { type LeaseLeadership, lead } from '../../lib/lease/lead.ts';
import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const UPDATES = { verb: 'update', resource: 'leases' } as const;

async function world(seed = 1) {
  const simulation = await Simulation.create({ seed });
  return { simulation, a: new LeaseProcess(simulation, 'a'), b: new LeaseProcess(simulation, 'b') };
}

type World = Awaited<ReturnType<typeof world>>;

function record({ simulation }: World) {
  return simulation.cluster.getLease('lock')?.spec;
}

/** `a` leads, with work that lasts until its signal aborts or, without, for ever. */
async function leading(
  options: Parameters<LeaseProcess['lead']>[1] = {},
  work: (leadership: LeaseLeadership) => unknown = untilAborted,
) {
  const created = await world();
  let leadership: LeaseLeadership | undefined;
  const given = Promise.withResolvers<LeaseLeadership>();
  const outcome = new Outcome(
    created.a.lead((begun) => {
      leadership = begun;
      given.resolve(begun);
      return work(begun);
    }, options),
  );
  await created.simulation.settled(given.promise);
  if (!leadership) throw new Error('nobody leads');
  return { ...created, leadership, outcome };
}

const nothing = { timers: 0, requests: 0 };

describe('work that returns', () => {
  test('ends the term: the Lease is released, and the value is passed on', async () => {
    const created = await world();
    const { simulation, a } = created;
    expect(await simulation.settled(a.lead(({ identity }) => `${identity} did it`))).toBe(
      'a did it',
    );
    expect(record(created)).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(a.remains).toEqual(nothing);
    expect(simulation.open).toBe(0);
  });

  test('ends the term even if cancelling would not release', async () => {
    const created = await world();
    await created.simulation.settled(created.a.lead(() => 1, { releaseOnCancel: false }));
    expect(record(created)).toMatchObject({ holderIdentity: '' });
  });

  test('lets the next one lead in a moment', async () => {
    const { simulation, leadership, a, b } = await leading({}, () => undefined);
    const next = simulation.settled(b.lead((begun) => begun.fencingToken));
    expect(BigInt(await next)).toBeGreaterThan(BigInt(leadership.fencingToken));
    expect(simulation.clock.now()).toBeLessThan(100);
    expect(a.remains).toEqual(nothing);
  });

  test('ends the signal with ERR_RELEASED', async () => {
    const { simulation, leadership, outcome } = await leading({}, () => undefined);
    await simulation.settled(outcome.promise);
    expect(leadership.signal.reason).toMatchObject({
      code: 'ERR_RELEASED',
      message: 'a has stopped leading default/lock.',
    });
    expect(leadership.remainingMs()).toBe(0);
  });
});

describe('a signal', () => {
  test('that does not abort is left as it was', async () => {
    const { signal } = new AbortController();
    const { simulation, outcome } = await leading({ signal }, () => undefined);
    await simulation.settled(outcome.promise);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('work that throws', () => {
  test.for([
    ['at once', () => Promise.reject(new Error('broken'))],
    ['synchronously', thrower(new Error('broken'))],
    ['undefined', thrower(undefined)],
  ] as const)(
    '(%s) ends the term: the Lease is released, and the error passed on',
    async ([, work]) => {
      const created = await world();
      const outcome = new Outcome(created.a.lead(work, { releaseOnCancel: false }));
      await created.simulation.clock.advance(1_000);
      expect(outcome.state).toBe('rejected');
      expect(outcome.error).toEqual(await errorOf(work));
      expect(record(created)).toMatchObject({ holderIdentity: '' });
      expect(created.a.remains).toEqual(nothing);
    },
  );
});

function thrower(error: unknown) {
  return () => {
    throw error;
  };
}

async function errorOf(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error;
  }
}

describe('a Lease that is lost', () => {
  test('aborts the signal, and rejects once the work has settled', async () => {
    const settle = Promise.withResolvers<undefined>();
    const { simulation, a, leadership, outcome } = await leading({}, () => settle.promise);
    a.line.cut();
    await simulation.clock.advance(10_000);
    expect(leadership.signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
    expect(leadership.remainingMs()).toBe(0);
    await simulation.clock.advance(5_000);
    expect(outcome.isPending).toBe(true);
    settle.resolve(undefined);
    await simulation.clock.advance(1_000);
    expect(outcome.error).toBe(leadership.signal.reason);
    expect(a.remains).toEqual(nothing);
  });

  test('waits for work no longer than the renew deadline', async () => {
    const never = new Promise(() => undefined);
    const { simulation, a, outcome } = await leading({}, () => never);
    a.line.cut();
    await simulation.clock.advance(19_000);
    expect(outcome.isPending).toBe(true);
    await simulation.clock.advance(2_000);
    expect(outcome.error).toMatchObject({
      code: 'ERR_LEADERSHIP_LOST',
      cause: { code: 'ERR_WORK_ABANDONED' },
    });
    expect(a.remains).toEqual(nothing);
  });

  test('is lost within the renew deadline of the last renewal that was sent', async () => {
    const { simulation, a, leadership } = await leading();
    await simulation.clock.advance(7_000);
    const last = simulation.cluster.requests.filter({ ...UPDATES, status: 200 }).at(-1)?.time ?? 0;
    a.line.cut();
    await simulation.clock.runUntil(() => leadership.signal.aborted);
    expect(simulation.clock.now()).toBeLessThanOrEqual(last + 10_000);
  });

  test('is not released', async () => {
    const created = await leading();
    created.a.line.cut();
    await created.simulation.clock.advance(9_990);
    created.a.line.mend();
    created.simulation.cluster.faults.add({ ...UPDATES, error: { status: 500 } });
    await created.simulation.clock.advance(5_000);
    expect(created.outcome.error).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
    expect(record(created)).toMatchObject({ holderIdentity: 'a' });
  });

  test('to another holder is noticed at once', async () => {
    const { simulation, leadership, outcome } = await leading();
    await simulation.clock.advance(5_000);
    seize(simulation, 'thief');
    await simulation.clock.advance(10);
    expect(leadership.signal.aborted).toBe(true);
    const { message } = leadership.signal.reason as Error;
    expect(message).toMatch(/default\/lock is not held any more by a: thief holds it/);
    expect(outcome.error).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
  });

  test('rejects even if the work then returns', async () => {
    const { simulation, a, outcome } = await leading({}, async ({ signal }) => {
      await untilAborted({ signal });
      return 'late';
    });
    a.line.cut();
    await simulation.clock.advance(11_000);
    expect(outcome.error).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
  });
});

/** Writes another holder into the Lease. */
function seize(simulation: Simulation, holderIdentity: string): void {
  const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock';
  simulation.cluster.request(
    'PATCH',
    path,
    { spec: { holderIdentity } },
    'application/merge-patch+json',
  );
}

describe('recampaign', () => {
  test('leads again after a loss, with a larger token', async () => {
    const created = await world();
    const { simulation, a } = created;
    const terms: LeaseLeadership[] = [];
    const work = async (leadership: LeaseLeadership) => {
      terms.push(leadership);
      await untilAborted(leadership);
    };
    const outcome = new Outcome(a.lead(work, { recampaign: true }));
    await simulation.clock.advance(1_000);
    a.line.cut();
    await simulation.clock.advance(20_000);
    a.line.mend();
    await simulation.clock.runUntil(() => terms.length === 2);
    const [first, second] = terms;
    expect(BigInt(second?.fencingToken ?? 0)).toBeGreaterThan(BigInt(first?.fencingToken ?? 0));
    expect(second?.signal.aborted).toBe(false);
    expect(outcome.isPending).toBe(true);
  });

  test('never before the old work has settled, however long that takes', async () => {
    const settle = Promise.withResolvers<undefined>();
    let terms = 0;
    const { simulation, a } = await leading({ recampaign: true }, () => {
      terms += 1;
      return settle.promise;
    });
    a.line.cut();
    await simulation.clock.advance(30_000);
    a.line.mend();
    const before = a.requests;
    await simulation.clock.advance(600_000);
    expect([terms, a.requests]).toEqual([1, before]);
    settle.resolve(undefined);
    await simulation.clock.runUntil(() => terms === 2);
  });

  test('can be aborted while old work goes on', async () => {
    const stop = new AbortController();
    const options = { recampaign: true, signal: stop.signal };
    const { simulation, a, outcome } = await leading(options, () => new Promise(() => undefined));
    a.line.cut();
    await simulation.clock.advance(60_000);
    expect(outcome.isPending).toBe(true);
    stop.abort(new Error('enough'));
    await simulation.clock.advance(10);
    expect(outcome.error).toMatchObject({ code: 'ERR_WORK_ABANDONED' });
    expect(a.remains).toEqual(nothing);
    expect(simulation.open).toBe(0);
  });

  test('goes on over any number of losses, until work returns', async () => {
    const { simulation, a } = await world();
    let terms = 0;
    const work = async (leadership: LeaseLeadership) => {
      terms += 1;
      if (terms === 4) return 'done';
      await untilAborted(leadership);
      return 'lost';
    };
    const outcome = new Outcome(a.lead(work, { recampaign: true }));
    for (let count = 1; count < 4; count += 1) {
      await simulation.clock.runUntil(() => terms === count);
      seize(simulation, 'thief');
    }
    await simulation.settled(outcome.promise);
    expect(outcome.value).toBe('done');
    expect(a.remains).toEqual(nothing);
  });
});

describe('an abort', () => {
  test('before anything rejects without a request', async () => {
    const { simulation, a } = await world();
    const reason = new Error('no');
    const outcome = new Outcome(a.lead(() => 1, { signal: AbortSignal.abort(reason) }));
    await simulation.clock.advance(1_000);
    expect(outcome.error).toBe(reason);
    expect(a.requests).toBe(0);
  });

  test('before anything begins no work, even where nothing is elected', async () => {
    const { simulation, a } = await world();
    const work = vi.fn();
    const options = { signal: AbortSignal.abort(new Error('no')), enabled: false };
    const outcome = new Outcome(a.lead(work, options));
    await simulation.clock.settle();
    expect(outcome.error).toBe(options.signal.reason);
    expect(work).not.toHaveBeenCalled();
  });

  test('while it waits rejects at once, and leaves nothing behind', async () => {
    const { simulation, b } = await leading();
    const stop = new AbortController();
    const work = vi.fn();
    const outcome = new Outcome(b.lead(work, { signal: stop.signal }));
    await simulation.clock.advance(60_000);
    const before = simulation.clock.now();
    stop.abort(new Error('enough'));
    await simulation.clock.settle();
    expect(outcome.error).toBe(stop.signal.reason);
    expect(work).not.toHaveBeenCalled();
    expect(simulation.clock.now()).toBe(before);
    expect(b.remains).toEqual(nothing);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('while the first read hangs rejects at once', async () => {
    const { simulation, a } = await world();
    simulation.cluster.faults.add({ user: 'a', hang: true });
    const stop = new AbortController();
    const outcome = new Outcome(a.lead(() => 1, { signal: stop.signal }));
    await simulation.clock.advance(1_000);
    stop.abort(new Error('enough'));
    await simulation.clock.settle();
    expect(outcome.error).toBe(stop.signal.reason);
    expect(a.remains).toEqual(nothing);
  });

  test('while the Lease is being acquired gives it back', async () => {
    const created = await world();
    const { simulation, a } = created;
    simulation.cluster.faults.add({ verb: 'create', resource: 'leases', latencyMs: 1_000 });
    const stop = new AbortController();
    const work = vi.fn();
    const outcome = new Outcome(a.lead(work, { signal: stop.signal, releaseOnCancel: false }));
    await simulation.clock.advance(500);
    stop.abort(new Error('enough'));
    await simulation.clock.advance(2_000);
    expect(outcome.error).toBe(stop.signal.reason);
    expect(work).not.toHaveBeenCalled();
    expect(record(created)).toMatchObject({ holderIdentity: '' });
    expect(a.remains).toEqual(nothing);
  });

  test('while the work goes on: its signal aborts, and the Lease is renewed until it has settled', async () => {
    const stop = new AbortController();
    const settle = Promise.withResolvers<string>();
    const created = await leading({ signal: stop.signal }, () => settle.promise);
    const { simulation, a, leadership, outcome } = created;
    await simulation.clock.advance(60_000);
    const reason = new Error('enough');
    stop.abort(reason);
    await simulation.clock.settle();
    expect(leadership.signal.reason).toBe(reason);
    const before = simulation.cluster.requests.count(UPDATES);
    await simulation.clock.advance(9_000);
    expect(simulation.cluster.requests.count(UPDATES) - before).toBeGreaterThanOrEqual(4);
    expect(leadership.remainingMs()).toBeGreaterThan(0);
    expect(record(created)).toMatchObject({ holderIdentity: 'a' });
    settle.resolve('late');
    await simulation.clock.advance(100);
    expect(outcome.error).toBe(reason);
    expect(record(created)).toMatchObject({ holderIdentity: '' });
    expect(a.remains).toEqual(nothing);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('waits for work no longer than the renew deadline; then the Lease is left to expire', async () => {
    const stop = new AbortController();
    const never = new Promise(() => undefined);
    const created = await leading({ signal: stop.signal }, () => never);
    const { simulation, a, outcome } = created;
    stop.abort(new Error('enough'));
    await simulation.clock.advance(9_900);
    expect(outcome.isPending).toBe(true);
    await simulation.clock.advance(200);
    expect(outcome.error).toMatchObject({
      code: 'ERR_WORK_ABANDONED',
      cause: stop.signal.reason as unknown,
    });
    expect(record(created)).toMatchObject({ holderIdentity: 'a' });
    const before = a.requests;
    await simulation.clock.advance(60_000);
    expect(a.requests).toBe(before);
    expect(a.remains).toEqual(nothing);
  });

  test('releases nothing without releaseOnCancel', async () => {
    const stop = new AbortController();
    const created = await leading({ signal: stop.signal, releaseOnCancel: false });
    stop.abort(new Error('enough'));
    await created.simulation.clock.advance(100);
    expect(created.outcome.error).toBe(stop.signal.reason);
    expect(record(created)).toMatchObject({ holderIdentity: 'a' });
  });

  test('and a loss before the work has settled: rejects with the reason, and releases nothing', async () => {
    const stop = new AbortController();
    const settle = Promise.withResolvers<undefined>();
    const created = await leading({ signal: stop.signal }, () => settle.promise);
    stop.abort(new Error('enough'));
    await created.simulation.clock.advance(100);
    seize(created.simulation, 'thief');
    await created.simulation.clock.advance(100);
    settle.resolve(undefined);
    await created.simulation.clock.advance(100);
    expect(created.outcome.error).toBe(stop.signal.reason);
    expect(record(created)).toMatchObject({ holderIdentity: 'thief' });
  });

  test('of a release that cannot be written ends after the renew deadline', async () => {
    const settle = Promise.withResolvers<string>();
    const { simulation, a, outcome } = await leading({}, () => settle.promise);
    a.line.cut();
    settle.resolve('value');
    await simulation.settled(outcome.promise);
    expect(outcome.value).toBe('value');
    expect(simulation.clock.now()).toBeLessThanOrEqual(10_100);
    expect(a.remains).toEqual(nothing);
    expect(simulation.open).toBe(0);
  });
});

describe('outside a cluster, or not enabled', () => {
  test.for([
    ['outside a cluster', { kubeConfig: undefined, namespace: undefined }, ''],
    ['not enabled', { enabled: false }, 'default'],
  ] as const)(
    '(%s) the work runs at once, and no Lease is touched',
    async ([, options, namespace]) => {
      const { simulation, a, b } = await world();
      const seen: LeaseLeadership[] = [];
      const stop = new AbortController();
      const work = (leadership: LeaseLeadership) => {
        seen.push(leadership);
        return untilAborted(leadership);
      };
      const outcomes = [a, b].map(
        (process) => new Outcome(process.lead(work, { ...options, signal: stop.signal })),
      );
      // Whether this is a Pod is looked up in the file system.
      await vi.waitFor(() => {
        expect(seen).toHaveLength(2);
      });
      expect(seen[0]).toMatchObject({
        identity: 'a',
        leaseName: 'lock',
        fencingToken: '0',
        skipped: true,
        namespace,
      });
      expect(seen[0]?.remainingMs()).toBe(Number.POSITIVE_INFINITY);
      stop.abort(new Error('enough'));
      await simulation.clock.settle();
      expect(outcomes.map(({ error }) => error)).toEqual([stop.signal.reason, stop.signal.reason]);
      expect(simulation.cluster.requests.length).toBe(0);
      expect([a.remains, b.remains]).toEqual([nothing, nothing]);
    },
  );
});

describe('lead', () => {
  test('runs in the platform of the process', async () => {
    const work = ({ skipped }: LeaseLeadership) => `skipped: ${skipped}`;
    await expect(lead('lock', work, { enabled: false })).resolves.toBe('skipped: true');
  });

  test.for([
    ['leaseName', 'Not a name', () => undefined],
    ['work', 'lock', 'work'],
  ] as const)('refuses a bad %s, and names it', async ([what, name, work]) => {
    const { a, simulation } = await world();
    const wrong = a.lead(work as () => unknown, {}, name);
    await expect(wrong).rejects.toThrow(TypeError);
    await expect(wrong).rejects.toThrow(new RegExp(`^${what} must be a `));
    expect(simulation.cluster.requests.length).toBe(0);
  });
});

describe('leadership', () => {
  test('says who leads what, with which token', async () => {
    const created = await leading({ namespace: 'default', labels: { team: 'blue' } });
    const lease = created.simulation.cluster.getLease('lock');
    expect(created.leadership).toMatchObject({
      identity: 'a',
      leaseName: 'lock',
      namespace: 'default',
      fencingToken: lease?.metadata.resourceVersion,
      skipped: false,
    });
    expect(lease?.metadata.labels).toEqual({ team: 'blue' });
  });

  test('says for how long it is proven, from before the renewal was sent', async () => {
    const { simulation, leadership } = await leading();
    expect(leadership.remainingMs()).toBe(10_000);
    await simulation.clock.advance(1_500);
    expect(leadership.remainingMs()).toBe(8_500);
    simulation.cluster.faults.add({ ...UPDATES, times: 1, latencyMs: 1_000 });
    await simulation.clock.runUntil(() => leadership.remainingMs() > 8_500);
    expect(leadership.remainingMs()).toBe(9_000);
  });

  test('of a process without a name of its own is that of its Pod, or host, and unique', async () => {
    const { simulation, a } = await world();
    const identities = await Promise.all(
      ['one', 'two'].map((name) =>
        simulation.settled(a.lead(({ identity }) => identity, { identity: undefined }, name)),
      ),
    );
    expect(new Set(identities).size).toBe(2);
    for (const identity of identities) expect(identity).toMatch(/^[^_]+_[-0-9a-f]{36}$/);
  });
});

describe('a candidate', () => {
  test('takes over a leader that has crashed as soon as its Lease has expired', async () => {
    const { simulation, a, b } = await leading();
    const next = b.lead(untilAborted);
    next.catch(() => undefined);
    await simulation.clock.advance(60_000);
    const last = simulation.cluster.requests.filter(UPDATES).at(-1)?.time ?? 0;
    a.kill();
    await simulation.clock.runUntil(
      () => simulation.cluster.getLease('lock')?.spec?.holderIdentity === 'b',
    );
    const tookMs = simulation.clock.now() - last;
    expect(tookMs).toBeGreaterThanOrEqual(15_000);
    expect(tookMs).toBeLessThanOrEqual(15_100);
  });

  test('waits out the Lease of a leader that it has just met, by its own clock', async () => {
    const { simulation, a } = await leading();
    await simulation.clock.advance(60_000);
    a.kill();
    await simulation.clock.advance(10_000);
    const c = new LeaseProcess(simulation, 'c', { wallOffsetMs: 3_600_000 });
    const before = simulation.clock.now();
    await simulation.settled(c.lead(() => undefined));
    expect(simulation.clock.now() - before).toBeGreaterThanOrEqual(15_000);
  });

  test('of the holder’s name leads at once', async () => {
    const { simulation, a } = await leading();
    a.kill();
    const restarted = new LeaseProcess(simulation, 'a');
    const before = simulation.clock.now();
    await simulation.settled(restarted.lead(() => undefined));
    expect(simulation.clock.now() - before).toBeLessThan(100);
  });
});
