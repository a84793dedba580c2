import { describe, expect } from 'vitest';

import { nowMs } from '../lab/say.ts';
import { scenario } from './scenario.ts';

const graceful = (terminationGracePeriodSeconds: number) => ({ terminationGracePeriodSeconds });

describe.concurrent('the leader’s Pod is deleted', () => {
  scenario('and releases on SIGTERM: another leads while it is still there', async (scene) => {
    const leader = await scene.leaderAndFollower({ onSigterm: 'linger', spec: graceful(60) });
    await scene.deletePod('a');
    await scene.followedByB(leader);
    const pod = await scene.findPod('a');
    expect(pod?.metadata).toMatchObject({ uid: leader.uid, deletionTimestamp: expect.any(Date) });
    expect(pod?.status?.phase).toBe('Running');
    await scene.said('a', 'released');
    await scene.command('a', 'exit');
    await scene.gone(leader);
  });

  scenario('and does not heed SIGTERM: it leads until its grace period is over', async (scene) => {
    const leader = await scene.leaderAndFollower({ onSigterm: 'ignore', spec: graceful(3) });
    const deletedMs = nowMs();
    await scene.deletePod('a');
    const next = await scene.followedByB(leader);
    expect(next.fromMs - deletedMs).toBeGreaterThan(3000);
    expect(scene.terms[0]).toMatchObject({ uid: leader.uid });
    expect(scene.terms[0]?.toMs).toBeGreaterThan(deletedMs);
    await scene.gone(leader);
  });

  scenario('and releases on SIGTERM, then ends: another follows', async (scene) => {
    const leader = await scene.leaderAndFollower({ onSigterm: 'release' });
    await scene.deletePod('a');
    await scene.followedByB(leader);
    await scene.gone(leader);
    expect(scene.saidBy('a').map(({ event }) => event)).toEqual([
      'start',
      'leading',
      'sigterm',
      'releasing',
      'released',
      'exit',
    ]);
  });

  scenario(
    'and ends on SIGTERM without a release: another follows when it has ended',
    async (scene) => {
      const leader = await scene.leaderAndFollower({ onSigterm: 'exit' });
      await scene.deletePod('a');
      const next = await scene.followedByB(leader);
      expect(next.fromMs).toBeGreaterThan((await scene.said('a', 'exit')).atMs);
    },
  );
});

describe('the leader’s Pod is deleted by force while its kubelet is out of touch', () => {
  scenario(
    'which is beyond the promise: another leads at once, and a guarded leader is told',
    async (scene) => {
      const leader = await scene.leaderAndFollower({
        onSigterm: 'ignore',
        become: { guard: true },
        spec: graceful(5),
      });
      const kubelet = scene.control('kubelet');
      await kubelet.stop();
      try {
        await scene.deletePod('a', { gracePeriodSeconds: 0 });
        const next = await scene.followedByB(leader);
        await scene.said('a', 'lost');
        expect(BigInt(next.fencingToken ?? 0)).toBeGreaterThan(BigInt(leader.fencingToken ?? 0));
      } finally {
        await kubelet.continue();
      }
    },
    { isBeyondThePromise: true },
  );
});
