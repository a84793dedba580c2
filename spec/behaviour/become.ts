import { describe, expect, onTestFinished, test } from 'vitest';

import { containerStatus } from '../cluster/container-status.ts';
import type { BecomeOptions, Leadership } from '../../lib/index.ts';
import { type Cluster, type Namespace, type Replica, Waits, eventually } from './cluster.ts';
import { type TestCluster, describeOn } from './on-cluster.ts';

/** What `become` promises, on whichever cluster: the same file for the one in memory and real ones. */
export function becomeBehaviour(
  clusterName: string,
  open: () => Promise<Cluster>,
  /** Why its parts cannot be stopped, its requests not be seen and no node be made, if so. */
  powerless?: string,
): void {
  describeOn(`become on ${clusterName}`, open, (on) => {
    const spec = new BecomeSpec(on, powerless);
    describe('a free lock', () => {
      freeLock(spec);
    });
    describe('a held lock', () => {
      heldLock(spec);
      heldByEndedPod(spec);
    });
    describe('release and guard', () => {
      releaseAndGuard(spec);
    });
    describe('a lock that is no longer as it was created', () => {
      meddledLock(spec);
    });
    describe('become rejects', () => {
      rejections(spec);
    });
    describe('rights', () => {
      rights(spec);
    });
  });
}

/** Pods with their processes, in a namespace of the test. */
class BecomeSpec {
  readonly #on: TestCluster;
  readonly powerless: string | undefined;

  constructor(on: TestCluster, powerless: string | undefined) {
    this.#on = on;
    this.powerless = powerless;
  }

  get cluster(): Cluster {
    return this.#on.cluster;
  }

  /** A namespace, and in it these Pods. */
  async replicas<const Names extends string[]>(...names: Names) {
    const space = await this.#on.namespace();
    const pods: Replica[] = [];
    for (const name of names) pods.push(await space.replica(name));
    return [space, ...pods] as [Namespace, ...{ [Name in keyof Names]: Replica }];
  }

  /** A Pod that leads. */
  async leader(options: BecomeOptions = {}) {
    const [space, a] = await this.replicas('a');
    return { space, a, leadership: await a.become('lock', options) };
  }

  /** A leader, and a candidate that waits for it. */
  async leaderAndFollower() {
    const { space, a, leadership } = await this.leader();
    const b = await space.replica('b');
    return { space, a, b, leadership, ...(await this.follow(b)) };
  }

  /** A candidate that waits; `next` is to be its leadership. */
  async follow(pod: Replica, options: BecomeOptions = {}) {
    const waits = new Waits();
    const next = pod.become('lock', { onWaiting: waits.record, ...options });
    await waits.for('held');
    return { waits, next };
  }

  /** A leader on a node whose kubelet is not heard from, and another Pod. */
  async leaderOnLostNode() {
    const [space, b] = await this.replicas('b');
    const { admin } = this.cluster;
    const name = `node-${space.name}`;
    await admin.createNode({ body: { metadata: { name } } });
    onTestFinished(async () => {
      await admin.deleteNode({ name });
    });
    const conditions = [{ type: 'Ready', status: 'Unknown' }];
    await eventually(async () => {
      const node = await admin.readNode({ name });
      const body = { ...node, status: { ...node.status, conditions } };
      await admin.replaceNodeStatus({ name, body });
    });
    const a = await space.replica('a', { nodeName: name });
    await a.become('lock');
    return { space, a, b };
  }
}

const ownerOf = async (space: Namespace) =>
  (await space.lock('lock'))?.metadata?.ownerReferences?.[0];

async function expectLeader(next: Promise<Leadership>, podName: string): Promise<void> {
  expect((await next).podName).toBe(podName);
}

function expectLater(next: Leadership, first: Leadership): void {
  expect(BigInt(next.fencingToken)).toBeGreaterThan(BigInt(first.fencingToken));
}

function freeLock(spec: BecomeSpec): void {
  test('LIFE-2: is taken, and owned by the Pod by UID', async () => {
    const labels = { team: 'blue' };
    const annotations = { 'example.com/note': 'x' };
    const { space, a, leadership } = await spec.leader({ labels, annotations });
    const { metadata } = (await space.lock('lock')) ?? {};
    expect(leadership).toMatchObject({
      ...{ lockName: 'lock', namespace: space.name, podName: 'a', podUid: a.uid },
      ...{ skipped: false, attempts: 1, fencingToken: metadata?.resourceVersion },
      acquiredAt: expect.any(Date) as Date,
    });
    expect(leadership.waitedMs).toBeGreaterThan(0);
    expect(leadership.signal.aborted).toBe(false);
    expect(metadata).toMatchObject({ labels, annotations });
    expect(metadata?.ownerReferences).toEqual([
      { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: a.uid },
    ]);
  });

  test('LIFE-1: is taken by exactly one of many', async () => {
    const [space, ...pods] = await spec.replicas('a', 'b', 'c', 'd', 'e', 'f');
    const leading: string[] = [];
    const all = pods.map(async (pod) => leading.push((await pod.become('lock')).podName));
    await Promise.race(all);
    expect(leading).toEqual([(await ownerOf(space))?.name]);
    for (const promise of all) promise.catch(() => undefined);
  });

  test('is taken without POD_UID, which is read from the API', async () => {
    const { a, leadership } = await spec.leader({ podUid: undefined });
    expect(leadership.podUid).toBe(a.uid);
  });

  test('costs two requests', async (context) => {
    context.skip(spec.powerless !== undefined, spec.powerless);
    const [space, pod] = await spec.replicas('a');
    const user = await spec.cluster.user(space.name, [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
    ]);
    await pod.become('lock', { kubeConfig: user.kubeConfig });
    const requests = await spec.cluster.requestsOf(user.name);
    const kinds = requests.map(({ verb, resource }) => `${verb} ${resource}`).sort();
    expect(kinds).toEqual(['create configmaps', 'get pods']);
  });

  test('of another name is another lock', async () => {
    const { space } = await spec.leader();
    await expectLeader((await space.replica('b')).become('two'), 'b');
  });
}

function heldLock(spec: BecomeSpec): void {
  test('is passed on, with a larger token, when the garbage collector frees it', async () => {
    const { space, leadership, next } = await spec.leaderAndFollower();
    await space.deletePod('a');
    await expectLeader(next, 'b');
    expectLater(await next, leadership);
  });

  test('is passed on when it is released', async () => {
    const { leadership, next } = await spec.leaderAndFollower();
    await leadership.release();
    await expectLeader(next, 'b');
  });

  test('LIFE-2: stays with a leader that is terminating, as onWaiting is told', async () => {
    const { space, waits, a } = await spec.leaderAndFollower();
    expect(waits.messages[0]).toContain('Pod a');
    await space.terminatePod('a');
    await waits.for('holder-terminating');
    expect((await ownerOf(space))?.uid).toBe(a.uid);
  });

  test('LIFE-1: that goes before its terminating holder does is held, and led with after that', async () => {
    const { space, waits, next } = await spec.leaderAndFollower();
    const led = next.then(() => 'led');
    await space.terminatePod('a', { foreground: true });
    await eventually(async () => {
      expect((await ownerOf(space))?.name).toBe('b');
      expect(waits.messages.at(-1)).toContain('Pod a');
    });
    const later = new Promise((resolve) => setTimeout(resolve, 1_500, 'waits'));
    await expect(Promise.race([led, later])).resolves.toBe('waits');
    await space.deletePod('a');
    await expect(led).resolves.toBe('led');
  });

  test('is kept by a restarted container of the same Pod', async () => {
    const { space, a, leadership } = await spec.leaderAndFollower();
    const before = await space.lock('lock');
    const { podUid, fencingToken } = await a.restarted().become('lock');
    expect([podUid, fencingToken]).toEqual([a.uid, leadership.fencingToken]);
    expect(await space.lock('lock')).toEqual(before);
  });

  test('is asked for by one call of a process at a time', async () => {
    const { a, leadership, next } = await spec.leaderAndFollower();
    await expect(a.become('lock')).rejects.toMatchObject({ code: 'ERR_ALREADY_RUNNING' });
    await leadership.release();
    await next;
    const late = a.become('lock', { timeoutMs: 1_000 });
    await expect(late).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  test('is left alone by a candidate that is aborted', async () => {
    const { space, leadership } = await spec.leader();
    const abort = new AbortController();
    const { next } = await spec.follow(await space.replica('b'), { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(next).rejects.toBe(abort.signal.reason);
    await leadership.release();
    await expectLeader((await space.replica('c')).become('lock'), 'c');
  });

  test('LIFE-1: trap 3: stays held although its node is not ready', async (context) => {
    context.skip(spec.powerless !== undefined, spec.powerless);
    const { space, a, b } = await spec.leaderOnLostNode();
    const late = b.become('lock', { timeoutMs: 3_000 });
    await expect(late).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect((await ownerOf(space))?.uid).toBe(a.uid);
  });

  test('is taken over from a node that is not ready with takeOverFromNotReadyNodeAfterMs', async (context) => {
    context.skip(spec.powerless !== undefined, spec.powerless);
    const { b } = await spec.leaderOnLostNode();
    const waits = new Waits();
    const takeOver = { takeOverFromNotReadyNodeAfterMs: 500, onWaiting: waits.record };
    await expectLeader(b.become('lock', takeOver), 'b');
    expect(waits.reasons).toContain('node-not-ready');
  });
}

function heldByEndedPod(spec: BecomeSpec): void {
  test('LIFE-4: trap 1: is not inherited by a Pod of the same name', async (context) => {
    context.skip(spec.powerless !== undefined, spec.powerless);
    const { space, a, leadership } = await spec.leader();
    // Only now: with it, what makes a namespace's service account stops.
    await spec.cluster.stopGarbageCollector?.();
    await space.deletePod('a');
    const second = await space.replica('a');
    const waits = new Waits();
    const successor = second.become('lock', { onWaiting: waits.record });
    await waits.for('holder-gone');
    const next = await successor;
    expect(next.podUid).toBe(second.uid);
    expect(next.podUid).not.toBe(a.uid);
    expectLater(next, leadership);
  });

  test('LIFE-4: trap 2: of the new leader is not deleted by others that reclaim at once', async () => {
    const { space } = await spec.leader();
    const leading: string[] = [];
    const followers: Promise<Leadership>[] = [];
    for (const name of ['b', 'c', 'd', 'e', 'f']) {
      const { next } = await spec.follow(await space.replica(name));
      next.then(
        () => leading.push(name),
        () => undefined,
      );
      followers.push(next);
    }
    await space.endPod('a', { phase: 'Failed', reason: 'Evicted' });
    const winner = await Promise.race(followers);
    // One delete too many would have let another one in by now.
    const last = (await space.replica('z')).become('lock', { timeoutMs: 1_500 });
    await expect(last).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(leading).toEqual([winner.podName]);
    expect((await ownerOf(space))?.name).toBe(winner.podName);
  });

  test.for([
    ...['Evicted', 'Preempting', 'ProviderFailed', 'NodeShutdown'].map(
      (reason) => ({ phase: 'Failed', reason }) as const,
    ),
    { phase: 'Failed' } as const,
    { phase: 'Succeeded' } as const,
  ])('trap 8: passes on from a Pod that ended as %o, which is not deleted', async (end) => {
    const { space, next } = await spec.leaderAndFollower();
    await space.endPod('a', end);
    await expectLeader(next, 'b');
    const { items } = await spec.cluster.admin.listNamespacedPod({ namespace: space.name });
    expect(items.map((pod) => pod.metadata?.name)).toContain('a');
  });

  test.for(['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'])(
    'LIFE-4: trap 8: stays with a Pod that ended while one of its %s runs',
    async (statuses) => {
      const { space, waits, next } = await spec.leaderAndFollower();
      const end = (state: 'running' | 'terminated') =>
        space.endPod('a', { phase: 'Failed', statuses: { [statuses]: [containerStatus(state)] } });
      await end('running');
      await waits.for('holder-finishing');
      await end('terminated');
      await expectLeader(next, 'b');
    },
  );

  test('trap 12: is reclaimed while the garbage collector is stopped', async (context) => {
    context.skip(spec.powerless !== undefined, spec.powerless);
    const { space, waits, next } = await spec.leaderAndFollower();
    await spec.cluster.stopGarbageCollector?.();
    await space.deletePod('a');
    await waits.for('holder-gone');
    await expectLeader(next, 'b');
  });
}

function releaseAndGuard(spec: BecomeSpec): void {
  test('a release deletes the lock, and is idempotent', async () => {
    const { space, leadership } = await spec.leader();
    await Promise.all([leadership.release(), leadership.release()]);
    await leadership.release();
    expect(await space.lock('lock')).toBeUndefined();
    expect(leadership.signal.reason).toMatchObject({ code: 'ERR_RELEASED' });
  });

  test('a release happens at the end of an `await using` block', async () => {
    const [space, pod] = await spec.replicas('a');
    {
      await using leadership = await pod.become('lock');
      expect(leadership.skipped).toBe(false);
    }
    expect(await space.lock('lock')).toBeUndefined();
  });

  test.each([false, true])(
    'a change that keeps the holder disturbs neither a release nor a guard (guard: %s)',
    async (guard) => {
      const { space, leadership } = await spec.leader({ guard });
      await space.patchConfigMap('lock', { labels: { touched: 'yes' } });
      await leadership.release();
      expect(await space.lock('lock')).toBeUndefined();
      expect(leadership.signal.reason).toMatchObject({ code: 'ERR_RELEASED' });
    },
  );

  test('LIFE-4: a release does not delete the lock of a successor', async () => {
    const { space, leadership, next, b } = await spec.leaderAndFollower();
    await space.deleteConfigMap('lock');
    await next;
    await leadership.release();
    expect((await ownerOf(space))?.uid).toBe(b.uid);
  });

  test('a guard aborts the signal when the lock is deleted by hand', async () => {
    const { space, leadership } = await spec.leader({ guard: true });
    await space.deleteConfigMap('lock');
    await leadership.ended;
    expect(leadership.signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
  });
}

function meddledLock(spec: BecomeSpec): void {
  test('trap 6: a ConfigMap without an owner is ERR_FOREIGN_LOCK, and is not touched', async () => {
    const [space, pod] = await spec.replicas('a');
    const { data, metadata } = await space.createConfigMap({ name: 'lock' });
    await expect(pod.become('lock')).rejects.toMatchObject({
      code: 'ERR_FOREIGN_LOCK',
      message: expect.stringContaining(`${space.name}/lock`),
    });
    expect(await space.lock('lock')).toMatchObject({ data, metadata });
  });

  test('trap 6: our own lock without its owner is reclaimed once its Pod is gone', async () => {
    const { space, waits, next } = await spec.leaderAndFollower();
    await space.patchConfigMap('lock', { ownerReferences: null });
    await space.deletePod('a');
    await waits.for('holder-gone');
    await expectLeader(next, 'b');
  });

  test('trap 6: a lock that its Pod left as an orphan is reclaimed', async () => {
    const { space, next } = await spec.leaderAndFollower();
    await space.deletePod('a', { orphan: true });
    await expectLeader(next, 'b');
  });

  test('trap 12: a lock that finalizers keep is waited for', async () => {
    const { space, waits, next } = await spec.leaderAndFollower();
    await space.patchConfigMap('lock', { finalizers: ['example.com/keep'] });
    await space.deletePod('a');
    await waits.for('lock-deleting');
    expect(waits.messages.join()).toContain('example.com/keep');
    await space.patchConfigMap('lock', { finalizers: null });
    await expectLeader(next, 'b');
  });
}

function rejections(spec: BecomeSpec): void {
  test.for([
    ['ERR_POD_NOT_FOUND', 'if its Pod does not exist', 'deletePod'],
    ['ERR_POD_TERMINATING', 'if its Pod is terminating', 'terminatePod'],
  ] as const)('with %s %s', async ([code, , end]) => {
    const [space, pod] = await spec.replicas('a');
    await space[end]('a');
    await expect(pod.become('lock')).rejects.toMatchObject({ code });
    expect(await space.lock('lock')).toBeUndefined();
  });

  test('with ERR_POD_NOT_FOUND if its Pod was deleted while it waited', async () => {
    const { space, leadership, next } = await spec.leaderAndFollower();
    await space.deletePod('b');
    await leadership.release();
    await expect(next).rejects.toMatchObject({ code: 'ERR_POD_NOT_FOUND' });
    expect(await space.lock('lock')).toBeUndefined();
  });

  test('with ERR_POD_UID_MISMATCH if it was told another UID, and takes its lock back', async () => {
    const [space, pod] = await spec.replicas('a');
    const podUid = '00000000-0000-4000-8000-000000000000';
    await expect(pod.become('lock', { podUid })).rejects.toMatchObject({
      code: 'ERR_POD_UID_MISMATCH',
      message: expect.stringContaining(pod.uid),
    });
    expect(await space.lock('lock')).toBeUndefined();
  });

  test('with ERR_TIMEOUT, which says who leads', async () => {
    const { space } = await spec.leader();
    const late = (await space.replica('b')).become('lock', { timeoutMs: 1_000 });
    await expect(late).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringMatching(/Pod b .*within 1000 ms: Pod a on node nowhere leads/),
    });
  });

  test('with ERR_NAMESPACE_NOT_FOUND, which names the namespace', async () => {
    const [, pod] = await spec.replicas('a');
    await expect(pod.become('lock', { namespace: 'no-such-namespace' })).rejects.toMatchObject({
      code: 'ERR_NAMESPACE_NOT_FOUND',
      message: expect.stringContaining('no-such-namespace'),
    });
  });

  test('trap 11: with ERR_NAMESPACE_TERMINATING', async () => {
    const [space, pod] = await spec.replicas('a');
    await space.createConfigMap({ name: 'keep', finalizers: ['example.com/keep'] });
    await spec.cluster.admin.deleteNamespace({ name: space.name });
    onTestFinished(async () => {
      await space.patchConfigMap('keep', { finalizers: null });
    });
    const codes = /^ERR_(NAMESPACE_TERMINATING|POD_NOT_FOUND|POD_TERMINATING)$/;
    await expect(pod.become('lock')).rejects.toMatchObject({ code: expect.stringMatching(codes) });
    await eventually(async () => {
      const attempt = pod.become('other');
      await expect(attempt).rejects.toMatchObject({ code: 'ERR_NAMESPACE_TERMINATING' });
    });
  });
}

function rights(spec: BecomeSpec): void {
  const LOCK_VERBS = ['create', 'get', 'watch', 'delete'];
  const POD_VERBS = ['get', 'list', 'watch'];
  const rule = (resource: string, verbs: string[], missing?: string) => ({
    apiGroups: [''],
    resources: [resource],
    verbs: verbs.filter((verb) => verb !== missing),
  });
  const configMaps = (missing?: string) => rule('configmaps', LOCK_VERBS, missing);
  const pods = (missing?: string) => rule('pods', POD_VERBS, missing);

  test.for(['create', 'get', 'delete'])(
    'without %s on ConfigMaps: ERR_FORBIDDEN with the whole Role',
    async (verb) => {
      const [space, a, b] = await spec.replicas('a', 'b');
      if (verb !== 'create') {
        await a.become('lock');
        await space.endPod('a', { phase: 'Failed' });
      }
      const { kubeConfig } = await spec.cluster.user(space.name, [configMaps(verb), pods()]);
      await expect(b.become('lock', { kubeConfig })).rejects.toMatchObject({
        code: 'ERR_FORBIDDEN',
        message: expect.stringMatching(
          /kind: Role\n[^]*namespace: "?behaviour-[^]*resourceNames: \["lock"\][^]*"delete"/,
        ),
      });
    },
  );

  test.for([
    ['watch on ConfigMaps', [configMaps('watch'), pods()]],
    ['watch on Pods', [configMaps(), pods('watch')]],
    ['list on Pods', [configMaps(), pods('list')]],
    ['any right to Pods', [configMaps()]],
  ] as const)('without %s it takes over all the same', async ([, rules]) => {
    const { space, leadership } = await spec.leader();
    const { kubeConfig } = await spec.cluster.user(space.name, [...rules]);
    const c = await space.replica('c');
    const { next } = await spec.follow(c, { kubeConfig, maxBackoffMs: 500 });
    await leadership.release();
    await expectLeader(next, 'c');
  });

  test('exactly the documented Role is enough', async () => {
    const [space, a, b] = await spec.replicas('a', 'b');
    const { kubeConfig } = await spec.cluster.user(space.name, [
      rule('configmaps', ['create']),
      { ...configMaps('create'), resourceNames: ['lock'] },
      pods(),
    ]);
    await a.become('lock', { kubeConfig });
    const { next } = await spec.follow(b, { kubeConfig });
    await space.endPod('a', { phase: 'Succeeded' });
    await expectLeader(next, 'b');
  });
}
