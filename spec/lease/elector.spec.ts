import { getEventListeners } from 'node:events';

import { describe, expect, test, vi } from 'vitest';

import type { LeaderElectionConfig } from '../../lib/lease/config.ts';
import { LeaderElector, runOrDie } from '../../lib/lease/elector.ts';
import { LeaderHealthzAdaptor } from '../../lib/lease/healthz.ts';
import type { ResourceLock } from '../../lib/lease/resource-lock.ts';
import type { LockVersion } from '../../lib/protocol/lease/record.ts';
import type { ElectionEvent } from '../../lib/events/event.ts';
import { ABANDONED, electing, endless, enough, journal, nothing, UPDATES, world } from './scene.ts';
import { Outcome, untilAborted } from './simulation.ts';

const WHOLE_TERM = ['leader a', 'started', 'aborted', 'settled', 'stopped'];

function thrower(error: unknown = enough) {
  return () => {
    throw error;
  };
}

describe('run', () => {
  test('with an aborted signal resolves without a request', async () => {
    const { simulation, a } = await world();
    await simulation.settled(a.elector().run(AbortSignal.abort()));
    expect(a.requests).toBe(0);
  });

  test('resolves at once if the signal aborts while it waits, and calls no onStoppedLeading', async () => {
    const { clock, b } = await electing();
    const { entries, callbacks } = journal();
    const stop = new AbortController();
    const outcome = new Outcome(b.elector({ callbacks, releaseOnCancel: true }).run(stop.signal));
    await clock.advance(60_000);
    stop.abort();
    await clock.settle();
    expect(outcome.state).toBe('resolved');
    expect(entries).toEqual(['leader a']);
    expect(b.remains).toEqual(nothing);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('leads on when the work returns', async () => {
    const { clock, elector, outcome } = await electing({}, { onStartedLeading: () => undefined });
    await clock.advance(3_600_000);
    expect([elector.isLeader(), outcome.state]).toEqual([true, 'pending']);
  });

  test.for([
    ['throws', enough],
    ['throws undefined', undefined],
  ] as const)('rejects when the work %s, once the Lease is released', async ([, error]) => {
    const { clock, a, holder } = await world();
    const { entries, callbacks } = journal({ onStartedLeading: () => Promise.reject(error) });
    const outcome = new Outcome(a.elector({ callbacks }).run());
    await clock.advance(1_000);
    expect(outcome).toMatchObject({ state: 'rejected', error });
    expect(entries).toEqual(['leader a', 'stopped']);
    expect(holder()).toBe('');
    expect(a.remains).toEqual(nothing);
  });

  test('rejects with what onStoppedLeading throws', async () => {
    const { clock, a, stop, outcome } = await electing({}, { onStoppedLeading: thrower() });
    stop.abort();
    await clock.advance(1_000);
    expect(outcome.error).toBe(enough);
    expect(a.remains).toEqual(nothing);
  });

  test('refuses what is no signal, and names it', async () => {
    const { a } = await world();
    await expect(a.elector().run({} as AbortSignal)).rejects.toThrow(/^signal must be/);
  });

  test('is refused while it runs', async () => {
    const { elector } = await electing();
    await expect(elector.run()).rejects.toMatchObject({
      code: 'ERR_ALREADY_RUNNING',
      message: expect.stringContaining('a is already running for default/lock'),
    });
    expect(elector.isLeader()).toBe(true);
  });

  test('may be called again when it has ended', async () => {
    const { simulation, clock, elector, stop, outcome, entries } = await electing();
    stop.abort();
    await simulation.settled(outcome.promise);
    const again = new AbortController();
    const second = new Outcome(elector.run(again.signal));
    await clock.runUntil(() => elector.isLeader());
    again.abort();
    await simulation.settled(second.promise);
    expect(entries).toEqual([...WHOLE_TERM, ...WHOLE_TERM.slice(1)]);
  });

  test('may be called again when it was refused', async () => {
    const { clock, cluster, a } = await world();
    cluster.grant('a', []);
    const elector = a.elector();
    const refused = new Outcome(elector.run());
    await clock.advance(1_000);
    expect(refused.error).toMatchObject({ code: 'ERR_FORBIDDEN' });
    expect(a.remains).toEqual(nothing);
    cluster.grant('a', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]);
    void elector.run();
    await clock.runUntil(() => elector.isLeader());
  });

  test('leads at once if it is not enabled, and touches no Lease', async () => {
    const scene = await electing({ enabled: false });
    const { simulation, entries, a, elector, stop, outcome } = scene;
    expect([elector.getLeader(), a.requests]).toEqual(['a', 0]);
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(entries).toEqual(WHOLE_TERM);
    expect([elector.isLeader(), a.requests]).toEqual([false, 0]);
    expect(a.remains).toEqual(nothing);
  });
});

describe('the end of a term', () => {
  test('comes before another leader is told of', async () => {
    const told: unknown[] = [];
    const onNewLeader = (identity: string) => {
      if (identity === 'c') told.push(scene.elector.isLeader());
    };
    const onEvent = (event: ElectionEvent) => {
      if (event.type === 'lost') told.push(event.error.message);
    };
    const scene = await electing({ onEvent }, { onNewLeader });
    scene.patch({ holderIdentity: 'c' });
    await scene.clock.advance(100);
    expect(told).toEqual([false, expect.stringContaining('c holds it')]);
  });

  test('aborts the signal, waits for the work, calls onStoppedLeading, then releases', async () => {
    const onStoppedLeading = async () => {
      entries.push('stopping');
      await scene.sleep(3_000);
      entries.push(`stopped, ${holder() ?? ''} holds it`);
    };
    const scene = await electing({ releaseOnCancel: true }, { onStoppedLeading });
    const { simulation, stop, outcome, holder, entries } = scene;
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(entries).toEqual([...WHOLE_TERM.slice(0, 4), 'stopping', 'stopped, a holds it']);
    expect(holder()).toBe('');
  });

  test('LEASE-1: renews the Lease as long as the work and onStoppedLeading take', async () => {
    const nineSeconds = () => scene.sleep(9_000);
    const scene = await electing(
      { releaseOnCancel: true },
      {
        onStartedLeading: (signal) => untilAborted({ signal }).then(nineSeconds),
        onStoppedLeading: nineSeconds,
      },
    );
    const { clock, b, stop, holder } = scene;
    const rival = b.elector();
    void rival.run();
    await clock.advance(60_000);
    stop.abort();
    await clock.advance(17_000);
    expect([holder(), rival.isLeader()]).toEqual(['a', false]);
    await clock.advance(2_000);
    expect(rival.isLeader()).toBe(true);
  });

  test('releases nothing without releaseOnCancel', async () => {
    const { simulation, elector, stop, outcome, holder } = await electing();
    stop.abort();
    await simulation.settled(outcome.promise);
    expect([holder(), elector.isLeader()]).toEqual(['a', false]);
  });

  test.for(['cancelled', 'cut off', 'taken', 'cut off, then cancelled', 'cancelled, then taken'])(
    'calls back once, in order, and leaves nothing behind: %s',
    async (how) => {
      const { simulation, clock, a, patch, stop, outcome, entries } = await electing();
      for (const what of how.split(', then ')) {
        if (what === 'cancelled') stop.abort();
        else if (what === 'taken') patch({ holderIdentity: 'thief' });
        else a.line.cut();
        if (what === 'cut off') await clock.advance(10_000);
      }
      await simulation.settled(outcome.promise);
      expect(entries.filter((entry) => entry !== 'leader thief')).toEqual(WHOLE_TERM);
      expect(a.remains).toEqual(nothing);
      expect(simulation.open).toBe(0);
    },
  );

  test.for([
    ['work', { onStartedLeading: endless }, ['leader a', 'stopped']],
    ['an onStoppedLeading', { onStoppedLeading: endless }, WHOLE_TERM.slice(0, 4)],
  ] as const)(
    'releases nothing after %s that never settles, and does not lead',
    async ([, overrides, expected]) => {
      const scene = await electing({ releaseOnCancel: true }, overrides);
      const { clock, a, elector, stop, outcome, entries, holder } = scene;
      stop.abort();
      await clock.advance(9_900);
      expect(outcome.isPending).toBe(true);
      await clock.advance(200);
      expect(outcome.error).toMatchObject(ABANDONED);
      expect(entries).toEqual(expected);
      expect([holder(), elector.isLeader()]).toEqual(['a', false]);
      expect(a.remains).toEqual(nothing);
    },
  );

  test('with work that ends later takes nothing from the term after it', async () => {
    const end = Promise.withResolvers<undefined>();
    const works = [() => end.promise];
    const onStartedLeading = (signal: AbortSignal) => works.pop()?.() ?? untilAborted({ signal });
    const { simulation, clock, a, elector, outcome } = await electing({}, { onStartedLeading });
    a.line.cut();
    await expect(simulation.settled(outcome.promise)).rejects.toMatchObject(ABANDONED);
    a.line.mend();
    void elector.run();
    await clock.runUntil(() => elector.isLeader());
    end.resolve(undefined);
    await clock.settle();
    expect(elector.isLeader()).toBe(true);
  });
});

describe('what an elector says of itself', () => {
  test('LEASE-1: isLeader is false before, after, and as soon as nothing is proven', async () => {
    const { simulation, clock, cluster, a, b, elector, stop, outcome } = await electing();
    expect(b.elector().isLeader()).toBe(false);
    await clock.advance(60_000);
    expect(elector.isLeader()).toBe(true);
    const last = cluster.requests.filter(UPDATES).at(-1)?.time ?? 0;
    a.line.cut();
    a.stop(); // No timer of its own has a part in it.
    await clock.advance(last + 9_999 - clock.now());
    expect(elector.isLeader()).toBe(true);
    await clock.advance(1);
    expect(elector.isLeader()).toBe(false);
    stop.abort();
    await a.continue();
    await simulation.settled(outcome.promise);
    expect(elector.isLeader()).toBe(false);
  });

  test('getLeader is empty until one was seen, and after a release was', async () => {
    const { clock, b, stop } = await electing({ releaseOnCancel: true });
    const { entries, callbacks } = journal();
    const watcher = b.elector({ callbacks });
    expect(watcher.getLeader()).toBe('');
    void watcher.run();
    await clock.runUntil(() => watcher.getLeader() === 'a');
    b.stop();
    stop.abort();
    await clock.advance(100);
    await b.continue();
    await clock.runUntil(() => watcher.getLeader() === '');
    await clock.runUntil(() => watcher.isLeader());
    expect(entries).toEqual(['leader a', 'leader b', 'started']);
  });

  test('onNewLeader comes once for each change', async () => {
    const { clock, b, patch } = await electing();
    const { entries, callbacks } = journal();
    void b.elector({ callbacks }).run();
    await clock.advance(30_000);
    patch({ holderIdentity: 'c' });
    await clock.advance(10);
    patch({ holderIdentity: 'd' });
    await clock.advance(60_000);
    expect(entries).toEqual(['leader a', 'leader c', 'leader d', 'leader b', 'started']);
  });

  test('what onNewLeader and metrics throw changes nothing, and is warned of once', async () => {
    const broken = thrower();
    const metrics = { on: broken, off: broken, slowpathExercised: broken };
    const { elector, codes } = await electing({ metrics }, { onNewLeader: broken });
    expect(elector.isLeader()).toBe(true);
    expect(codes().sort()).toEqual(['LEADER_FOR_LIFE_METRICS', 'LEADER_FOR_LIFE_ON_NEW_LEADER']);
  });

  test('metrics are off, on while it leads, and off again', async () => {
    const seen: string[] = [];
    const metrics = {
      on: (name: string) => seen.push(`on ${name}`),
      off: (name: string) => seen.push(`off ${name}`),
      slowpathExercised: (name: string) => seen.push(`slow ${name}`),
    };
    const scene = await electing({ metrics, name: 'mine' });
    const { simulation, clock, faults, stop, outcome } = scene;
    await clock.advance(60_000);
    expect(seen).toEqual(['off mine', 'on mine']);
    faults.add({ ...UPDATES, times: 1, error: { status: 409 } });
    await clock.advance(10_000);
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(seen).toEqual(['off mine', 'on mine', 'slow mine', 'off mine']);
  });
});

describe('check', () => {
  test('complains as soon as the lease has expired, until the work has ended', async () => {
    const end = Promise.withResolvers<undefined>();
    const onStartedLeading = () => end.promise;
    const { simulation, clock, a, elector, outcome } = await electing({}, { onStartedLeading });
    const watchDog = new LeaderHealthzAdaptor(5_000);
    watchDog.setLeaderElection(elector);
    const provenMs = clock.now();
    const check = () => elector.check(0);
    a.line.cut();
    await clock.advance(provenMs + 15_000 - clock.now());
    expect(check).not.toThrow();
    await clock.advance(1);
    expect(check).toThrow(
      'a could not renew Lease default/lock for 15001 ms, and its work has not ended. Restart the ' +
        'process.',
    );
    expect(() => watchDog.check()).not.toThrow();
    await expect(simulation.settled(outcome.promise)).rejects.toMatchObject(ABANDONED);
    await clock.advance(5_000);
    const expired = expect.objectContaining({ code: 'ERR_LEASE_EXPIRED' });
    expect(check).toThrow(expired);
    expect(() => watchDog.check()).toThrow(expired);
    end.resolve(undefined);
    await clock.settle();
    expect(check).not.toThrow();
  });

  test.for(['lost', 'cancelled'])('has nothing to say of work that has ended: %s', async (how) => {
    const { simulation, clock, a, b, elector, outcome, stop } = await electing();
    const waiting = b.elector();
    void waiting.run();
    await clock.advance(60_000);
    if (how === 'lost') a.line.cut();
    else stop.abort();
    expect(() => waiting.check(0)).not.toThrow();
    await simulation.settled(outcome.promise);
    await clock.advance(60_000);
    expect(() => elector.check(0)).not.toThrow();
  });

  test.for([-1, Number.NaN])('refuses to tolerate %d ms', async (ms) => {
    const { a } = await world();
    expect(() => a.elector().check(ms)).toThrow(/^maxTolerableExpiredLeaseMs must be/);
  });

  test('is known to the watch dog', async () => {
    const { a } = await world();
    const watchDog = new LeaderHealthzAdaptor(0);
    const told = vi.spyOn(watchDog, 'setLeaderElection');
    const elector = a.elector({ watchDog });
    expect(told).toHaveBeenCalledExactlyOnceWith(elector);
  });
});

describe('runOrDie', () => {
  test('rejects what is no configuration', async () => {
    await expect(runOrDie({} as LeaderElectionConfig)).rejects.toThrow(TypeError);
  });

  test('runs', async () => {
    const { entries, callbacks } = journal();
    const stop = new AbortController();
    const running = runOrDie({ lock: memoryLock(), callbacks, enabled: false }, stop.signal);
    await vi.waitFor(() => expect(entries).toContain('started'));
    stop.abort();
    await running;
    expect(entries).toEqual(WHOLE_TERM);
  });
});

/** A lock of a user's own, as simple as can be. */
function memoryLock(more: Partial<ResourceLock> = {}): ResourceLock {
  let stored: LockVersion | undefined;
  let revision = 0;
  const put: ResourceLock['create'] = (record) => {
    revision += 1;
    stored = { record, resourceVersion: String(revision) };
    return Promise.resolve(stored);
  };
  return {
    identity: 'a',
    describe: () => 'memory',
    get: () => Promise.resolve(stored),
    create: (record, signal) => (stored ? Promise.resolve('conflict') : put(record, signal)),
    update: (version, record, signal) =>
      stored?.resourceVersion === version.resourceVersion
        ? put(record, signal)
        : Promise.resolve('conflict'),
    ...more,
  };
}

describe('a lock of the user', () => {
  async function own(more: Partial<ResourceLock> = {}, events = false) {
    const created = await world();
    const { clock, a } = created;
    let reason: unknown;
    const { callbacks } = journal({
      onStartedLeading: async (signal) => {
        reason = await untilAborted({ signal });
      },
    });
    const lock = memoryLock(more);
    const elector = new LeaderElector({ lock, callbacks, events }, a.platform);
    const stop = new AbortController();
    const outcome = new Outcome(elector.run(stop.signal));
    await clock.advance(60_000);
    expect(elector.isLeader()).toBe(true);
    return { ...created, lock, elector, stop, outcome, reason: () => reason };
  }
  let failures = 0;
  const rejecting: ResourceLock['watch'] = (listener, signal) => {
    listener.onOpen();
    return untilAborted({ signal }).then(() => Promise.reject(signal.reason as Error));
  };
  const flaky = () => {
    failures += 1;
    return failures < 4 ? thrower()() : Promise.resolve(undefined);
  };

  test.for<[string, Partial<ResourceLock>, string[]]>([
    ['that has no watch is polled', {}, []],
    ['whose watch rejects when it is aborted', { watch: rejecting }, []],
    ['whose methods throw a few times', { get: flaky }, []],
    ['whose recordEvent throws', { recordEvent: thrower() }, ['LEADER_FOR_LIFE_EVENT']],
  ])('is led by: one %s', async ([, more, warned]) => {
    const { simulation, clock, a, codes, stop, outcome } = await own(more, true);
    stop.abort();
    await simulation.settled(outcome.promise);
    await clock.advance(1_000);
    expect(a.remains).toEqual(nothing);
    expect(codes()).toEqual(warned);
  });

  test('that breaks in an unforeseen way ends the term', async () => {
    const { clock, a, lock, elector, outcome, reason } = await own();
    lock.update = () => Promise.reject(new Error('broken'));
    const describing = vi.spyOn(lock, 'describe').mockImplementationOnce(thrower());
    await clock.runUntil(() => describing.mock.calls.length > 0);
    expect(reason()).toBe(enough);
    expect(outcome.state).toBe('resolved');
    expect(elector.isLeader()).toBe(false);
    expect(a.remains).toEqual(nothing);
  });
});
