/** Everything that a test may pass to `leader-for-life/testing`, as anything: refused by name, or it works. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ApiError } from '../../lib/testing/status.ts';
import { type Cluster, SimulatedClock, createCluster } from '../../lib/testing/index.ts';
import { hostileChanges, hostileTexts, hostileValue } from './hostile.ts';
import { property } from './runs.ts';
import { expectHarmless } from './witness.ts';

type Values = Readonly<Record<string, unknown>>;

/** What is called with values that are right but for some of them. */
interface Target {
  readonly given: Values;
  readonly others: readonly string[];
  call(cluster: Cluster, clock: SimulatedClock, values: never): unknown;
}

const path = '/api/v1/namespaces/default/configmaps';

/** A watch, a create and two minutes, under whatever was told before. */
async function traffic(cluster: Cluster, clock: SimulatedClock): Promise<void> {
  const transport = cluster.transport();
  const { signal } = new AbortController();
  for (const request of [
    { method: 'GET', path, query: { watch: 'true' } },
    { method: 'POST', path, body: { metadata: { name: 'a' } } },
  ] as const) {
    transport.send(request, signal).catch(() => undefined);
  }
  await clock.advance(120_000);
  transport.close();
}

const targets: Readonly<Record<string, Target>> = {
  createCluster: {
    given: { http: false },
    others: [
      ...['clock', 'nodeCount', 'gcDelayMs', 'podShutdownMs', 'bookmarkMs', 'historyLimit'],
      ...['resources', 'https'],
    ],
    call: async (_, clock, values) => {
      const isObject = Object(values) === values;
      const cluster = await createCluster(isObject ? { clock, ...(values as object) } : values);
      // On another clock nothing can be told to pass.
      if (isObject && !('clock' in values)) {
        cluster.deletePod(cluster.createPod('a'), { gracePeriodSeconds: 1 });
        await traffic(cluster, clock);
      }
      await cluster.close();
    },
  },
  SimulatedClock: {
    given: {},
    others: ['seed', 'date'],
    call: (_, __, values) => {
      const clock = new SimulatedClock(values);
      expect(clock.date().toISOString()).toMatch(/Z$/);
      expect(clock.random()).toBeLessThan(1);
    },
  },
  'faults.add': {
    given: { latencyMs: 10 },
    others: [
      ...['user', 'verb', 'resource', 'subresource', 'namespace', 'name', 'times', 'after'],
      ...['probability', 'error', 'hang', 'reset', 'when', 'staleBy', 'freeze', 'cutAfterEvents'],
      ...['duplicate', 'reorder', 'eventDelayMs'],
    ],
    call: async (cluster, clock, values) => {
      cluster.faults.add(values);
      await traffic(cluster, clock);
    },
  },
  'the error of a fault': {
    given: { status: 503 },
    others: ['reason', 'message', 'retryAfterSeconds'],
    call: async (cluster, clock, values) => {
      cluster.faults.add({ error: values });
      await traffic(cluster, clock);
    },
  },
  'faults.cutWatches': {
    given: { verb: 'watch' },
    others: ['user', 'resource', 'name'],
    call: (cluster, _, values) => cluster.faults.cutWatches(values),
  },
  'requests.filter': {
    given: { verb: 'list' },
    others: ['user', 'resource', 'status'],
    call: (cluster, _, values) => cluster.requests.filter(values),
  },
  createPod: {
    given: { namespace: 'elsewhere' },
    others: ['labels', 'annotations', 'nodeName', 'ownerReferences', 'containerName'],
    call: (cluster, _, values) => cluster.createPod('b', values),
  },
  deletePod: {
    given: { gracePeriodSeconds: 30 },
    others: ['cascade'],
    call: (cluster, _, values) => {
      cluster.deletePod('pod', values);
    },
  },
  grant: {
    given: { resources: ['configmaps'], verbs: ['create'] },
    others: ['apiGroups', 'resourceNames'],
    call: async (cluster, clock, values) => {
      cluster.grant('admin', [values]);
      await traffic(cluster, clock);
    },
  },
  setQuota: {
    given: { 'count/configmaps': 3 },
    others: ['pods'],
    call: async (cluster, clock, values) => {
      cluster.setQuota(values);
      await traffic(cluster, clock);
    },
  },
  leaseLock: {
    given: { name: 'lease', identity: 'me' },
    others: ['namespace', 'user'],
    call: async (cluster, clock, values) => {
      const lock = cluster.leaseLock(values);
      void lock.get(new AbortController().signal).catch(() => undefined);
      await clock.advance(120_000);
    },
  },
};

/** Lists and objects of anything, for what takes such. */
const value = fc.oneof(
  { weight: 4, arbitrary: hostileValue },
  { weight: 1, arbitrary: fc.array(hostileValue, { maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: fc.dictionary(fc.constantFrom('status', 'key', 'plural', 'a\nb'), hostileValue),
  },
);

/** The API server of the cluster may refuse it, in its own words. */
function expectTyped(error: unknown): void {
  const isTyped =
    error instanceof ApiError ||
    (error instanceof TypeError && 'code' in error && error.code === 'ERR_INVALID_ARGUMENT');
  expect(isTyped, String(error instanceof Error ? error.stack : error)).toBe(true);
  if (error instanceof TypeError) expectHarmless([String(error)], { lines: false });
}

async function tried(act: (cluster: Cluster, clock: SimulatedClock) => unknown): Promise<void> {
  const clock = new SimulatedClock();
  const cluster = await createCluster({ http: false, clock });
  cluster.createPod('pod');
  try {
    await act(cluster, clock);
  } catch (error) {
    expectTyped(error);
  } finally {
    await cluster.close();
  }
  await clock.settle();
}

describe.each(Object.entries(targets))('%s', (_, target) => {
  const { given, others } = target;
  property(
    'works with any values, or throws an error that names the bad one',
    200,
    [hostileChanges([...Object.keys(given), ...others], value)],
    (changed) => tried((...world) => target.call(...world, { ...given, ...changed } as never)),
  );

  property(
    'works with anything in place of its values, or throws a typed error',
    50,
    [value.filter((values) => values !== undefined)],
    (values) => tried((...world) => target.call(...world, values as never)),
  );
});

describe('what is not in options', () => {
  const calls: ((any: unknown) => [method: string, ...args: unknown[]])[] = [
    (any) => ['createPod', any],
    (any) => ['deletePod', any],
    (any) => ['finishPod', any, 'Failed'],
    (any) => ['finishPod', 'pod', any],
    (any) => ['evictPod', any],
    (any) => ['getPod', any],
    (any) => ['getNode', any],
    (any) => ['createNode', any],
    (any) => ['setNodeReady', any, false],
    (any) => ['createNamespace', any],
    (any) => ['deleteNamespace', any],
    (any) => ['createConfigMap', any],
    (any) => ['createConfigMap', 'c', { data: any }],
    (any) => ['createConfigMap', 'c', { metadata: any }],
    (any) => ['request', any, path],
    (any) => ['request', 'GET', any],
    (any) => ['request', 'POST', path, any],
    (any) => ['request', 'POST', path, {}, any],
    (any) => ['token', any],
    (any) => ['env', any],
    (any) => ['grant', any, []],
    (any) => ['until', () => true, any],
    (any) => ['until', typeof any === 'function' ? () => true : any],
  ];

  for (const call of calls) {
    property(
      `${JSON.stringify(call('anything'))} works with anything, or throws a typed error`,
      100,
      [fc.oneof(value, fc.constantFrom(...hostileTexts))],
      (any) =>
        tried((cluster) => {
          const [method, ...args] = call(any);
          const methods = cluster as unknown as Record<string, (...args: unknown[]) => unknown>;
          return methods[method]?.(...args);
        }),
    );
  }

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, '5', null])(
    'a SimulatedClock lets no %j ms pass',
    async (ms) => {
      const clock = new SimulatedClock();
      const message = 'ms must be a finite number of milliseconds, 0 or more';
      await expect(clock.advance(ms as number)).rejects.toThrow(message);
      expect(() => {
        clock.suspend(ms as number);
      }).toThrow(message);
      expect(clock.boot()).toBe(0);
    },
  );
});

test.each([
  [{ nodeCount: 2 ** 31 }, 'options.nodeCount must be a whole number, 0 to 10000'],
  [{ bookmarkMs: Number.MIN_VALUE }, 'options.bookmarkMs must be a number of milliseconds, 1 or'],
])('a cluster of %j is refused, which would never be made', async (options, message) => {
  await expect(createCluster({ http: false, ...options })).rejects.toThrow(message);
});

test.each([
  [
    'an option',
    () => createCluster({ gcDelay: 5 } as never),
    'options.gcDelay is not an option. Did you mean gcDelayMs?',
  ],
  [
    'a fault',
    async () => {
      const cluster = await createCluster({ http: false });
      cluster.faults.add({ latency: 5, hang: true } as never);
    },
    'rule.latency is not an option. Did you mean latencyMs?',
  ],
])('%s that is misspelt is refused: it would do nothing', async (_, call, message) => {
  await expect(call()).rejects.toThrow(message);
});
