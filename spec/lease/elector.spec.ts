import { getEventListeners } from 'node:events';

import { describe, expect, test, vi } from 'vitest';

import { LeaderHealthzAdaptor } from '../../lib/lease/healthz.ts';
import { LeaderElector, runOrDie } from '../../lib/lease/elector.ts';
import type { LeaderCallbacks, LeaderElectionConfig } from '../../lib/lease/config.ts';
import type { ResourceLock } from '../../lib/lease/resource-lock.ts';
import type { LockVersion } from '../../lib/protocol/lease/record.ts';
import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const UPDATES = { verb: 'update', resource: 'leases' } as const;
const ABANDONED = { code: 'ERR_WORK_ABANDONED' };
const nothing = { timers: 0, requests: 0 };

async function world(seed = 1) {
  const simulation = await Simulation.create({ seed });
  return { simulation, a: new LeaseProcess(simulation, 'a'), b: new LeaseProcess(simulation, 'b') };
}

/** Callbacks that write down when they are called, and those around them. */
function journal(overrides: Partial<LeaderCallbacks> = {}) {
  const entries: string[] = [];
  const callbacks: LeaderCallbacks = {
    onStartedLeading: async (signal) => {
      entries.push('started');
      await untilAborted({ signal });
      entries.push('aborted');
      await Promise.resolve();
      entries.push('settled');
    },
    onStoppedLeading: () => {
      entries.push('stopped');
    },
    onNewLeader: (identity) => {
      entries.push(`leader ${identity}`);
    },
    ...overrides,
  };
  return { entries, callbacks };
}

/** An elector that has begun to lead. */
async function leading(
  config: Partial<LeaderElectionConfig> = {},
  overrides: Partial<LeaderCallbacks> = {},
) {
  const created = await world();
  const { entries, callbacks } = journal(overrides);
  const elector = created.a.elector({ callbacks, ...config });
  const stop = new AbortController();
  const outcome = new Outcome(elector.run(stop.signal));
  await created.simulation.clock.runUntil(() => elector.isLeader());
  return { ...created, entries, elector, stop, outcome };
}

function holder(simulation: Simulation): string | undefined {
  return simulation.cluster.getLease('lock')?.spec?.holderIdentity;
}

function seize(simulation: Simulation, holderIdentity: string): void {
  const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock';
  const type = 'application/merge-patch+json';
  simulation.cluster.request('PATCH', path, { spec: { holderIdentity } }, type);
}

describe('run', () => {
  test('with an aborted signal resolves without a request', async () => {
    const { simulation, a } = await world();
    await simulation.settled(a.elector().run(AbortSignal.abort()));
    expect(a.requests).toBe(0);
  });

  test('resolves when the signal aborts while it waits, at once', async () => {
    const { simulation, b } = await leading();
    const { entries, callbacks } = journal();
    const stop = new AbortController();
    const outcome = new Outcome(b.elector({ callbacks }).run(stop.signal));
    await simulation.clock.advance(60_000);
    stop.abort();
    await simulation.clock.settle();
    expect(outcome.state).toBe('resolved');
    expect(entries).toEqual(['leader a']);
    expect(b.remains).toEqual(nothing);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('resolves when the Lease is lost', async () => {
    const { simulation, a, outcome, entries } = await leading();
    a.line.cut();
    await simulation.clock.advance(11_000);
    expect(outcome.state).toBe('resolved');
    expect(entries).toEqual(['leader a', 'started', 'aborted', 'settled', 'stopped']);
    expect(a.remains).toEqual(nothing);
    expect(simulation.open).toBe(0);
  });

  test('leads on when the work returns', async () => {
    const { simulation, elector, outcome } = await leading(
      {},
      { onStartedLeading: () => undefined },
    );
    await simulation.clock.advance(3_600_000);
    expect([elector.isLeader(), outcome.state]).toEqual([true, 'pending']);
  });

  test.for([
    ['throws', new Error('broken')],
    ['throws undefined', undefined],
  ] as const)('rejects when the work %s, once the Lease is released', async ([, error]) => {
    const { simulation, a } = await world();
    const { entries, callbacks } = journal({ onStartedLeading: () => Promise.reject(error) });
    const outcome = new Outcome(a.elector({ callbacks }).run());
    await simulation.clock.advance(1_000);
    expect(outcome.state).toBe('rejected');
    expect(outcome.error).toBe(error);
    expect(entries).toEqual(['leader a', 'stopped']);
    expect(holder(simulation)).toBe('');
    expect(a.remains).toEqual(nothing);
  });

  test('rejects with what onStoppedLeading throws', async () => {
    const error = new Error('broken');
    const onStoppedLeading = () => {
      throw error;
    };
    const { simulation, a, stop, outcome } = await leading({}, { onStoppedLeading });
    stop.abort();
    await simulation.clock.advance(1_000);
    expect(outcome.error).toBe(error);
    expect(a.remains).toEqual(nothing);
  });

  test('refuses what is no signal, and names it', async () => {
    const { a } = await world();
    await expect(a.elector().run({} as AbortSignal)).rejects.toThrow(/^signal must be/);
  });

  test('twice at the same time is refused', async () => {
    const { elector } = await leading();
    await expect(elector.run()).rejects.toMatchObject({
      code: 'ERR_ALREADY_RUNNING',
      message: expect.stringContaining('a is already running for default/lock'),
    });
    expect(elector.isLeader()).toBe(true);
  });

  test('may be called again', async () => {
    const { simulation, elector, stop, outcome, entries } = await leading();
    stop.abort();
    await simulation.settled(outcome.promise);
    const again = new AbortController();
    const second = new Outcome(elector.run(again.signal));
    await simulation.clock.runUntil(() => elector.isLeader());
    again.abort();
    await simulation.settled(second.promise);
    expect(entries.filter((entry) => entry === 'started' || entry === 'stopped')).toEqual([
      'started',
      'stopped',
      'started',
      'stopped',
    ]);
  });

  test('may be called again after it was refused', async () => {
    const { simulation, a } = await world();
    simulation.cluster.grant('a', []);
    const elector = a.elector();
    const refused = new Outcome(elector.run());
    await simulation.clock.advance(1_000);
    expect(refused.error).toMatchObject({ code: 'ERR_FORBIDDEN' });
    expect(a.remains).toEqual(nothing);
    simulation.cluster.grant('a', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]);
    void elector.run();
    await simulation.clock.runUntil(() => elector.isLeader());
  });

  test('leads at once where it is not enabled, and touches no Lease', async () => {
    const { entries, simulation, a, elector, stop, outcome } = await leading({ enabled: false });
    expect([elector.getLeader(), a.requests]).toEqual(['a', 0]);
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(entries).toEqual(['leader a', 'started', 'aborted', 'settled', 'stopped']);
    expect([elector.isLeader(), a.requests]).toEqual([false, 0]);
    expect(a.remains).toEqual(nothing);
  });
});

describe('the end of a term', () => {
  test('has an order: the signal aborts, the work settles, onStoppedLeading, the release', async () => {
    const created = await world();
    const { simulation, a } = created;
    const { entries, callbacks } = journal({
      onStoppedLeading: async () => {
        entries.push('stopping');
        await new Promise((resolve) => a.clock.after(3_000, () => resolve(undefined)));
        entries.push(`stopped, ${holder(simulation) ?? ''} holds it`);
      },
    });
    const elector = a.elector({ callbacks, releaseOnCancel: true });
    const stop = new AbortController();
    const outcome = new Outcome(elector.run(stop.signal));
    await simulation.clock.runUntil(() => elector.isLeader());
    stop.abort();
    await simulation.settled(outcome.promise);
    entries.push(`run ended, "${holder(simulation) ?? ''}" holds it`);
    expect(entries).toEqual([
      'leader a',
      'started',
      'aborted',
      'settled',
      'stopping',
      'stopped, a holds it',
      'run ended, "" holds it',
    ]);
  });

  test('renews as long as the work and onStoppedLeading take', async () => {
    const { simulation, a, b } = await world();
    const nineSeconds = () => new Promise((resolve) => a.clock.after(9_000, () => resolve(1)));
    const { callbacks } = journal({
      onStartedLeading: (signal) => untilAborted({ signal }).then(nineSeconds),
      onStoppedLeading: nineSeconds,
    });
    const elector = a.elector({ callbacks, releaseOnCancel: true });
    const stop = new AbortController();
    void elector.run(stop.signal);
    await simulation.clock.runUntil(() => elector.isLeader());
    const rival = b.elector();
    void rival.run();
    await simulation.clock.advance(60_000);
    stop.abort();
    await simulation.clock.advance(17_000);
    expect([holder(simulation), rival.isLeader()]).toEqual(['a', false]);
    await simulation.clock.advance(2_000);
    expect(rival.isLeader()).toBe(true);
  });

  test('releases nothing without releaseOnCancel', async () => {
    const { simulation, stop, outcome } = await leading();
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(holder(simulation)).toBe('a');
  });

  test('that is lost calls back once, though a cancellation follows', async () => {
    const { simulation, a, stop, outcome, entries } = await leading();
    a.line.cut();
    await simulation.clock.advance(10_000);
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(entries.filter((entry) => entry === 'stopped')).toHaveLength(1);
  });

  test('with work that never settles calls back after the renew deadline, and releases nothing', async () => {
    const { simulation, a, stop, outcome, entries } = await leading(
      { releaseOnCancel: true },
      { onStartedLeading: () => new Promise(() => undefined) },
    );
    stop.abort();
    await simulation.clock.advance(9_900);
    expect(entries).toEqual(['leader a']);
    await simulation.clock.advance(200);
    expect([outcome.state, ...entries]).toEqual(['rejected', 'leader a', 'stopped']);
    expect(holder(simulation)).toBe('a');
    expect(a.remains).toEqual(nothing);
  });

  test('with an onStoppedLeading that never settles releases nothing', async () => {
    const { simulation, a, stop, outcome } = await leading(
      { releaseOnCancel: true },
      { onStoppedLeading: () => new Promise(() => undefined) },
    );
    stop.abort();
    await simulation.clock.advance(10_100);
    expect(outcome.error).toMatchObject(ABANDONED);
    expect(holder(simulation)).toBe('a');
    expect(a.remains).toEqual(nothing);
  });
});

describe('what an elector says of itself', () => {
  test('isLeader is false before, after, and as soon as nothing is proven', async () => {
    const { simulation, a, b, elector, stop, outcome } = await leading();
    expect(b.elector().isLeader()).toBe(false);
    await simulation.clock.advance(60_000);
    expect(elector.isLeader()).toBe(true);
    const last = simulation.cluster.requests.filter(UPDATES).at(-1)?.time ?? 0;
    a.line.cut();
    a.stop(); // No timer of its own has a part in it.
    await simulation.clock.advance(last + 9_999 - simulation.clock.now());
    expect(elector.isLeader()).toBe(true);
    await simulation.clock.advance(1);
    expect(elector.isLeader()).toBe(false);
    stop.abort();
    await a.continue();
    await simulation.settled(outcome.promise);
    expect(elector.isLeader()).toBe(false);
  });

  test('getLeader is empty until one was seen, and after a release was', async () => {
    const { simulation, b, stop } = await leading({ releaseOnCancel: true });
    const { entries, callbacks } = journal();
    const watcher = b.elector({ callbacks });
    expect(watcher.getLeader()).toBe('');
    void watcher.run();
    await simulation.clock.runUntil(() => watcher.getLeader() === 'a');
    b.stop();
    stop.abort();
    await simulation.clock.advance(100);
    await b.continue();
    await simulation.clock.runUntil(() => watcher.getLeader() === '');
    await simulation.clock.runUntil(() => watcher.isLeader());
    expect(entries).toEqual(['leader a', 'leader b', 'started']);
  });

  test('onNewLeader comes once for each change', async () => {
    const { simulation, b } = await leading();
    const { entries, callbacks } = journal();
    void b.elector({ callbacks }).run();
    await simulation.clock.advance(30_000);
    seize(simulation, 'c');
    await simulation.clock.advance(10);
    seize(simulation, 'd');
    await simulation.clock.advance(60_000);
    expect(entries).toEqual(['leader a', 'leader c', 'leader d', 'leader b', 'started']);
  });

  test('what onNewLeader and metrics throw changes nothing, and is said once', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    const metrics = { on: broken, off: broken, slowpathExercised: broken };
    const { simulation, elector } = await leading({ metrics }, { onNewLeader: broken });
    expect(elector.isLeader()).toBe(true);
    expect(simulation.warnings.map(({ code }) => code).sort()).toEqual([
      'LEADER_FOR_LIFE_METRICS',
      'LEADER_FOR_LIFE_ON_NEW_LEADER',
    ]);
  });

  test('check is about work that goes on without a Lease', async () => {
    const { simulation, a, elector, outcome } = await leading(
      {},
      { onStartedLeading: () => new Promise(() => undefined) },
    );
    const watchDog = new LeaderHealthzAdaptor(5_000);
    watchDog.setLeaderElection(elector);
    await simulation.clock.advance(60_000);
    a.line.cut();
    await simulation.clock.advance(18_000);
    watchDog.check();
    await simulation.clock.advance(4_000);
    await expect(simulation.settled(outcome.promise)).rejects.toMatchObject(ABANDONED);
    expect(() => {
      watchDog.check();
    }).toThrow(expect.objectContaining({ code: 'ERR_LEASE_EXPIRED' }));
  });

  test('check has nothing to say of one that waits, or whose work has ended', async () => {
    const { simulation, a, b, elector, outcome } = await leading();
    const waiting = b.elector();
    void waiting.run();
    await simulation.clock.advance(60_000);
    a.line.cut();
    await simulation.settled(outcome.promise);
    await simulation.clock.advance(60_000);
    elector.check(0);
    waiting.check(0);
  });

  test('check has nothing to say of one that has ended in an orderly way', async () => {
    const { simulation, elector, stop, outcome } = await leading();
    stop.abort();
    await simulation.settled(outcome.promise);
    await simulation.clock.advance(60_000);
    elector.check(0);
  });

  test('check complains as soon as the lease has expired, until the work has ended', async () => {
    const end = Promise.withResolvers<undefined>();
    const { simulation, a, elector, outcome } = await leading(
      {},
      { onStartedLeading: () => end.promise },
    );
    const provenMs = simulation.clock.now();
    a.line.cut();
    await simulation.clock.advance(provenMs + 15_000 - simulation.clock.now());
    elector.check(0);
    await simulation.clock.advance(1);
    const check = () => {
      elector.check(0);
    };
    expect(check).toThrow(
      'a could not renew Lease default/lock for 15001 ms, and its work has not ended. Restart the ' +
        'process.',
    );
    await expect(simulation.settled(outcome.promise)).rejects.toMatchObject(ABANDONED);
    expect(check).toThrow(expect.objectContaining({ code: 'ERR_LEASE_EXPIRED' }));
    end.resolve(undefined);
    await simulation.clock.settle();
    check();
  });

  test.for([-1, Number.NaN])('check refuses to tolerate %d ms', async (ms) => {
    const { a } = await world();
    expect(() => {
      a.elector().check(ms);
    }).toThrow(/^maxTolerableExpiredLeaseMs must be/);
  });

  test('old work that ends takes nothing from the term after it', async () => {
    const end = Promise.withResolvers<undefined>();
    const works = [() => end.promise];
    const { simulation, a, elector, outcome } = await leading(
      {},
      { onStartedLeading: (signal) => works.pop()?.() ?? untilAborted({ signal }) },
    );
    a.line.cut();
    await expect(simulation.settled(outcome.promise)).rejects.toMatchObject(ABANDONED);
    a.line.mend();
    void elector.run();
    await simulation.clock.runUntil(() => elector.isLeader());
    end.resolve(undefined);
    await simulation.clock.settle();
    expect(elector.isLeader()).toBe(true);
  });

  test('a watch dog is told whom to watch', async () => {
    const { a } = await world();
    const watchDog = new LeaderHealthzAdaptor(0);
    const told = vi.spyOn(watchDog, 'setLeaderElection');
    const elector = a.elector({ watchDog });
    expect(told).toHaveBeenCalledExactlyOnceWith(elector);
  });
});

describe('metrics', () => {
  test('are off, on while it leads, and off again', async () => {
    const { simulation, a } = await world();
    const seen: string[] = [];
    const metrics = {
      on: (name: string) => seen.push(`on ${name}`),
      off: (name: string) => seen.push(`off ${name}`),
      slowpathExercised: (name: string) => seen.push(`slow ${name}`),
    };
    const { callbacks } = journal();
    const elector = a.elector({ metrics, name: 'mine', callbacks });
    const stop = new AbortController();
    const outcome = new Outcome(elector.run(stop.signal));
    await simulation.clock.runUntil(() => elector.isLeader());
    await simulation.clock.advance(60_000);
    expect(seen).toEqual(['off mine', 'on mine']);
    simulation.cluster.faults.add({ ...UPDATES, times: 1, error: { status: 409 } });
    await simulation.clock.advance(10_000);
    expect(seen).toEqual(['off mine', 'on mine', 'slow mine']);
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(seen).toEqual(['off mine', 'on mine', 'slow mine', 'off mine']);
  });
});

describe('runOrDie', () => {
  test('rejects what is no configuration', async () => {
    await expect(runOrDie({} as LeaderElectionConfig)).rejects.toThrow(TypeError);
  });

  test('runs', async () => {
    const { a } = await world();
    const { entries, callbacks } = journal();
    const stop = new AbortController();
    const lock = memoryLock('a');
    const running = runOrDie({ lock, callbacks, enabled: false }, stop.signal);
    stop.abort();
    await running;
    expect(entries).toEqual(['leader a', 'started', 'aborted', 'settled', 'stopped']);
    expect(a.requests).toBe(0);
  });
});

/** A lock of a user's own, as simple as can be. */
function memoryLock(identity: string, more: Partial<ResourceLock> = {}): ResourceLock {
  let stored: LockVersion | undefined;
  let revision = 0;
  const put: ResourceLock['create'] = (record) => {
    revision += 1;
    stored = { record, resourceVersion: String(revision) };
    return Promise.resolve(stored);
  };
  return {
    identity,
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

describe('a lock of one’s own', () => {
  async function own(more: Partial<ResourceLock>, config: Partial<LeaderElectionConfig> = {}) {
    const { simulation, a } = await world();
    const { entries, callbacks } = journal();
    const lock = memoryLock('a', more);
    const elector = new LeaderElector({ lock, callbacks, ...config }, a.platform);
    const stop = new AbortController();
    const outcome = new Outcome(elector.run(stop.signal));
    await simulation.clock.advance(60_000);
    return { simulation, a, entries, elector, stop, outcome };
  }

  test('is enough, and is polled', async () => {
    const { simulation, a, elector, stop, outcome } = await own({});
    expect(elector.isLeader()).toBe(true);
    stop.abort();
    await simulation.settled(outcome.promise);
    expect(a.remains).toEqual(nothing);
    expect(simulation.warnings).toEqual([]);
  });

  test('whose watch rejects when it is aborted is no reason for a warning', async () => {
    const watch: ResourceLock['watch'] = (listener, signal) => {
      listener.onOpen();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason);
        });
      });
    };
    const { simulation, stop, outcome } = await own({ watch });
    stop.abort();
    await simulation.settled(outcome.promise);
    await simulation.clock.advance(1_000);
    expect(simulation.warnings).toEqual([]);
  });

  test('whose recordEvent throws leads all the same', async () => {
    const recordEvent = () => {
      throw new Error('broken');
    };
    const { simulation, elector } = await own({ recordEvent }, { events: true });
    expect(elector.isLeader()).toBe(true);
    expect(simulation.warnings).toEqual([
      expect.objectContaining({ code: 'LEADER_FOR_LIFE_EVENT' }),
    ]);
  });

  test('that breaks where nobody foresaw it ends the term', async () => {
    const lock = memoryLock('a');
    const { simulation, a } = await world();
    let reason: unknown;
    const { callbacks } = journal({
      onStartedLeading: async (signal) => {
        reason = await untilAborted({ signal });
      },
    });
    const elector = new LeaderElector({ lock, callbacks }, a.platform);
    const outcome = new Outcome(elector.run());
    await simulation.clock.advance(1_000);
    const bug = new Error('a bug');
    lock.update = () => Promise.reject(new Error('broken'));
    const describing = vi.spyOn(lock, 'describe').mockImplementationOnce(() => {
      throw bug;
    });
    await simulation.clock.runUntil(() => describing.mock.calls.length > 0);
    expect(reason).toBe(bug);
    expect(outcome.state).toBe('resolved');
    expect(elector.isLeader()).toBe(false);
    expect(a.remains).toEqual(nothing);
  });

  test('whose methods throw is tried again', async () => {
    let failures = 0;
    const get: ResourceLock['get'] = () => {
      failures += 1;
      if (failures < 4) throw new Error('broken');
      return Promise.resolve(undefined);
    };
    const { elector } = await own({ get });
    expect(elector.isLeader()).toBe(true);
  });
});
