import { describe, expect, it } from 'vitest';

import { leadIn } from '../../lib/lease/lead.ts';
import { Elections } from '../../lib/elections.ts';
import { UnconfirmedEnds } from '../../lib/unconfirmed.ts';
import { SimulatedClock, createCluster } from '../../lib/testing/index.ts';

/** Where the made-up connection leads is up to the spec. */
const kubeConfig = {
  getCurrentCluster: () => ({ name: '', server: 'https://example.com', skipTLSVerify: false }),
  getCurrentContext: () => '',
  getContextObject: () => null,
  applyToHTTPSOptions: () => Promise.resolve(),
};

describe('an elector that is told to stop while a write of its has no answer', () => {
  it('releases the Lease if that write made it the holder', async () => {
    const clock = new SimulatedClock({ seed: 1 });
    await using cluster = await createCluster({ clock, http: false });
    cluster.faults.add({ verb: 'create', resource: 'leases', hang: true, when: 'after' });
    const stop = new AbortController();
    const surroundings = {
      clock,
      environment: { variables: {}, root: '/nonexistent' },
      elections: new Elections(),
      unconfirmed: new UnconfirmedEnds(),
      predecessors: new Map(),
      connect: () => Promise.resolve(cluster.transport({ user: 'admin' })),
      warn: () => undefined,
    };
    const options = { kubeConfig, namespace: 'default', identity: 'me', signal: stop.signal };
    const work = () => expect.unreachable('nobody was told that it leads');
    const ended = leadIn(surroundings, 'lock', work, options).catch((error: unknown) => error);

    await clock.runUntil(() => cluster.getLease('lock') !== undefined);
    stop.abort(new Error('stop'));
    let outcome: unknown;
    void ended.then((reason) => (outcome = reason));
    await clock.runUntil(() => outcome !== undefined);

    expect(outcome).toBe(stop.signal.reason);
    expect(cluster.getLease('lock')?.spec).toMatchObject({ holderIdentity: '' });
  });
});
