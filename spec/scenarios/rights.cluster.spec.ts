import { describe, expect } from 'vitest';

import { roleYaml } from '../../lib/kubernetes/role.ts';
import type { Term } from '../lab/history.ts';
import { startOutsider } from './outsider.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

const become = { maxBackoffMs: 1000 };

/** Pod `b` waits for Pod `a`, and follows it. */
async function handOver(scene: Scene): Promise<void> {
  const leader = await scene.leaderAndFollower({ become }, { become });
  await scene.deletePod('a');
  await scene.followedByB(leader);
}

function warningsOf(scene: Scene, pod: string) {
  return scene.saidBy(pod).filter(({ event }) => event === 'warning');
}

describe.concurrent('the documented Role', () => {
  scenario('is enough, without a warning', async (scene) => {
    await handOver(scene);
    expect([...warningsOf(scene, 'a'), ...warningsOf(scene, 'b')]).toEqual([]);
  });

  for (const [resource, verb] of [
    ['configmaps', 'watch'],
    ['pods', 'list'],
    ['pods', 'watch'],
  ] as const) {
    scenario(
      `without the right to ${verb} ${resource} it works, with one warning`,
      async (scene) => {
        await scene.revoke(resource, verb);
        await handOver(scene);
        const [warning, ...more] = warningsOf(scene, 'b');
        expect(more).toEqual([]);
        expect(warning?.code).toBe('LEADER_FOR_LIFE_DEGRADED');
        expect(warning?.message).toContain(`cannot ${verb} resource "${resource}"`);
        expect(warningsOf(scene, 'a').length).toBeLessThanOrEqual(1);
      },
    );
  }

  scenario(
    'without the right to get pods nobody leads on the word of POD_UID: ERR_FORBIDDEN',
    async (scene) => {
      await scene.revoke('pods', 'get');
      await scene.pod('a');
      const error = await scene.said('a', 'error');
      expect(error.code).toBe('ERR_FORBIDDEN');
      expect(error.message).toContain('pass it as options.podUid');
      expect(await scene.lock()).toBeUndefined();
    },
    { endsWithoutLeader: true },
  );

  /** Says that it may not, and prints what has to be allowed. */
  async function isForbidden(scene: Scene, pod: string, takeOver = false): Promise<void> {
    const error = await scene.said(pod, 'error');
    expect(error.code).toBe('ERR_FORBIDDEN');
    const { namespace, lockName } = scene.where;
    const user = `system:serviceaccount:${namespace}:${scene.where.serviceAccount}`;
    expect(error.message).toContain(roleYaml({ namespace, lockName, user, takeOver }));
  }

  scenario(
    'without the right to create configmaps nobody leads: ERR_FORBIDDEN',
    async (scene) => {
      await scene.revoke('configmaps', 'create');
      await scene.pod('a');
      await isForbidden(scene, 'a');
      expect(warningsOf(scene, 'a')).toEqual([]);
    },
    { endsWithoutLeader: true },
  );

  scenario(
    'without the right to get configmaps one leads, and whoever has to wait gets ERR_FORBIDDEN',
    async (scene) => {
      await scene.revoke('configmaps', 'get');
      await scene.pod('a');
      await scene.leader();
      await scene.pod('b');
      await isForbidden(scene, 'b');
    },
  );

  scenario(
    'without the right to delete configmaps nobody frees the lock of a Pod that has ended: ERR_FORBIDDEN',
    async (scene) => {
      await scene.revoke('configmaps', 'delete');
      const spec = { restartPolicy: 'Never' };
      await scene.leaderAndFollower({ spec }, { spec });
      await scene.command('a', 'exit');
      await isForbidden(scene, 'b');
    },
    { endsWithoutLeader: true },
  );

  scenario(
    'without the right to get pods and without POD_UID nobody leads: ERR_FORBIDDEN',
    async (scene) => {
      await scene.revoke('pods', 'get');
      await scene.pod('a', { without: ['POD_UID'] });
      await isForbidden(scene, 'a');
      expect(await scene.lock()).toBeUndefined();
    },
    { endsWithoutLeader: true },
  );

  /** Pod `a` leads on a node that nobody hears of, and `b` may take over at once. */
  async function takeOver(scene: Scene): Promise<Term> {
    await startOutsider(scene, 'a');
    const leader = await scene.leader();
    await scene.pod('b', {
      become: { takeOverFromNotReadyNodeAfterMs: 500, maxBackoffMs: 1000 },
      spec: { restartPolicy: 'Never' },
    });
    return leader;
  }

  const daring = { takeOver: true, isBeyondThePromise: true } as const;

  scenario(
    'for takeOverFromNotReadyNodeAfterMs is enough, without a warning',
    async (scene) => {
      await scene.followedByB(await takeOver(scene));
      expect(warningsOf(scene, 'b')).toEqual([]);
    },
    daring,
  );

  scenario(
    'for takeOverFromNotReadyNodeAfterMs without the right to watch nodes works, with one warning',
    async (scene) => {
      await scene.revoke('nodes', 'watch');
      await scene.followedByB(await takeOver(scene));
      const codes = warningsOf(scene, 'b').map(({ code }) => code);
      expect(codes).toEqual(['LEADER_FOR_LIFE_DEGRADED']);
    },
    daring,
  );

  for (const [resource, verb] of [
    ['nodes', 'get'],
    ['pods', 'delete'],
  ] as const) {
    scenario(
      `for takeOverFromNotReadyNodeAfterMs without the right to ${verb} ${resource}: ERR_FORBIDDEN`,
      async (scene) => {
        await scene.revoke(resource, verb);
        const leader = await takeOver(scene);
        await isForbidden(scene, 'b', true);
        expect((await scene.leader()).uid).toBe(leader.uid);
      },
      { takeOver: true },
    );
  }
});
