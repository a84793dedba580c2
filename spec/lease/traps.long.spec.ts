import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { LeaderElector } from '../../lib/lease/elector.ts';
import type { LeaseLeadership } from '../../lib/lease/lead.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';
import { type ApiRequest, createCluster } from '../../lib/testing/index.ts';
import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock';
const HOUR_MS = 3_600_000;

async function world() {
  const simulation = await Simulation.create();
  return { simulation, a: new LeaseProcess(simulation, 'a'), b: new LeaseProcess(simulation, 'b') };
}

type World = Awaited<ReturnType<typeof world>>;

function record({ simulation }: Pick<World, 'simulation'>) {
  return simulation.cluster.getLease('lock')?.spec;
}

/** Another elector's hand in the Lease. */
function patch({ simulation }: Pick<World, 'simulation'>, spec: object): void {
  simulation.cluster.request('PATCH', LEASE, { spec }, 'application/merge-patch+json');
}

/** Process `a` leads, until its work is finished or its signal aborts. */
async function leading(options: Parameters<LeaseProcess['lead']>[1] = {}) {
  const created = await world();
  const begun = Promise.withResolvers<LeaseLeadership>();
  const { promise: finished, resolve: finish } = Promise.withResolvers<unknown>();
  const work = (leadership: LeaseLeadership) => {
    begun.resolve(leadership);
    return Promise.race([finished, untilAborted(leadership)]);
  };
  const outcome = new Outcome(created.a.lead(work, options));
  const leadership = await created.simulation.settled(begun.promise);
  return { ...created, outcome, leadership, finish };
}

/** What a process sends. */
function sentBy(process: LeaseProcess): ApiRequest[] {
  const sent: ApiRequest[] = [];
  process.line.mishap = (request) => {
    sent.push(request);
    return {};
  };
  return sent;
}

describe('trap 14: a release', () => {
  test('does not wipe another holder', async () => {
    const created = await leading();
    const { simulation, outcome, finish } = created;
    await simulation.clock.advance(10_000);
    simulation.cluster.faults.add({ user: 'a', verb: 'watch', freeze: true });
    patch(created, { holderIdentity: 'thief', leaseTransitions: 1 });
    finish(undefined);
    await simulation.settled(outcome.promise);
    expect(record(created)).toMatchObject({ holderIdentity: 'thief', leaseTransitions: 1 });
  });
});

describe('trap 15: a duration that cannot be stored', () => {
  test.for([500, 999, 1_500, 15_000.5, 0, -1_000])('%d ms is refused', async (leaseDurationMs) => {
    const { simulation, a } = await world();
    const durations = { renewDeadlineMs: 400, retryPeriodMs: 100, leaseDurationMs };
    await expect(a.lead(() => 1, durations)).rejects.toThrow(/whole number of seconds/);
    expect(() => a.elector(durations)).toThrow(TypeError);
    expect(simulation.cluster.requests.length).toBe(0);
  });

  test('what is stored is a whole number, and times have six decimals', async () => {
    const created = await leading({
      leaseDurationMs: 1_000,
      renewDeadlineMs: 500,
      retryPeriodMs: 100,
    });
    await created.simulation.clock.advance(777);
    const spec = record(created);
    expect(spec?.leaseDurationSeconds).toBe(1);
    for (const time of [spec?.acquireTime, spec?.renewTime]) {
      expect(String(time)).toMatch(/^2026-01-01T00:00:00\.\d{6}Z$/);
    }
  });
});

describe('trap 16: isLeader', () => {
  test.for(['cancelled', 'lost'])(
    'is false after run has ended (%s), whatever is stored',
    async (how) => {
      const created = await world();
      const { simulation, a } = created;
      const never = new Promise(() => undefined);
      const callbacks = { onStartedLeading: () => never, onStoppedLeading: () => undefined };
      const elector = a.elector({ callbacks });
      const stop = new AbortController();
      const run = new Outcome(elector.run(stop.signal));
      await simulation.clock.runUntil(() => elector.isLeader());
      if (how === 'cancelled') stop.abort();
      else a.line.cut();
      await expect(simulation.settled(run.promise)).rejects.toThrow('has not ended');
      expect(record(created)).toMatchObject({ holderIdentity: 'a' });
      expect(elector.isLeader()).toBe(false);
    },
  );
});

describe('trap 17: an abandoned attempt', () => {
  test('to renew makes no leader again when it is carried out after all', async () => {
    const created = await leading();
    const { simulation, a, outcome, leadership } = created;
    a.line.mishap = ({ method }) => (method === 'PUT' ? { lateMs: 12_000 } : {});
    await simulation.clock.advance(11_900);
    expect(outcome.error).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
    const { renewTime } = record(created) ?? {};
    await simulation.clock.advance(5_000);
    expect(record(created)?.renewTime).not.toBe(renewTime);
    expect([leadership.signal.aborted, leadership.remainingMs()]).toEqual([true, 0]);
  });

  test('counts from when it was sent, however late its answer is', async () => {
    const { simulation, a, leadership } = await leading();
    await simulation.clock.advance(1_900);
    let sentMs = 0;
    a.line.mishap = () => {
      sentMs = simulation.clock.now();
      a.line.mishap = () => {
        a.line.cut();
        return {};
      };
      return { answerMs: 4_500 };
    };
    await simulation.clock.runUntil(() => leadership.signal.aborted);
    expect(sentMs).toBeGreaterThan(1_900);
    expect(simulation.clock.now() - sentMs).toBeLessThanOrEqual(10_000);
    expect(simulation.clock.now() - sentMs).toBeGreaterThan(9_900);
  });

  test('to renew that is carried out after another has taken over changes nothing', async () => {
    const created = await leading();
    const { simulation, a, b } = created;
    const rival = b.lead(untilAborted);
    rival.catch(() => undefined);
    await simulation.clock.advance(3_000);
    a.line.mishap = ({ method }) => (method === 'PUT' ? { lateMs: 30_000 } : {});
    await simulation.clock.advance(60_000);
    expect(record(created)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });
});

describe('trap 18: callbacks', () => {
  function journal() {
    const entries: string[] = [];
    const onStartedLeading = (signal: AbortSignal) => {
      entries.push('started');
      return untilAborted({ signal });
    };
    const onStoppedLeading = () => {
      entries.push('stopped');
    };
    return { entries, callbacks: { onStartedLeading, onStoppedLeading } };
  }

  test('the start comes after the write has succeeded', async () => {
    const created = await world();
    const { simulation, a } = created;
    const { entries, callbacks } = journal();
    simulation.cluster.faults.add({ verb: 'create', times: 3, error: { status: 500 } });
    const latency = simulation.cluster.faults.add({ verb: 'create', latencyMs: 3_000 });
    void a.elector({ callbacks }).run();
    await simulation.clock.runUntil(() => latency.hits === 4);
    await simulation.clock.advance(2_000);
    expect(record(created)).toMatchObject({ holderIdentity: 'a' });
    expect(entries).toEqual([]);
    await simulation.clock.advance(2_000);
    expect(entries).toEqual(['started']);
  });

  test('no stop comes to one that never led', async () => {
    const { simulation, b } = await leading();
    const { entries, callbacks } = journal();
    const stop = new AbortController();
    const run = new Outcome(b.elector({ callbacks, releaseOnCancel: true }).run(stop.signal));
    await simulation.clock.advance(HOUR_MS);
    stop.abort();
    await simulation.settled(run.promise);
    expect(entries).toEqual([]);
  });

  test.for(['cancelled', 'lost', 'lost, then cancelled', 'cancelled, then lost'])(
    'one stop follows one start (%s)',
    async (how) => {
      const { simulation, a } = await world();
      const { entries, callbacks } = journal();
      const elector = a.elector({ callbacks, releaseOnCancel: true });
      const stop = new AbortController();
      const run = new Outcome(elector.run(stop.signal));
      await simulation.clock.runUntil(() => elector.isLeader());
      for (const step of how.split(', then ')) {
        if (step === 'cancelled') stop.abort();
        else patch({ simulation }, { holderIdentity: 'thief' });
      }
      await simulation.settled(run.promise);
      expect(entries).toEqual(['started', 'stopped']);
    },
  );
});

describe('trap 19: a write', () => {
  test('is bound to the version that was read: of many who try at once, one wins', async () => {
    const { simulation, finish, outcome } = await leading();
    simulation.cluster.faults.add({ verb: 'update', latencyMs: [0, 200] });
    const leaders: string[] = [];
    for (let number = 0; number < 20; number += 1) {
      const rival = new LeaseProcess(simulation, `p${number}`);
      void rival.lead((leadership) => {
        leaders.push(rival.name);
        return untilAborted(leadership);
      });
    }
    await simulation.clock.advance(5_000);
    finish(undefined);
    await simulation.settled(outcome.promise);
    await simulation.clock.advance(60_000);
    expect(leaders).toHaveLength(1);
    const conflicts = simulation.cluster.requests.count({ verb: 'update', status: 409 });
    expect(conflicts).toBeGreaterThan(0);
  });

  test('names the version and the UID, and is no patch', async () => {
    const { simulation, a } = await leading();
    const sent = sentBy(a);
    await simulation.clock.advance(10_000);
    expect(sent.length).toBeGreaterThanOrEqual(4);
    for (const { method, body } of sent) {
      const metadata = { resourceVersion: expect.stringMatching(/^\d+$/), uid: expect.any(String) };
      expect([method, body]).toMatchObject(['PUT', { metadata }]);
    }
  });
});

describe('trap 20: renewals', () => {
  test.for(['silent', 'forbidden', 'failing'])('need no watch (%s)', async (how) => {
    const { simulation, a, outcome } = await leading();
    const { cluster } = simulation;
    const watches = { user: 'a', verb: 'watch' } as const;
    if (how === 'silent') cluster.faults.add({ ...watches, freeze: true });
    else cluster.faults.add({ ...watches, error: { status: how === 'failing' ? 500 : 403 } });
    if (how !== 'silent') cluster.faults.cutWatches();
    await simulation.clock.advance(HOUR_MS);
    expect(outcome.isPending).toBe(true);
    expect(a.requests).toBeGreaterThan(1_700);
  });
});

describe('trap 21: the duration of a Lease', () => {
  test.for([
    [30_000, 15_000],
    [15_000, 60_000],
    [2_000, 15_000],
  ] as const)(
    'is the one stored in it (%d ms), not that of who waits (%d ms)',
    async ([stored, own]) => {
      const durations = { leaseDurationMs: stored, renewDeadlineMs: 1_500, retryPeriodMs: 500 };
      const { simulation, a, b } = await leading(durations);
      const next = b.lead(() => simulation.clock.now(), { leaseDurationMs: own });
      await simulation.clock.advance(10_000);
      const writes = simulation.cluster.requests.filter({ user: 'a', verb: 'update' });
      a.kill();
      const tookMs = (await simulation.settled(next)) - (writes.at(-1)?.time ?? 0);
      expect(tookMs).toBeGreaterThanOrEqual(stored);
      expect(tookMs).toBeLessThanOrEqual(stored + 100);
    },
  );

  test('is that of who waits where none is stored', async () => {
    const { simulation, b } = await world();
    const spec = { holderIdentity: 'python', renewTime: '2026-01-01T00:00:00.000000Z' };
    simulation.cluster.request('PUT', LEASE, { metadata: { name: 'lock' }, spec });
    await simulation.settled(b.lead(() => undefined));
    expect(simulation.clock.now()).toBeGreaterThanOrEqual(15_000);
  });
});

describe('trap 22: an identity', () => {
  test.for([
    ['a', 'a1'],
    ['a1', 'a'],
    ['a', 'A'],
    ['a', ' a'],
  ] as const)('is compared as a whole (%s leads, %s waits)', async ([holder, waiter]) => {
    const { simulation, b } = await leading({ identity: holder });
    const other = new Outcome(b.lead(() => 'led', { identity: waiter }));
    await simulation.clock.advance(HOUR_MS);
    expect(other.isPending).toBe(true);
  });

  test('that begins with another does not pass for it', async () => {
    const created = await leading();
    patch(created, { holderIdentity: 'a1', leaseTransitions: 1 });
    await created.simulation.clock.advance(60_000);
    expect(created.outcome.error).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
    expect(record(created)).toMatchObject({ holderIdentity: 'a1', leaseTransitions: 1 });
  });

  test('is unique by default, even in one Pod', async () => {
    const { simulation, a } = await world();
    const identities = new Set<string>();
    for (let count = 0; count < 20; count += 1) {
      const work = ({ identity }: LeaseLeadership) => identities.add(identity);
      await simulation.settled(a.lead(work, { identity: undefined }));
    }
    expect(identities.size).toBe(20);
  });
});

describe('trap 23: one request that is never answered', () => {
  test.for(['before', 'after'] as const)(
    'does not cost the Lease (lost %s it took effect)',
    async (when) => {
      const { simulation, a, outcome } = await leading();
      await simulation.clock.advance(60_000);
      simulation.cluster.faults.add({ user: 'a', verb: 'update', hang: true, when, times: 1 });
      await simulation.clock.advance(60_000);
      expect(outcome.isPending).toBe(true);
      expect(a.isAlive).toBe(true);
    },
  );
});

describe('trap 24: work after a loss', () => {
  test('is told at once', async () => {
    const created = await leading();
    patch(created, { holderIdentity: 'thief' });
    await created.simulation.clock.advance(10);
    expect(created.leadership.signal.aborted).toBe(true);
  });

  test('is told to end, is waited for, and is never doubled', async () => {
    const { simulation, a } = await world();
    let running = 0;
    let most = 0;
    let terms = 0;
    const work = async (leadership: LeaseLeadership) => {
      terms += 1;
      running += 1;
      most = Math.max(most, running);
      await untilAborted(leadership);
      await new Promise((resolve) => a.clock.after(60_000, () => resolve(1)));
      running -= 1;
    };
    void a.lead(work, { recampaign: true });
    for (let count = 0; count < 3; count += 1) {
      await simulation.clock.runUntil(() => terms === count + 1);
      patch({ simulation }, { holderIdentity: `thief-${count}` });
    }
    await simulation.clock.advance(HOUR_MS);
    expect([terms, most]).toEqual([4, 1]);
  });
});

describe('trap 25: during a shutdown', () => {
  test.for(['get', 'create', 'update'] as const)(
    'no work begins, whatever is under way (%s)',
    async (verb) => {
      const created = await world();
      const { simulation, a } = created;
      if (verb === 'update') {
        simulation.cluster.request('PUT', LEASE, { metadata: { name: 'lock' }, spec: {} });
      }
      const slow = simulation.cluster.faults.add({ verb, times: 1, latencyMs: 1_000 });
      const stop = new AbortController();
      const work = vi.fn();
      const outcome = new Outcome(a.lead(work, { signal: stop.signal }));
      await simulation.clock.runUntil(() => slow.hits === 1);
      await simulation.clock.advance(700);
      stop.abort(new Error('shutdown'));
      await simulation.settled(outcome.promise.catch(() => undefined));
      expect(outcome.error).toBe(stop.signal.reason);
      expect(work).not.toHaveBeenCalled();
      expect(record(created)?.holderIdentity ?? '').toBe('');
    },
  );
});

describe('trap 26: the leader leads on, and nobody else leads, although', () => {
  /** Both electors live through it; `a` still leads. */
  async function survives(trouble: (created: World) => Promise<void>) {
    const created = await leading();
    const { simulation, b, outcome } = created;
    const rival = new Outcome(b.lead(() => 'led'));
    await simulation.clock.advance(10_000);
    await trouble(created);
    await simulation.clock.advance(60_000);
    expect([outcome.state, rival.state]).toEqual(['pending', 'pending']);
    expect(record(created)).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
  }

  test.for([-HOUR_MS, HOUR_MS])('wall clocks jump (%d ms)', async (jumpMs) => {
    await survives(async ({ simulation, a, b }) => {
      for (let count = 1; count <= 20; count += 1) {
        a.clock.setWall(count * jumpMs);
        b.clock.setWall(count * -jumpMs);
        await simulation.clock.advance(3_000);
      }
    });
  });

  test('its wall clock stands still', async () => {
    await survives(async ({ simulation, a }) => {
      a.clock.haltWall();
      await simulation.clock.advance(60_000);
    });
  });

  test.for([429, 500, 503, 504])(
    'requests are answered %i, to be tried again when it is too late',
    async (status) => {
      await survives(async ({ simulation }) => {
        const error = { status, retryAfterSeconds: 60 };
        const trouble = simulation.cluster.faults.add({ error });
        await simulation.clock.advance(6_000);
        trouble.remove();
      });
    },
  );

  test('etcd changes its leader: requests time out, and some take effect', async () => {
    await survives(async ({ simulation }) => {
      const error = { status: 500, message: 'etcdserver: request timed out' };
      const trouble = simulation.cluster.faults.add({ error, when: 'after', probability: 0.4 });
      await simulation.clock.advance(60_000);
      trouble.remove();
    });
  });

  test('the API server restarts', async () => {
    await survives(async ({ simulation }) => {
      for (let count = 0; count < 5; count += 1) {
        simulation.cluster.cutConnections();
        const down = simulation.cluster.faults.add({ reset: true });
        await simulation.clock.advance(5_000);
        down.remove();
        await simulation.clock.advance(10_000);
      }
    });
  });

  test('its connection is half open for a while', async () => {
    await survives(async ({ simulation, a }) => {
      a.line.cut();
      await simulation.clock.advance(4_000);
      a.line.mend();
    });
  });

  test('clocks go at rates that differ by the ratio that is tolerated', async () => {
    const simulation = await Simulation.create();
    const slow = new LeaseProcess(simulation, 'slow', { rate: 0.8 });
    const fast = new LeaseProcess(simulation, 'fast', { rate: 0.8 * 1.49 });
    let lostMs = 0;
    const work = ({ signal }: LeaseLeadership) =>
      untilAborted({ signal }).then(() => (lostMs = simulation.clock.now()));
    slow.lead(work).catch(() => undefined);
    await simulation.clock.advance(1_000);
    const rival = fast.lead(() => simulation.clock.now());
    await simulation.clock.advance(60_000);
    slow.line.cut();
    const tookMs = await simulation.settled(rival);
    expect(lostMs).toBeGreaterThan(0);
    expect(tookMs).toBeGreaterThan(lostMs);
  });
});

describe('trap 26: a process that was stopped (SIGSTOP) until another leads', () => {
  const path = fileURLToPath(new URL('child.ts', import.meta.url));

  interface Observation {
    readonly kind: string;
    readonly leads?: boolean;
  }

  test.for(['isLeader', 'signal'])('sees first of all that it does not lead (%s)', async (what) => {
    const cluster = await createCluster();
    onTestFinished(() => cluster.close());
    const child = spawn(process.execPath, [path, cluster.kubeConfigText(), what], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    const seen: Observation[] = [];
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      seen.push(JSON.parse(line) as Observation);
    });
    const ended = new AbortController();
    lines.on('close', () => {
      ended.abort(new Error('the process has ended'));
    });
    const until = async (kind: string) => {
      while (!seen.some((observation) => observation.kind === kind)) {
        await once(lines, 'line', { signal: ended.signal });
      }
    };
    await until('started');
    await until('timer');
    expect(seen.find(({ kind }) => kind === 'timer')).toMatchObject({ leads: true });
    child.kill('SIGSTOP');
    const rival = new LeaderElector({
      lock: new LeaseLock({
        name: 'lock',
        namespace: 'default',
        identity: 'rival',
        kubeConfig: cluster.kubeConfig(),
      }),
      callbacks: { onStartedLeading: () => undefined, onStoppedLeading: () => undefined },
    });
    const stop = new AbortController();
    const run = rival.run(stop.signal);
    await cluster.until(() => rival.isLeader(), 30_000);
    seen.length = 0;
    child.stdin.write('wake up\n');
    child.kill('SIGCONT');
    for (const kind of ['timer', 'input', 'ended']) await until(kind);
    stop.abort();
    await run;

    const observations = seen.filter(({ kind }) => ['timer', 'immediate', 'input'].includes(kind));
    for (const observation of observations) {
      expect(observation).toMatchObject({ leads: false });
    }
    expect(seen).toContainEqual({ kind: 'ended', leads: false });
  });
});
