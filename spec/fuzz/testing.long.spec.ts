/** Everything that a test may pass to `leader-for-life/testing`, as anything: refused by name, or it works. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ApiError } from '../../lib/testing/status.ts';
import { type Cluster, SimulatedClock, createCluster } from '../../lib/testing/index.ts';
import { hostileTexts, hostileValue } from './hostile.ts';
import { Aftermath, PATIENCE_MS, runs } from './runs.ts';
import { expectHarmless } from './witness.ts';

type Values = Readonly<Record<string, unknown>>;

/** What is called with values that are right but for some of them. */
interface Target {
  readonly given: Values;
  readonly others: readonly string[];
  call(cluster: Cluster, clock: SimulatedClock, values: never): unknown;
}

const create = { method: 'POST', path: '/api/v1/namespaces/default/configmaps' } as const;

/** Two requests and an event, under whatever was told before. */
async function traffic(cluster: Cluster, clock: SimulatedClock): Promise<void> {
  const transport = cluster.transport();
  const { signal } = new AbortController();
  const settled = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      () => undefined,
    );
  const watch = { method: 'GET', path: create.path, query: { watch: 'true' } } as const;
  void settled(transport.send(watch, signal));
  const body = { metadata: { name: 'a' } };
  void settled(transport.send({ ...create, body }, signal));
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

const keys = ({ given, others }: Target) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...Object.keys(given), ...others) },
    { weight: 1, arbitrary: fc.constantFrom('constructor', '__proto__', 'a\nb', 'toString', '') },
  );

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
  using aftermath = new Aftermath();
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
  aftermath.check();
}

describe.each(Object.entries(targets))('%s', (_, target) => {
  test(
    'takes any value for what it is, or says what it is not',
    async () => {
      const changes = fc.dictionary(keys(target), value, { maxKeys: 3 });
      await fc.assert(
        fc.asyncProperty(changes, (changed) =>
          tried((cluster, clock) =>
            target.call(cluster, clock, { ...target.given, ...changed } as never),
          ),
        ),
        runs(200),
      );
      await fc.assert(
        fc.asyncProperty(value, (values) =>
          tried((cluster, clock) => {
            // Left out.
            if (values === undefined) return undefined;
            return target.call(cluster, clock, values as never);
          }),
        ),
        runs(50),
      );
    },
    PATIENCE_MS,
  );
});

describe('what is not in options', () => {
  const calls: Readonly<Record<string, (cluster: Cluster, value: never) => unknown>> = {
    createPod: (cluster, name) => cluster.createPod(name),
    deletePod: (cluster, ref) => {
      cluster.deletePod(ref);
    },
    'finishPod of a Pod': (cluster, ref) => cluster.finishPod(ref, 'Failed'),
    'finishPod with a phase': (cluster, phase) => cluster.finishPod('pod', phase),
    evictPod: (cluster, ref) => cluster.evictPod(ref),
    getPod: (cluster, ref) => cluster.getPod(ref),
    getNode: (cluster, name) => cluster.getNode(name),
    createNode: (cluster, name) => cluster.createNode(name),
    setNodeReady: (cluster, name) => {
      cluster.setNodeReady(name, false);
    },
    createNamespace: (cluster, name) => cluster.createNamespace(name),
    deleteNamespace: (cluster, name) => {
      cluster.deleteNamespace(name);
    },
    createConfigMap: (cluster, ref) => cluster.createConfigMap(ref),
    'createConfigMap with data': (cluster, data) => cluster.createConfigMap('c', { data }),
    'createConfigMap with metadata': (cluster, metadata) =>
      cluster.createConfigMap('c', { metadata }),
    'request by a method': (cluster, method) => cluster.request(method, create.path),
    'request of a path': (cluster, path) => cluster.request('GET', path),
    'request with a body': (cluster, body) => cluster.request('POST', create.path, body),
    'request with a type': (cluster, type) => cluster.request('POST', create.path, {}, type),
    token: (cluster, user) => cluster.token(user),
    env: (cluster, ref) => cluster.env(ref),
    grant: (cluster, user) => {
      cluster.grant(user, []);
    },
    'the time of until': (cluster, timeoutMs) => cluster.until(() => true, timeoutMs),
    'the probe of until': (cluster, probe) => {
      if (typeof probe === 'function') return undefined;
      return cluster.until(probe);
    },
  };

  test.each(Object.entries(calls))(
    '%s takes anything for what it is',
    async (_, call) => {
      const any = fc.oneof(value, fc.constantFrom(...hostileTexts));
      await fc.assert(
        fc.asyncProperty(any, (what) => tried((cluster) => call(cluster, what as never))),
        runs(100),
      );
    },
    PATIENCE_MS,
  );

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
