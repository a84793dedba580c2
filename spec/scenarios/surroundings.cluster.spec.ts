import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { describe, expect } from 'vitest';

import { NODE_NAME } from '../cluster/credentials.ts';
import { manifestsOf } from '../cluster/kubelet.ts';
import { MERGE } from '../lab/pods.ts';
import { type CandidateOptions, podSpec } from './manifest.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

/** A Pod that the kubelet starts from a file. It may have no service account. */
async function staticPod(scene: Scene, name: string, options: CandidateOptions) {
  await scene.kubeconfigFile();
  const { serviceAccountName: _, ...spec } = podSpec(scene.where, {
    ...options,
    env: [{ name: 'KUBECONFIG', value: '/scene/kubeconfig' }],
  });
  const metadata = { name, namespace: scene.namespace };
  const file = join(manifestsOf(scene.cluster), `${scene.namespace}.json`);
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec }));
  return { name: `${name}-${NODE_NAME}`, remove: () => rm(file, { force: true }) };
}

describe.concurrent('a static Pod', () => {
  scenario(
    'is told that its downward-API UID is not its API UID, and is in nobody’s way',
    async (scene) => {
      const pod = await staticPod(scene, 'static', {});
      try {
        await scene.said(pod.name, 'error', { code: 'ERR_POD_UID_MISMATCH' });
      } finally {
        await pod.remove();
      }
      await scene.pod('b');
      expect((await scene.leader()).pod).toBe('b');
      expect(scene.terms.map((term) => term.pod)).toEqual(['b']);
    },
  );

  scenario('without POD_UID leads, and is followed when it has ended', async (scene) => {
    const pod = await staticPod(scene, 'static', { without: ['POD_UID'] });
    try {
      const leader = await scene.leader();
      expect(leader.pod).toBe(pod.name);
      await scene.pod('b');
      await scene.followers(1, leader);
      await pod.remove();
      await scene.followedByB(leader);
    } finally {
      await pod.remove();
    }
  });
});

describe.concurrent('what is around a Pod changes', () => {
  scenario('a service-account token that was rotated is read anew', async (scene) => {
    const { namespace, where } = scene;
    const folder = join(where.folder, 'account');
    await mkdir(folder);
    await writeFile(join(folder, 'ca.crt'), await readFile(scene.cluster.authority));
    await writeFile(join(folder, 'namespace'), namespace);
    const { token: old } = await scene.token({ name: 'old' });
    await writeFile(join(folder, 'token'), old);

    await scene.pod('a');
    const leader = await scene.leader();
    const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
    await scene.pod('b', {
      container: { volumeMounts: [{ name: 'account', mountPath }] },
      spec: {
        automountServiceAccountToken: false,
        volumes: [{ name: 'account', hostPath: { path: folder } }],
      },
    });
    await scene.followers(1, leader);

    await writeFile(join(folder, 'token'), (await scene.token({ name: 'new' })).token);
    await scene.core.deleteNamespacedSecret({ namespace, name: 'old' });
    await scene.until('the old token is refused', () => isRefused(scene, old));
    await scene.deletePod('a');
    await scene.followedByB(leader);
  });

  scenario(
    'a namespace is deleted: nobody follows, whoever goes first',
    async (scene) => {
      const { namespace } = scene;
      await scene.pod('a', { spec: { terminationGracePeriodSeconds: 1 } });
      const leader = await scene.leader();
      // Those that wait are there for longer than the leader, and see the lock go.
      await scene.pod('b', { onSigterm: 'ignore' });
      await scene.pod('c', { onSigterm: 'ignore' });
      await scene.followers(2, leader);

      await scene.core.deleteNamespace({ name: namespace });
      for (const pod of ['b', 'c']) {
        const { code } = await scene.said(pod, 'error');
        expect(code).toBeOneOf(['ERR_NAMESPACE_TERMINATING', 'ERR_POD_TERMINATING']);
      }
      await scene.until('the namespace is gone', async () => {
        const { items } = await scene.core.listNamespace();
        return !items.some(({ metadata }) => metadata?.name === namespace);
      });
      expect(scene.terms.map(({ uid }) => uid)).toEqual([leader.uid]);
    },
    { endsWithoutLeader: true },
  );

  scenario('a quota of ConfigMaps is reached, and raised: it waits, then leads', async (scene) => {
    const { namespace } = scene;
    const hard = (configmaps: string) => ({ spec: { hard: { configmaps } } });
    // Every namespace has one ConfigMap from the beginning.
    const body = { metadata: { name: 'quota' }, ...hard('1') };
    await scene.core.createNamespacedResourceQuota({ namespace, body });
    await scene.until('the quota is used up', async () => {
      const { status } = await scene.core.readNamespacedResourceQuota({ namespace, name: 'quota' });
      return status?.used?.['configmaps'] === '1';
    });

    await scene.pod('a', { become: { maxBackoffMs: 2000 } });
    await scene.said('a', 'waiting', { reason: 'quota-exceeded' });
    await scene.core.patchNamespacedResourceQuota(
      { namespace, name: 'quota', body: hard('2') },
      MERGE,
    );
    expect((await scene.leader()).pod).toBe('a');
  });
});

async function isRefused({ kubeConfig, namespace }: Scene, token: string): Promise<boolean> {
  const cluster = kubeConfig.getCurrentCluster();
  if (!cluster) throw new Error('no cluster');
  const limited = new KubeConfig();
  limited.loadFromClusterAndUser(cluster, { name: 'old', token });
  try {
    await limited.makeApiClient(CoreV1Api).listNamespacedPod({ namespace });
    return false;
  } catch (error) {
    return (error as { code?: number }).code === 401;
  }
}
