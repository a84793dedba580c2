import { describe, expect, test } from 'vitest';

import { inspectLease, inspectLock, listLocks } from '../../lib/index.ts';
import { USER, world } from './world.ts';

describe('inspectLock', () => {
  test('says that nobody holds a lock that does not exist', async () => {
    const { inspectLock: inspect } = await world();
    const free = { mode: 'life', name: 'lock', namespace: 'default', reason: 'free' };
    expect(await inspect()).toEqual({ ...free, message: 'nobody holds the lock' });
  });

  test('says which Pod leads, since when, and on which node', async () => {
    const { simulation, cluster, inspectLock: inspect } = await world();
    await simulation.lead('a');
    const { uid, resourceVersion, creationTimestamp } =
      cluster.getConfigMap('lock')?.metadata ?? {};
    expect(await inspect()).toEqual({
      ...{ mode: 'life', name: 'lock', namespace: 'default', uid, resourceVersion },
      reason: 'held',
      message: 'Pod a on node node-1 leads',
      holder: 'a',
      podName: 'a',
      podUid: cluster.getPod('a')?.metadata.uid,
      nodeName: 'node-1',
      since: new Date(creationTimestamp ?? ''),
    });
  });

  test.each([
    [
      'a Pod that is being deleted',
      'holder-terminating',
      /terminating/,
      async () => {
        const created = await world();
        await created.simulation.lead('a');
        created.simulation.terminate('a', 'background');
        return created;
      },
    ],
    [
      'a Pod that has ended',
      'holder-finished',
      /has ended/,
      async () => {
        const created = await world();
        await created.simulation.lead('a');
        created.cluster.finishPod('a', 'Failed');
        return created;
      },
    ],
    [
      'a Pod that is gone',
      'holder-gone',
      /gone/,
      async () => {
        const created = await world();
        await created.simulation.lead('a');
        created.cluster.garbageCollector.stop();
        created.simulation.end('a');
        return created;
      },
    ],
    [
      'a lock that a finalizer keeps',
      'lock-deleting',
      /finalizers keep it: example.com\/keep/,
      async () => {
        const created = await world();
        const { uid = '' } = created.cluster.getPod('a')?.metadata ?? {};
        const owner = { apiVersion: 'v1', kind: 'Pod', name: 'a', uid };
        const metadata = { ownerReferences: [owner], finalizers: ['example.com/keep'] };
        created.cluster.createConfigMap('lock', { metadata });
        created.cluster.deleteConfigMap('lock');
        return created;
      },
    ],
    [
      'a ConfigMap that belongs to no Pod',
      'foreign',
      /no Pod owns/,
      async () => {
        const created = await world();
        created.cluster.createConfigMap('lock', { data: { colour: 'blue' } });
        return created;
      },
    ],
  ])('explains %s', async (_, reason, message, make) => {
    const { inspectLock: inspect } = await make();
    expect(await inspect()).toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  test('does without the right to read Pods', async () => {
    const { simulation, cluster, inspectLock: inspect } = await world();
    await simulation.lead('a');
    cluster.grant(USER, [{ resources: ['configmaps'], verbs: ['get'] }]);
    const status = await inspect();
    expect(status).toMatchObject({ reason: 'held', podName: 'a' });
    expect(status).not.toHaveProperty('nodeName');
  });

  test('explains a missing right, with the Role', async () => {
    const { cluster, inspectLock: inspect } = await world();
    cluster.revoke(USER);
    await expect(inspect()).rejects.toMatchObject({
      code: 'ERR_FORBIDDEN',
      message: expect.stringContaining('name: leader-for-life-inspector'),
    });
  });

  test('repeats what fails, for as long as it may', async () => {
    const { fault, clock, simulation, inspectLock: inspect } = await world();
    const broken = fault({ error: { status: 503 }, times: 2 });
    expect(await inspect()).toMatchObject({ reason: 'free' });
    broken.remove();
    fault({ error: { status: 503 } });
    const startedMs = clock.now();
    await expect(inspect({ timeoutMs: 3_000 })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringMatching(/Could not read ConfigMap lock within 3000 ms.*503/),
    });
    expect(clock.now() - startedMs).toBe(3_000);
    expect(simulation.open).toBe(0);
  });

  test('ends with its signal', async () => {
    const { simulation, fault, start } = await world();
    fault({ hang: true });
    const abort = simulation.abortable((signal) => start.inspectLock({ signal }));
    expect(await abort()).toBe(0);
    expect(simulation.open).toBe(0);
  });
});

describe('inspectLease', () => {
  test('says who leads, for how much longer, and where', async () => {
    const { hold, clock, inspectLease: inspect } = await world();
    hold('b_1234');
    const renewedAt = clock.date();
    await clock.advance(4_000);
    expect(await inspect()).toMatchObject({
      mode: 'lease',
      reason: 'held',
      message: 'b_1234 on node node-1 leads',
      holder: 'b_1234',
      podName: 'b',
      nodeName: 'node-1',
      since: renewedAt,
      renewedAt,
      remainingMs: 11_000,
      transitions: 3,
    });
  });

  test('says how long ago a Lease has expired', async () => {
    const { hold, clock, inspectLease: inspect } = await world();
    hold('elsewhere_1234');
    await clock.advance(75_000);
    const status = await inspect();
    expect(status).toMatchObject({ reason: 'expired', remainingMs: -60_000 });
    expect(status.message).toMatch(/expired 60 s ago/);
    expect(status).not.toHaveProperty('podName');
  });

  test.each([
    ['does not exist', () => undefined],
    ['is held by nobody', (hold: (identity: string) => void) => hold('')],
  ])('says that a Lease is free that %s', async (_, prepare) => {
    const { hold, inspectLease: inspect } = await world();
    prepare(hold);
    const status = await inspect();
    expect(status).toMatchObject({ mode: 'lease', reason: 'free' });
    expect(status).not.toHaveProperty('holder');
  });

  test('says so if a Lease has no times', async () => {
    const { hold, inspectLease: inspect } = await world();
    hold('b', { renewTime: undefined, acquireTime: undefined, leaseDurationSeconds: undefined });
    const status = await inspect();
    expect(status).toMatchObject({ reason: 'held', holder: 'b' });
    expect(status).not.toHaveProperty('remainingMs');
  });

  test('keeps control characters of an identity out of the message', async () => {
    const { hold, inspectLease: inspect } = await world();
    hold('b\u001b[31m\nroot');
    expect((await inspect()).message).toBe('b [31m root leads');
  });
});

describe('listLocks', () => {
  test('lists ConfigMaps whose metadata are large', async () => {
    const { cluster, listLocks: listAll } = await world();
    const annotations = { 'example.com/applied': 'x'.repeat(220_000) };
    for (let number = 0; number < 45; number += 1) {
      cluster.createConfigMap(`board-${number}`, { metadata: { annotations } });
    }
    expect(await listAll()).toEqual([]);
  });

  test('lists every lock of both modes, and nothing else', async () => {
    const { simulation, cluster, hold, listLocks: listAll } = await world();
    await simulation.lead('a');
    const { uid = '' } = cluster.getPod('b')?.metadata ?? {};
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'b', uid };
    cluster.createConfigMap('operator-lib-lock', { metadata: { ownerReferences: [owner] } });
    cluster.createConfigMap('settings', { data: { colour: 'blue' } });
    const another = { ...owner, apiVersion: 'apps/v1', kind: 'ReplicaSet' };
    cluster.createConfigMap('generated', { metadata: { ownerReferences: [another] } });
    hold('c_1', {}, 'client-go-lease');
    hold('', {}, 'unheld-lease');
    const found = await listAll();
    expect(found.map(({ mode, name, holder }) => [mode, name, holder])).toEqual([
      ['lease', 'client-go-lease', 'c_1'],
      ['life', 'lock', 'a'],
      ['life', 'operator-lib-lock', 'b'],
      ['lease', 'unheld-lease', undefined],
    ]);
  });

  test('reads long lists in pages', async () => {
    const { cluster, hold, listLocks: listAll } = await world();
    for (let number = 0; number < 501; number += 1) hold('c_1', {}, `lease-${number}`);
    expect(await listAll()).toHaveLength(501);
    expect(cluster.requests.count({ verb: 'list', resource: 'leases' })).toBe(2);
  });

  test('reads the Pods of a few locks at a time', async () => {
    const { cluster, clock, hold, fault, start } = await world();
    for (let number = 0; number < 100; number += 1) hold(`node-${number}`, {}, `node-${number}`);
    fault({ verb: 'get', resource: 'pods', hang: true });
    void start.listLocks();
    await clock.advance(1_000);
    expect(cluster.requests.count({ verb: 'get', resource: 'pods' })).toBe(20);
  });

  test('explains a missing right, with the Role', async () => {
    const { cluster, listLocks: listAll } = await world();
    cluster.grant(USER, [{ resources: ['configmaps'], verbs: ['get'] }]);
    await expect(listAll()).rejects.toMatchObject({
      code: 'ERR_FORBIDDEN',
      message: expect.stringContaining('verbs: ["get", "list", "watch"]'),
    });
  });
});

describe('their arguments', () => {
  test.each([
    ['a bad name', () => inspectLock('No Name'), /lockName/],
    ['a bad Lease name', () => inspectLease('No Name'), /leaseName/],
    ['an unknown option', () => listLocks({ name: 'x' } as object), /name/],
    ['a bad limit', () => listLocks({ timeoutMs: -1 }), /timeoutMs/],
    ['no cluster', () => listLocks(), /There is no cluster in which to list the locks/],
  ])('are refused: %s', async (_, call, message) => {
    await expect(call()).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(message),
    });
  });
});
