import { readFile } from 'node:fs/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { become, lead } from '../../lib/index.ts';
import { Namespace, Waits, eventually } from '../behaviour/cluster.ts';
import { realCluster } from '../behaviour/real-cluster.ts';
import type { Line } from './fault.ts';
import { FaultProxy } from './fault-proxy.ts';

const { kubeconfig } = inject('cluster');
const cluster = realCluster(kubeconfig, undefined);

/** The API server's certificate, wherever the kubeconfig has it. */
async function authority(): Promise<string> {
  const { caData, caFile } = cluster.kubeConfig.getCurrentCluster() ?? {};
  if (caData !== undefined) return Buffer.from(caData, 'base64').toString();
  return readFile(caFile ?? '', 'utf8');
}

describe('a real API server behind the fault proxy', () => {
  let proxy: FaultProxy;
  let space: Namespace;
  let token = '';

  beforeAll(async () => {
    const server = cluster.kubeConfig.getCurrentCluster()?.server ?? '';
    proxy = new FaultProxy({ upstream: { server, ca: await authority() } });
    space = await Namespace.create(cluster);
    const rules = [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['*'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] },
    ];
    const user = await cluster.user(space.name, rules);
    token = user.kubeConfig.getCurrentUser()?.token ?? '';
  });

  afterAll(async () => {
    await space[Symbol.asyncDispose]();
    await proxy.close();
  });

  function kubeConfigOf({ server, ca }: Line): KubeConfig {
    const kubeConfig = new KubeConfig();
    const caData = Buffer.from(ca).toString('base64');
    kubeConfig.loadFromClusterAndUser(
      { name: 'proxy', server, caData, skipTLSVerify: false },
      { name: 'user', token },
    );
    return kubeConfig;
  }

  async function candidate(name: string) {
    const [line, { uid }] = await Promise.all([proxy.line(name), space.replica(name)]);
    const options = { namespace: space.name, podName: name, podUid: uid };
    return { line, options: { ...options, kubeConfig: kubeConfigOf(line) } };
  }

  it('is told by whom a lock is held, though its creation seemed to fail', async () => {
    const [a, b] = await Promise.all([candidate('life-a'), candidate('life-b')]);
    a.line.strike({ kind: 'fail-after-effect', status: 500, only: 'writes', times: 1 });
    const leadership = await become('lock', a.options);
    expect(a.line.counts.struck['fail-after-effect']).toBe(1);

    const waits = new Waits();
    const follower = become('lock', { ...b.options, onWaiting: waits.record });
    await waits.for('held');
    b.line.strike({ kind: 'reset' });
    await leadership.release();
    const next = await follower;
    expect(BigInt(next.fencingToken)).toBeGreaterThan(BigInt(leadership.fencingToken));
    await next.release();
    await eventually(() => {
      expect([a.line.counts.open, b.line.counts.open]).toEqual([0, 0]);
      return Promise.resolve();
    });
  });

  it('renews and watches Leases, one line of two struck', async () => {
    const [a, b] = await Promise.all([proxy.line('lease-a'), proxy.line('lease-b')]);
    const durations = { leaseDurationMs: 4_000, renewDeadlineMs: 2_000, retryPeriodMs: 250 };
    const options = (line: Line) => ({
      ...durations,
      identity: line.name,
      namespace: space.name,
      kubeConfig: kubeConfigOf(line),
    });
    const led = Promise.withResolvers<undefined>();
    const loss = lead(
      'lease',
      async ({ signal }) => {
        led.resolve(undefined);
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve, { once: true });
        });
      },
      options(a),
    );
    const lost = expect(loss).rejects.toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
    await led.promise;
    const second = lead('lease', ({ identity }) => identity, options(b));
    const struck = a.strike({ kind: 'blackhole', direction: 'to' });
    await lost;
    expect(await second).toBe('lease-b');
    struck[Symbol.dispose]();
    expect(b.counts.aborted).toBeLessThan(b.counts.requests);
  });
});
