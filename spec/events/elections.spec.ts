import type { CoreV1Event } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';

import type { ElectionEvent } from '../../lib/events/event.ts';
import type { WaitingState } from '../../lib/events/waiting.ts';
import { LeaderHealthzAdaptor } from '../../lib/lease/healthz.ts';
import { observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import { LeaseProcess, Outcome, untilAborted } from '../lease/simulation.ts';
import { Simulation, kubeConfig } from '../life/simulation.ts';

/** Collects events; `of` gives those of a type, `types` all but those of the level `debug`. */
class Listener {
  readonly events: ElectionEvent[] = [];
  readonly onEvent = (event: ElectionEvent) => this.events.push(event);

  get types(): string[] {
    return this.events.filter(({ level }) => level !== 'debug').map(({ type }) => type);
  }

  of<T extends ElectionEvent['type']>(type: T): Extract<ElectionEvent, { type: T }>[] {
    return this.events.filter(
      (event): event is Extract<ElectionEvent, { type: T }> => event.type === type,
    );
  }
}

function calls() {
  const called: string[] = [];
  const metrics = {
    on: (name: string) => called.push(`on ${name}`),
    off: (name: string) => called.push(`off ${name}`),
    slowpathExercised: (name: string) => called.push(`slow ${name}`),
  };
  return { called, metrics };
}

/** The Kubernetes Events. They are listed by name; the names of two of one millisecond are in no order. */
function recorded({ cluster }: Simulation): CoreV1Event[] {
  const { body } = cluster.request('GET', '/api/v1/namespaces/default/events');
  const { items } = body as { items: CoreV1Event[] };
  return items.toSorted(({ message: a = '' }, { message: b = '' }) => a.localeCompare(b));
}

describe('become', () => {
  async function world() {
    return { simulation: await Simulation.withPods(), listener: new Listener() };
  }

  test('tells that it waits, leads and has released', async () => {
    const { simulation, listener } = await world();
    await simulation.lead('a');
    const waiting = simulation.become('b', { onEvent: listener.onEvent });
    await simulation.clock.advance(5_000);
    simulation.cluster.deletePod('a');
    const leadership = await simulation.settled(waiting);
    await simulation.settled(leadership.release());
    const subject = { mode: 'life', name: 'lock', namespace: 'default', identity: 'b' };
    expect(listener.events).toEqual([
      expect.objectContaining({ ...subject, type: 'started', level: 'debug' }),
      expect.objectContaining({ ...subject, type: 'waiting', level: 'info', leader: 'a' }),
      expect.objectContaining({ ...subject, type: 'waiting', reason: 'free', leader: '' }),
      expect.objectContaining({
        ...{ ...subject, type: 'leading', level: 'info' },
        fencingToken: leadership.fencingToken,
        waitedMs: leadership.waitedMs,
      }),
      expect.objectContaining({ ...subject, type: 'released', level: 'info' }),
      expect.objectContaining({ ...subject, type: 'ended', level: 'debug' }),
    ]);
  });

  test('tells that it has lost the lock; `ended` resolves', async () => {
    const { simulation, listener } = await world();
    const options = { guard: true, onEvent: listener.onEvent };
    const leadership = await simulation.lead('a', options);
    const ended = new Outcome(leadership.ended);
    await simulation.clock.advance(1_000);
    expect(ended.isPending).toBe(true);
    simulation.cluster.deleteConfigMap('lock');
    await simulation.settled(leadership.ended);
    expect(listener.of('lost')).toMatchObject([
      { level: 'error', error: leadership.signal.reason as Error },
    ]);
  });

  test('resolves `ended` with a release', async () => {
    const { simulation } = await world();
    const leadership = await simulation.lead('a');
    void leadership.release();
    await expect(leadership.ended).resolves.toBeUndefined();
    expect(leadership.identity).toBe('a');
  });

  test('tells that it stopped waiting', async () => {
    const { simulation, listener } = await world();
    await simulation.lead('a');
    const { onEvent } = listener;
    const abort = simulation.abortable((signal) => simulation.become('b', { onEvent, signal }));
    await simulation.clock.advance(1_000);
    await abort();
    expect(listener.events.slice(-2)).toMatchObject([
      { type: 'withdrawn', level: 'info', message: 'stopped waiting: enough' },
      { type: 'ended', level: 'debug' },
    ]);
  });

  test('tells each failed request, once that this lasts, and why it gave up', async () => {
    const { simulation, listener } = await world();
    simulation.fault({ user: 'a', error: { status: 503 } });
    const waiting = simulation.lead('a', { onEvent: listener.onEvent, timeoutMs: 60_000 });
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(listener.of('trouble').length).toBeGreaterThan(1);
    expect(listener.of('degraded').map(({ code }) => code)).toEqual([
      ...['LEADER_FOR_LIFE_TROUBLE', 'LEADER_FOR_LIFE_LEFT_BEHIND'],
    ]);
    expect(listener.of('failed')).toMatchObject([{ error: { code: 'ERR_TIMEOUT' } }]);
  });

  test('tells once that a right is missing', async () => {
    const { simulation, listener } = await world();
    await simulation.lead('b');
    simulation.cluster.grant('a', [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'delete', 'patch'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    ]);
    void simulation.become('a', { onEvent: listener.onEvent }).catch(() => undefined);
    await simulation.clock.advance(60_000);
    expect(listener.of('degraded')).toMatchObject([
      { level: 'warn', code: 'LEADER_FOR_LIFE_DEGRADED' },
    ]);
  });

  test('does not tell of a release after a loss', async () => {
    const { simulation, listener } = await world();
    const { called, metrics } = calls();
    const options = { guard: true, events: true, metrics, onEvent: listener.onEvent };
    const leadership = await simulation.lead('a', options);
    const released = new Promise<void>((resolve) => {
      leadership.signal.addEventListener('abort', () => {
        resolve(leadership.release());
      });
    });
    simulation.cluster.deleteConfigMap('lock');
    await simulation.settled(released);
    expect(listener.types).toEqual(['leading', 'lost']);
    expect(called).toEqual(['off lock', 'on lock', 'off lock']);
    expect(recorded(simulation)).toMatchObject([
      { message: 'a became leader' },
      { message: 'a stopped leading' },
    ]);
  });

  test('goes on, with its figures, when the news that it leads aborts it and a second call is refused', async () => {
    const { simulation } = await world();
    const { called, metrics } = calls();
    const stop = new AbortController();
    const process = simulation.process('a');
    const onEvent = ({ type }: ElectionEvent) => {
      if (type === 'leading') stop.abort();
    };
    await simulation.settled(process.become({ onEvent, signal: stop.signal, metrics }));
    const second = simulation.settled(process.become({ metrics }));
    await expect(second).rejects.toMatchObject({ code: 'ERR_ALREADY_RUNNING' });
    expect(called).toEqual(['off lock', 'on lock']);
  });

  test('does not wait long for an Event, nor keep the next call waiting', async () => {
    const { simulation } = await world();
    simulation.fault({ resource: 'events', latencyMs: 60_000 });
    const leadership = await simulation.lead('a', { events: true });
    const startedMs = simulation.clock.now();
    await simulation.settled(leadership.release());
    expect(simulation.clock.now() - startedMs).toBeLessThan(3_000);
    expect(simulation.open).toBe(0);
  });

  test('tells why it could not begin', async () => {
    const { simulation, listener } = await world();
    const broken = { ...kubeConfig, getCurrentCluster: () => null };
    const waiting = simulation.become('a', { onEvent: listener.onEvent, kubeConfig: broken });
    await expect(simulation.settled(waiting)).rejects.toMatchObject({ code: 'ERR_KUBECONFIG' });
    expect(listener.of('failed')).toMatchObject([{ error: { code: 'ERR_KUBECONFIG' } }]);
  });

  test('gives its figures, and records its changes of leader, if asked to', async () => {
    const { simulation } = await world();
    const { called, metrics } = calls();
    const leadership = await simulation.lead('a', { metrics, events: true });
    expect(called).toEqual(['off lock', 'on lock']);
    const uid = simulation.cluster.getConfigMap('lock')?.metadata.uid;
    await simulation.settled(leadership.release());
    expect(called).toEqual(['off lock', 'on lock', 'off lock']);
    const involvedObject = { kind: 'ConfigMap', name: 'lock', uid };
    expect(recorded(simulation)).toMatchObject([
      { message: 'a became leader', involvedObject },
      { message: 'a stopped leading', involvedObject },
    ]);
    expect(simulation.open).toBe(0);
  });

  test('leads although no Event may be recorded', async () => {
    const { simulation, listener } = await world();
    simulation.cluster.grant('a', [
      { apiGroups: [''], resources: ['configmaps', 'pods'], verbs: ['*'] },
    ]);
    const leadership = await simulation.settled(
      simulation.become('a', { onEvent: listener.onEvent, events: true }),
    );
    await simulation.settled(leadership.release());
    expect(listener.of('degraded')).toMatchObject([
      {
        code: 'LEADER_FOR_LIFE_EVENT',
        message: expect.stringContaining('resources: ["events"]') as string,
      },
    ]);
  });

  test('leads at once where the election is not enabled', async () => {
    const { simulation, listener } = await world();
    await simulation.lead('a');
    const { called, metrics } = calls();
    const options = { onEvent: listener.onEvent, enabled: false, metrics };
    const leadership = await simulation.become('b', options);
    expect(leadership).toMatchObject({ skipped: true, fencingToken: '0', identity: 'b' });
    await leadership.release();
    expect(listener.types).toEqual(['skipped', 'released']);
    expect(called).toEqual(['on lock', 'off lock']);
  });
});

describe('lead', () => {
  async function world() {
    const simulation = await Simulation.create();
    const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
    return { simulation, a, b, listener: new Listener() };
  }

  test('tells that it waits, leads, renews and has released', async () => {
    const { simulation, a, b, listener } = await world();
    const stop = new AbortController();
    const first = a.lead(untilAborted, { signal: stop.signal });
    await simulation.clock.advance(1_000);
    const states: WaitingState[] = [];
    const options = {
      onEvent: listener.onEvent,
      onWaiting: (state: WaitingState) => states.push(state),
    };
    const second = b.lead(
      ({ ended }) =>
        Promise.race([ended, new Promise((resolve) => b.clock.after(9_000, () => resolve(1)))]),
      options,
    );
    await simulation.clock.advance(1_000);
    expect(states).toMatchObject([
      { lockName: 'lock', namespace: 'default', reason: 'held', holder: 'a' },
    ]);
    stop.abort();
    await simulation.settled(second);
    await first.catch(() => undefined);
    expect(listener.types).toEqual([
      ...['observed', 'waiting', 'observed', 'waiting', 'observed', 'leading'],
      ...['observed', 'released'],
    ]);
    expect(listener.of('observed').map(({ leader }) => leader)).toEqual(['a', '', 'b', '']);
    expect(listener.of('renewed')).toHaveLength(4);
    expect(listener.of('leading')).toMatchObject([
      { mode: 'lease', name: 'lock', namespace: 'default', identity: 'b', level: 'info' },
    ]);
  });

  test('tells that it has lost the Lease; `ended` resolves', async () => {
    const { simulation, a, listener } = await world();
    let ended: Promise<void> | undefined;
    const leading = a.lead(
      (leadership) => {
        ({ ended } = leadership);
        return ended;
      },
      { onEvent: listener.onEvent },
    );
    await simulation.clock.advance(3_000);
    simulation.fault({ error: { status: 503 } });
    await expect(simulation.settled(leading)).rejects.toMatchObject({
      code: 'ERR_LEADERSHIP_LOST',
    });
    await expect(ended).resolves.toBeUndefined();
    expect(listener.of('trouble').length).toBeGreaterThan(1);
    expect(listener.of('lost')).toMatchObject([{ level: 'error' }]);
  });

  test('gives up when the time to wait is over, and says who leads', async () => {
    const { simulation, a, b, listener } = await world();
    void a.lead(untilAborted);
    await simulation.clock.advance(1_000);
    const waiting = b.lead(untilAborted, { onEvent: listener.onEvent, timeoutMs: 5_000 });
    await expect(simulation.settled(waiting)).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: 'b did not become the leader of Lease default/lock within 5000 ms: a leads.',
    });
    expect(simulation.clock.now()).toBeLessThan(7_000);
    expect(listener.types.at(-1)).toBe('failed');
    expect(b.remains).toEqual({ timers: 0, requests: 0 });
  });

  test('says why it waits for as long as the API server does not answer', async () => {
    const { simulation, a, b } = await world();
    void a.lead(untilAborted);
    await simulation.clock.advance(1_000);
    const reasons: string[] = [];
    const onWaiting = ({ reason }: WaitingState) => reasons.push(reason);
    const waiting = b.lead(untilAborted, { onWaiting, timeoutMs: 60_000 });
    waiting.catch(() => undefined);
    await simulation.clock.advance(1_000);
    simulation.fault({ error: { status: 503 } });
    simulation.cluster.cutConnections();
    await expect(simulation.settled(waiting)).rejects.toThrow(/within 60000 ms: .*503/);
    expect(reasons).toEqual(['held', 'api-unavailable']);
  });

  test('tells that it waits again after a loss', async () => {
    const { simulation, a, b, listener } = await world();
    const leading = a.lead(untilAborted, { releaseOnCancel: false });
    await simulation.clock.advance(1_000);
    void b.lead(untilAborted, { onEvent: listener.onEvent, recampaign: true });
    await simulation.clock.advance(1_000);
    a.kill();
    void leading.catch(() => undefined);
    await simulation.clock.advance(30_000);
    b.stop();
    const c = new LeaseProcess(simulation, 'a');
    void c.lead(untilAborted);
    await simulation.clock.advance(30_000);
    await b.continue();
    await simulation.clock.advance(5_000);
    expect(listener.of('waiting').map(({ reason, leader }) => `${reason} ${leader}`)).toEqual([
      'held a',
      'held a',
    ]);
  });

  test('does not give up a term that lasts longer than the time to wait', async () => {
    const { simulation, a } = await world();
    const leading = new Outcome(a.lead(untilAborted, { timeoutMs: 5_000 }));
    await simulation.clock.advance(60_000);
    expect(leading.isPending).toBe(true);
  });

  test('ties a health check to the elector', async () => {
    const { simulation, a } = await world();
    const watchDog = new LeaderHealthzAdaptor(0);
    void a.lead(() => new Promise(() => undefined), { watchDog });
    await simulation.clock.advance(1_000);
    watchDog.check();
    simulation.fault({ error: { status: 503 } });
    await simulation.clock.advance(16_000);
    expect(() => {
      watchDog.check();
    }).toThrow(expect.objectContaining({ code: 'ERR_LEASE_EXPIRED' }) as Error);
  });

  test('tells that its work did not end', async () => {
    const { simulation, a, listener } = await world();
    const stop = new AbortController();
    const leading = a.lead(() => new Promise(() => undefined), {
      onEvent: listener.onEvent,
      signal: stop.signal,
    });
    await simulation.clock.advance(1_000);
    stop.abort();
    await expect(simulation.settled(leading)).rejects.toMatchObject({
      code: 'ERR_WORK_ABANDONED',
    });
    expect(listener.of('work-abandoned')).toMatchObject([{ level: 'error' }]);
  });

  test('tells why it could not begin', async () => {
    const { simulation, a, listener } = await world();
    const broken = { ...kubeConfig, getCurrentCluster: () => null };
    const leading = a.lead(untilAborted, { onEvent: listener.onEvent, kubeConfig: broken });
    await expect(simulation.settled(leading)).rejects.toMatchObject({ code: 'ERR_KUBECONFIG' });
    expect(listener.of('failed')).toMatchObject([{ error: { code: 'ERR_KUBECONFIG' } }]);
  });

  test('tells that there is no election with enabled: false, and names the Lease', async () => {
    const { simulation, a, listener } = await world();
    const options = { onEvent: listener.onEvent, enabled: false, namespace: 'team' };
    await simulation.settled(a.lead(() => 'done', options));
    expect(listener.types).toEqual(['skipped', 'observed']);
    expect(listener.of('skipped')).toMatchObject([{ name: 'lock', namespace: 'team' }]);
  });
});

test('an elector tells, waits no longer than it should, and calls onWaiting', async () => {
  const simulation = await Simulation.create();
  const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
  const listener = new Listener();
  const states: WaitingState[] = [];
  void a.elector().run();
  await simulation.clock.advance(1_000);
  const onWaiting = (state: WaitingState) => states.push(state);
  const elector = b.elector({ onEvent: listener.onEvent, timeoutMs: 5_000, onWaiting });
  const running = elector.run();
  running.catch(() => undefined);
  await expect(simulation.settled(running)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  expect(states).toMatchObject([{ reason: 'held', holder: 'a' }]);
  expect(listener.types).toEqual(['observed', 'waiting', 'failed']);
  const again = elector.run();
  again.catch(() => undefined);
  await expect(simulation.settled(again)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  expect(listener.types).toEqual(['observed', 'waiting', 'failed', 'waiting', 'failed']);
});

describe('the frame of an election', () => {
  test('of become is not told by a second call that is refused', async () => {
    const simulation = await Simulation.withPods();
    const listener = new Listener();
    const process = simulation.process('a');
    await simulation.settled(process.become({ onEvent: listener.onEvent }));
    const second = process.become({ onEvent: listener.onEvent });
    await expect(simulation.settled(second)).rejects.toMatchObject({ code: 'ERR_ALREADY_RUNNING' });
    expect(listener.events.map(({ type }) => type)).toEqual(['started', 'leading', 'failed']);
  });

  test('of become ends with a loss', async () => {
    const simulation = await Simulation.withPods();
    const listener = new Listener();
    await simulation.lead('a', { guard: true, onEvent: listener.onEvent });
    simulation.cluster.deleteConfigMap('lock');
    await simulation.clock.advance(30_000);
    expect(listener.events.map(({ type }) => type)).toEqual([
      ...['started', 'leading', 'lost', 'ended'],
    ]);
  });

  test('of a Lease is told once, and not by a second call that is refused', async () => {
    const simulation = await Simulation.create();
    const a = new LeaseProcess(simulation, 'a');
    const listener = new Listener();
    const stop = new AbortController();
    const { onEvent } = listener;
    const first = a.lead(untilAborted, { onEvent, signal: stop.signal, releaseOnCancel: false });
    await simulation.clock.advance(1_000);
    const second = a.lead(untilAborted, { onEvent });
    await expect(simulation.settled(second)).rejects.toMatchObject({ code: 'ERR_ALREADY_RUNNING' });
    expect(listener.of('ended')).toEqual([]);
    stop.abort();
    await simulation.settled(first).catch(() => undefined);
    expect(listener.of('started')).toHaveLength(1);
    expect(listener.events.at(-1)).toMatchObject({ type: 'ended', level: 'debug' });
  });

  test('has an end without an election, too', async () => {
    const simulation = await Simulation.create();
    const listener = new Listener();
    const a = new LeaseProcess(simulation, 'a');
    await simulation.settled(a.lead(() => 1, { onEvent: listener.onEvent, enabled: false }));
    expect(listener.events.map(({ type }) => type)).toEqual(['skipped', 'observed', 'ended']);
  });
});

describe('a takeover', () => {
  test('of a lock takes as long as it has after the end of the leader was seen', async () => {
    const simulation = await Simulation.withPods();
    const listener = new Listener();
    await simulation.lead('a', { onEvent: listener.onEvent });
    expect(listener.of('leading')[0]).not.toHaveProperty('takeoverMs');
    const waiting = simulation.become('b', { onEvent: listener.onEvent });
    await simulation.clock.advance(60_000);
    simulation.end('a');
    const tookMs = await simulation.duration(waiting);
    const takeoverMs = listener.of('leading')[1]?.takeoverMs ?? Number.NaN;
    expect(takeoverMs).toBeGreaterThanOrEqual(0);
    expect(takeoverMs).toBeLessThanOrEqual(tookMs);
  });

  test.each([
    ['released', true, 0, 1_000],
    ['not released', false, 15_000, 17_100],
  ])('of a Lease that was %s counts from the last sign of its leader', async (...row) => {
    const [, releaseOnCancel, leastMs, mostMs] = row;
    const simulation = await Simulation.create();
    const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
    const listener = new Listener();
    const stop = new AbortController();
    void a.lead(untilAborted, { signal: stop.signal, releaseOnCancel, onEvent: listener.onEvent });
    await simulation.clock.advance(1_000);
    expect(listener.of('leading')[0]).not.toHaveProperty('takeoverMs');
    void b.lead(untilAborted, { onEvent: listener.onEvent });
    await simulation.clock.advance(30_000);
    stop.abort();
    await simulation.clock.advance(30_000);
    const takeoverMs = listener.of('leading')[1]?.takeoverMs ?? Number.NaN;
    expect(takeoverMs).toBeGreaterThanOrEqual(leastMs);
    expect(takeoverMs).toBeLessThanOrEqual(mostMs);
  });

  test('is not told if nobody else has led since the last term', async () => {
    const simulation = await Simulation.create();
    const { clock } = simulation;
    const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
    const [listener, other, stop] = [new Listener(), new AbortController(), new AbortController()];
    void b.lead(untilAborted, { signal: other.signal });
    await clock.advance(1_000);
    const elector = a.elector({ onEvent: listener.onEvent });
    const first = new Outcome(elector.run(stop.signal));
    await clock.advance(1_000);
    other.abort();
    await clock.advance(1_000);
    stop.abort();
    await simulation.settled(first.promise);
    await clock.advance(60_000);
    void elector.run();
    await clock.advance(1_000);
    const [before, again] = listener.of('leading');
    expect(before).toHaveProperty('takeoverMs');
    expect(again).not.toHaveProperty('takeoverMs');
  });
});

describe('a leader by a Lease', () => {
  test('tells for how long leadership is proven', async () => {
    const simulation = await Simulation.create();
    const a = new LeaseProcess(simulation, 'a');
    const listener = new Listener();
    void a.lead(untilAborted, { onEvent: listener.onEvent });
    await simulation.clock.advance(3_000);
    const proven = [...listener.of('leading'), ...listener.of('renewed')];
    expect(proven).toHaveLength(2);
    for (const { remainingMs = 0 } of proven) {
      expect(remainingMs).toBeGreaterThan(9_000);
      expect(remainingMs).toBeLessThanOrEqual(10_000);
    }
  });

  test('tells when a renewal takes the slow path, and when requests succeed again', async () => {
    const simulation = await Simulation.create();
    const a = new LeaseProcess(simulation, 'a');
    const listener = new Listener();
    void a.lead(untilAborted, { onEvent: listener.onEvent });
    await simulation.clock.advance(1_000);
    simulation.fault({ verb: 'update', error: { status: 503 }, times: 1 });
    await simulation.clock.advance(5_000);
    expect(listener.of('trouble')).toHaveLength(1);
    expect(listener.of('slow-path').length).toBeGreaterThan(0);
    expect(listener.of('recovered')).toMatchObject([{ level: 'info' }]);
  });
});

describe('an observer', () => {
  test.each([
    ['observeLock', observeLockIn, 'life'],
    ['observeLease', observeLeaseIn, 'lease'],
  ] as const)('of %s tells whom it sees', async (_, observe, mode) => {
    const simulation = await Simulation.create();
    simulation.cluster.createPod('a');
    const a = new LeaseProcess(simulation, 'a');
    const listener = new Listener();
    const stop = new AbortController();
    const options = {
      onEvent: listener.onEvent,
      kubeConfig,
      namespace: 'default',
      signal: stop.signal,
    };
    const loop = (async () => {
      for await (const holder of observe(a.platform, 'lock', options)) {
        if (holder) return;
      }
    })();
    await simulation.clock.advance(1_000);
    if (mode === 'lease') void a.lead(untilAborted);
    else void simulation.become('a');
    await simulation.settled(loop);
    const subject = { mode, name: 'lock', namespace: 'default', identity: '', type: 'observed' };
    expect(listener.events).toMatchObject([
      { ...subject, leader: '' },
      { ...subject, leader: 'a' },
    ]);
  });
});
