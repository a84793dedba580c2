import { getEventListeners } from 'node:events';

import { describe, expect, test, vi } from 'vitest';

import type { ElectionEvent } from '../../lib/events/event.ts';
import { type LeaseLeadership, lead } from '../../lib/lease/lead.ts';
import { endless, enough, leading, nothing, UPDATES, world } from './scene.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

describe('work that ends', () => {
  test.for([true, false])(
    'releases the Lease and passes its value on (releaseOnCancel: %s)',
    async (releaseOnCancel) => {
      const { simulation, a, spec } = await world();
      const work = ({ identity }: LeaseLeadership) => `${identity} did it`;
      expect(await simulation.settled(a.lead(work, { releaseOnCancel }))).toBe('a did it');
      expect(spec()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
      expect(a.remains).toEqual(nothing);
      expect(simulation.open).toBe(0);
    },
  );

  test('ends its signal with ERR_RELEASED, and leaves that of the caller as it was', async () => {
    const { simulation, leadership, outcome, stop } = await leading({}, () => undefined);
    await simulation.settled(outcome.promise);
    expect(leadership.signal.reason).toMatchObject({
      code: 'ERR_RELEASED',
      message: 'a has stopped leading default/lock.',
    });
    expect(leadership.remainingMs()).toBe(0);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('LEASE-3: lets the next one lead in a moment, with a larger fencing token', async () => {
    const { simulation, clock, leadership, b } = await leading({}, () => undefined);
    const next = await simulation.settled(b.lead(({ fencingToken }) => fencingToken));
    expect(BigInt(next)).toBeGreaterThan(BigInt(leadership.fencingToken));
    expect(clock.now()).toBeLessThan(100);
  });

  test.for<[string, () => unknown, unknown]>([
    ['rejects', () => Promise.reject(enough), enough],
    ['throws', thrower(enough), enough],
    ['throws undefined', thrower(undefined), undefined],
  ])('and %s releases the Lease, and the error is passed on', async ([, work, error]) => {
    const { clock, a, holder } = await world();
    const outcome = new Outcome(a.lead(work, { releaseOnCancel: false }));
    await clock.advance(1_000);
    expect(outcome).toMatchObject({ state: 'rejected', error });
    expect(holder()).toBe('');
    expect(a.remains).toEqual(nothing);
  });

  test('resolves after the renew deadline if the release cannot be written', async () => {
    const settle = Promise.withResolvers<string>();
    const { simulation, clock, a, outcome } = await leading({}, () => settle.promise);
    a.line.cut();
    settle.resolve('value');
    expect(await simulation.settled(outcome.promise)).toBe('value');
    expect(clock.now()).toBeLessThanOrEqual(10_100);
    expect(a.remains).toEqual(nothing);
    expect(simulation.open).toBe(0);
  });

  test('does not wipe the holder who has taken the Lease unseen', async () => {
    const settle = Promise.withResolvers<undefined>();
    const { simulation, faults, patch, spec, outcome } = await leading({}, () => settle.promise);
    faults.add({ user: 'a', verb: 'watch', freeze: true });
    patch({ holderIdentity: 'thief', leaseTransitions: 1 });
    settle.resolve(undefined);
    await simulation.settled(outcome.promise);
    expect(spec()).toMatchObject({ holderIdentity: 'thief', leaseTransitions: 1 });
  });
});

function thrower(error: unknown) {
  return () => {
    throw error;
  };
}

describe('recampaign', () => {
  test('LEASE-3: leads again after each loss, with a larger token, until work returns', async () => {
    const { simulation, clock, a, patch } = await world();
    const tokens: bigint[] = [];
    const work = async (leadership: LeaseLeadership) => {
      tokens.push(BigInt(leadership.fencingToken));
      expect(leadership.signal.aborted).toBe(false);
      if (tokens.length < 4) await untilAborted(leadership);
      return 'done';
    };
    const outcome = new Outcome(a.lead(work, { recampaign: true }));
    for (let count = 1; count < 4; count += 1) {
      await clock.runUntil(() => tokens.length === count);
      patch({ holderIdentity: 'thief' });
    }
    expect(await simulation.settled(outcome.promise)).toBe('done');
    expect(tokens).toEqual(tokens.toSorted((one, other) => (one < other ? -1 : 1)));
    expect(new Set(tokens).size).toBe(4);
    expect(a.remains).toEqual(nothing);
  });

  test('begins no term before the old work has settled, however long that takes', async () => {
    const settle = Promise.withResolvers<undefined>();
    const work = vi.fn(() => settle.promise);
    const { clock, a } = await leading({ recampaign: true }, work);
    a.line.cut();
    await clock.advance(30_000);
    a.line.mend();
    const before = a.requests;
    await clock.advance(600_000);
    expect(work).toHaveBeenCalledOnce();
    expect(a.requests).toBe(before);
    settle.resolve(undefined);
    await clock.runUntil(() => work.mock.calls.length === 2);
  });

  test('can be aborted while old work goes on', async () => {
    const { simulation, clock, a, outcome, stop } = await leading({ recampaign: true }, endless);
    a.line.cut();
    await clock.advance(60_000);
    expect(outcome.isPending).toBe(true);
    stop.abort(enough);
    await clock.advance(10);
    expect(outcome.error).toMatchObject({ code: 'ERR_WORK_ABANDONED' });
    expect(a.remains).toEqual(nothing);
    expect(simulation.open).toBe(0);
  });
});

describe('an abort', () => {
  test.for([true, false])('before anything sends no request (enabled: %s)', async (enabled) => {
    const { clock, a } = await world();
    const work = vi.fn();
    const outcome = new Outcome(a.lead(work, { signal: AbortSignal.abort(enough), enabled }));
    await clock.advance(1_000);
    expect(outcome.error).toBe(enough);
    expect(work).not.toHaveBeenCalled();
    expect(a.requests).toBe(0);
  });

  test('while it finds out where it is begins no work, without an election, too', async () => {
    const { clock, a } = await world();
    const stop = new AbortController();
    const work = vi.fn();
    const outcome = new Outcome(a.lead(work, { signal: stop.signal, enabled: false }));
    stop.abort(enough);
    await clock.settle();
    expect(outcome.error).toBe(enough);
    expect(work).not.toHaveBeenCalled();
  });

  test.for(['leading', 'skipped'])(
    'by a listener, when it hears of %s, begins no work',
    async (type) => {
      const { clock, a, holder } = await world();
      const stop = new AbortController();
      const work = vi.fn();
      const onEvent = (event: ElectionEvent) => {
        if (event.type === type) stop.abort(enough);
      };
      const options = { signal: stop.signal, onEvent, enabled: type === 'leading' };
      const outcome = new Outcome(a.lead(work, options));
      await clock.advance(1_000);
      expect(outcome.error).toBe(enough);
      expect(work).not.toHaveBeenCalled();
      expect(holder()).toBe(type === 'leading' ? '' : undefined);
    },
  );

  test('while it waits rejects at once, and leaves nothing behind', async () => {
    const { clock, b } = await leading();
    const stop = new AbortController();
    const work = vi.fn();
    const outcome = new Outcome(b.lead(work, { signal: stop.signal }));
    await clock.advance(60_000);
    const before = clock.now();
    stop.abort(enough);
    await clock.settle();
    expect(outcome.error).toBe(enough);
    expect(work).not.toHaveBeenCalled();
    expect(clock.now()).toBe(before);
    expect(b.remains).toEqual(nothing);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('while the first read hangs rejects at once', async () => {
    const { clock, a, faults } = await world();
    faults.add({ user: 'a', hang: true });
    const stop = new AbortController();
    const outcome = new Outcome(a.lead(() => 1, { signal: stop.signal }));
    await clock.advance(1_000);
    stop.abort(enough);
    await clock.settle();
    expect(outcome.error).toBe(enough);
    expect(a.remains).toEqual(nothing);
  });

  test.for(['get', 'create', 'update'] as const)(
    'while a %s is under way begins no work, and gives the Lease back',
    async (verb) => {
      const { simulation, clock, a, faults, store, holder } = await world();
      if (verb === 'update') store();
      const slow = faults.add({ verb, resource: 'leases', times: 1, latencyMs: 1_000 });
      const stop = new AbortController();
      const work = vi.fn();
      const options = { signal: stop.signal, releaseOnCancel: false };
      const outcome = new Outcome(a.lead(work, options));
      await clock.runUntil(() => slow.hits === 1);
      await clock.advance(700);
      stop.abort(enough);
      await expect(simulation.settled(outcome.promise)).rejects.toBe(enough);
      expect(work).not.toHaveBeenCalled();
      expect(holder() ?? '').toBe('');
      expect(a.remains).toEqual(nothing);
    },
  );

  test('LEASE-1: aborts the signal of the work, and renews the Lease until that has settled', async () => {
    const settle = Promise.withResolvers<string>();
    const scene = await leading({}, () => settle.promise);
    const { clock, a, leadership, outcome, stop, updates, holder } = scene;
    await clock.advance(60_000);
    stop.abort(enough);
    await clock.settle();
    expect(leadership.signal.reason).toBe(enough);
    const before = updates();
    await clock.advance(9_000);
    expect(updates() - before).toBeGreaterThanOrEqual(4);
    expect(leadership.remainingMs()).toBeGreaterThan(0);
    expect(holder()).toBe('a');
    settle.resolve('late');
    await clock.advance(100);
    expect(outcome.error).toBe(enough);
    expect(holder()).toBe('');
    expect(a.remains).toEqual(nothing);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('releases nothing without releaseOnCancel', async () => {
    const { clock, outcome, stop, holder } = await leading({ releaseOnCancel: false });
    stop.abort(enough);
    await clock.advance(100);
    expect(outcome.error).toBe(enough);
    expect(holder()).toBe('a');
  });

  test('rejects with its reason if the Lease is then lost, and releases nothing', async () => {
    const settle = Promise.withResolvers<undefined>();
    const { clock, outcome, stop, holder, patch } = await leading({}, () => settle.promise);
    stop.abort(enough);
    await clock.advance(100);
    patch({ holderIdentity: 'thief' });
    await clock.advance(100);
    settle.resolve(undefined);
    await clock.advance(100);
    expect(outcome.error).toBe(enough);
    expect(holder()).toBe('thief');
  });

  test.for(['a create without an answer', 'a create that the network repeats after a quota'])(
    'releases the Lease that %s has made its own',
    async (how) => {
      const { simulation, clock, cluster, faults, a, holder } = await world();
      const creates = { verb: 'create', resource: 'leases' } as const;
      const isRepeated = how.includes('repeats');
      if (isRepeated) {
        cluster.setQuota({ 'count/leases.coordination.k8s.io': 0 });
        a.line.mishap = ({ method }) => (method === 'POST' ? { againMs: 20 } : {});
      } else faults.add({ ...creates, hang: true, when: 'after' });
      const stop = new AbortController();
      const work = () => expect.unreachable('nobody was told that it leads');
      const outcome = new Outcome(a.lead(work, { signal: stop.signal }));
      if (isRepeated) {
        await clock.runUntil(() => cluster.requests.count({ ...creates, status: 403 }) > 0);
        cluster.setQuota({});
      }
      await clock.runUntil(() => holder() === 'a');
      stop.abort(enough);
      await expect(simulation.settled(outcome.promise)).rejects.toBe(enough);
      expect(holder()).toBe('');
    },
  );
});

describe('lead', () => {
  test.for([
    ['outside a cluster', { kubeConfig: undefined, namespace: undefined }, ''],
    ['not enabled', { enabled: false }, 'default'],
  ] as const)('%s runs the work at once, and touches no Lease', async ([, options, namespace]) => {
    const { clock, cluster, a, b } = await world();
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
    const common = { leaseName: 'lock', fencingToken: '0', skipped: true, namespace };
    const leadership = seen.find(({ identity }) => identity === 'a');
    expect(leadership).toMatchObject(common);
    expect(leadership?.remainingMs()).toBe(Infinity);
    stop.abort(enough);
    await clock.settle();
    expect(outcomes.map(({ error }) => error)).toEqual([enough, enough]);
    expect(cluster.requests.length).toBe(0);
    expect([a.remains, b.remains]).toEqual([nothing, nothing]);
  });

  test('runs in the platform of the process', async () => {
    const work = ({ skipped }: LeaseLeadership) => `skipped: ${skipped}`;
    await expect(lead('lock', work, { enabled: false })).resolves.toBe('skipped: true');
  });

  test.for([
    ['leaseName', 'Not a name', () => undefined],
    ['work', 'lock', 'work'],
  ] as const)('refuses a bad %s, and names it', async ([what, name, work]) => {
    const { a, cluster } = await world();
    const wrong = a.lead(work as () => unknown, {}, name);
    await expect(wrong).rejects.toThrow(TypeError);
    await expect(wrong).rejects.toThrow(new RegExp(`^${what} must be a `));
    expect(cluster.requests.length).toBe(0);
  });
});

describe('leadership', () => {
  test('says who leads what, with which token', async () => {
    const { cluster, leadership } = await leading({ labels: { team: 'blue' } });
    const lease = cluster.getLease('lock');
    expect(leadership).toMatchObject({
      ...{ identity: 'a', leaseName: 'lock', namespace: 'default', skipped: false },
      fencingToken: lease?.metadata.resourceVersion,
    });
    expect(lease?.metadata.labels).toEqual({ team: 'blue' });
    expect(String(lease?.spec?.renewTime)).toMatch(/^2026-01-01T00:00:00\.\d{6}Z$/);
  });

  test('LEASE-1: says for how long it is proven, from before the renewal was sent', async () => {
    const { clock, faults, leadership } = await leading();
    expect(leadership.remainingMs()).toBe(10_000);
    await clock.advance(1_500);
    expect(leadership.remainingMs()).toBe(8_500);
    faults.add({ ...UPDATES, times: 1, latencyMs: 1_000 });
    await clock.runUntil(() => leadership.remainingMs() > 8_500);
    expect(leadership.remainingMs()).toBe(9_000);
  });

  test('has a unique identity that begins with the Pod or the host, if none is given', async () => {
    const { simulation, a } = await world();
    const work = ({ identity }: LeaseLeadership) => identity;
    const leads = ['one', 'two'].map((name) => a.lead(work, { identity: undefined }, name));
    const identities = await simulation.settled(Promise.all(leads));
    expect(new Set(identities).size).toBe(2);
    for (const identity of identities) expect(identity).toMatch(/^[^_]+_[-0-9a-f]{36}$/);
  });
});

describe('LEASE-2: a candidate', () => {
  test('takes over from a leader that has crashed as soon as its Lease has expired', async () => {
    const { clock, cluster, a, b, holder } = await leading();
    void b.lead(untilAborted);
    await clock.advance(60_000);
    const last = cluster.requests.filter(UPDATES).at(-1)?.time ?? 0;
    a.kill();
    await clock.runUntil(() => holder() === 'b');
    expect(clock.now() - last).toBeGreaterThanOrEqual(15_000);
    expect(clock.now() - last).toBeLessThanOrEqual(15_100);
  });

  test.for([
    ['waits out the Lease that it has just met, by its own clock', 'c', 15_000, 16_000],
    ['leads at once in the name of the holder', 'a', 0, 100],
  ] as const)('%s', async ([, name, leastMs, mostMs]) => {
    const { simulation, clock, a } = await leading();
    await clock.advance(60_000);
    a.kill();
    const before = clock.now();
    const process = new LeaseProcess(simulation, name, { wallOffsetMs: 3_600_000 });
    await simulation.settled(process.lead(() => undefined));
    expect(clock.now() - before).toBeGreaterThanOrEqual(leastMs);
    expect(clock.now() - before).toBeLessThanOrEqual(mostMs);
  });
});
