import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { become, lead, observeLease, observeLock } from '../../lib/index.ts';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { Simulation } from '../life/simulation.ts';
import { LeaseProcess } from '../lease/simulation.ts';

async function first<T>(loop: AsyncIterable<T>): Promise<T | undefined> {
  for await (const value of loop) return value;
  return undefined;
}

describe('a kubeconfig without credentials', () => {
  let cluster: Cluster;
  let kubeConfig: KubeConfig;

  beforeEach(async () => {
    cluster = await createCluster();
    const { clusters, contexts, currentContext } = cluster.kubeConfig();
    kubeConfig = new KubeConfig();
    const users = [{ name: 'admin' }];
    kubeConfig.loadFromOptions({ clusters, contexts, currentContext, users });
    cluster.revoke('system:anonymous');
  });

  afterEach(() => cluster.close());

  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['become', () => become('x', { kubeConfig, podName: 'a', podUid: 'b' })],
    ['lead', () => lead('x', () => undefined, { kubeConfig })],
    ['observeLock', () => first(observeLock('x', { kubeConfig }))],
    ['observeLease', () => first(observeLease('x', { kubeConfig }))],
  ];

  test.for(calls)('is the reason that %s gives, without a Role', async ([, call]) => {
    const error: unknown = await call().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_FORBIDDEN',
      message: expect.stringContaining('No credentials reached the API server'),
    });
    expect(String(error)).not.toContain('kind: Role');
  });
});

describe('a quota that is used up is named in a warning', () => {
  test('by lead, which waits', async () => {
    const simulation = await Simulation.create();
    simulation.cluster.setQuota({ 'count/leases.coordination.k8s.io': 0 });
    const leading = new LeaseProcess(simulation, 'a').lead(() => 'done');
    await simulation.clock.advance(60_000);
    expect(simulation.warnings).toEqual([
      {
        code: 'LEADER_FOR_LIFE_TROUBLE',
        message: expect.stringMatching(
          /^default\/lock: still trying: Lease default\/lock: POST .* exceeded quota: quota, .*\. Quota quota of namespace default is used up\. .*kubectl describe quota quota -n default$/,
        ),
      },
    ]);
    simulation.cluster.setQuota(undefined);
    expect(await simulation.settled(leading)).toBe('done');
  });

  test('by become, which waits', async () => {
    const simulation = await Simulation.create();
    simulation.cluster.createPod('a');
    simulation.cluster.setQuota({ 'count/configmaps': 0 });
    const attempt = simulation.settled(simulation.become('a', { timeoutMs: 60_000 }));
    await expect(attempt).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringContaining('quota quota of the namespace does not allow another'),
    });
    expect(simulation.warnings).toEqual([
      {
        code: 'LEADER_FOR_LIFE_TROUBLE',
        message: expect.stringMatching(
          /still trying: ConfigMap default\/lock: .* Quota quota of namespace default is used up\./,
        ),
      },
    ]);
  });

  test('by lead, which goes on without Events', async () => {
    const simulation = await Simulation.create();
    simulation.cluster.setQuota({ 'count/events': 0 });
    const leading = new LeaseProcess(simulation, 'a').lead(() => 'done', { events: true });
    expect(await simulation.settled(leading)).toBe('done');
    expect(simulation.warnings).toMatchObject([{ code: 'LEADER_FOR_LIFE_EVENT' }]);
    expect(simulation.warnings[0]?.message).toContain('Quota quota of namespace default is used');
    expect(simulation.warnings[0]?.message).not.toContain('kind: Role');
  });
});
