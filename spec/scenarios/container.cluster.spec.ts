import { describe, expect } from 'vitest';

import type { CandidateOptions } from './manifest.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

/** The leader's container ends and starts again in the same Pod, which goes on leading. */
async function leadsOn(
  scene: Scene,
  command: 'exit' | 'crash' | 'exhaust',
  options: CandidateOptions = {},
): Promise<{ exitCode: number; reason?: string }> {
  const first = await scene.leaderAndFollower(options, options);
  const before = await scene.lock();

  await scene.command('a', command);
  const again = await scene.leader(({ run }) => run !== first.run);
  expect(again).toMatchObject({ pod: 'a', uid: first.uid, fencingToken: first.fencingToken });
  expect(await scene.lock()).toEqual(before);
  await scene.followers(1, again);
  return scene.until('the kubelet tells how the container ended', async () => {
    const [status] = (await scene.findPod('a'))?.status?.containerStatuses ?? [];
    return status?.lastState?.terminated;
  });
}

describe.concurrent('the leader’s container', () => {
  scenario('crashes: the same Pod goes on leading, and the lock is not touched', async (scene) => {
    expect(await leadsOn(scene, 'crash')).toMatchObject({ exitCode: 1, reason: 'Error' });
  });

  scenario(
    'exits with 0: the same Pod goes on leading, and the lock is not touched',
    async (scene) => {
      expect(await leadsOn(scene, 'exit')).toMatchObject({ exitCode: 0, reason: 'Completed' });
    },
  );

  scenario(
    'runs out of memory: the same Pod goes on leading, and the lock is not touched',
    async (scene) => {
      const resources = { limits: { memory: '256Mi' } };
      const ended = await leadsOn(scene, 'exhaust', { container: { resources } });
      expect(ended).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    },
  );
});
