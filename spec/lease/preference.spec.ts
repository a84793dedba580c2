import { expect, test } from 'vitest';

import type { LeadOptions } from '../../lib/index.ts';
import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const NEWEST = { preference: 'newest' } satisfies LeadOptions;

/** Pods of the old revision and of the new one; `old-1` leads, and the others wait. */
async function scene(waiting: readonly string[], options: LeadOptions = NEWEST) {
  const simulation = await Simulation.create();
  const { clock, cluster } = simulation;
  for (const [name, revision] of Object.entries({ 'old-1': '1', 'old-2': '1', new: '2' })) {
    await clock.advance(1_000);
    cluster.createPod(name, { labels: { app: 'x', 'pod-template-hash': revision } });
  }
  const lead = (pod: string, more: LeadOptions = {}) => {
    const process = new LeaseProcess(simulation, pod);
    Object.assign(process.platform.environment.variables, cluster.env(pod));
    const stop = new AbortController();
    const given = { signal: stop.signal, ...options, ...more };
    return { process, stop, outcome: new Outcome(process.lead(untilAborted, given)) };
  };
  const holder = () => cluster.getLease('lock')?.spec?.holderIdentity;
  const first = lead('old-1');
  await clock.runUntil(() => holder() === 'old-1');
  const others = waiting.map((pod) => lead(pod));
  await clock.advance(1_000);
  /** Resolves with who leads next, and how long nobody was the holder. */
  const next = async () => {
    await clock.runUntil(() => holder() !== 'old-1');
    const freeMs = clock.now();
    await clock.runUntil(() => !['old-1', ''].includes(holder() ?? ''));
    return { holder: holder(), tookMs: clock.now() - freeMs };
  };
  return { simulation, cluster, clock, first, others, lead, holder, next };
}

test('a Pod of the new revision leads after a release, however early an old one asks', async () => {
  const { first, next } = await scene(['old-2', 'new']);
  first.stop.abort(new Error('enough'));
  const { holder, tookMs } = await next();
  expect(holder).toBe('new');
  expect(tookMs).toBeLessThan(200);
});

test('a Pod of the new revision leads after the Lease has expired', async () => {
  const { clock, first, holder } = await scene(['old-2', 'new']);
  first.process.kill();
  await clock.runUntil(() => holder() !== 'old-1', 20_000);
  expect(holder()).toBe('new');
});

test('if no new Pod asks, an old one leads after two seconds', async () => {
  const { first, next } = await scene(['old-2']);
  first.stop.abort(new Error('enough'));
  const { holder, tookMs } = await next();
  expect(holder).toBe('old-2');
  expect(tookMs).toBeGreaterThanOrEqual(1_900);
  expect(tookMs).toBeLessThan(2_200);
});

test('a watch that is reopened does not shorten the wait', async () => {
  const { cluster, clock, first, holder } = await scene(['old-2']);
  first.stop.abort(new Error('enough'));
  await clock.runUntil(() => holder() === '');
  await clock.advance(500);
  cluster.cutConnections();
  await clock.advance(1_000);
  expect(holder()).toBe('');
  await clock.advance(1_000);
  expect(holder()).toBe('old-2');
});

test('nobody waits if there is no new Pod', async () => {
  const { simulation, first, next } = await scene(['old-2']);
  simulation.end('new');
  first.stop.abort(new Error('enough'));
  expect((await next()).tookMs).toBeLessThan(200);
});

test('it works without a watch, too', async () => {
  const { cluster, clock, first, lead, holder } = await scene([]);
  cluster.faults.add({ verb: 'watch', error: { status: 403 } });
  lead('old-2');
  await clock.advance(2_500);
  lead('new');
  await clock.advance(1_000);
  first.stop.abort(new Error('enough'));
  await clock.runUntil(() => holder() === 'new', 10_000);
});

test('a process that restarts under the same identity keeps its Lease at once', async () => {
  const { cluster, clock, first, lead } = await scene(['new']);
  first.process.kill();
  const before = cluster.getLease('lock')?.spec?.renewTime;
  lead('old-1');
  await clock.advance(500);
  expect(cluster.getLease('lock')?.spec).toMatchObject({ holderIdentity: 'old-1' });
  expect(cluster.getLease('lock')?.spec?.renewTime).not.toBe(before);
});

test('nobody is asked for while a Lease is held', async () => {
  const { cluster, clock } = await scene(['old-2', 'new']);
  cluster.requests.clear();
  // Electors count their replicas anew after a minute.
  await clock.advance(50_000);
  expect(cluster.requests.count({ resource: 'pods' })).toBe(0);
});

test('without the right to list Pods there is one warning with the Role, and nobody waits', async () => {
  const { simulation, cluster, first, lead, clock, next } = await scene([]);
  cluster.grant('old-2', [
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] },
    { resources: ['pods'], verbs: ['get'] },
  ]);
  lead('old-2');
  await clock.advance(1_000);
  first.stop.abort(new Error('enough'));
  expect((await next()).tookMs).toBeLessThan(200);
  expect(simulation.codes).toEqual(['LEADER_FOR_LIFE_PREFERENCE']);
  expect(simulation.warnings[0]?.message).toContain('verbs: ["get", "list"]');
});

test('a function that never settles costs each handover a second, with one warning', async () => {
  const { simulation, clock, first, lead, holder, next } = await scene([]);
  lead('old-2', { preference: () => new Promise<number>(() => undefined) });
  const quick = lead('new', { preference: undefined });
  await clock.advance(1_000);
  first.stop.abort(new Error('enough'));
  await clock.advance(1_500);
  expect([holder(), simulation.codes]).toEqual(['new', ['LEADER_FOR_LIFE_PREFERENCE']]);
  quick.stop.abort(new Error('enough'));
  await clock.runUntil(() => holder() === '');
  const { holder: last, tookMs } = await next();
  expect(last).toBe('old-2');
  expect(tookMs).toBeGreaterThanOrEqual(1_000);
  expect(tookMs).toBeLessThan(1_200);
  expect(simulation.codes).toEqual(['LEADER_FOR_LIFE_PREFERENCE']);
});
