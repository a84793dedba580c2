import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { containerStatus } from '../cluster/container-status.ts';
import { type Cluster, Namespace, Waits, eventually } from './cluster.ts';

/** What `become` promises, on whichever cluster: the same file for the one in memory and real ones. */
export function becomeBehaviour(
  clusterName: string,
  open: () => Promise<Cluster>,
  /** Why its parts cannot be stopped, its requests not be seen and no node be made, if so. */
  powerless?: string,
): void {
  describe(`become on ${clusterName}`, () => {
    let cluster: Cluster;

    beforeAll(async () => {
      cluster = await open();
    }, 120_000);

    afterAll(async () => {
      await cluster[Symbol.asyncDispose]();
    });

    async function namespace(): Promise<Namespace> {
      const created = await Namespace.create(cluster);
      onTestFinished(() => created[Symbol.asyncDispose]());
      return created;
    }

    /** A node whose kubelet is not heard from. */
    async function lostNode(name: string): Promise<void> {
      await cluster.admin.createNode({ body: { metadata: { name } } });
      onTestFinished(async () => {
        await cluster.admin.deleteNode({ name });
      });
      const conditions = [{ type: 'Ready', status: 'Unknown' }];
      await eventually(async () => {
        const node = await cluster.admin.readNode({ name });
        const body = { ...node, status: { ...node.status, conditions } };
        await cluster.admin.replaceNodeStatus({ name, body });
      });
    }

    /** A leader, and a candidate that waits for it. */
    async function leaderAndFollower(options = {}) {
      const space = await namespace();
      const [a, b] = [await space.replica('a'), await space.replica('b')];
      const leadership = await a.become('lock');
      const waits = new Waits();
      const follower = b.become('lock', { onWaiting: waits.record, ...options });
      await waits.for('held');
      return { space, a, b, leadership, waits, follower };
    }

    describe('a free lock', () => {
      test('is taken, and owned by the Pod by UID', async () => {
        const space = await namespace();
        const pod = await space.replica('a');
        const leadership = await pod.become('lock', {
          labels: { team: 'blue' },
          annotations: { 'example.com/note': 'x' },
        });

        expect(leadership).toMatchObject({
          lockName: 'lock',
          namespace: space.name,
          podName: 'a',
          podUid: pod.uid,
          skipped: false,
          attempts: 1,
        });
        const { metadata } = (await space.lock('lock')) ?? {};
        expect(metadata?.ownerReferences).toEqual([
          { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: pod.uid },
        ]);
        expect(metadata?.labels).toMatchObject({ team: 'blue' });
        expect(metadata?.annotations).toMatchObject({ 'example.com/note': 'x' });
        expect(leadership.fencingToken).toBe(metadata?.resourceVersion);
        expect(leadership.acquiredAt).toBeInstanceOf(Date);
        expect(leadership.waitedMs).toBeGreaterThan(0);
        expect(leadership.signal.aborted).toBe(false);
      });

      test('is taken by exactly one of many', async () => {
        const space = await namespace();
        const names = ['a', 'b', 'c', 'd', 'e', 'f'];
        const pods = await Promise.all(names.map((name) => space.replica(name)));
        const leading = new Set<string>();
        const all = pods.map(async (pod) => {
          leading.add((await pod.become('lock')).podName);
        });
        await Promise.race(all);
        const holder = (await space.lock('lock'))?.metadata?.ownerReferences?.[0]?.name;
        expect([...leading]).toEqual([holder]);
        for (const promise of all) promise.catch(() => undefined);
      });

      test('is taken without POD_UID, which is read from the API', async () => {
        const space = await namespace();
        const pod = await space.replica('a');
        const leadership = await pod.become('lock', { podUid: undefined });
        expect(leadership.podUid).toBe(pod.uid);
      });

      test('costs two requests', async (context) => {
        context.skip(powerless !== undefined, powerless);
        const space = await namespace();
        const pod = await space.replica('a');
        const user = await cluster.user(space.name, [
          { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
          { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
        ]);
        await pod.become('lock', { kubeConfig: user.kubeConfig });
        const requests = await cluster.requestsOf(user.name);
        expect(requests.map(({ verb, resource }) => `${verb} ${resource}`).sort()).toEqual([
          'create configmaps',
          'get pods',
        ]);
      });

      test('of another name is another lock', async () => {
        const space = await namespace();
        const [a, b] = [await space.replica('a'), await space.replica('b')];
        await a.become('one');
        expect((await b.become('two')).podName).toBe('b');
      });
    });

    describe('a held lock', () => {
      test('is passed on when the garbage collector frees it', async () => {
        const { space, leadership, follower } = await leaderAndFollower();
        await space.deletePod('a');
        const next = await follower;
        expect(next.podName).toBe('b');
        expect(BigInt(next.fencingToken)).toBeGreaterThan(BigInt(leadership.fencingToken));
      });

      test('is passed on when it is released', async () => {
        const { leadership, follower } = await leaderAndFollower();
        await leadership.release();
        expect((await follower).podName).toBe('b');
      });

      test('says who holds it and why', async () => {
        const { space, waits, a } = await leaderAndFollower();
        expect(waits.messages[0]).toContain('Pod a');
        await space.terminatePod('a');
        await waits.for('holder-terminating');
        expect(a.uid).not.toBe('');
      });

      test('stays with a leader that is terminating', async () => {
        const { space, waits, a } = await leaderAndFollower();
        await space.terminatePod('a');
        await waits.for('holder-terminating');
        const owner = (await space.lock('lock'))?.metadata?.ownerReferences?.[0];
        expect(owner?.uid).toBe(a.uid);
      });

      test('is kept by a restarted container of the same Pod', async () => {
        const { space, a, leadership } = await leaderAndFollower();
        const before = await space.lock('lock');
        const restarted = await a.restarted().become('lock');
        expect(restarted.podUid).toBe(a.uid);
        expect(restarted.fencingToken).toBe(leadership.fencingToken);
        expect(await space.lock('lock')).toEqual(before);
      });

      test('is asked for by one call of a process at a time', async () => {
        const { a, leadership, follower } = await leaderAndFollower();
        const again = a.become('lock');
        await expect(again).rejects.toMatchObject({ code: 'ERR_ALREADY_RUNNING' });
        await leadership.release();
        await follower;
        const late = a.become('lock', { timeoutMs: 1_000 });
        await expect(late).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
      });

      test('times out with who holds it', async () => {
        const space = await namespace();
        const [a, b] = [await space.replica('a'), await space.replica('b')];
        await a.become('lock');
        const late = b.become('lock', { timeoutMs: 1_000 });
        await expect(late).rejects.toMatchObject({
          code: 'ERR_TIMEOUT',
          message: expect.stringMatching(/Pod b .*within 1000 ms: Pod a on node nowhere leads/),
        });
      });

      test('is left alone by a candidate that is aborted', async () => {
        const space = await namespace();
        const [a, b, c] = [
          await space.replica('a'),
          await space.replica('b'),
          await space.replica('c'),
        ];
        const leadership = await a.become('lock');
        const abort = new AbortController();
        const waits = new Waits();
        const aborted = b.become('lock', { signal: abort.signal, onWaiting: waits.record });
        await waits.for('held');
        const reason = new Error('enough');
        abort.abort(reason);
        await expect(aborted).rejects.toBe(reason);
        await leadership.release();
        expect((await c.become('lock')).podName).toBe('c');
      });
    });

    describe('release', () => {
      test('deletes the lock and is idempotent', async () => {
        const space = await namespace();
        const leadership = await (await space.replica('a')).become('lock');
        await Promise.all([leadership.release(), leadership.release()]);
        await leadership.release();
        expect(await space.lock('lock')).toBeUndefined();
        expect(leadership.signal.reason).toMatchObject({ code: 'ERR_RELEASED' });
      });

      test('happens at the end of an `await using` block', async () => {
        const space = await namespace();
        const pod = await space.replica('a');
        {
          await using leadership = await pod.become('lock');
          expect(leadership.skipped).toBe(false);
        }
        expect(await space.lock('lock')).toBeUndefined();
      });

      test('deletes a lock that somebody labelled meanwhile', async () => {
        const space = await namespace();
        const leadership = await (await space.replica('a')).become('lock');
        await space.patchConfigMap('lock', { labels: { touched: 'yes' } });
        await leadership.release();
        expect(await space.lock('lock')).toBeUndefined();
      });

      test('never deletes the lock of a successor', async () => {
        const { space, leadership, follower, b } = await leaderAndFollower();
        await space.deleteConfigMap('lock');
        await follower;
        await leadership.release();
        const owner = (await space.lock('lock'))?.metadata?.ownerReferences?.[0];
        expect(owner?.uid).toBe(b.uid);
      });
    });

    describe('guard', () => {
      test('aborts the signal when the lock is deleted by hand', async () => {
        const space = await namespace();
        const leadership = await (await space.replica('a')).become('lock', { guard: true });
        const lost = new Promise((resolve) => {
          leadership.signal.addEventListener('abort', resolve, { once: true });
        });
        await space.deleteConfigMap('lock');
        await lost;
        expect(leadership.signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
      });

      test('is not disturbed by a change that keeps the holder', async () => {
        const space = await namespace();
        const leadership = await (await space.replica('a')).become('lock', { guard: true });
        await space.patchConfigMap('lock', { labels: { touched: 'yes' } });
        await leadership.release();
        expect(leadership.signal.reason).toMatchObject({ code: 'ERR_RELEASED' });
      });
    });

    describe('the traps of earlier implementations', () => {
      test('trap 1: a Pod of the same name but another UID does not inherit the lock', async (context) => {
        context.skip(powerless !== undefined, powerless);
        const space = await namespace();
        const first = await space.replica('web-0');
        await cluster.stopGarbageCollector?.();
        const leadership = await first.become('lock');
        await space.deletePod('web-0');
        const second = await space.replica('web-0');
        const waits = new Waits();
        const successor = second.become('lock', { onWaiting: waits.record });
        await waits.for('holder-gone');
        const next = await successor;
        expect(next.podUid).toBe(second.uid);
        expect(next.podUid).not.toBe(first.uid);
        expect(BigInt(next.fencingToken)).toBeGreaterThan(BigInt(leadership.fencingToken));
      });

      test('trap 2: followers that reclaim at once never delete the lock of the new leader', async () => {
        const space = await namespace();
        const leader = await space.replica('a');
        await leader.become('lock');
        const names = ['b', 'c', 'd', 'e', 'f'];
        const leading: string[] = [];
        const followers = [];
        for (const name of names) {
          const waits = new Waits();
          const pod = await space.replica(name);
          const won = pod.become('lock', { onWaiting: waits.record });
          won.then(
            () => leading.push(name),
            () => undefined,
          );
          followers.push(won);
          await waits.for('held');
        }
        await space.endPod('a', { phase: 'Failed', reason: 'Evicted' });
        const winner = await Promise.race(followers);
        // Whoever deleted too much would have let another one in by now.
        const last = await space.replica('z');
        await expect(last.become('lock', { timeoutMs: 1_500 })).rejects.toMatchObject({
          code: 'ERR_TIMEOUT',
        });
        expect(leading).toEqual([winner.podName]);
        const owner = (await space.lock('lock'))?.metadata?.ownerReferences?.[0];
        expect(owner?.name).toBe(winner.podName);
      });

      test('trap 3: a node that is not ready frees nothing', async (context) => {
        context.skip(powerless !== undefined, powerless);
        const space = await namespace();
        const nodeName = `node-${space.name}`;
        await lostNode(nodeName);
        const a = await space.replica('a', { nodeName });
        const b = await space.replica('b');
        await a.become('lock');
        await expect(b.become('lock', { timeoutMs: 3_000 })).rejects.toMatchObject({
          code: 'ERR_TIMEOUT',
        });
        const owner = (await space.lock('lock'))?.metadata?.ownerReferences?.[0];
        expect(owner?.uid).toBe(a.uid);
      });

      test('trap 6: a ConfigMap that nobody owns is reported and not touched', async () => {
        const space = await namespace();
        const before = await space.createConfigMap({ name: 'lock' });
        const pod = await space.replica('a');
        await expect(pod.become('lock')).rejects.toMatchObject({
          code: 'ERR_FOREIGN_LOCK',
          message: expect.stringContaining(`${space.name}/lock`),
        });
        expect(await space.lock('lock')).toEqual(
          expect.objectContaining({ data: before.data, metadata: before.metadata }),
        );
      });

      test('trap 6: our own lock without its owner is reclaimed once its Pod is gone', async () => {
        const { space, waits, follower } = await leaderAndFollower();
        await space.patchConfigMap('lock', { ownerReferences: null });
        await space.deletePod('a');
        await waits.for('holder-gone');
        expect((await follower).podName).toBe('b');
      });

      test('trap 6: a lock orphaned with its Pod is reclaimed', async () => {
        const { space, follower } = await leaderAndFollower();
        await space.deletePod('a', { orphan: true });
        expect((await follower).podName).toBe('b');
      });

      const ends = [
        { phase: 'Failed', reason: 'Evicted' },
        { phase: 'Failed', reason: 'Preempting' },
        { phase: 'Failed', reason: 'ProviderFailed' },
        { phase: 'Failed', reason: 'NodeShutdown' },
        { phase: 'Failed' },
        { phase: 'Succeeded' },
      ] as const;
      test.for(ends)('trap 8: a Pod that ended as %o is succeeded, not deleted', async (end) => {
        const { space, follower } = await leaderAndFollower();
        await space.endPod('a', end);
        expect((await follower).podName).toBe('b');
        const { items } = await cluster.admin.listNamespacedPod({ namespace: space.name });
        expect(items.map((pod) => pod.metadata?.name)).toContain('a');
      });

      const still = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'];
      test.for(still)('trap 8: it is not while one of its %s runs', async (statuses) => {
        const { space, waits, follower } = await leaderAndFollower();
        const running = { [statuses]: [containerStatus('running')] };
        await space.endPod('a', { phase: 'Failed', statuses: running });
        await waits.for('holder-finishing');
        const stopped = { [statuses]: [containerStatus('terminated')] };
        await space.endPod('a', { phase: 'Failed', statuses: stopped });
        expect((await follower).podName).toBe('b');
      });

      test('trap 11: a terminating namespace is an error of its own', async () => {
        const space = await namespace();
        const pod = await space.replica('a');
        await space.createConfigMap({ name: 'keep', finalizers: ['example.com/keep'] });
        await cluster.admin.deleteNamespace({ name: space.name });
        onTestFinished(async () => {
          await space.patchConfigMap('keep', { finalizers: null });
        });
        await expect(pod.become('lock')).rejects.toMatchObject({
          code: expect.stringMatching(
            /^ERR_(NAMESPACE_TERMINATING|POD_NOT_FOUND|POD_TERMINATING)$/,
          ),
        });
        await expect(
          eventually(async () => {
            const error: unknown = await pod.become('other').catch((e: unknown) => e);
            expect(error).toMatchObject({ code: 'ERR_NAMESPACE_TERMINATING' });
          }),
        ).resolves.toBeUndefined();
      });

      test('a lock that goes before its terminating holder does is held, not led with, until that', async () => {
        const { space, waits, follower } = await leaderAndFollower();
        const led = follower.then(() => 'led');
        await space.terminatePod('a', { foreground: true });
        await eventually(async () => {
          const { metadata } = (await space.lock('lock')) ?? {};
          expect(metadata?.ownerReferences?.[0]?.name).toBe('b');
        });
        await eventually(() => {
          expect(waits.messages.at(-1)).toContain('Pod a');
        });
        const later = new Promise((resolve) => setTimeout(resolve, 1_500, 'waits'));
        await expect(Promise.race([led, later])).resolves.toBe('waits');
        await space.deletePod('a');
        await expect(led).resolves.toBe('led');
      });

      test('trap 12: a lock that finalizers keep is waited for', async () => {
        const { space, waits, follower } = await leaderAndFollower();
        await space.patchConfigMap('lock', { finalizers: ['example.com/keep'] });
        await space.deletePod('a');
        await waits.for('lock-deleting');
        expect(waits.messages.join()).toContain('example.com/keep');
        await space.patchConfigMap('lock', { finalizers: null });
        expect((await follower).podName).toBe('b');
      });

      test('trap 12: candidates do the work of a stopped garbage collector', async (context) => {
        context.skip(powerless !== undefined, powerless);
        const { space, waits, follower } = await leaderAndFollower();
        await cluster.stopGarbageCollector?.();
        await space.deletePod('a');
        await waits.for('holder-gone');
        expect((await follower).podName).toBe('b');
      });
    });

    describe('a Pod that must not lead', () => {
      test('does not exist', async () => {
        const space = await namespace();
        const pod = await space.replica('a');
        await space.deletePod('a');
        await expect(pod.become('lock')).rejects.toMatchObject({ code: 'ERR_POD_NOT_FOUND' });
        expect(await space.lock('lock')).toBeUndefined();
      });

      test('has another UID than it was told, and takes its lock back', async () => {
        const space = await namespace();
        const pod = await space.replica('a');
        const wrong = pod.become('lock', { podUid: '00000000-0000-4000-8000-000000000000' });
        await expect(wrong).rejects.toMatchObject({
          code: 'ERR_POD_UID_MISMATCH',
          message: expect.stringContaining(pod.uid),
        });
        expect(await space.lock('lock')).toBeUndefined();
      });

      test('is terminating', async () => {
        const space = await namespace();
        const pod = await space.replica('a');
        await space.terminatePod('a');
        await expect(pod.become('lock')).rejects.toMatchObject({ code: 'ERR_POD_TERMINATING' });
        expect(await space.lock('lock')).toBeUndefined();
      });

      test('was deleted while it waited', async () => {
        const { space, leadership, follower } = await leaderAndFollower();
        await space.deletePod('b');
        await leadership.release();
        await expect(follower).rejects.toMatchObject({ code: 'ERR_POD_NOT_FOUND' });
        expect(await space.lock('lock')).toBeUndefined();
      });
    });

    describe('rights', () => {
      const configMaps = {
        apiGroups: [''],
        resources: ['configmaps'],
        verbs: ['create', 'get', 'watch', 'delete'],
      };
      const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] };
      const without = (verb: string, rule: typeof pods) => ({
        ...rule,
        verbs: rule.verbs.filter((other) => other !== verb),
      });

      test.for(['create', 'get', 'delete'])(
        'without the right to %s ConfigMaps: ERR_FORBIDDEN with the whole Role',
        async (verb) => {
          const space = await namespace();
          const a = await space.replica('a');
          const b = await space.replica('b');
          if (verb !== 'create') {
            await a.become('lock');
            await space.endPod('a', { phase: 'Failed' });
          }
          const { kubeConfig } = await cluster.user(space.name, [without(verb, configMaps), pods]);
          await expect(b.become('lock', { kubeConfig })).rejects.toMatchObject({
            code: 'ERR_FORBIDDEN',
            message: expect.stringMatching(
              /kind: Role\n[^]*namespace: "?behaviour-[^]*resourceNames: \["lock"\][^]*"delete"/,
            ),
          });
        },
      );

      test.for([
        ['watch ConfigMaps', [without('watch', configMaps), pods]],
        ['watch Pods', [configMaps, without('watch', pods)]],
        ['list Pods', [configMaps, without('list', pods)]],
        ['read Pods', [configMaps]],
      ] as const)('without the right to %s it works all the same', async ([, rules]) => {
        const { space, leadership, b } = await leaderAndFollower();
        const { kubeConfig } = await cluster.user(space.name, [...rules]);
        const waits = new Waits();
        const c = await space.replica('c');
        await space.deletePod('b');
        const poor = c.become('lock', { kubeConfig, onWaiting: waits.record, maxBackoffMs: 500 });
        await waits.for('held');
        await leadership.release();
        expect((await poor).podName).toBe('c');
        expect(b.name).toBe('b');
      });

      test('exactly the documented Role is enough', async () => {
        const space = await namespace();
        const [a, b] = [await space.replica('a'), await space.replica('b')];
        const { kubeConfig } = await cluster.user(space.name, [
          { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
          {
            apiGroups: [''],
            resources: ['configmaps'],
            resourceNames: ['lock'],
            verbs: ['get', 'watch', 'delete'],
          },
          pods,
        ]);
        await a.become('lock', { kubeConfig });
        const waits = new Waits();
        const follower = b.become('lock', { kubeConfig, onWaiting: waits.record });
        await waits.for('held');
        await space.endPod('a', { phase: 'Succeeded' });
        expect((await follower).podName).toBe('b');
      });
    });

    test('takes over from a node that is not ready, if so told', async (context) => {
      context.skip(powerless !== undefined, powerless);
      const space = await namespace();
      const nodeName = `node-${space.name}`;
      await lostNode(nodeName);
      const a = await space.replica('a', { nodeName });
      const b = await space.replica('b');
      await a.become('lock');
      const waits = new Waits();
      const takeOver = { takeOverFromNotReadyNodeAfterMs: 500, onWaiting: waits.record };
      expect((await b.become('lock', takeOver)).podName).toBe('b');
      expect(waits.reasons).toContain('node-not-ready');
    });

    test('a missing namespace is named', async () => {
      const space = await namespace();
      const pod = await space.replica('a');
      await expect(pod.become('lock', { namespace: 'no-such-namespace' })).rejects.toMatchObject({
        code: 'ERR_NAMESPACE_NOT_FOUND',
        message: expect.stringContaining('no-such-namespace'),
      });
    });
  });
}
