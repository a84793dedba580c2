import { describe, expect, test } from 'vitest';

import type { BecomeOptions } from '../../lib/index.ts';
import { LabelHistory } from '../support/labelled.ts';
import { Simulation } from './simulation.ts';

const LEADER = { label: 'role=leader', deletionCost: 100 } satisfies BecomeOptions;
const PODS = '/api/v1/namespaces/default/pods';
const PATCHES = { verb: 'patch', resource: 'pods' } as const;

async function scene() {
  const world = await Simulation.withPods();
  return { world, marks: new LabelHistory(world.cluster) };
}

/** A process in Pod `a` leads, marks its Pod, and is killed. */
async function killedLeader(world: Simulation): Promise<void> {
  const process = world.process('a');
  await world.settled(process.become(LEADER));
  await world.clock.advance(1_000);
  process.kill();
}

function setLabels(world: Simulation, pod: string, labels: object, annotations: object = {}): void {
  const patch = { metadata: { labels, annotations } };
  world.cluster.request('PATCH', `${PODS}/${pod}`, patch, 'application/merge-patch+json');
}

describe('the Pod of a leader', () => {
  test('is marked once it leads, and no longer before its lock is free', async () => {
    const { world, marks } = await scene();
    const leadership = await world.lead('a', LEADER);
    const next = world.become('b', LEADER);
    await world.clock.advance(1_000);
    expect(world.cluster.getPod('a')?.metadata.labels).toEqual({ app: 'x', role: 'leader' });
    expect(marks.costOf('a')).toBe('100');

    const wasMarked = new Set<boolean>();
    world.cluster.onChange(() => {
      if (world.holder !== 'a') wasMarked.add(marks.now === 'a');
    });
    await world.settled(leadership.release());
    await world.settled(next);
    await world.clock.advance(1_000);
    expect([...wasMarked]).toEqual([false]);
    expect(marks.changes).toEqual(['a', '', 'b']);
    expect([marks.costOf('a'), marks.costOf('b')]).toEqual([undefined, '100']);
    expect(world.cluster.getPod('a')?.metadata.annotations ?? {}).toEqual({});
    expect(world.warnings).toEqual([]);
  });

  test('with a key alone has the label key=true', async () => {
    const { world } = await scene();
    await world.lead('a', { label: 'my-operator/leader' });
    await world.clock.advance(100);
    expect(world.cluster.getPod('a')?.metadata.labels).toMatchObject({
      'my-operator/leader': 'true',
    });
  });

  test('has only a deletion cost if there is no label, and nothing is listed for it', async () => {
    const { world, marks } = await scene();
    const leadership = await world.lead('a', { deletionCost: -7 });
    await world.clock.advance(100);
    expect([marks.costOf('a'), marks.now]).toEqual(['-7', '']);
    await world.settled(leadership.release());
    expect(marks.costOf('a')).toBeUndefined();
    expect(world.cluster.requests.count({ verb: 'list', resource: 'pods' })).toBe(0);
  });

  test('is marked after become has resolved: leading does not wait for it', async () => {
    const { world, marks } = await scene();
    world.fault({ ...PATCHES, latencyMs: 4_000 });
    expect(await world.duration(world.become('a', LEADER))).toBeLessThan(100);
    expect(marks.now).toBe('');
    await world.clock.advance(4_000);
    expect(marks.now).toBe('a');
    expect(world.open).toBe(0);
  });

  test('is marked later if the API server fails at first', async () => {
    const { world, marks } = await scene();
    world.fault({ ...PATCHES, error: { status: 503 }, times: 5 });
    await world.lead('a', LEADER);
    await world.clock.advance(60_000);
    expect([marks.now, world.open]).toEqual(['a', 0]);
  });
});

describe('the mark of an earlier leader', () => {
  test('is removed from its Pod before the next leader is marked', async () => {
    const { world, marks } = await scene();
    const first = world.process('a');
    await world.settled(first.become(LEADER));
    const next = world.become('b', LEADER);
    await world.clock.advance(1_000);
    first.kill();
    world.cluster.finishPod('a', 'Failed');
    await world.settled(next);
    await world.clock.advance(1_000);
    expect(marks.changes).toEqual(['a', '', 'b']);
    expect(marks.costOf('a')).toBeUndefined();
  });

  test('keeps the next leader unmarked as long as it cannot be removed', async () => {
    const { world, marks } = await scene();
    await killedLeader(world);
    world.cluster.finishPod('a', 'Failed');
    const refusal = world.fault({ ...PATCHES, name: 'a', error: { status: 503 } });
    await world.lead('b', LEADER);
    await world.clock.advance(60_000);
    expect(marks.changes).toEqual(['a']);
    refusal.remove();
    await world.clock.advance(60_000);
    expect(marks.changes).toEqual(['a', '', 'b']);
  });

  test('is not taken from another Pod of that name', async () => {
    const { world } = await scene();
    await killedLeader(world);
    world.cluster.finishPod('a', 'Failed');
    // It is listed as the old Pod, and is another one when the patch arrives.
    world.fault({ ...PATCHES, name: 'a', latencyMs: 1_000, times: 1 });
    await world.lead('b', LEADER);
    await world.clock.advance(100);
    const note = world.cluster.getPod('a')?.metadata.annotations ?? {};
    world.cluster.deletePod('a');
    world.cluster.createPod('a', { labels: { role: 'leader', tier: 'other' } });
    await world.clock.advance(60_000);
    expect(note).not.toEqual({});
    expect(world.cluster.getPod('a')?.metadata.labels).toEqual({ role: 'leader', tier: 'other' });
  });

  test('is left alone if it is of another lock, or was set by others', async () => {
    const { world, marks } = await scene();
    await world.settled(world.process('a').become(LEADER, 'other'));
    setLabels(world, 'c', { role: 'leader' });
    await world.lead('b', LEADER);
    await world.clock.advance(60_000);
    expect(marks.now).toBe('a,b,c');
  });

  test('is replaced by that of the same Pod after its container has restarted', async () => {
    const { world, marks } = await scene();
    await killedLeader(world);
    await world.lead('a', LEADER);
    await world.clock.advance(1_000);
    expect(marks.changes).toEqual(['a']);
    const token = world.lock?.metadata.resourceVersion;
    expect(world.cluster.getPod('a')?.metadata.annotations).toMatchObject({
      'leader-for-life/label-of-life-lock': `role=leader ${token}`,
    });
  });
});

test('a process that starts again in the leader\u2019s Pod and is not healthy removes the mark first', async () => {
  const { world, marks } = await scene();
  await killedLeader(world);
  const wasMarked = new Set<boolean>();
  world.cluster.onChange(() => {
    if (!world.lock) wasMarked.add(marks.now === 'a');
  });
  void world.become('a', { ...LEADER, healthy: () => false });
  await world.clock.advance(1_000);
  expect([...wasMarked]).toEqual([false]);
  expect([marks.now, marks.costOf('a')]).toEqual(['', undefined]);
});

test('a Pod has the highest cost of the locks by which its process leads', async () => {
  const { world, marks } = await scene();
  const process = world.process('a');
  const high = await world.settled(process.become({ deletionCost: 9 }, 'x'));
  const low = await world.settled(process.become({ deletionCost: 7 }, 'y'));
  await world.clock.advance(1_000);
  const costs = [marks.costOf('a')];
  for (const leadership of [high, low]) {
    await world.settled(leadership.release());
    costs.push(marks.costOf('a'));
  }
  expect(costs).toEqual(['9', '7', undefined]);
});

describe('a mark that comes late', () => {
  test('is awaited and removed before the lock is released', async () => {
    const { world, marks } = await scene();
    world.fault({ ...PATCHES, latencyMs: 8_000, times: 1 });
    const leadership = await world.lead('a', LEADER);
    const next = world.become('b', LEADER);
    await world.clock.advance(10);
    await world.settled(leadership.release());
    await world.settled(next);
    await world.clock.advance(60_000);
    expect(marks.changes).toEqual(['a', '', 'b']);
  });

  test('is not sent any more after a release', async () => {
    const { world, marks } = await scene();
    world.fault({ verb: 'list', resource: 'pods', latencyMs: 2_000 });
    const leadership = await world.lead('a', LEADER);
    await world.settled(leadership.release());
    await world.clock.advance(60_000);
    expect(marks.changes).toEqual([]);
  });

  test('is removed by a release, too, if only an earlier process of the Pod has set it', async () => {
    const { world, marks } = await scene();
    await killedLeader(world);
    world.fault({ verb: 'list', resource: 'pods', error: { status: 503 } });
    const leadership = await world.lead('a', LEADER);
    await world.settled(leadership.release());
    expect([marks.now, marks.costOf('a')]).toEqual(['', undefined]);
  });

  test('does not keep a release from taking place if the API server refuses it', async () => {
    const { world } = await scene();
    const leadership = await world.lead('a', LEADER);
    await world.clock.advance(1_000);
    world.fault({ ...PATCHES, error: { status: 503 } });
    expect(await world.duration(leadership.release())).toBeLessThan(5_000);
    expect(world.lock).toBeUndefined();
    expect(world.open).toBe(0);
  });
});

describe('without the right', () => {
  test.for([
    ['to patch Pods', 'patch', ['get', 'list', 'watch']],
    ['to list Pods', 'list', ['get', 'watch', 'patch']],
  ] as const)('%s there is one warning with the Role, and it leads', async ([, verb, verbs]) => {
    const { world, marks } = await scene();
    world.cluster.grant('a', [
      { resources: ['configmaps'], verbs: ['*'] },
      { resources: ['pods'], verbs },
    ]);
    const events: string[] = [];
    const leadership = await world.lead('a', {
      ...LEADER,
      onEvent: ({ type }) => events.push(type),
    });
    await world.clock.advance(60_000);
    expect(marks.changes).toEqual([]);
    await world.settled(leadership.release());
    expect(world.codes).toEqual(['LEADER_FOR_LIFE_LABEL']);
    expect(world.warnings[0]?.message).toContain(`cannot ${verb} resource "pods"`);
    expect(world.warnings[0]?.message).toContain('verbs: ["get", "list", "watch", "patch"]');
    expect(events).toEqual(['started', 'leading', 'degraded', 'released', 'ended']);
  });
});

test('a guarded leader that has lost its lock is not marked any more', async () => {
  const { world, marks } = await scene();
  const leadership = await world.lead('a', { ...LEADER, guard: true });
  await world.clock.advance(1_000);
  world.cluster.deleteConfigMap('lock');
  await world.clock.advance(1_000);
  expect(leadership.signal.aborted).toBe(true);
  expect(marks.changes).toEqual(['a', '']);
  expect(world.open).toBe(0);
});
