import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { LeaderElectionError, invalidArgument } from '../../lib/errors.ts';
import { LeaseLock, type LeaseLockOptions, openLock } from '../../lib/lease/lease-lock.ts';
import type { LockListener, ResourceLock } from '../../lib/lease/resource-lock.ts';
import type { LockVersion } from '../../lib/protocol/lease/record.ts';
import { systemPlatform } from '../../lib/platform/platform.ts';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { MINE } from '../protocol/lease/fixtures.ts';
import { certificate } from '../support/servers.ts';
import { enough, LEASES } from './scene.ts';

const { record } = MINE;
const next = { ...record, renewTime: '2026-01-01T00:00:02.000000Z' };

let cluster: Cluster;

beforeEach(async () => {
  cluster = await createCluster({ https: certificate });
});

afterEach(() => cluster.close());

function open(changes: Partial<LeaseLockOptions> = {}): LeaseLock {
  const given = { name: 'lock', namespace: 'default', identity: 'me' };
  return new LeaseLock({ ...given, kubeConfig: cluster.kubeConfig(), ...changes });
}

/** What was stored, for it was no conflict. */
async function stored(answer: Promise<LockVersion | 'conflict'>): Promise<LockVersion> {
  const version = await answer;
  return version === 'conflict' ? expect.unreachable('a conflict') : version;
}

function deleteLease(): void {
  expect(cluster.request('DELETE', `${LEASES}/lock`).status).toBe(200);
}

const nothing = () => undefined;
const silent = { onOpen: nothing, onSeen: nothing, onGone: nothing, onLost: nothing };

/** How many connections there are in this process; each has two ends here. */
const sockets = () =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

describe('a Lease as a lock', () => {
  it('is found, created and replaced, each by one request', async () => {
    const lock = open();
    expect(await lock.get()).toBeUndefined();
    const created = await stored(lock.create(record));
    expect(created.record).toEqual(record);
    expect(await lock.get()).toEqual(created);
    const updated = await stored(lock.update(created, next));
    expect(updated.record).toEqual(next);
    expect(updated.uid).toBe(created.uid);
    expect(cluster.getLease('lock')?.spec).toEqual(next);
    expect(cluster.requests.count({ resource: 'leases' })).toBe(4);
  });

  it('is in conflict where another was faster', async () => {
    const lock = open();
    const created = await stored(lock.create(record));
    expect(await lock.create(record)).toBe('conflict');
    await lock.update(created, next);
    expect(await lock.update(created, next)).toBe('conflict');
  });

  it('is not replaced when it was deleted, nor what was created in its place', async () => {
    const lock = open();
    const created = await stored(lock.create(record));
    deleteLease();
    expect(await lock.update(created, next)).toBe('conflict');
    expect(cluster.getLease('lock')).toBeUndefined();
    await lock.create(record);
    expect(await lock.update(created, next)).toBe('conflict');
    expect(cluster.getLease('lock')?.spec).toEqual(record);
  });

  it('gets labels and annotations with every write, beside those of others', async () => {
    const lock = open({ labels: { app: 'x' }, annotations: { note: 'y' } });
    const plain = await stored(open({ labels: { team: 'a' } }).create(record));
    await lock.update(plain, next);
    expect(cluster.getLease('lock')?.metadata).toMatchObject({
      labels: { app: 'x', team: 'a' },
      annotations: { note: 'y' },
    });
  });

  it('tells of every change', async () => {
    const told: string[] = [];
    const listener: LockListener = {
      onOpen: () => told.push('open'),
      onSeen: ({ record: { renewTime = '' } }) => told.push(renewTime),
      onGone: (resourceVersion) => told.push(`gone ${Number(resourceVersion) > 0}`),
      onLost: (error) => told.push(String(error)),
    };
    const stop = new AbortController();
    const lock = open();
    const watching = lock.watch(listener, stop.signal);
    await vi.waitFor(() => expect(told).toEqual(['open']), 20_000);
    const created = await stored(lock.create(record));
    await lock.update(created, next);
    deleteLease();
    await vi.waitFor(() => expect(told).toHaveLength(4), 20_000);
    expect(told).toEqual(['open', record.renewTime, next.renewTime, 'gone true']);
    stop.abort();
    await watching;
  });

  it('says in words what is refused', async () => {
    cluster.grant('nobody', []);
    const lock = open({ kubeConfig: cluster.kubeConfig({ user: 'nobody' }) });
    for (const request of [lock.get(), lock.create(record)]) {
      const error: unknown = await request.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(LeaderElectionError);
      expect(error).toMatchObject({ code: 'ERR_FORBIDDEN' });
      expect(String(error)).toContain('resources: ["leases"]');
    }
  });

  it('ends a request with its signal', async () => {
    cluster.faults.add({ verb: 'get', resource: 'leases', hang: true });
    const stop = new AbortController();
    const reading = open().get(stop.signal);
    reading.catch(() => undefined);
    await vi.waitFor(() => expect(cluster.requests.count({ verb: 'get' })).toBe(1), 20_000);
    stop.abort(enough);
    await expect(reading).rejects.toBe(enough);
  });

  it('does not hold the process once its requests have been answered', async () => {
    const lock = open();
    for (const round of [1, 2]) {
      const versions = await Promise.all([lock.get(), lock.get(), lock.get()]);
      expect(versions, `round ${round}`).toEqual([undefined, undefined, undefined]);
      await vi.waitFor(() => expect(sockets()).toBe(0), 10_000);
    }
  });

  it('uses one connection while it watches, and none afterwards', async () => {
    const opened = vi.fn();
    const stop = new AbortController();
    const lock = open();
    const watching = lock.watch({ ...silent, onOpen: opened }, stop.signal);
    await vi.waitFor(() => expect(opened).toHaveBeenCalled(), 10_000);
    const during = sockets();
    expect(during).toBeGreaterThan(0);
    await lock.get();
    expect(sockets()).toBe(during);
    stop.abort();
    await watching;
    await vi.waitFor(() => expect(sockets()).toBe(0), 10_000);
  });

  it('can be used again after it could not connect', async () => {
    const kubeConfig = cluster.kubeConfig();
    const broken = vi.spyOn(kubeConfig, 'getCurrentCluster').mockReturnValueOnce(null);
    const lock = open({ kubeConfig });
    await expect(lock.get()).rejects.toMatchObject({ code: 'ERR_KUBECONFIG' });
    broken.mockRestore();
    expect(await lock.get()).toBeUndefined();
  });
});

describe('what a LeaseLock is made of', () => {
  it('is described by its namespace, if that was given, and its name', () => {
    expect(new LeaseLock({ name: 'lock', namespace: 'prod' }).describe()).toBe('prod/lock');
    expect(new LeaseLock({ name: 'lock' }).describe()).toBe('lock');
  });

  it('has an identity of its own, or a unique one that begins with the name of the Pod', () => {
    expect(new LeaseLock({ name: 'lock', identity: 'me' }).identity).toBe('me');
    vi.stubEnv('POD_NAME', 'app-0');
    const [a, b] = [new LeaseLock({ name: 'lock' }), new LeaseLock({ name: 'lock' })];
    vi.unstubAllEnvs();
    expect(a.identity).toMatch(/^app-0_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(b.identity).not.toBe(a.identity);
  });

  it.each([
    [undefined, 'options must be an object'],
    [{}, 'options.name must be a DNS subdomain'],
    [{ name: 'Lock' }, 'options.name must be a DNS subdomain'],
    [{ name: 'lock', namespace: 'a.b' }, 'options.namespace must be'],
    [{ name: 'lock', identity: '' }, 'options.identity must be a string that is not empty'],
    [{ name: 'lock', kubeConfig: {} }, 'options.kubeConfig must be a KubeConfig'],
    [{ name: 'lock', labels: { a: 1 } }, 'options.labels[a] must be a label value'],
    [{ name: 'lock', annotations: { a: 1 } }, 'options.annotations[a] must be a string'],
    [{ name: 'lock', leaseDurationMs: 1 }, 'options.leaseDurationMs is not an option'],
  ])('is not %o', (options, message) => {
    expect(() => new LeaseLock(options as LeaseLockOptions)).toThrow(message);
    expect(() => new LeaseLock(options as LeaseLockOptions)).toThrow(TypeError);
  });

  it('is of no use outside a cluster without a kubeConfig', async () => {
    const lock = new LeaseLock({ name: 'lock', namespace: 'default' });
    const using = lock.get();
    await expect(using).rejects.toThrow(TypeError);
    await expect(using).rejects.toThrow(
      'options.kubeConfig must be a kubeConfig outside of a cluster, where there is no Lease, ' +
        'but is undefined',
    );
  });
});

describe('a lock of another kind', () => {
  const answer = { record, resourceVersion: 'x' };
  const other = () => ({
    identity: 'me',
    describe: () => 'a row',
    get: vi.fn().mockResolvedValue(answer),
    create: vi.fn().mockResolvedValue(answer),
    update: vi.fn().mockResolvedValue('conflict'),
    watch: vi.fn().mockResolvedValue(undefined),
    recordEvent: vi.fn().mockResolvedValue(undefined),
  });
  const opened = async (lock: ResourceLock, events = false) => {
    const found = await openLock(lock, systemPlatform, 5_000, events);
    if (!found) throw new Error('there is a lock');
    return found;
  };

  it('is used as it is', async () => {
    const row = other();
    const lock = await opened(row, true);
    const { signal } = new AbortController();
    expect(lock).toMatchObject({ identity: 'me', namespace: '', name: 'a row' });
    expect(lock.describe()).toBe('a row');
    expect(await lock.get(signal)).toBe(answer);
    expect(await lock.create(record, signal)).toBe(answer);
    expect(await lock.update(answer, next, signal)).toBe('conflict');
    await lock.watch?.(silent, signal);
    await lock.recordEvent?.('became leader', answer);
    expect(row.get).toHaveBeenCalledExactlyOnceWith(signal);
    expect(row.create).toHaveBeenCalledExactlyOnceWith(record, signal);
    expect(row.update).toHaveBeenCalledExactlyOnceWith(answer, next, signal);
    expect(row.recordEvent).toHaveBeenCalledExactlyOnceWith('became leader', answer);
    expect(row.watch).toHaveBeenCalledExactlyOnceWith(silent, signal);
    expect(row.watch.mock.contexts).toEqual([row]);
    expect(row.recordEvent.mock.contexts).toEqual([row]);
    lock.close();
  });

  it('need not be watched, nor record Events', async () => {
    const { watch, recordEvent, ...row } = other();
    const lock = await opened(row, true);
    expect(lock).not.toHaveProperty('watch');
    expect(lock).not.toHaveProperty('recordEvent');
    expect(await opened(other())).not.toHaveProperty('recordEvent');
    expect(watch).not.toHaveBeenCalled();
    expect(recordEvent).not.toHaveBeenCalled();
  });

  it.each([
    ['is tried again', new Error('row is locked'), false],
    ['is tried again', 'x', false],
    ['is final', new LeaderElectionError('ERR_FORBIDDEN', 'no'), true],
    ['is tried again', new TypeError('fetch failed'), false],
    ['is final', invalidArgument('version', 'one of this lock', 1), true],
  ])('that fails %s: %s', async (_, error, permanent) => {
    expect((await opened(other())).failure(error)).toEqual({
      error,
      permanent,
      ambiguous: true,
      retryAfterMs: undefined,
    });
  });
});
