import { describe, expect } from 'vitest';

import { get } from '../cluster/api.ts';
import { nowMs } from '../lab/say.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';
import { unlessNotFound } from '../lab/pods.ts';

/** What was cut off finds back in its own time, minutes at worst: the next scenario need not wait. */
async function restartManager(scene: Scene): Promise<void> {
  await scene.control('kube-controller-manager').restart();
}

/** The leader needs nothing from the API server: it leads on without one. */
async function leadsOn(scene: Scene, pod: string): Promise<void> {
  const sinceMs = nowMs();
  await scene.until(`${pod} leads on`, () =>
    scene.terms.some((term) => term.pod === pod && term.isOpen && term.toMs > sinceMs),
  );
}

describe('the controller manager is stopped, and with it the garbage collector', () => {
  scenario('a candidate frees the lock of a Pod that it saw end', async (scene) => {
    const leader = await scene.leaderAndFollower();
    const manager = scene.control('kube-controller-manager');
    await manager.stop();
    try {
      await scene.deletePod('a');
      await scene.followedByB(leader);
    } finally {
      await manager.continue();
    }
  });

  scenario(
    'a candidate that comes later frees the lock of a Pod that is gone, after the grace',
    async (scene) => {
      await scene.pod('b', { election: 'gated' });
      await scene.pod('a');
      const leader = await scene.leader();
      await scene.said('b', 'start');
      const manager = scene.control('kube-controller-manager');
      await manager.stop();
      try {
        await scene.deletePod('a');
        await scene.gone(leader);
        expect((await scene.lock())?.metadata?.ownerReferences?.[0]?.uid).toBe(leader.uid);

        await scene.command('b', 'begin');
        const gone = await scene.said('b', 'waiting', { reason: 'holder-gone' });
        const next = await scene.successor(leader);
        expect(next.fromMs - gone.atMs).toBeGreaterThan(1900);
      } finally {
        await manager.continue();
      }
    },
  );
});

/** Whether the API server is at work on the request to create the lock. */
async function isCreating({ cluster, namespace }: Scene): Promise<boolean> {
  const path = '/debug/api_priority_and_fairness/dump_requests?includeRequestDetails=1';
  const { text } = await get(cluster, path);
  const requests = text.split('\n').map((line) => line.split(',').map((value) => value.trim()));
  const wanted = ['create', namespace, 'configmaps'];
  return requests.some((values) => wanted.every((value) => values.includes(value)));
}

async function creating(scene: Scene): Promise<void> {
  await scene.pod('a', { election: 'gated' });
  await scene.pod('b', { election: 'gated' });
  await scene.said('a', 'start');
  await scene.said('b', 'start');
  const [etcd, server] = [scene.control('etcd'), scene.control('kube-apiserver')];
  // Without etcd's answer the create stays on its way: nobody knows whether it went through.
  await etcd.stop();
  await scene.command('a', 'begin');
  await scene.until('the lock is being created', () => isCreating(scene));
  await server.kill();
  await etcd.continue();
  await scene.said('a', 'waiting', { reason: 'api-unavailable' });
  await server.restart();
  await restartManager(scene);

  const leader = await scene.leader();
  expect(leader.pod).toBe('a');
  await scene.command('b', 'begin');
  await scene.followers(1, leader);
}

describe('the API server is killed and started again', () => {
  scenario(
    'while candidates wait: the leader leads on, and then they go on waiting',
    async (scene) => {
      const leader = await scene.leaderAndFollower();
      const server = scene.control('kube-apiserver');
      await server.kill();
      await scene.said('b', 'waiting', { reason: 'api-unavailable' });
      await leadsOn(scene, 'a');
      await server.restart();
      await restartManager(scene);

      await scene.followers(1, leader);
      await scene.deletePod('a');
      await scene.followedByB(leader);
      // A server that starts knows nobody's rights yet, and says so: that is no reason to give up.
      expect(scene.entries.filter(({ event }) => event === 'error')).toEqual([]);
    },
  );

  scenario('while one is creating the lock: it leads, with one lock', creating, {
    isAuditIncomplete: true,
  });
});

describe('etcd is killed and started again', () => {
  scenario('while candidates wait, and one begins to: the leader leads on', async (scene) => {
    await scene.pod('c', { election: 'gated' });
    const leader = await scene.leaderAndFollower();
    await scene.said('c', 'start');
    const etcd = scene.control('etcd');
    await etcd.kill();
    await scene.command('c', 'begin');
    await scene.said('c', 'waiting', { reason: 'api-unavailable' });
    await leadsOn(scene, 'a');
    await etcd.restart();
    await restartManager(scene);

    await scene.followers(2, leader);
    await scene.until('the leader’s Pod is deleted', async () => {
      // A deletion that is not answered may have been done.
      await scene.deletePod('a').catch(unlessNotFound);
      return true;
    });
    await scene.successor(leader);
  });
});
