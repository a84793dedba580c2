import { describe, expect } from 'vitest';

import { MERGE } from '../lab/pods.ts';
import { scenario } from './scenario.ts';

describe.concurrent('a Deployment of three', () => {
  scenario('when the leader’s Pod is deleted, another Pod follows', async (scene) => {
    await scene.deployment('operator', 3);
    const first = await scene.leader();
    await scene.followers(2, first);

    await scene.deletePod(first.pod);
    const second = await scene.successor(first);
    // The one that replaces it waits, too.
    await scene.followers(2, second);
    await scene.gone(first);
    expect(scene.terms.map(({ uid }) => uid)).toEqual([first.uid, second.uid]);
  });

  scenario('a rolling update hands over to one of the new Pods in the end', async (scene) => {
    const { namespace } = scene;
    await scene.deployment('operator', 3);
    const first = await scene.leader();
    await scene.followers(2, first);
    const old = (await scene.pods()).map(({ metadata }) => metadata?.uid);

    const metadata = { annotations: { 'example.com/version': '2' } };
    await scene.apps.patchNamespacedDeployment(
      { namespace, name: 'operator', body: { spec: { template: { metadata } } } },
      MERGE,
    );
    await scene.until('all Pods are new', async () => {
      const pods = await scene.pods();
      return pods.length === 3 && !pods.some((pod) => old.includes(pod.metadata?.uid));
    });
    const last = await scene.leader();
    expect(old).not.toContain(last.uid);
    await scene.followers(2, last);
  });

  scenario('scaled to zero nobody leads, and scaled up again one does', async (scene) => {
    await scene.deployment('operator', 3);
    const first = await scene.leader();
    await scene.followers(2, first);

    await scene.scale('operator', 0);
    await scene.until('all Pods are gone', async () => (await scene.pods()).length === 0);
    await scene.until('the lock is gone', async () => !(await scene.lock()));

    await scene.scale('operator', 3);
    const second = await scene.successor(first);
    await scene.followers(2, second);
  });
});
