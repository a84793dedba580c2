import { describe, expect } from 'vitest';

import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

const SERVICE = 'leader';
const SELECTOR = { app: 'candidate', role: 'leader' };
const become = { label: 'role=leader' };
const pods = { marks: true };

/** A Service that selects the leader by its label. */
async function service(scene: Scene): Promise<void> {
  const { namespace } = scene;
  const spec = { selector: SELECTOR, ports: [{ port: 80 }] };
  await scene.core.createNamespacedService({
    namespace,
    body: { metadata: { name: SERVICE }, spec },
  });
}

/**
 * The Pods that the Service selects, ready or not. The address of this node is a loopback, of which
 * Kubernetes makes no endpoint, so this asks what the controller of endpoints asks.
 */
async function selected(scene: Scene): Promise<string[]> {
  const { namespace } = scene;
  const { spec } = await scene.core.readNamespacedService({ namespace, name: SERVICE });
  const labelSelector = Object.entries(spec?.selector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join();
  const { items } = await scene.core.listNamespacedPod({ namespace, labelSelector });
  return items.map(({ metadata }) => metadata?.name ?? '');
}

/** Resolves once the Service leads to this Pod alone. On the way, it never selects two. */
async function leadsTo(scene: Scene, pod: string): Promise<void> {
  const crowds: string[] = [];
  await scene.until(`the Service leads to ${pod}`, async () => {
    const found = await selected(scene);
    if (found.length > 1) crowds.push(found.join());
    return found.join() === pod;
  });
  expect(crowds).toEqual([]);
}

describe.concurrent('a Service that selects the leader by its label', () => {
  scenario(
    'leads to the leader, and to the next one after a release',
    async (scene) => {
      await service(scene);
      const options = { become, onSigterm: 'release' } as const;
      const leader = await scene.leaderAndFollower(options, options);
      await leadsTo(scene, 'a');
      await scene.deletePod('a');
      await scene.followedByB(leader);
      await leadsTo(scene, 'b');
    },
    { pods },
  );

  scenario(
    'leads to the next leader although the Pod of the last one still exists',
    async (scene) => {
      await service(scene);
      const spec = { restartPolicy: 'Never' };
      const leader = await scene.leaderAndFollower({ become, spec }, { become, spec });
      await leadsTo(scene, 'a');
      await scene.command('a', 'crash');
      await scene.followedByB(leader);
      await leadsTo(scene, 'b');
      expect((await scene.findPod('a'))?.metadata?.labels).toEqual({ app: 'candidate' });
    },
    { pods },
  );

  scenario('leads nowhere without the right to patch Pods, with one warning', async (scene) => {
    await service(scene);
    await scene.pod('a', { become });
    const warning = await scene.said('a', 'warning');
    expect(warning.code).toBe('LEADER_FOR_LIFE_LABEL');
    expect(warning.message).toContain('cannot patch resource "pods"');
    await scene.leader();
    expect(await selected(scene)).toEqual([]);
  });
});
