import { describe, expect, test, vi } from 'vitest';

import { LeaderElector } from '../../lib/lease/elector.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';
import type { ResourceLock } from '../../lib/lease/resource-lock.ts';
import { leaseLock } from '../../lib/testing/lease-lock.ts';
import { Simulation, kubeConfig } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const refused = {
  name: 'LeaderElectionError',
  code: 'ERR_ALREADY_RUNNING',
  message: expect.stringContaining('a already competes for Lease ') as string,
};

async function world() {
  const simulation = await Simulation.create({ seed: 1 });
  return { simulation, a: new LeaseProcess(simulation, 'a') };
}

/** Runs an elector of this lock in this process, until the signal aborts. */
function run({ platform }: LeaseProcess, lock: ResourceLock, signal?: AbortSignal) {
  const callbacks = {
    onStartedLeading: (aborted: AbortSignal) => untilAborted({ signal: aborted }),
    onStoppedLeading: () => undefined,
  };
  const elector = new LeaderElector({ lock, callbacks, releaseOnCancel: true }, platform);
  return { elector, outcome: new Outcome(elector.run(signal)) };
}

const options = { kubeConfig, namespace: 'default', name: 'lock', identity: 'a' };

describe('one election for one Lease and identity in one process', () => {
  test('a second elector with the same LeaseLock is refused, and the first one leads on', async () => {
    const { simulation, a } = await world();
    const lock = new LeaseLock(options);
    const first = run(a, lock);
    await simulation.clock.runUntil(() => first.elector.isLeader());
    const second = run(a, lock);
    await simulation.clock.advance(60_000);
    expect(second.outcome.error).toMatchObject(refused);
    expect(second.elector.isLeader()).toBe(false);
    expect(first.elector.isLeader()).toBe(true);
  });

  test('likewise with another LeaseLock of the same identity, and with lead', async () => {
    const { simulation, a } = await world();
    const first = run(a, new LeaseLock(options));
    const second = run(a, new LeaseLock(options));
    const third = new Outcome(a.lead(untilAborted));
    await simulation.clock.advance(1_000);
    expect([second, third].map((each) => ('outcome' in each ? each.outcome : each).error)).toEqual([
      expect.objectContaining(refused),
      expect.objectContaining(refused),
    ]);
    expect(first.elector.isLeader()).toBe(true);
    expect(simulation.open).toBe(1);
  });

  test("likewise with one lock of the user's own; two locks that look alike are two", async () => {
    const { simulation, a } = await world();
    const { clock, cluster } = simulation;
    const own = (name: string) =>
      leaseLock(cluster.transport({ user: 'a' }), clock, { name, identity: 'a' });
    const lock = own('lock');
    const first = run(a, lock);
    const second = run(a, lock);
    const other = { ...own('other'), describe: () => lock.describe() };
    const third = run(a, other);
    await clock.advance(1_000);
    expect(second.outcome.error).toMatchObject(refused);
    expect([first, third].map(({ elector }) => elector.isLeader())).toEqual([true, true]);
  });

  test('a LeaseLock of another copy of the package is refused by name', async () => {
    const { a } = await world();
    vi.resetModules();
    const copy = await import('../../lib/lease/lease-lock.ts');
    const lock = new copy.LeaseLock(options);
    expect(lock).not.toBeInstanceOf(LeaseLock);
    expect(() => run(a, lock)).toThrow(
      /^config\.lock is a LeaseLock of another copy of leader-for-life than the elector: .*npm ls/,
    );
  });

  test.each([
    [{ identity: 'b' }],
    [{ namespace: 'kube-system' }],
    [{ kubeConfig: { ...kubeConfig, getCurrentCluster: elsewhere } }],
  ])('an election that differs in %o does not mind', async (difference) => {
    const { simulation, a } = await world();
    const first = run(a, new LeaseLock(options));
    const second = run(a, new LeaseLock({ ...options, ...difference }));
    await simulation.clock.advance(1_000);
    expect([first, second].map(({ outcome }) => outcome.error)).toEqual([undefined, undefined]);
  });

  test('two processes do not know of each other', async () => {
    const { simulation, a } = await world();
    const first = new Outcome(a.lead(untilAborted));
    const second = new Outcome(new LeaseProcess(simulation, 'b').lead(untilAborted));
    await simulation.clock.advance(1_000);
    expect([first.state, second.state]).toEqual(['pending', 'pending']);
  });

  test('after an abort the next one waits until the work has ended and the Lease is released', async () => {
    const { simulation, a } = await world();
    const stop = new AbortController();
    const work = Promise.withResolvers<undefined>();
    const first = new Outcome(a.lead(() => work.promise, { signal: stop.signal }));
    await simulation.clock.advance(1_000);
    stop.abort(new Error('stop'));
    let hasBegun = false;
    const second = a.lead(() => {
      hasBegun = true;
      return 'led';
    });
    await simulation.clock.advance(5_000);
    expect(hasBegun).toBe(false);
    work.resolve(undefined);
    expect(await simulation.settled(second)).toBe('led');
    expect(first.error).toBe(stop.signal.reason);
  });

  test('whoever waits for that may be aborted, and asks nothing', async () => {
    const { simulation, a } = await world();
    const [stop, enough] = [new AbortController(), new AbortController()];
    new Outcome(a.lead(() => new Promise(() => undefined), { signal: stop.signal }));
    await simulation.clock.advance(1_000);
    stop.abort();
    const second = new Outcome(a.lead(() => 'led', { signal: enough.signal }));
    await simulation.clock.advance(1_000);
    enough.abort(new Error('enough'));
    await simulation.clock.advance(0);
    expect(second.error).toBe(enough.signal.reason);
  });

  test('with recampaign a loss is no end: a second election is refused then, too', async () => {
    const { simulation, a } = await world();
    new Outcome(a.lead(untilAborted, { recampaign: true }));
    await simulation.clock.advance(1_000);
    const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock';
    const type = 'application/merge-patch+json';
    simulation.cluster.request('PATCH', path, { spec: { holderIdentity: 'x' } }, type);
    await simulation.clock.advance(1_000);
    await expect(simulation.settled(a.lead(untilAborted))).rejects.toMatchObject(refused);
  });

  test('one that was refused for good is out of the way of the next', async () => {
    const { simulation, a } = await world();
    const fault = simulation.cluster.faults.add({ error: { status: 403 } });
    await expect(simulation.settled(a.lead(untilAborted))).rejects.toThrow();
    fault.remove();
    expect(await simulation.settled(a.lead(() => 'led'))).toBe('led');
  });
});

function elsewhere() {
  return { ...kubeConfig.getCurrentCluster(), server: 'https://elsewhere.example' };
}
