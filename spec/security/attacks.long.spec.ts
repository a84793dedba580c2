import { expect, onTestFinished, test } from 'vitest';

import { become } from '../../lib/index.ts';
import { createCluster } from '../../lib/testing/index.ts';
import { Waits } from '../behaviour/cluster.ts';
import { inProcess } from '../behaviour/in-process.ts';
import { attacksOnLeases } from './attacks-on-leases.ts';
import { attacksOnLocks } from './attacks-on-locks.ts';

attacksOnLocks('the cluster in the process', inProcess);
attacksOnLeases('the cluster in the process', inProcess);

test.each([
  '../configmaps/precious',
  '..%2Fconfigmaps%2Fprecious',
  'precious?dryRun=All',
  'https://example.com/',
  '.',
  '..',
  'a\r\nauthorization: none',
])('the name of an owner sends no candidate elsewhere: %j', async (name) => {
  const cluster = await createCluster();
  onTestFinished(() => cluster.close());
  // Such an owner is none to it, and it would be too fast for the candidates to see it.
  cluster.garbageCollector.stop();
  const [pod, victim] = [cluster.createPod('a'), cluster.createPod('victim')];
  cluster.createConfigMap('precious');
  cluster.createConfigMap('lock', {
    metadata: {
      // Planted, and marked as the library marks a lock; the UID is that of a Pod that lives.
      annotations: {
        'leader-for-life/pod-name': name,
        'leader-for-life/pod-uid': victim.metadata.uid,
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid: victim.metadata.uid }],
    },
  });
  const before = cluster.requests.filter({}).length;
  const attempt = become('lock', { ...cluster.optionsFor(pod), onWaiting: new Waits().record });
  await expect(attempt).rejects.toMatchObject({ code: 'ERR_FOREIGN_LOCK' });
  const asked = cluster.requests.filter({}).slice(before);
  const objects = asked.map(({ verb, resource, name: of }) => `${verb} ${resource} ${of}`);
  const expected = [
    'create configmaps',
    'get configmaps lock',
    'watch configmaps lock',
    'get pods a',
    // How many candidates there are.
    'list pods',
  ];
  expect(objects).not.toEqual([]);
  expect(objects.filter((object) => !expected.includes(object.trim()))).toEqual([]);
  expect(cluster.getConfigMap('lock')).toBeDefined();
  expect(cluster.getConfigMap('precious')).toBeDefined();
});

test('whoever names a Pod in the lock has those who may take over delete it, if its node is not ready', async () => {
  const cluster = await createCluster({ nodeCount: 2 });
  onTestFinished(() => cluster.close());
  const pod = cluster.createPod('a');
  const victim = cluster.createPod('victim');
  cluster.createConfigMap('lock', {
    metadata: {
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Pod', name: 'victim', uid: victim.metadata.uid },
      ],
    },
  });
  cluster.setNodeReady(victim.spec?.nodeName ?? '', false);
  const options = { takeOverFromNotReadyNodeAfterMs: 1, maxBackoffMs: 100 };
  await become('lock', { ...cluster.optionsFor(pod), ...options });
  expect(cluster.getPod('victim')).toBeUndefined();
});
