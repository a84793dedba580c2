import { expect, test } from 'vitest';

import { sleep } from '../../lib/platform/clock.ts';
import { LeaderElectionError } from '../../lib/errors.ts';
import { Simulation } from '../life/simulation.ts';
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

test('who loses the Lease after a failure that was overcome is told of none', async () => {
  const simulation = await Simulation.create();
  const leader = new LeaseProcess(simulation, 'a');
  const led = Promise.withResolvers<undefined>();
  const ended = leader.lead((leadership) => {
    led.resolve(undefined);
    return untilAborted(leadership);
  });
  await simulation.settled(led.promise);
  const error = { status: 500 };
  simulation.cluster.faults.add({ verb: 'update', resource: 'leases', times: 1, error });
  await simulation.clock.advance(60_000);
  leader.suspend();
  await simulation.clock.advance(60_000);
  leader.resume();
  const loss: unknown = await simulation.settled(ended.catch((reason: unknown) => reason));
  expect(loss).toBeInstanceOf(LeaderElectionError);
  expect((loss as LeaderElectionError).message).toBe(
    'Lease default/lock is not held any more by a: no renewal has succeeded for 10000 ms. Stop all ' +
      'work that only a leader may do.',
  );
  expect(loss).not.toHaveProperty('cause');
});

test.for([
  ['to another', 'usurper', 'usurper holds it'],
  ['because somebody else wiped it', '', 'somebody else has released it'],
] as const)(
  'who loses the Lease %s is told so, and of no failure, though there was one',
  async ([, holderIdentity, why]) => {
    const loss = await lossAfter(({ cluster }) => {
      const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock';
      const spec = { holderIdentity, leaseTransitions: 7 };
      cluster.faults.add({ user: 'a', verb: 'watch', freeze: true });
      cluster.faults.add({
        user: 'a',
        verb: 'update',
        resource: 'leases',
        times: 1,
        error: { status: 500 },
      });
      cluster.request('PATCH', path, { spec }, 'application/merge-patch+json');
    });
    expect((loss as LeaderElectionError).message).toBe(
      `Lease default/lock is not held any more by a: ${why}. Stop all work that only a leader may do.`,
    );
    expect(loss).not.toHaveProperty('cause');
  },
);

test('who loses the Lease renews it no more, though a renewal is answered late, while the work ends', async () => {
  const simulation = await Simulation.create();
  const { clock, cluster } = simulation;
  const leader = new LeaseProcess(simulation, 'a');
  const led = Promise.withResolvers<AbortSignal>();
  const ended = leader.lead(async ({ signal }) => {
    led.resolve(signal);
    await untilAborted({ signal });
    await sleep(leader.clock, 9_000);
  });
  ended.catch(() => undefined);
  const signal = await simulation.settled(led.promise);
  const updates = () => cluster.requests.count({ verb: 'update', resource: 'leases' });
  // Each is sent three seconds after the one before.
  cluster.faults.add({ verb: 'update', resource: 'leases', latencyMs: 1_000 });
  await clock.advance(60_000);
  const before = updates();
  await clock.runUntil(() => updates() === before + 1);
  const provenMs = clock.now();
  await clock.runUntil(() => updates() === before + 2);
  leader.stop();
  await clock.advance(provenMs + 10_000 - clock.now());
  expect(signal.aborted).toBe(true);
  await leader.continue({ readFirst: true });
  await simulation.settled(ended.catch(() => undefined));
  expect(updates()).toBe(before + 2);
});
