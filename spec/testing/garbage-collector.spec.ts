import { describe, expect, it } from 'vitest';
import type { Cluster, Stored } from '../../lib/testing/index.ts';
import { CONFIG_MAPS, LEASES, PODS, simulated } from './support.ts';

type Owner = Pick<Stored<object>, 'apiVersion' | 'kind' | 'metadata'>;

function reference({ apiVersion, kind, metadata: { name, uid } }: Owner) {
  return { apiVersion, kind, name, uid };
}

function own(cluster: Cluster, name: string, ...owners: Owner[]) {
  const ownerReferences = owners.map(reference);
  return cluster.createConfigMap(name, { metadata: { ownerReferences } });
}

describe('the garbage collector', () => {
  it('deletes what a Pod owned once the Pod is gone', async () => {
    const { cluster, clock } = await simulated();
    const pod = cluster.createPod('a');
    own(cluster, 'lock', pod);
    await clock.advance(60_000);
    expect(cluster.getConfigMap('lock')).toBeDefined();
    cluster.deletePod(pod);
    expect(cluster.getConfigMap('lock')).toBeDefined();
    await clock.advance(0);
    expect(cluster.getConfigMap('lock')).toBeUndefined();
  });

  it('takes as long as it is told, from the next loss on', async () => {
    const { cluster, clock } = await simulated({ gcDelayMs: 1000 });
    const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
    own(cluster, 'of-a', a);
    own(cluster, 'of-b', b);
    await clock.advance(5000);
    cluster.deletePod(a);
    cluster.garbageCollector.delayMs = 3000;
    cluster.deletePod(b);
    await clock.advance(999);
    expect(cluster.getConfigMap('of-a')).toBeDefined();
    await clock.advance(1);
    expect(cluster.getConfigMap('of-a')).toBeUndefined();
    await clock.advance(1999);
    expect(cluster.getConfigMap('of-b')).toBeDefined();
    await clock.advance(1);
    expect(cluster.getConfigMap('of-b')).toBeUndefined();
  });

  it('counts from the loss, however new the object is', async () => {
    const { cluster, clock } = await simulated({ gcDelayMs: 1000 });
    const pod = cluster.createPod('a');
    own(cluster, 'lock', pod);
    await clock.advance(500);
    cluster.deletePod(pod);
    await clock.advance(999);
    expect(cluster.getConfigMap('lock')).toBeDefined();
    await clock.advance(1);
    expect(cluster.getConfigMap('lock')).toBeUndefined();
  });

  it('compares UIDs: a Pod of the same name is not the owner', async () => {
    const { cluster, clock } = await simulated();
    own(cluster, 'lock', cluster.createPod('a'));
    cluster.replacePod('a');
    await clock.advance(0);
    expect(cluster.getConfigMap('lock')).toBeUndefined();
  });

  it('deletes what never had its owner', async () => {
    const { cluster, clock } = await simulated({ gcDelayMs: 10 });
    const pod = cluster.createPod('a');
    own(cluster, 'lock', { ...pod, metadata: { ...pod.metadata, uid: 'wrong' } });
    await clock.advance(9);
    expect(cluster.getConfigMap('lock')).toBeDefined();
    await clock.advance(1);
    expect(cluster.getConfigMap('lock')).toBeUndefined();
  });

  it('looks for an owner in the namespace of what it owns', async () => {
    const { cluster, clock } = await simulated();
    own(cluster, 'lock', cluster.createPod('a', { namespace: 'other' }));
    await clock.advance(0);
    expect(cluster.getConfigMap('lock')).toBeUndefined();
  });

  it('keeps what still has an owner, and drops the others from it', async () => {
    const { cluster, clock } = await simulated();
    const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
    own(cluster, 'lock', a, b);
    cluster.deletePod(a);
    await clock.advance(0);
    expect(cluster.getConfigMap('lock')?.metadata.ownerReferences).toEqual([reference(b)]);
    cluster.deletePod(b);
    await clock.advance(0);
    expect(cluster.getConfigMap('lock')).toBeUndefined();
  });

  it('keeps what has an owner of a kind that the cluster does not serve', async () => {
    const { cluster, clock } = await simulated();
    const set = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', uid: 'u' };
    const pod = cluster.createPod('a', { ownerReferences: [set] });
    cluster.deletePod(cluster.createPod('b', { ownerReferences: [set] }));
    await clock.advance(0);
    expect(cluster.getPod(pod)).toBeDefined();
  });

  it('keeps what a cluster-wide object owns, until that goes', async () => {
    const { cluster, clock, send } = await simulated();
    const node = cluster.getNode('node-1');
    expect(node).toBeDefined();
    if (node) own(cluster, 'lock', node);
    await clock.advance(0);
    expect(cluster.getConfigMap('lock')).toBeDefined();
    await send('DELETE', '/api/v1/nodes/node-1');
    await clock.advance(0);
    expect(cluster.getConfigMap('lock')).toBeUndefined();
  });

  it('deletes along a chain of owners', async () => {
    const { cluster, clock } = await simulated();
    const pod = cluster.createPod('a');
    own(cluster, 'second', own(cluster, 'first', pod));
    cluster.deletePod(pod);
    await clock.advance(0);
    expect(cluster.getConfigMap('second')).toBeUndefined();
  });

  it('deletes what loses its owner by a change of its references', async () => {
    const { cluster, clock, send } = await simulated();
    own(cluster, 'lock', cluster.createPod('a'));
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'wrong' }];
    const merge = { contentType: 'application/merge-patch+json' };
    await send('PATCH', `${CONFIG_MAPS}/lock`, { metadata: { ownerReferences } }, merge);
    await clock.advance(0);
    expect(cluster.getConfigMap('lock')).toBeUndefined();
  });

  it('leaves to its finalizers what is being deleted', async () => {
    const { cluster, clock, send } = await simulated();
    const pod = cluster.createPod('a');
    const metadata = { ownerReferences: [reference(pod)], finalizers: ['a/b'] };
    cluster.createConfigMap('lock', { metadata });
    cluster.deletePod(pod);
    await clock.advance(1000);
    expect(cluster.getConfigMap('lock')?.metadata.deletionTimestamp).toBeDefined();
    const merge = { contentType: 'application/merge-patch+json' };
    await send('PATCH', `${CONFIG_MAPS}/lock`, { metadata: { finalizers: null } }, merge);
    expect(cluster.getConfigMap('lock')).toBeUndefined();
  });

  it('does nothing while it is stopped, and all of it once it is started', async () => {
    const { cluster, clock } = await simulated({ gcDelayMs: 10 });
    const { garbageCollector } = cluster;
    const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
    own(cluster, 'of-a', a);
    own(cluster, 'of-b', b);
    cluster.deletePod(a);
    garbageCollector.stop();
    cluster.deletePod(b);
    await clock.advance(60_000);
    expect(cluster.getConfigMap('of-a')).toBeDefined();
    expect(cluster.getConfigMap('of-b')).toBeDefined();
    garbageCollector.start();
    garbageCollector.start();
    await clock.advance(10);
    expect(cluster.getConfigMap('of-a')).toBeUndefined();
    expect(cluster.getConfigMap('of-b')).toBeUndefined();
  });

  it('is no user: its deletions are not among the requests', async () => {
    const { cluster, clock } = await simulated();
    const pod = cluster.createPod('a');
    own(cluster, 'lock', pod);
    cluster.deletePod(pod);
    await clock.advance(0);
    expect(cluster.requests).toHaveLength(0);
  });

  describe('after a deletion that shall orphan', () => {
    it('strips the references and lets the owner go', async () => {
      const { cluster, clock } = await simulated({ gcDelayMs: 10 });
      const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
      own(cluster, 'lock', a);
      own(cluster, 'shared', a, b);
      cluster.deletePod(a, { cascade: 'orphan' });
      expect(cluster.getPod('a')?.metadata.finalizers).toEqual(['orphan']);
      await clock.advance(10);
      expect(cluster.getPod('a')).toBeUndefined();
      await clock.advance(1000);
      expect(cluster.getConfigMap('lock')?.metadata.ownerReferences).toBeUndefined();
      expect(cluster.getConfigMap('shared')?.metadata.ownerReferences).toEqual([reference(b)]);
    });

    it('lets a terminating Pod have its grace', async () => {
      const { cluster, clock } = await simulated();
      cluster.deletePod(cluster.createPod('a'), { cascade: 'orphan', gracePeriodSeconds: 30 });
      await clock.advance(29_999);
      expect(cluster.getPod('a')?.metadata).not.toHaveProperty('finalizers');
      await clock.advance(1);
      expect(cluster.getPod('a')).toBeUndefined();
    });
  });

  describe('after a deletion in the foreground', () => {
    it('deletes what is owned before the owner goes', async () => {
      const { cluster, clock, watch } = await simulated();
      const pod = cluster.createPod('a');
      own(cluster, 'lock', pod);
      const locks = await watch(CONFIG_MAPS);
      const pods = await watch(PODS);
      cluster.deletePod(pod, { cascade: 'foreground' });
      expect(cluster.getPod('a')?.metadata.finalizers).toEqual(['foregroundDeletion']);
      await clock.advance(0);
      const versionOf = (lines: typeof pods.lines) =>
        Number(lines.at(-1)?.object.metadata.resourceVersion);
      expect([locks.shown.at(-1), pods.shown.at(-1)]).toEqual(['DELETED lock', 'DELETED a']);
      expect(versionOf(locks.lines)).toBeLessThan(versionOf(pods.lines));
    });

    async function heldLock(blockOwnerDeletion?: boolean) {
      const { cluster, clock, send } = await simulated();
      const pod = cluster.createPod('a');
      const owner = { ...reference(pod), ...(blockOwnerDeletion && { blockOwnerDeletion }) };
      cluster.createConfigMap('lock', {
        metadata: { ownerReferences: [owner], finalizers: ['a/b'] },
      });
      cluster.deletePod(pod, { cascade: 'foreground' });
      await clock.advance(1000);
      const patch = async (metadata: object) => {
        const merge = { contentType: 'application/merge-patch+json' };
        await send('PATCH', `${CONFIG_MAPS}/lock`, { metadata }, merge);
        await clock.advance(0);
      };
      return { cluster, patch };
    }

    it.each(['finalizers', 'ownerReferences'])(
      'waits for what blocks its owner, until its %s are gone',
      async (field) => {
        const { cluster, patch } = await heldLock(true);
        expect(cluster.getPod('a')).toBeDefined();
        await patch({ [field]: null });
        expect(cluster.getPod('a')).toBeUndefined();
      },
    );

    it('does not wait for what does not block its owner', async () => {
      const { cluster } = await heldLock();
      expect(cluster.getPod('a')).toBeUndefined();
      expect(cluster.getConfigMap('lock')?.metadata.deletionTimestamp).toBeDefined();
    });
  });

  it('collects objects of any kind', async () => {
    const { cluster, clock, send } = await simulated();
    const pod = cluster.createPod('a');
    const ownerReferences = [reference(pod)];
    await send('POST', LEASES, { metadata: { name: 'lease', ownerReferences } });
    await clock.advance(0);
    expect(cluster.getLease('lease')).toBeDefined();
    cluster.deletePod(pod);
    await clock.advance(0);
    expect(cluster.getLease('lease')).toBeUndefined();
  });
});
