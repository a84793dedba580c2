import { describe, expect, test, vi } from 'vitest';

import { LeaderElector } from '../../lib/lease/elector.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';
import type { ResourceLock } from '../../lib/lease/resource-lock.ts';
import { leaseLock } from '../../lib/testing/lease-lock.ts';
import { kubeConfig } from '../life/simulation.ts';
import { endless, enough, journal, leading, world } from './scene.ts';
import { type LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const refused = {
  name: 'LeaderElectionError',
  code: 'ERR_ALREADY_RUNNING',
  message: expect.stringContaining('a already competes for Lease '),
};

/** Runs an elector of this lock in this process. */
function run({ platform }: LeaseProcess, lock: ResourceLock) {
  const { callbacks } = journal();
  const elector = new LeaderElector({ lock, callbacks }, platform);
  return { elector, outcome: new Outcome(elector.run()) };
}

const options = { kubeConfig, namespace: 'default', name: 'lock', identity: 'a' };

describe('a second election for one Lease and identity in one process', () => {
  test.for<[string, (lock: LeaseLock, a: LeaseProcess) => Outcome<unknown>]>([
    ['another elector with the same LeaseLock', (lock, a) => run(a, lock).outcome],
    ['an elector with another LeaseLock', (_, a) => run(a, new LeaseLock(options)).outcome],
    ['lead', (_, a) => new Outcome(a.lead(untilAborted))],
  ])('is refused, and the first one leads on: %s', async ([, begin]) => {
    const { simulation, clock, a } = await world();
    const lock = new LeaseLock(options);
    const first = run(a, lock);
    await clock.runUntil(() => first.elector.isLeader());
    const second = begin(lock, a);
    await clock.advance(60_000);
    expect(second.error).toMatchObject(refused);
    expect(first.elector.isLeader()).toBe(true);
    expect(simulation.open).toBe(1);
  });

  test("is refused with one lock of the user's own; two locks that look alike are two", async () => {
    const { clock, cluster, a } = await world();
    const own = (name: string) =>
      leaseLock(cluster.transport({ user: 'a' }), clock, { name, identity: 'a' });
    const lock = own('lock');
    const first = run(a, lock);
    const second = run(a, lock);
    const third = run(a, { ...own('other'), describe: () => lock.describe() });
    await clock.advance(1_000);
    expect(second.outcome.error).toMatchObject(refused);
    expect([first, third].map(({ elector }) => elector.isLeader())).toEqual([true, true]);
  });

  test('with a LeaseLock of another copy of the package is refused by name', async () => {
    const { a } = await world();
    vi.resetModules();
    const copy = await import('../../lib/lease/lease-lock.ts');
    const lock = new copy.LeaseLock(options);
    expect(lock).not.toBeInstanceOf(LeaseLock);
    expect(() => run(a, lock)).toThrow(
      /^config\.lock is a LeaseLock of another copy of leader-for-life than the elector: .*npm ls/,
    );
  });

  const server = 'https://elsewhere.example';
  const elsewhere = () => ({ ...kubeConfig.getCurrentCluster(), server });

  test.for<[string, object, 'a' | 'b']>([
    ['it is of another identity', { identity: 'b' }, 'a'],
    ['it is in another namespace', { namespace: 'kube-system' }, 'a'],
    ['it is elsewhere', { kubeConfig: { ...kubeConfig, getCurrentCluster: elsewhere } }, 'a'],
    ['it is in another process', {}, 'b'],
  ])('is none if %s', async ([, difference, process]) => {
    const scene = await world();
    const first = run(scene.a, new LeaseLock(options));
    const second = run(scene[process], new LeaseLock({ ...options, ...difference }));
    await scene.clock.advance(1_000);
    expect([first, second].map(({ outcome }) => outcome.error)).toEqual([undefined, undefined]);
  });

  test('waits after an abort until the work has ended and the Lease is released', async () => {
    const work = Promise.withResolvers<undefined>();
    const { simulation, clock, a, stop, outcome } = await leading({}, () => work.promise);
    stop.abort(enough);
    const second = new Outcome(a.lead(() => 'led'));
    await clock.advance(5_000);
    expect(second.isPending).toBe(true);
    work.resolve(undefined);
    expect(await simulation.settled(second.promise)).toBe('led');
    expect(outcome.error).toBe(enough);
  });

  test('that waits for that may be aborted at once', async () => {
    const { clock, a, stop } = await leading({}, endless);
    stop.abort();
    const again = new AbortController();
    const second = new Outcome(a.lead(() => 'led', { signal: again.signal }));
    await clock.advance(1_000);
    again.abort(enough);
    await clock.advance(0);
    expect(second.error).toBe(enough);
  });

  test('is refused after a loss, too, if the first one campaigns again', async () => {
    const { simulation, clock, a, patch } = await leading({ recampaign: true });
    patch({ holderIdentity: 'x' });
    await clock.advance(1_000);
    await expect(simulation.settled(a.lead(untilAborted))).rejects.toMatchObject(refused);
  });

  test('leads after the first one was refused for good', async () => {
    const { simulation, a, faults } = await world();
    const fault = faults.add({ error: { status: 403 } });
    await expect(simulation.settled(a.lead(untilAborted))).rejects.toThrow();
    fault.remove();
    expect(await simulation.settled(a.lead(() => 'led'))).toBe('led');
  });
});
