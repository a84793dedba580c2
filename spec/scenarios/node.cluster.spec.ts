import type { V1PodSpec } from '@kubernetes/client-node';
import { describe, expect } from 'vitest';

import type { BecomeOptions } from '../../lib/index.ts';
import { NODE_NAME } from '../cluster/credentials.ts';
import { signal } from '../cluster/process.ts';
import { processesWith } from '../lab/environments.ts';
import { MERGE } from '../lab/pods.ts';
import type { Term } from '../lab/history.ts';
import { nowMs } from '../lab/say.ts';
import { startOutsider } from './outsider.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

const TAINT = {
  key: 'node.kubernetes.io/out-of-service',
  value: 'nodeshutdown',
  effect: 'NoExecute',
};

/** Pod `a` leads on the node, and `b` waits elsewhere. */
async function leaderAndOutsider(
  scene: Scene,
  become: BecomeOptions = {},
  spec: Partial<V1PodSpec> = {},
): Promise<Term> {
  await scene.pod('a', { spec });
  const leader = await scene.leader();
  await startOutsider(scene, 'b', become);
  await scene.followers(1, leader);
  return leader;
}

async function nodeIsNotReady({ core }: Scene): Promise<boolean> {
  const { status } = await core.readNode({ name: NODE_NAME });
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True';
}

async function setTaints({ core }: Scene, taints: object[]): Promise<void> {
  await core.patchNode({ name: NODE_NAME, body: { spec: { taints } } }, MERGE);
}

/** As the machine does when it goes off: at once, and with nobody to tell. */
function switchOff({ uid }: Term): void {
  for (const pid of processesWith((variable) => variable === `POD_UID=${uid}`)) {
    signal(pid, 'SIGKILL');
  }
}

/** The leader leads on, and the other waits on. */
async function nothingChanged(scene: Scene, leader: Term): Promise<void> {
  const sinceMs = nowMs();
  await scene.until('the leader leads on', () =>
    scene.terms.some(({ uid, toMs }) => uid === leader.uid && toMs > sinceMs),
  );
  await nobodyElseLed(scene, leader);
}

async function nobodyElseLed(scene: Scene, leader: Term): Promise<void> {
  expect(scene.terms.map(({ uid }) => uid)).toEqual([leader.uid]);
  expect((await scene.lock())?.metadata?.ownerReferences?.[0]?.uid).toBe(leader.uid);
}

describe('the kubelet of the leader’s node is stopped', () => {
  scenario(
    'and its node is not ready: nobody takes over, but for who opted in, until somebody says that it is off',
    async (scene) => {
      const deleted = await scene.another();
      const daring = await scene.another({ takeOver: true });
      const [leader, leaderOfDeleted, leaderOfDaring] = await Promise.all([
        leaderAndOutsider(scene),
        // Else it would not wait for its node to be deleted.
        leaderAndOutsider(deleted, {}, { tolerations: [{ key: TAINT.key, operator: 'Exists' }] }),
        leaderAndOutsider(daring, { takeOverFromNotReadyNodeAfterMs: 500 }),
      ]);

      const kubelet = scene.control('kubelet');
      await kubelet.stop();
      try {
        await scene.until('the node is not ready', () => nodeIsNotReady(scene));
        // Beyond the promise: what it takes over from still runs.
        await daring.followedByB(leaderOfDaring);
        expect(await daring.findPod('a')).toBeUndefined();
        await nothingChanged(deleted, leaderOfDeleted);
        // Told to go, which nobody on its node hears.
        await scene.deletePod('a');
        await scene.said('b', 'waiting', { reason: 'holder-terminating' });
        await nothingChanged(scene, leader);

        for (const term of [leader, leaderOfDeleted, leaderOfDaring]) switchOff(term);
        await setTaints(scene, [TAINT]);
        await scene.followedByB(leader);

        await nobodyElseLed(deleted, leaderOfDeleted);
        await scene.core.deleteNode({ name: NODE_NAME });
        await deleted.followedByB(leaderOfDeleted);
        expect(deleted.violations()).toEqual([]);
      } finally {
        // It registers its node when it starts, and never again.
        await kubelet.restart();
        await setTaints(scene, []);
      }
    },
  );
});
