import { describe, expect, it } from 'vitest';

import { leadOn } from '../../lib/lease/lead.ts';
import { Elections } from '../../lib/platform/elections.ts';
import type { ApiRequest } from '../../lib/kubernetes/transport.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import { SimulatedClock, createCluster } from '../../lib/testing/index.ts';

/** Where the made-up connection leads is up to the spec. */
const kubeConfig = {
  getCurrentCluster: () => ({ name: '', server: 'https://example.com', skipTLSVerify: false }),
  getCurrentContext: () => '',
  getContextObject: () => null,
  applyToHTTPSOptions: () => Promise.resolve(),
};

/** An elector, what it sends on its way to the cluster, and a way to stop it. */
async function started() {
  const clock = new SimulatedClock({ seed: 1 });
  const cluster = await createCluster({ clock, http: false });
  const creates: ApiRequest[] = [];
  const stop = new AbortController();
  const platform = {
    clock,
    environment: { variables: {}, root: '/nonexistent' },
    elections: new Elections(),
    unconfirmed: new UnconfirmedEnds(),
    predecessors: new Map(),
    connect: () => {
      const transport = cluster.transport({ user: 'admin' });
      const send = transport.send.bind(transport);
      transport.send = (request, ...rest) => {
        if (request.method === 'POST') creates.push(request);
        return send(request, ...rest);
      };
      return Promise.resolve(transport);
    },
    warn: () => undefined,
  };
  const options = { kubeConfig, namespace: 'default', identity: 'me', signal: stop.signal };
  const work = () => expect.unreachable('nobody was told that it leads');
  const start = () => leadOn(platform, 'lock', work, options).catch((error: unknown) => error);
  const stopped = async (ended: Promise<unknown>) => {
    stop.abort(new Error('stop'));
    let outcome: unknown;
    void ended.then((reason) => (outcome = reason));
    await clock.runUntil(() => outcome !== undefined);
    expect(outcome).toBe(stop.signal.reason);
  };
  return { clock, cluster, creates, start, stopped };
}

describe('an elector that is told to stop', () => {
  it('releases the Lease if a write of its without an answer made it the holder', async () => {
    const { clock, cluster, start, stopped } = await started();
    cluster.faults.add({ verb: 'create', resource: 'leases', hang: true, when: 'after' });
    const ended = start();
    await clock.runUntil(() => cluster.getLease('lock') !== undefined);
    await stopped(ended);
    expect(cluster.getLease('lock')?.spec).toMatchObject({ holderIdentity: '' });
    await cluster.close();
  });

  it('releases the Lease if the network makes a create again that a quota has refused', async () => {
    const { clock, cluster, creates, start, stopped } = await started();
    cluster.setQuota({ 'count/leases.coordination.k8s.io': 0 });
    const ended = start();
    await clock.runUntil(() => creates.length > 0);
    await clock.advance(10);
    cluster.setQuota({});
    const [{ method, path, body } = expect.unreachable('nothing was created')] = creates;
    cluster.request(method, path, body);
    await stopped(ended);
    expect(cluster.getLease('lock')?.spec).toMatchObject({ holderIdentity: '' });
    await cluster.close();
  });
});
