import { describe, expect } from 'vitest';

import { workload } from './manifest.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

/** The phase of a Pod whose object is still there. */
async function statusOf(scene: Scene, name: string) {
  const { phase, reason } = (await scene.findPod(name))?.status ?? {};
  return { phase, reason };
}

describe.concurrent('the leader’s Pod ends, and its object stays', () => {
  scenario('evicted by the kubelet, for its emptyDir is over its limit', async (scene) => {
    const leader = await scene.leaderAndFollower({
      // Had it ended with 0, its phase would be `Succeeded`, without a reason.
      onSigterm: 'ignore',
      spec: { volumes: [{ name: 'small', emptyDir: { sizeLimit: '1Mi' } }] },
      container: { volumeMounts: [{ name: 'small', mountPath: '/small' }] },
    });
    await scene.command('a', 'fill');
    await scene.followedByB(leader);
    expect(await statusOf(scene, 'a')).toEqual({ phase: 'Failed', reason: 'Evicted' });
  });

  scenario('because its activeDeadlineSeconds are over', async (scene) => {
    const leader = await scene.leaderAndFollower();
    await scene.patchPod('a', { spec: { activeDeadlineSeconds: 1 } });
    await scene.followedByB(leader);
    expect(await statusOf(scene, 'a')).toEqual({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });

  scenario('as that of a Job that is completed', async (scene) => {
    const { metadata, template } = workload(scene.where, 'job', {
      spec: { restartPolicy: 'Never' },
    });
    await scene.batch.createNamespacedJob({
      namespace: scene.namespace,
      body: { metadata, spec: { template } },
    });
    const leader = await scene.leader();
    await scene.pod('b');
    await scene.followers(1, leader);

    await scene.command(leader.pod, 'exit');
    await scene.followedByB(leader);
    expect(await statusOf(scene, leader.pod)).toEqual({ phase: 'Succeeded', reason: undefined });
    await scene.until('the Job is completed', async () => {
      const { namespace } = scene;
      const { status } = await scene.batch.readNamespacedJob({ namespace, name: 'job' });
      return status?.succeeded === 1;
    });
  });
});

describe.concurrent('the leader’s Pod goes, and its lock stays', () => {
  scenario('orphaned: another frees it when the Pod has ended', async (scene) => {
    const leader = await scene.leaderAndFollower({ onSigterm: 'exit' });
    const before = await scene.lock();
    await scene.deletePod('a', { propagationPolicy: 'Orphan' });
    await scene.followedByB(leader);
    expect((await scene.lock())?.metadata?.uid).not.toBe(before?.metadata?.uid);
  });

  scenario('orphaned: one that comes when the Pod is gone frees it', async (scene) => {
    await scene.pod('a');
    const leader = await scene.leader();
    await scene.deletePod('a', { propagationPolicy: 'Orphan' });
    await scene.gone(leader);
    const orphan = await scene.lock();
    expect(orphan?.metadata).toBeDefined();
    expect(orphan?.metadata?.ownerReferences).toBeUndefined();

    await scene.pod('b');
    await scene.followedByB(leader);
  });
});
