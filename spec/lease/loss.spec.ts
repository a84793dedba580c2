import { expect, test } from 'vitest';

import { LeaderElectionError } from '../../lib/errors.ts';
import { Simulation } from '../become/simulation.ts';
import { LeaseProcess, untilAborted } from './simulation.ts';

/** The reason with which the signal of a leader aborts that nothing is refused before `begin`. */
async function lossAfter(begin: (simulation: Simulation) => void): Promise<unknown> {
  const simulation = await Simulation.create();
  const leader = new LeaseProcess(simulation, 'a');
  const led = Promise.withResolvers<undefined>();
  const ended = leader.lead((leadership) => {
    led.resolve(undefined);
    return untilAborted(leadership);
  });
  await simulation.settled(led.promise);
  begin(simulation);
  return simulation.settled(ended.catch((error: unknown) => error));
}

test('who loses the Lease because it may not be written any more is told so, with the Role', async () => {
  const loss = await lossAfter(({ cluster }) => {
    cluster.revoke('a');
  });
  expect(loss).toMatchObject({ code: 'ERR_LEADERSHIP_LOST', cause: { code: 'ERR_FORBIDDEN' } });
  expect((loss as LeaderElectionError).message).toContain('resourceNames: ["lock"]');
});

test('who loses the Lease because nothing answers is told what was tried in vain', async () => {
  const loss = await lossAfter(({ cluster }) => {
    cluster.faults.add({ verb: 'update', resource: 'leases', reset: true });
  });
  expect(loss).toMatchObject({ code: 'ERR_LEADERSHIP_LOST', cause: { name: 'NoAnswerError' } });
  expect((loss as LeaderElectionError).message).toContain('PUT /apis/coordination.k8s.io');
});

test('who loses the Lease to another is told whom, and of no failure', async () => {
  const loss = await lossAfter(({ cluster }) => {
    const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock';
    const lease = cluster.getLease('lock');
    const spec = { ...lease?.spec, holderIdentity: 'usurper\n\u001b[31m' };
    void cluster.request('PUT', path, { ...lease, spec });
  });
  expect(loss).toBeInstanceOf(LeaderElectionError);
  expect((loss as LeaderElectionError).message).toContain('usurper  [31m holds it');
  expect((loss as LeaderElectionError).cause).toBeUndefined();
});
