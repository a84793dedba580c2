import { describe, expect, test } from 'vitest';

import type { BecomeOptions, CandidatePod } from '../../lib/index.ts';
import { Simulation } from './simulation.ts';

const NEWEST = { preference: 'newest' } satisfies BecomeOptions;
const ZONE = 'topology.kubernetes.io/zone';
const IN_ZONE_A = { preference: { nodeLabel: { [ZONE]: 'a' } } } satisfies BecomeOptions;

/** A Pod of a Deployment, a second younger than the one before. */
async function addPod(world: Simulation, name: string, revision: string, nodeName = 'node-1') {
  await world.clock.advance(1_000);
  const labels = { app: 'x', 'pod-template-hash': revision };
  world.cluster.createPod(name, { labels, nodeName });
}

/** `old-1` leads, `old-2` waits, and so does `new`, which is of the revision that is rolled out. */
async function rollout(options: BecomeOptions = NEWEST) {
  const world = await Simulation.create();
  for (const [name, revision] of [
    ['old-1', '1'],
    ['old-2', '1'],
    ['new', '2'],
  ] as const) {
    await addPod(world, name, revision);
  }
  const leadership = await world.lead('old-1', options);
  return { world, leadership };
}

/** Resolves with the Pod that leads next, and how long nobody led. */
async function handover(world: Simulation, end: () => unknown) {
  const before = world.lock?.metadata.uid;
  void Promise.resolve(end()).catch(() => undefined);
  await world.clock.runUntil(() => world.lock?.metadata.uid !== before);
  const freeMs = world.clock.now();
  await world.clock.runUntil(() => world.holder !== undefined);
  return { holder: world.holder, tookMs: world.clock.now() - freeMs };
}

describe("with 'newest'", () => {
  test('a Pod of the new revision leads next, however early one of the old revision asks', async () => {
    const { world, leadership } = await rollout();
    for (const pod of ['old-2', 'new']) {
      void world.become(pod, NEWEST);
      await world.clock.advance(1_000);
    }
    const { holder, tookMs } = await handover(world, () => leadership.release());
    expect(holder).toBe('new');
    expect(tookMs).toBeLessThan(100);
  });

  test('it is the preference that decides this', async () => {
    const { world, leadership } = await rollout({});
    for (const pod of ['old-2', 'new']) {
      void world.become(pod);
      await world.clock.advance(1_000);
    }
    const { holder } = await handover(world, () => leadership.release());
    expect(holder).toBe('old-2');
  });

  test('if the new Pod does not ask, an old one leads after two seconds', async () => {
    const { world, leadership } = await rollout();
    void world.become('old-2', NEWEST);
    await world.clock.advance(1_000);
    const { holder, tookMs } = await handover(world, () => leadership.release());
    expect(holder).toBe('old-2');
    expect(tookMs).toBeGreaterThanOrEqual(1_990);
    expect(tookMs).toBeLessThan(2_100);
  });

  test.each<[string, (world: Simulation) => void]>([
    ['is gone', (world) => world.end('new')],
    ['is being deleted', (world) => world.terminate('new', 'background')],
    ['has ended', (world) => world.cluster.finishPod('new', 'Failed')],
  ])('nobody waits for a new Pod that %s', async (_, change) => {
    const { world, leadership } = await rollout();
    void world.become('old-2', NEWEST);
    await world.clock.advance(1_000);
    change(world);
    const { holder, tookMs } = await handover(world, () => leadership.release());
    expect(holder).toBe('old-2');
    expect(tookMs).toBeLessThan(100);
  });

  test('after a rollback, the Pods of the old revision are preferred again', async () => {
    const { world, leadership } = await rollout();
    await addPod(world, 'old-3', '1');
    for (const pod of ['new', 'old-3']) {
      void world.become(pod, NEWEST);
      await world.clock.advance(1_000);
    }
    const { holder } = await handover(world, () => leadership.release());
    expect(holder).toBe('old-3');
  });

  test('Pods of a StatefulSet have their revision in another label', async () => {
    const world = await Simulation.create();
    for (const [name, revision] of Object.entries({ 'web-0': '1', 'web-1': '1', 'web-2': '2' })) {
      await world.clock.advance(1_000);
      const labels = { app: 'x', 'controller-revision-hash': revision };
      world.cluster.createPod(name, { labels });
    }
    const leadership = await world.lead('web-0', NEWEST);
    for (const pod of ['web-1', 'web-2']) {
      void world.become(pod, NEWEST);
      await world.clock.advance(1_000);
    }
    const { holder } = await handover(world, () => leadership.release());
    expect(holder).toBe('web-2');
  });

  test('an old Pod that starts while nobody leads waits, too', async () => {
    const { world, leadership } = await rollout();
    await world.settled(leadership.release());
    void world.become('old-2', NEWEST);
    await world.clock.advance(500);
    await world.lead('new', NEWEST);
    expect(world.holder).toBe('new');
  });

  test('no Pod preempts a leader', async () => {
    const { world, leadership } = await rollout();
    void world.become('new', NEWEST);
    await world.clock.advance(3_600_000);
    expect([world.holder, leadership.signal.aborted]).toEqual(['old-1', false]);
  });

  test('a lock whose holder has ended is left to a new Pod, too', async () => {
    const { world } = await rollout();
    for (const pod of ['old-2', 'new']) {
      void world.become(pod, NEWEST);
      await world.clock.advance(1_000);
    }
    const { holder } = await handover(world, () => world.cluster.finishPod('old-1', 'Failed'));
    expect(holder).toBe('new');
  });

  test('the leader’s Pod leads again at once after its container has restarted', async () => {
    const { world } = await rollout();
    void world.become('new', NEWEST);
    await world.clock.advance(1_000);
    expect(await world.duration(world.process('old-1').become(NEWEST))).toBeLessThan(100);
  });

  test('a candidate that waits for others can be aborted at once', async () => {
    const { world, leadership } = await rollout();
    const abort = world.abortable((signal) => world.become('old-2', { ...NEWEST, signal }));
    await world.clock.advance(1_000);
    await world.settled(leadership.release());
    await world.clock.advance(500);
    expect(await abort()).toBeLessThan(100);
  });
});

describe('with nodeLabel', () => {
  async function zones(...nodes: string[]) {
    const world = await Simulation.create();
    for (const zone of ['a', 'b']) {
      world.cluster.createNode(`node-${zone}`);
      const patch = { metadata: { labels: { [ZONE]: zone } } };
      const path = `/api/v1/nodes/node-${zone}`;
      world.cluster.request('PATCH', path, patch, 'application/merge-patch+json');
    }
    for (const [index, node] of nodes.entries()) await addPod(world, `pod-${index}`, '1', node);
    const leadership = await world.lead('pod-0', IN_ZONE_A);
    for (const index of nodes.slice(1).keys()) {
      void world.become(`pod-${index + 1}`, IN_ZONE_A);
      await world.clock.advance(1_000);
    }
    return { world, leadership };
  }

  test('a Pod on such a node leads next', async () => {
    const { world, leadership } = await zones('node-a', 'node-b', 'node-b', 'node-a');
    expect((await handover(world, () => leadership.release())).holder).toBe('pod-3');
  });

  test('nobody waits if no Pod is on such a node', async () => {
    const { world, leadership } = await zones('node-a', 'node-b', 'node-b');
    world.end('pod-0');
    const { holder, tookMs } = await handover(world, () => leadership.release());
    expect(holder).toBe('pod-1');
    expect(tookMs).toBeLessThan(100);
  });

  test('a label of the Pod itself counts, as Kubernetes copies it there', async () => {
    const { world, leadership } = await zones('node-b', 'node-b');
    const labels = { app: 'x', [ZONE]: 'a' };
    world.cluster.createPod('with-zone', { labels, nodeName: 'node-b' });
    void world.become('with-zone', IN_ZONE_A);
    await world.clock.advance(1_000);
    expect((await handover(world, () => leadership.release())).holder).toBe('with-zone');
  });
});

describe('with a function', () => {
  const by = (preference: (pod: CandidatePod) => number | Promise<number>) => ({ preference });

  test('the Pods with the highest number lead next', async () => {
    const numbers: Record<string, number> = { 'old-1': 9, 'old-2': 1, new: 2 };
    const options = by(({ name }) => Promise.resolve(numbers[name] ?? 0));
    const { world, leadership } = await rollout(options);
    for (const pod of ['old-2', 'new']) {
      void world.become(pod, options);
      await world.clock.advance(1_000);
    }
    world.terminate('old-1', 'background');
    expect((await handover(world, () => leadership.release())).holder).toBe('new');
  });

  test('it is given what is known of a Pod', async () => {
    const seen: CandidatePod[] = [];
    const { world } = await rollout(by((pod) => seen.push(pod)));
    const { uid } = world.cluster.getPod('new')?.metadata ?? {};
    expect(seen.find(({ name }) => name === 'new')).toEqual({
      name: 'new',
      uid,
      labels: { app: 'x', 'pod-template-hash': '2' },
      annotations: {},
      createdAt: expect.any(Date) as Date,
      nodeName: 'node-1',
    });
  });

  test.each<[string, () => number | Promise<number>, string]>([
    [
      'throws',
      () => {
        throw new Error('no idea');
      },
      'options.preference failed: no idea.',
    ],
    ['rejects', () => Promise.reject(new Error('no idea')), 'options.preference failed: no idea.'],
    [
      'returns no number',
      () => Number.NaN,
      'options.preference failed: it must return a number, but returned NaN.',
    ],
  ])('that %s, nobody waits, and there is one warning', async (_, preference, message) => {
    const { world, leadership } = await rollout(by(preference));
    await world.settled(leadership.release());
    expect(await world.duration(world.become('old-2', by(preference)))).toBeLessThan(100);
    expect(world.codes).toEqual(['LEADER_FOR_LIFE_PREFERENCE', 'LEADER_FOR_LIFE_PREFERENCE']);
    expect(world.warnings[0]?.message).toContain(message);
  });

  test('that takes too long is not waited for, and there is one warning', async () => {
    const { world, leadership } = await rollout();
    await world.settled(leadership.release());
    const endless = by(() => new Promise<number>(() => undefined));
    const tookMs = await world.duration(world.become('old-2', endless));
    expect(tookMs).toBeGreaterThanOrEqual(1_000);
    expect(tookMs).toBeLessThan(1_200);
    expect(world.codes).toEqual(['LEADER_FOR_LIFE_PREFERENCE']);
    expect(world.warnings[0]?.message).toContain('options.preference failed: it took longer than');
  });
});

describe('without an answer', () => {
  test.each<[string, BecomeOptions, string, readonly string[]]>([
    ['to list Pods', NEWEST, 'cannot list resource "pods"', ['get', 'watch']],
    ['to get nodes', IN_ZONE_A, 'cannot get resource "nodes"', ['get', 'list', 'watch']],
  ])('because of a missing right %s, there is one warning, and nobody waits', async (...given) => {
    const [, options, message, verbs] = given;
    const { world, leadership } = await rollout();
    await world.settled(leadership.release());
    world.cluster.grant('old-2', [
      { resources: ['configmaps'], verbs: ['*'] },
      { resources: ['pods'], verbs },
    ]);
    expect(await world.duration(world.become('old-2', options))).toBeLessThan(100);
    const warnings = world.warnings.filter(({ code }) => code === 'LEADER_FOR_LIFE_PREFERENCE');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain(message);
    expect(warnings[0]?.message).toContain('kind: Role');
  });

  test('because the API server fails, nobody waits longer than a second', async () => {
    const { world, leadership } = await rollout();
    await world.settled(leadership.release());
    world.fault({ user: 'old-2', verb: 'list', resource: 'pods', hang: true });
    expect(await world.duration(world.become('old-2', NEWEST))).toBeLessThan(2_200);
    expect(world.codes).toEqual([]);
  });
});
