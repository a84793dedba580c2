import {
  AdmissionregistrationV1Api,
  CoordinationV1Api,
  type KubernetesObject,
  KubernetesObjectApi,
  type V1ObjectMeta,
  loadAllYaml,
} from '@kubernetes/client-node';
import { describe, expect, inject, onTestFinished, test } from 'vitest';

import { lead } from '../../lib/index.ts';
import { leaseRoleYaml, roleYaml } from '../../lib/kubernetes/role.ts';
import { Namespace, type Replica, Waits, eventually } from '../behaviour/cluster.ts';
import { DURATIONS } from '../behaviour/electors.ts';
import { realCluster } from '../behaviour/real-cluster.ts';
import { read } from '../public/project.ts';
import { aborted, type Change, Intruder, LOCK, ownedBy } from './intruder.ts';
import { withToken } from './pod-token.ts';

const ACCOUNT = 'my-operator';
const [forLocks = '', forLeases = ''] = Array.from(
  read('docs/policy.md').matchAll(/^```yaml\n(.*?)^```/gms),
  ([, code]) => code,
);

/** What a policy says when it denies. */
function denied(message: string) {
  return { code: 422, message: expect.stringContaining(message) as string };
}

/** A namespace with the printed Role and the policy of the docs, and nothing else. */
async function scene(policy: string) {
  const cluster = realCluster(inject('cluster').kubeconfig, undefined);
  const space = await Namespace.create(cluster);
  const { name: namespace } = space;
  onTestFinished(() => space[Symbol.asyncDispose]());
  const { admin, kubeConfig } = cluster;
  await admin.createNamespacedServiceAccount({ namespace, body: { metadata: { name: ACCOUNT } } });
  const objects = KubernetesObjectApi.makeApiClient(kubeConfig);
  const user = `system:serviceaccount:${namespace}:${ACCOUNT}`;
  const manifests = [
    roleYaml({ namespace, lockName: LOCK, takeOver: false, user }),
    leaseRoleYaml({ namespace, leaseName: LOCK, events: false, user }),
    // A policy belongs to no namespace.
    policy
      .replaceAll('my-namespace', namespace)
      .replaceAll(/\['my-(?:operator-lock|lease)'\]/g, `['${LOCK}']`)
      .replaceAll(/(name|policyName): my-(?:operator-lock|lease)$/gm, `$1: ${namespace}`),
  ];
  for (const object of manifests.flatMap((yaml) => loadAllYaml(yaml) as KubernetesObject[])) {
    await objects.create(object);
    if (object.metadata?.namespace === undefined) {
      onTestFinished(async () => {
        await objects.delete(object);
      });
    }
  }

  /** What a process in that Pod may do; without a Pod, whoever has a token of that account. */
  const of = async (pod?: Replica) => {
    const account = { namespace, name: ACCOUNT };
    const limited = await withToken(kubeConfig, admin, account, pod);
    return { kubeConfig: limited, intruder: new Intruder(namespace, limited) };
  };

  const registration = kubeConfig.makeApiClient(AdmissionregistrationV1Api);
  await eventually(async () => {
    const { status } = await registration.readValidatingAdmissionPolicy({ name: namespace });
    expect(status?.typeChecking).toBeDefined();
    expect(status?.typeChecking?.expressionWarnings ?? []).toEqual([]);
  });
  const replica = (name: string) => space.replica(name, { serviceAccountName: ACCOUNT });
  return { space, namespace, of, replica };
}

describe('the policy for locks', () => {
  /** Three Pods, when the policy is in force. */
  async function lockScene() {
    const opened = await scene(forLocks);
    const { of, replica } = opened;
    const [a, b, thief] = [await replica('a'), await replica('b'), await replica('thief')];
    const { intruder } = await of(thief);
    await eventually(async () => {
      await expect(intruder.createLock({ name: 'other' })).rejects.toMatchObject(
        denied('no other ConfigMap'),
      );
    });
    return { ...opened, a, b, thief, intruder };
  }

  test('lets candidates lead, release, and follow a Pod that has ended or is gone', async () => {
    const { space, of, a, b, thief } = await lockScene();
    const waits = new Waits();
    const become = async (pod: Replica) => {
      const { kubeConfig } = await of(pod);
      return pod.become(LOCK, { kubeConfig, maxBackoffMs: 500, onWaiting: waits.record });
    };
    const first = await become(a);
    const following = become(b);
    await waits.for('held');
    await first.release();
    expect((await following).podName).toBe('b');
    const last = become(thief);
    await space.endPod('b', { phase: 'Failed', reason: 'Evicted' });
    expect((await last).podName).toBe('thief');
  });

  test('lets nobody hold the lock for another Pod, plant another thing, or keep it', async () => {
    const { space, intruder, a, thief } = await lockScene();
    const marks = (pod: Replica) => ({
      annotations: { 'leader-for-life/pod-name': pod.name, 'leader-for-life/pod-uid': pod.uid },
    });
    const own = { ...ownedBy('thief', thief.uid), ...marks(thief) };
    const both = [own, ownedBy('a', a.uid)];
    const owner = 'a lock has one owner, the Pod that creates it';
    const attempts: [V1ObjectMeta, string][] = [
      [{ ...marks(thief) }, owner],
      [{ ...own, ...ownedBy('a', a.uid) }, owner],
      [{ ...own, ...ownedBy('thief', a.uid) }, owner],
      [{ ...own, ...ownedBy('thief', thief.uid, 'Node') }, owner],
      [{ ...own, ownerReferences: both.flatMap((o) => o.ownerReferences ?? []) }, owner],
      [{ ...own, ...marks(a) }, 'a lock names the Pod that creates it'],
      [ownedBy('thief', thief.uid), 'a lock names the Pod that creates it'],
      [{ ...own, finalizers: ['example.com/for-ever'] }, 'a lock has no finalizers'],
    ];
    for (const [metadata, message] of attempts) {
      await expect(intruder.createLock(metadata)).rejects.toMatchObject(denied(message));
    }
    expect(await space.lock(LOCK)).toBeUndefined();
    // That it was refused for what was said, and for nothing else:
    await intruder.createLock(own);
    expect(await space.lock(LOCK)).toBeDefined();
  });

  test('tells a candidate whose token was made for no Pod', async () => {
    const { a, of } = await lockScene();
    const { kubeConfig } = await of();
    await expect(a.become(LOCK, { kubeConfig })).rejects.toThrow(
      'the token was not made for a Pod',
    );
  });

  test('does not keep a Pod from deleting the lock', async () => {
    const { space, intruder, a, of } = await lockScene();
    await a.become(LOCK, { kubeConfig: (await of(a)).kubeConfig });
    await intruder.deleteLock();
    expect(await space.lock(LOCK)).toBeUndefined();
  });
});

describe('the policy for Leases', () => {
  async function leaseScene() {
    const opened = await scene(forLeases);
    const { space, of, replica } = opened;
    const [a, b, thief] = [await replica('a'), await replica('b'), await replica('thief')];
    const { intruder } = await of(thief);
    await eventually(async () => {
      await expect(
        intruder.createLease('other', { holderIdentity: 'thief' }),
      ).rejects.toMatchObject(denied('no other Lease'));
    });
    const admin = space.cluster.kubeConfig.makeApiClient(CoordinationV1Api);
    const lease = () => admin.readNamespacedLease({ namespace: space.name, name: LOCK });

    /** Leads in that Pod until it is told to end. */
    const elector = async (pod: Replica) => {
      const begun = Promise.withResolvers<AbortSignal>();
      const end = Promise.withResolvers<undefined>();
      const { kubeConfig } = await of(pod);
      const stop = new AbortController();
      onTestFinished(() => {
        stop.abort(new Error('the test is over'));
        end.resolve(undefined);
      });
      const work = async ({ signal }: { signal: AbortSignal }) => {
        begun.resolve(signal);
        await end.promise;
      };
      const own = { namespace: space.name, kubeConfig, identity: `${pod.name}_1` };
      const run = lead(LOCK, work, { ...own, ...DURATIONS, signal: stop.signal });
      run.catch((error: unknown) => {
        begun.reject(error);
      });
      begun.promise.catch(() => undefined);
      return { leading: begun.promise, finish: () => end.resolve(undefined), run };
    };
    return { ...opened, a, b, thief, intruder, lease, elector };
  }

  test('lets electors lead, renew, release, and take over', async () => {
    const { a, b, lease, elector } = await leaseScene();
    const first = await elector(a);
    const signal = await first.leading;
    const { spec } = await lease();
    await eventually(async () => {
      expect((await lease()).spec?.renewTime).not.toEqual(spec?.renewTime);
    });
    expect(signal.aborted).toBe(false);
    const second = await elector(b);
    first.finish();
    await first.run;
    await second.leading;
    expect((await lease()).spec?.holderIdentity).toBe('b_1');
  });

  test('lets nobody write another holder, release it, freeze it, or have it deleted', async () => {
    const { a, intruder, lease, elector } = await leaseScene();
    const first = await elector(a);
    const signal = await first.leading;
    const { metadata } = await lease();
    const taken = { holderIdentity: 'thief_1' };
    const attempts: [Change, string][] = [
      [{ spec: { holderIdentity: 'b_1' } }, 'no other holder than itself'],
      [{ spec: { holderIdentity: 'thiefs_1' } }, 'no other holder than itself'],
      [{ spec: { leaseDurationSeconds: 5 } }, 'writes no other holder than itself'],
      [{ spec: { holderIdentity: '' } }, 'releases no other holder than itself'],
      [{ spec: { ...taken, leaseDurationSeconds: 2 ** 31 - 1 } }, 'more than a minute'],
      [{ spec: taken, metadata: ownedBy('gone', a.uid) }, 'neither owners nor finalizers'],
      [
        { spec: taken, metadata: { finalizers: ['example.com/x'] } },
        'neither owners nor finalizers',
      ],
    ];
    for (const [change, message] of attempts) {
      await expect(rewrite(intruder, change)).rejects.toMatchObject(denied(message));
    }
    expect((await lease()).metadata?.uid).toBe(metadata?.uid);
    expect(signal.aborted).toBe(false);
  });

  test('does not keep a Pod from taking the Lease, but has it say its name', async () => {
    const { a, intruder, elector } = await leaseScene();
    const first = await elector(a);
    const signal = await first.leading;
    const told = aborted(signal);
    await intruder.rewriteLease({ spec: { holderIdentity: 'thief_1' } });
    expect(String(await told)).toContain('thief_1');
  });
});

/** Replaces the Lease, and tries only a conflict again. */
async function rewrite(intruder: Intruder, change: Change): Promise<unknown> {
  for (;;) {
    try {
      return await intruder.replaceLease(change);
    } catch (error) {
      if ((error as { code?: number }).code !== 409) throw error;
    }
  }
}
