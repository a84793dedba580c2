import { describe, expect } from 'vitest';

import { container } from './manifest.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

/** An init container asks, and so holds back a program that knows nothing of elections. */
async function heldBack(scene: Scene, name: string): Promise<void> {
  const asks = container(scene.where, 'init', { election: 'once' });
  await scene.pod(name, { election: 'elsewhere', spec: { initContainers: [asks] } });
}

describe.concurrent('become in another container than the main one', () => {
  scenario('in an init container: the main container starts when the Pod leads', async (scene) => {
    await heldBack(scene, 'a');
    const leader = await scene.leader();
    await heldBack(scene, 'b');
    await scene.said('b', 'waiting', { container: 'init', holderPod: 'a' });
    expect(scene.saidBy('b').some((entry) => entry.container === 'main')).toBe(false);

    await scene.deletePod('a');
    await scene.followedByB(leader);
    await scene.said('b', 'leading', { container: 'main' });
  });

  scenario('in a sidecar: the Pod leads until the sidecar has ended, too', async (scene) => {
    const asks = container(scene.where, 'sidecar', { onSigterm: 'ignore' });
    await scene.pod('a', {
      election: 'none',
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 4,
        initContainers: [{ ...asks, restartPolicy: 'Always' }],
      },
    });
    const leader = await scene.leader();
    await scene.said('a', 'start', { container: 'main' });
    await scene.pod('b');
    await scene.followers(1, leader);

    // The sidecar outlives it until it is killed, and leads meanwhile.
    await scene.command('a', 'exit');
    const { atMs: mainEndedMs } = await scene.said('a', 'exit', { container: 'main' });
    await scene.followedByB(leader);
    expect(scene.terms[0]).toMatchObject({ uid: leader.uid });
    expect(scene.terms[0]?.toMs).toBeGreaterThan(mainEndedMs);
    expect((await scene.findPod('a'))?.status?.phase).toBe('Succeeded');
  });
});
