import { describe, expect } from 'vitest';
import type { Cluster, Stored } from '../../lib/testing/index.ts';
import { CONFIG_MAPS, LEASES, merge, PODS, it as base } from './support.ts';

type Owner = Pick<Stored<object>, 'apiVersion' | 'kind' | 'metadata'>;

function reference({ apiVersion, kind, metadata: { name, uid } }: Owner) {
  return { apiVersion, kind, name, uid };
}

function own(cluster: Cluster, name: string, ...owners: Owner[]) {
  const ownerReferences = owners.map(reference);
  return cluster.createConfigMap(name, { metadata: { ownerReferences } });
}

/** Tells which of these ConfigMaps are there. */
const it = base.extend('left', ({ cluster }) => (...names: string[]) => {
  return names.filter((name) => cluster.getConfigMap(name));
});

const other = ({ metadata, ...owner }: Owner) => ({
  ...owner,
  metadata: { ...metadata, uid: 'another' },
});
const replicaSet = (name: string): Owner => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name, uid: 'u' } as Owner['metadata'],
});

// What becomes of what a Pod owns when the Pod goes is in spec/contract/owners.ts.
describe('the garbage collector', () => {
  it.for<[string, (cluster: Cluster) => unknown, string[]]>([
    [
      'keeps what a running Pod owns',
      (cluster) => own(cluster, 'lock', cluster.createPod('a')),
      ['lock'],
    ],
    ['keeps what a node owns', (cluster) => own(cluster, 'lock', nodeOf(cluster)), ['lock']],
    [
      'collects what a node owned',
      (cluster) => {
        own(cluster, 'lock', nodeOf(cluster));
        cluster.request('DELETE', '/api/v1/nodes/node-1');
      },
      [],
    ],
    [
      'keeps what an owner of an unknown kind owns',
      (cluster) => own(cluster, 'lock', replicaSet('x')),
      ['lock'],
    ],
    [
      'collects what a Pod of another namespace owns',
      (cluster) => own(cluster, 'lock', cluster.createPod('a', { namespace: 'other' })),
      [],
    ],
    [
      'collects along a chain of owners',
      (cluster) => {
        const pod = cluster.createPod('a');
        own(cluster, 'second', own(cluster, 'lock', pod));
        cluster.deletePod(pod);
      },
      [],
    ],
    [
      'collects what loses its owner by a patch',
      (cluster) => {
        const pod = cluster.createPod('a');
        own(cluster, 'lock', pod);
        const metadata = { ownerReferences: [reference(other(pod))] };
        cluster.request('PATCH', `${CONFIG_MAPS}/lock`, { metadata }, merge.contentType);
      },
      [],
    ],
  ])('%s', async ([, play, kept], { cluster, clock, left }) => {
    play(cluster);
    await clock.advance(0);
    expect(left('lock', 'second')).toEqual(kept);
    expect(cluster.requests).toHaveLength(0);
  });

  it('collects objects of any kind', async ({ cluster, clock, send }) => {
    const pod = cluster.createPod('a');
    await send('POST', LEASES, { metadata: { name: 'l', ownerReferences: [reference(pod)] } });
    await clock.advance(0);
    expect(cluster.getLease('l')).toBeDefined();
    cluster.deletePod(pod);
    await clock.advance(0);
    expect(cluster.getLease('l')).toBeUndefined();
  });

  describe('with gcDelayMs', () => {
    it.override('options', { gcDelayMs: 1000 });

    it('counts it from each loss, as it is set then', async ({ cluster, clock, left }) => {
      const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
      own(cluster, 'of-b', b);
      await clock.advance(4500);
      own(cluster, 'of-a', a);
      await clock.advance(500);
      cluster.deletePod(a);
      own(cluster, 'of-nobody', other(a));
      cluster.garbageCollector.delayMs = 3000;
      cluster.deletePod(b);
      await clock.advance(999);
      expect(left('of-a', 'of-b', 'of-nobody')).toEqual(['of-a', 'of-b', 'of-nobody']);
      await clock.advance(1);
      expect(left('of-a', 'of-b', 'of-nobody')).toEqual(['of-b']);
      await clock.advance(1999);
      expect(left('of-b')).toEqual(['of-b']);
      await clock.advance(1);
      expect(left('of-b')).toEqual([]);
    });

    it('collects nothing while it is stopped, and all once it is started', async ({
      cluster,
      clock,
      left,
    }) => {
      const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
      own(cluster, 'of-a', a);
      own(cluster, 'of-b', b);
      cluster.deletePod(a);
      cluster.garbageCollector.stop();
      cluster.deletePod(b);
      await clock.advance(60_000);
      expect(left('of-a', 'of-b')).toEqual(['of-a', 'of-b']);
      cluster.garbageCollector.start();
      cluster.garbageCollector.start();
      await clock.advance(1000);
      expect(left('of-a', 'of-b')).toEqual([]);
    });
  });

  it('orphans what a Pod owns, and leaves other owners', async ({ cluster, clock }) => {
    const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
    own(cluster, 'lock', a);
    own(cluster, 'shared', a, b);
    cluster.deletePod(a, { cascade: 'orphan' });
    expect(cluster.getPod('a')?.metadata.finalizers).toEqual(['orphan']);
    await clock.advance(1000);
    expect(cluster.getPod('a')).toBeUndefined();
    expect(cluster.getConfigMap('lock')?.metadata.ownerReferences).toBeUndefined();
    expect(cluster.getConfigMap('shared')?.metadata.ownerReferences).toEqual([reference(b)]);
  });

  it('stays in the foreground when the Pod is deleted again', async ({ cluster, clock }) => {
    cluster.garbageCollector.stop();
    const pod = cluster.createPod('a');
    own(cluster, 'lock', pod);
    cluster.deletePod(pod, { cascade: 'foreground', gracePeriodSeconds: 30 });
    cluster.deletePod(pod);
    await clock.advance(1000);
    expect(cluster.getPod('a')?.metadata.finalizers).toEqual(['foregroundDeletion']);
    cluster.deletePod(pod, { cascade: 'background' });
    expect(cluster.getPod('a')).toBeUndefined();
  });

  it('is not waited for by a deletion in the background', ({ cluster }) => {
    cluster.garbageCollector.stop();
    for (const finalizer of ['orphan', 'foregroundDeletion']) {
      cluster.createConfigMap('a', { metadata: { finalizers: [finalizer] } });
      cluster.request('DELETE', `${CONFIG_MAPS}/a`);
      expect(cluster.getConfigMap('a')?.metadata.finalizers).toEqual([finalizer]);
      cluster.request('DELETE', `${CONFIG_MAPS}/a`, { propagationPolicy: 'Background' });
      expect(cluster.getConfigMap('a')).toBeUndefined();
    }
  });

  it('orphans at once what a Pod with a grace period owns', async ({ cluster, clock }) => {
    cluster.deletePod(cluster.createPod('a'), { cascade: 'orphan', gracePeriodSeconds: 30 });
    await clock.advance(29_999);
    expect(cluster.getPod('a')?.metadata).not.toHaveProperty('finalizers');
    await clock.advance(1);
    expect(cluster.getPod('a')).toBeUndefined();
  });

  it('in the foreground deletes a lock before its Pod', async ({ cluster, clock, watch }) => {
    const pod = cluster.createPod('a');
    own(cluster, 'lock', pod);
    const [locks, pods] = [await watch(CONFIG_MAPS), await watch(PODS)];
    cluster.deletePod(pod, { cascade: 'foreground' });
    expect(cluster.getPod('a')?.metadata.finalizers).toEqual(['foregroundDeletion']);
    await clock.advance(0);
    expect([locks.shown.at(-1), pods.shown.at(-1)]).toEqual(['DELETED lock', 'DELETED a']);
    const [first = 0, second = 0] = [locks, pods].map(({ lines }) =>
      Number(lines.at(-1)?.object.metadata.resourceVersion),
    );
    expect(first).toBeLessThan(second);
  });

  it('in the foreground leaves what another owner keeps', async ({ cluster, clock, left }) => {
    const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
    own(cluster, 'shared', a, b);
    own(cluster, 'lost', a, other(b));
    cluster.deletePod(a, { cascade: 'foreground' });
    await clock.advance(1000);
    expect(cluster.getPod('a')).toBeUndefined();
    expect(left('shared', 'lost')).toEqual(['shared']);
    expect(cluster.getConfigMap('shared')?.metadata.ownerReferences).toEqual([reference(b)]);
  });

  it('in the foreground deletes what all owners wait for', async ({ cluster, clock, left }) => {
    const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
    own(cluster, 'shared', a, b);
    cluster.deletePod(a, { cascade: 'foreground' });
    cluster.deletePod(b, { cascade: 'foreground' });
    await clock.advance(1000);
    expect(left('shared')).toEqual([]);
    expect([cluster.getPod('a'), cluster.getPod('b')]).toEqual([undefined, undefined]);
  });

  it.for([
    ['foreground', true, 'finalizers'],
    ['foreground', true, 'ownerReferences'],
    ['foreground', false, 'finalizers'],
    ['background', true, 'finalizers'],
  ] as const)(
    'in the %s, blocked: %s, leaves a lock to its finalizers until it loses its %s',
    async ([cascade, blockOwnerDeletion, field], { cluster, clock, send }) => {
      const pod = cluster.createPod('a');
      const ownerReferences = [{ ...reference(pod), blockOwnerDeletion }];
      cluster.createConfigMap('lock', { metadata: { ownerReferences, finalizers: ['a/b'] } });
      cluster.deletePod(pod, { cascade });
      await clock.advance(1000);
      expect(cluster.getConfigMap('lock')?.metadata.deletionTimestamp).toBeDefined();
      const isWaiting = cascade === 'foreground' && blockOwnerDeletion;
      expect(cluster.getPod('a') !== undefined).toBe(isWaiting);
      await send('PATCH', `${CONFIG_MAPS}/lock`, { metadata: { [field]: null } }, merge);
      await clock.advance(0);
      expect(cluster.getPod('a')).toBeUndefined();
      expect(cluster.getConfigMap('lock') !== undefined).toBe(field === 'ownerReferences');
    },
  );
});

function nodeOf(cluster: Cluster): Owner {
  const node = cluster.getNode('node-1');
  if (!node) throw new Error('the cluster has no node');
  return node;
}
