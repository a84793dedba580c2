import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import cron from 'node-cron';

import {
  type LeaseCoordinator,
  type LeaseCoordinatorOptions,
  leaseCoordinator,
} from '../../lib/schedulers/node-cron.ts';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const FIRES = 'leader-for-life/last-fires';

let cluster: Cluster;

beforeEach(async () => {
  cluster = await createCluster();
});

afterEach(async () => {
  await cluster.close();
});

/** The coordinator of a replica, which is a user of its own. */
function replica(name: string, options: LeaseCoordinatorOptions = {}): LeaseCoordinator {
  const { kubeConfig } = cluster.optionsFor(cluster.createPod(name), { user: name });
  const place = { kubeConfig, namespace: 'default', identity: name };
  return leaseCoordinator('jobs', { ...place, ...options });
}

function replicas(...names: string[]): LeaseCoordinator[] {
  return names.map((name) => replica(name));
}

const DAY = 24 * 3_600;

/** Fires are of today. */
const startMs = Math.floor(Date.now() / 1_000) * 1_000;

/** When a fire is due, this many seconds from the start. */
function at(second: number): string {
  return new Date(startMs + second * 1_000).toISOString();
}

/** The fire of a job at this second. */
function fire(second: number, job = 'report'): string {
  return `${job}:${at(second)}`;
}

/** The jobs whose last fires are kept. */
function kept(): string[] {
  return Object.keys(JSON.parse(lease()?.metadata.annotations?.[FIRES] ?? '{}') as object);
}

/** How many of the calls say that their replica runs the fire. */
async function runs(calls: readonly Promise<boolean>[]): Promise<number> {
  return (await Promise.all(calls)).filter(Boolean).length;
}

function lease() {
  return cluster.getLease('jobs');
}

/** Somebody writes annotations into the Lease. */
function annotate(annotations: Readonly<Record<string, string>>): void {
  const { metadata, ...rest } = lease() ?? {};
  const body = {
    ...rest,
    metadata: { ...metadata, annotations: { ...metadata?.annotations, ...annotations } },
  };
  cluster.request('PUT', `${LEASES}/jobs`, body);
}

describe('a fire', () => {
  test('is run by one of many replicas, time after time', async () => {
    const all = replicas('a', 'b', 'c', 'd', 'e');
    for (let second = 0; second < 5; second += 1) {
      expect(await runs(all.map((one) => one.shouldRun(fire(second))))).toBe(1);
    }
  });

  test('of each of many jobs at the same moment is run once', async () => {
    const all = replicas('a', 'b', 'c');
    const jobs = Array.from({ length: 10 }, (_, n) => `job ${n}: "ü"`);
    const names = [...jobs, 'constructor', '__proto__'];
    const counts = await Promise.all(
      names.map((job) => runs(all.map((one) => one.shouldRun(fire(1, job))))),
    );
    expect(counts).toEqual(names.map(() => 1));
  });

  test('is not run again by a replica whose clock is behind, nor is an earlier one', async () => {
    const [ahead, behind] = replicas('ahead', 'behind');
    expect(await ahead?.shouldRun(fire(10))).toBe(true);
    expect(await ahead?.shouldRun(fire(11))).toBe(true);
    for (const second of [9, 10, 11]) expect(await behind?.shouldRun(fire(second))).toBe(false);
    expect(await behind?.shouldRun(fire(12))).toBe(true);
  });

  test('is recorded with who has run it, and nobody leads by the Lease', async () => {
    await replica('a').shouldRun(fire(1));
    const annotation = lease()?.metadata.annotations?.[FIRES] ?? '';
    expect(JSON.parse(annotation)).toEqual({
      report: { at: at(1), by: 'a', claim: expect.any(String) },
    });
    expect(lease()?.spec).toMatchObject({ holderIdentity: '' });
  });

  test('of more than 500 jobs is forgotten once its job has not run for a week', async () => {
    const [a] = replicas('a');
    await a?.shouldRun(fire(0));
    const old = { at: at(-8 * DAY), by: 'a', claim: 'x' };
    const jobs = (count: number) => Array.from({ length: count }, (_, n) => [`old ${n}`, old]);
    annotate({ [FIRES]: JSON.stringify(Object.fromEntries(jobs(499))) });
    await a?.shouldRun(fire(1));
    expect(kept()).toHaveLength(500);
    await a?.shouldRun(fire(2, 'next'));
    expect(kept()).toEqual(['report', 'next']);
  });

  test('is not run again because of another job on a replica whose clock is wrong', async () => {
    const [a, wrong, c] = replicas('a', 'wrong', 'c');
    expect(await a?.shouldRun(fire(0))).toBe(true);
    expect(await wrong?.shouldRun(fire(8 * DAY, 'other'))).toBe(true);
    expect(await c?.shouldRun(fire(0))).toBe(false);
  });

  test('that is more than a day late does not run: its job may have been forgotten', async () => {
    const [a, b] = replicas('a', 'b');
    expect(await a?.shouldRun(fire(-DAY - 60))).toBe(false);
    expect(await b?.shouldRun(fire(-DAY + 60))).toBe(true);
  });

  test('that is hours late is not run again, and no clock is wrong', async () => {
    const [a, b] = replicas('a', 'b');
    expect(await a?.shouldRun(fire(0))).toBe(true);
    expect(await b?.shouldRun(fire(-2 * 3_600))).toBe(false);
  });

  test('keeps what others write into the Lease', async () => {
    const [a] = replicas('a');
    await a?.shouldRun(fire(1));
    annotate({ team: 'mine' });
    expect(await a?.shouldRun(fire(2))).toBe(true);
    expect(lease()?.metadata.annotations).toMatchObject({ team: 'mine' });
  });
});

describe('a claim whose answer is lost', () => {
  test.each(['create', 'update'] as const)('by a %s is found, and runs once', async (verb) => {
    const [a, b] = replicas('a', 'b');
    if (verb === 'update') await a?.shouldRun(fire(0));
    cluster.faults.add({ user: 'a', verb, reset: true, when: 'after', times: 1 });
    expect(await a?.shouldRun(fire(1))).toBe(true);
    expect(await b?.shouldRun(fire(1))).toBe(false);
  });

  test('before it took effect is made again', async () => {
    const [a, b] = replicas('a', 'b');
    cluster.faults.add({ user: 'a', verb: 'create', reset: true, times: 2 });
    expect(await a?.shouldRun(fire(1))).toBe(true);
    expect(await b?.shouldRun(fire(1))).toBe(false);
  });

  test('and who then loses the API server, runs nowhere', async () => {
    const [a, b] = [replica('a', { timeoutMs: 500 }), replica('b')];
    await b.shouldRun(fire(0));
    cluster.faults.add({ user: 'a', verb: 'update', reset: true, when: 'after', times: 1 });
    cluster.faults.add({ user: 'a', after: 2, error: { status: 503 } });
    await expect(a.shouldRun(fire(1))).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(await b.shouldRun(fire(1))).toBe(false);
  });
});

/** What becomes of the next write of a replica. */
const mishaps = {
  none: undefined,
  'lost before it took effect': { reset: true },
  'lost after it took effect': { reset: true, when: 'after' },
  refused: { error: { status: 503 } },
  'refused, but made': { error: { status: 503 }, when: 'after' },
} as const;

test('a fire runs at most once, whatever the clocks are and the network does', async () => {
  const claim = fc.record({
    replica: fc.constantFrom('a', 'b', 'c'),
    // Clocks that differ: each replica is at another second.
    second: fc.integer({ min: 0, max: 4 }),
    mishap: fc.constantFrom(...Object.keys(mishaps)) as fc.Arbitrary<keyof typeof mishaps>,
  });
  // Those of a batch are made at the same time.
  const batches = fc.array(fc.array(claim, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
  const world = fc.asyncProperty(batches, async (schedule) => {
    await using own = await createCluster();
    const coordinators = new Map(
      ['a', 'b', 'c'].map((name) => {
        const { kubeConfig } = own.optionsFor(own.createPod(name), { user: name });
        return [name, leaseCoordinator('jobs', { kubeConfig, namespace: 'default' })];
      }),
    );
    const runsOf = new Map<number, number>();
    for (const batch of schedule) {
      await Promise.all(
        batch.map(async ({ replica: user, second, mishap }) => {
          const rule = mishaps[mishap];
          if (rule) own.faults.add({ user, resource: 'leases', verb: 'update', times: 1, ...rule });
          if (!(await coordinators.get(user)?.shouldRun(fire(second)))) return;
          runsOf.set(second, (runsOf.get(second) ?? 0) + 1);
        }),
      );
    }
    expect([...runsOf.values()].filter((count) => count > 1)).toEqual([]);
    if (schedule.length > 0) expect(runsOf.size).toBeGreaterThan(0);
  });
  await fc.assert(world, { numRuns: 30 });
});

describe('without an API server', () => {
  test('a fire is skipped, with the reason; the next one is not', async () => {
    const a = replica('a', { timeoutMs: 300 });
    const fault = cluster.faults.add({ error: { status: 503 } });
    await expect(a.shouldRun(fire(1))).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringMatching(
        `^It was not clear within 300 ms which replica runs the fire of ${at(1)} of the job "report", ` +
          'so it does not run here. The last answer was: .*503',
      ),
    });
    fault.remove();
    expect(await a.shouldRun(fire(2))).toBe(true);
  });

  test('every job that waits gives up in time, and not one after the other', async () => {
    const a = replica('a', { timeoutMs: 300 });
    cluster.faults.add({ hang: true });
    const order: string[] = [];
    const wait = async (what: string, call: Promise<unknown>) => {
      await call.catch(() => undefined);
      order.push(what);
    };
    const jobs = Array.from({ length: 20 }, (_, n) =>
      wait('job', a.shouldRun(fire(1, `job-${n}`))),
    );
    // A peer that waits for twice as long, in the same process.
    const peer = wait('peer', replica('b', { timeoutMs: 600 }).shouldRun(fire(1, 'peer')));
    await Promise.all([...jobs, peer]);
    expect(order.at(-1)).toBe('peer');
  });

  test('a signal ends the wait', async () => {
    const stop = new AbortController();
    const a = replica('a', { signal: stop.signal });
    cluster.faults.add({ hang: true });
    const waiting = a.shouldRun(fire(1));
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(a.shouldRun(fire(2))).rejects.toThrow('enough');
  });
});

describe('a fire is refused', () => {
  test('if the rights are missing, at once and with the Role', async () => {
    const a = replica('a');
    cluster.grant('a', []);
    await expect(a.shouldRun(fire(1))).rejects.toMatchObject({
      code: 'ERR_FORBIDDEN',
      message: expect.stringContaining('kind: Role'),
    });
  });

  test('if a clock is far ahead, rather than to wait for it in silence', async () => {
    const [ahead, other] = replicas('ahead', 'other');
    expect(await ahead?.shouldRun(fire(2 * 3_600))).toBe(true);
    await expect(other?.shouldRun(fire(1))).rejects.toMatchObject({
      code: 'ERR_CLOCK_AHEAD',
      message: expect.stringContaining(`ahead has run the fire of ${at(2 * 3_600)}`),
    });
  });

  test.each(['no JSON', '[1]', '{"report":{"at":"yesterday","by":"a","claim":"c"}}', 'null'])(
    'if the annotation is %s',
    async (annotation) => {
      const [a] = replicas('a');
      await a?.shouldRun(fire(1));
      annotate({ [FIRES]: annotation });
      await expect(a?.shouldRun(fire(2))).rejects.toMatchObject({ code: 'ERR_FOREIGN_LOCK' });
    },
  );

  test('if its key is none', async () => {
    await expect(replica('a').shouldRun('report')).rejects.toThrow(
      'key must be NAME:TIME, as node-cron makes it, but is "report"',
    );
  });
});

test('each replica runs every fire outside a cluster, and with enabled: false', async () => {
  expect(await leaseCoordinator('jobs').shouldRun(fire(1))).toBe(true);
  const all = [replica('a', { enabled: false }), replica('b', { enabled: false })];
  expect(await runs(all.map((one) => one.shouldRun(fire(1))))).toBe(2);
  expect(lease()).toBeUndefined();
});

test.each([
  ['Jobs', {}, /^leaseName must be a DNS subdomain/],
  ['jobs', { timeoutMs: 0 }, /^options.timeoutMs must be a number of milliseconds/],
  ['jobs', { timeout: 1 }, /^options.timeout is not an option. Did you mean timeoutMs\?/],
  ['jobs', { annotations: { [FIRES]: '' } }, /^options.annotations key must be one that this/],
])('%s with %j is refused at the start', (name, options, message) => {
  expect(() => leaseCoordinator(name, options as LeaseCoordinatorOptions)).toThrow(message);
});

test('node-cron runs each fire of a distributed task in one replica', async () => {
  const fires: string[] = [];
  const skipped: string[] = [];
  const enough = Promise.withResolvers<undefined>();
  const claims: Promise<boolean>[] = [];
  const tasks = replicas('a', 'b', 'c').map((one) => {
    const claimed = (key: string) => {
      const claim = one.shouldRun(key);
      claims.push(claim);
      return claim;
    };
    const runCoordinator = { shouldRun: claimed };
    const run = ({ date }: { date: Date }) => {
      fires.push(date.toISOString());
      if (fires.length === 3) enough.resolve(undefined);
    };
    const task = cron.schedule('* * * * * *', run, {
      ...{ name: 'report', distributed: true, runCoordinator, noOverlap: true },
    });
    task.on('execution:skipped', ({ reason }) => {
      skipped.push(reason ?? '');
    });
    return task;
  });
  await enough.promise;
  for (const task of tasks) await task.destroy();
  await Promise.all(claims);
  expect(new Set(fires).size).toBe(fires.length);
  expect(new Set(skipped)).toEqual(new Set(['not-elected']));
});
