import { describe, expect, onTestFinished, test } from 'vitest';

import { become } from '../../lib/index.ts';
import { type ClusterOptions, createCluster } from '../../lib/testing/index.ts';
import { inProcess } from '../behaviour/in-process.ts';
import { attacksOnLeases } from './attacks-on-leases.ts';
import { attacksOnLocks } from './attacks-on-locks.ts';
import { attackTest, ownedBy } from './intruder.ts';

const it = attackTest(await inProcess());

attacksOnLocks('the cluster in the process', it);
attacksOnLeases('the cluster in the process', it);

describe('a candidate that finds the name of an owner in the lock', () => {
  /** A candidate, and a lock that names an owner with the UID of another Pod that lives. */
  async function planted(options: ClusterOptions, name: string) {
    const cluster = await createCluster(options);
    onTestFinished(() => cluster.close());
    // An owner with such a name is none to it, and it would be too fast for the candidate.
    cluster.garbageCollector.stop();
    const [pod, victim] = [cluster.createPod('a'), cluster.createPod('victim')];
    const { uid } = victim.metadata;
    const marks = { 'leader-for-life/pod-name': name, 'leader-for-life/pod-uid': uid };
    const metadata = { ...ownedBy(name, uid), annotations: marks };
    cluster.createConfigMap('lock', { metadata: metadata as { annotations: typeof marks } });
    return { cluster, victim, options: cluster.optionsFor(pod) };
  }

  test.each([
    '../configmaps/precious',
    '..%2Fconfigmaps%2Fprecious',
    'precious?dryRun=All',
    'https://example.com/',
    '.',
    '..',
    'a\r\nauthorization: none',
  ])('is sent nowhere else by it: %j', async (name) => {
    const { cluster, options } = await planted({}, name);
    cluster.createConfigMap('precious');
    const before = cluster.requests.length;
    const attempt = become('lock', { ...options, onWaiting: () => undefined });
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_FOREIGN_LOCK' });
    const asked = [...cluster.requests].slice(before);
    const objects = asked.map(({ verb, resource, name }) => `${verb} ${resource} ${name}`.trim());
    const own = ['create configmaps', 'get configmaps lock', 'watch configmaps lock', 'get pods a'];
    // How many candidates there are.
    const expected = [...own, 'list pods'];
    expect(objects).not.toEqual([]);
    expect(objects.filter((object) => !expected.includes(object))).toEqual([]);
    expect(cluster.getConfigMap('lock')).toBeDefined();
    expect(cluster.getConfigMap('precious')).toBeDefined();
  });

  test('deletes that Pod if it may take over, and its node is not ready', async () => {
    const { cluster, victim, options } = await planted({ nodeCount: 2 }, 'victim');
    cluster.garbageCollector.start();
    cluster.setNodeReady(victim.spec?.nodeName ?? '', false);
    const takeOver = { takeOverFromNotReadyNodeAfterMs: 1, maxBackoffMs: 100 };
    await become('lock', { ...options, ...takeOver });
    expect(cluster.getPod('victim')).toBeUndefined();
  });
});
