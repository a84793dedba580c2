import { describe, expect } from 'vitest';

import { workload } from './manifest.ts';
import { scenario } from './scenario.ts';

describe.concurrent('a StatefulSet', () => {
  scenario(
    'the Pod that replaces the leader has its name, not its UID, and does not inherit',
    async (scene) => {
      const { namespace } = scene;
      const { metadata, ...spec } = workload(scene.where, 'web', {
        onSigterm: 'ignore',
        spec: { terminationGracePeriodSeconds: 2 },
      });
      const body = { metadata, spec: { replicas: 2, podManagementPolicy: 'Parallel', ...spec } };
      await scene.apps.createNamespacedStatefulSet({ namespace, body });
      const first = await scene.leader();
      await scene.followers(1, first);

      await scene.deletePod(first.pod);
      const second = await scene.successor(first);
      expect(second.pod).not.toBe(first.pod);
      const heir = await scene.said(first.pod, 'waiting', { holderPod: second.pod });
      expect(heir.uid).not.toBe(first.uid);

      // The other way round: what once led is a candidate like any other.
      await scene.deletePod(second.pod);
      const third = await scene.successor(second);
      expect(third).toMatchObject({ pod: first.pod, uid: heir.uid });
      await scene.followers(1, third);
    },
  );

  scenario('of one: the Pod of the same name leads anew, with a lock of its own', async (scene) => {
    const { namespace } = scene;
    const { metadata, ...spec } = workload(scene.where, 'web');
    await scene.apps.createNamespacedStatefulSet({
      namespace,
      body: { metadata, spec: { replicas: 1, ...spec } },
    });
    const first = await scene.leader();
    const before = await scene.lock();
    await scene.deletePod(first.pod);
    const second = await scene.successor(first);
    expect(second.pod).toBe(first.pod);
    expect((await scene.lock())?.metadata?.uid).not.toBe(before?.metadata?.uid);
  });
});
