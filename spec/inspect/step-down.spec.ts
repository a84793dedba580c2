import { describe, expect, test } from 'vitest';

import { requestStepDown } from '../../lib/index.ts';
import { requestStepDownOn } from '../../lib/inspect/step-down.ts';
import { kubeConfig } from '../life/simulation.ts';
import { USER, world } from './world.ts';

const ANNOTATION = 'leader-for-life/step-down';

describe('requestStepDown', () => {
  test('asks the Pod that holds a lock', async () => {
    const { simulation, cluster, stepDown } = await world();
    await simulation.lead('a');
    const status = await stepDown('life');
    expect(status).toMatchObject({ holder: 'a', stepDown: 'a' });
    expect(cluster.getConfigMap('lock')?.metadata.annotations?.[ANNOTATION]).toBe('a');
  });

  test('asks the holder of a Lease, and leaves its record as it is', async () => {
    const { cluster, hold, stepDown } = await world();
    hold('b_1');
    const before = cluster.getLease('lease');
    await stepDown('lease');
    const after = cluster.getLease('lease');
    expect(after?.spec).toEqual(before?.spec);
    expect(after?.metadata.annotations?.[ANNOTATION]).toBe('b_1');
  });

  test('notes the preferred holder in the same write', async () => {
    const { cluster, hold, stepDown } = await world();
    hold('b_1', { strategy: 'OldestEmulationVersion' });
    await stepDown('lease', { to: 'c_2' });
    expect(cluster.getLease('lease')?.spec?.preferredHolder).toBe('c_2');
    expect(cluster.requests.count({ verb: 'patch' })).toBe(1);
  });

  test('writes only the version that it read: a renewal in between is read again', async () => {
    const { cluster, hold, patchLease, fault, simulation, clock, start } = await world();
    hold('b_1');
    fault({ verb: 'patch', user: USER, latencyMs: 200, times: 1 });
    const asked = start.stepDown('lease');
    await clock.advance(50);
    patchLease({ spec: { renewTime: '2026-01-01T00:00:09.000000Z' } });
    await simulation.settled(asked);
    const answers = cluster.requests.filter({ verb: 'patch', user: USER });
    expect(answers.map(({ status }) => status)).toEqual([409, 200]);
    expect(cluster.getLease('lease')?.metadata.annotations?.[ANNOTATION]).toBe('b_1');
  });

  test('leaves a new leader alone', async () => {
    const { cluster, hold, patchLease, fault, simulation, clock, start } = await world();
    hold('b_1');
    fault({ verb: 'patch', user: USER, latencyMs: 200, times: 1 });
    const asked = start.stepDown('lease');
    await clock.advance(50);
    patchLease({ spec: { holderIdentity: 'c_2' } });
    expect(await simulation.settled(asked)).toMatchObject({ holder: 'c_2' });
    expect(cluster.getLease('lease')?.metadata.annotations).toBeUndefined();
  });

  test('leaves another lock of the same name alone', async () => {
    const { cluster, simulation, clock, fault, start } = await world();
    const leadership = await simulation.lead('a');
    fault({ verb: 'patch', user: USER, latencyMs: 200, times: 1 });
    const asked = start.stepDown('life');
    await clock.advance(50);
    await simulation.settled(leadership.release());
    await simulation.lead('b');
    expect(await simulation.settled(asked)).toMatchObject({ holder: 'b' });
    expect(cluster.getConfigMap('lock')?.metadata.annotations).not.toHaveProperty(ANNOTATION);
  });

  test('leaves another Pod of the same name alone', async () => {
    const { cluster, simulation, clock, fault, start } = await world();
    await simulation.lead('a');
    fault({ verb: 'patch', user: USER, latencyMs: 5_000, times: 1 });
    const asked = start.stepDown('life');
    await clock.advance(50);
    cluster.replacePod('a');
    const { podUid } = await simulation.lead('a');
    expect(await simulation.settled(asked)).toMatchObject({ holder: 'a', podUid });
    expect(cluster.getConfigMap('lock')?.metadata.annotations).not.toHaveProperty(ANNOTATION);
  });

  test('says so if a lock is released, and a finalizer keeps it', async () => {
    const { cluster, simulation, clock, stepDown } = await world();
    const leadership = await simulation.lead('a');
    const metadata = { finalizers: ['example.com/keep'] };
    const path = '/api/v1/namespaces/default/configmaps/lock';
    cluster.request('PATCH', path, { metadata }, 'application/merge-patch+json');
    void leadership.release();
    await clock.advance(1_000);
    await expect(stepDown('life')).rejects.toMatchObject({ code: 'ERR_NO_LEADER' });
    expect(cluster.getConfigMap('lock')?.metadata.annotations).not.toHaveProperty(ANNOTATION);
  });

  test('explains what is refused, whatever the name contains', { timeout: 5_000 }, async () => {
    const { simulation, cluster, hold, platform } = await world();
    hold('b_1', {}, 'druid');
    const options = { kubeConfig, namespace: 'default', to: 'c_2' };
    const asked = requestStepDownOn(platform, 'lease', 'druid', options);
    await expect(simulation.settled(asked)).rejects.toMatchObject({ code: 'ERR_REJECTED' });
    expect(cluster.requests.count({ verb: 'patch' })).toBe(1);
  });

  test('says so if nobody leads, or the ConfigMap is no lock', async () => {
    const { cluster, hold, stepDown } = await world();
    const noLeader = { code: 'ERR_NO_LEADER' };
    await expect(stepDown('life')).rejects.toMatchObject(noLeader);
    hold('');
    await expect(stepDown('lease')).rejects.toMatchObject(noLeader);
    cluster.createConfigMap('lock', { data: { colour: 'blue' } });
    await expect(stepDown('life')).rejects.toMatchObject({ code: 'ERR_FOREIGN_LOCK' });
    expect(cluster.requests.count({ verb: 'patch' })).toBe(0);
  });

  test.each([
    ['to patch', ['get']],
    ['to get', ['list']],
  ])('explains a missing right %s, with the Role', async (_, verbs) => {
    const { cluster, hold, stepDown } = await world();
    hold('b_1');
    const apiGroups = ['coordination.k8s.io'];
    cluster.grant(USER, [{ apiGroups, resources: ['leases'], verbs }]);
    await expect(stepDown('lease')).rejects.toMatchObject({
      code: 'ERR_FORBIDDEN',
      message: expect.stringContaining('verbs: ["get", "watch", "patch"]'),
    });
  });

  test.each([
    ['a mode', () => requestStepDown('lock' as 'life', 'x'), /mode/],
    ['a name', () => requestStepDown('life', 'No Name'), /name/],
    ['an empty successor', () => requestStepDown('lease', 'x', { to: ' ' }), /options.to/],
    ['a successor for life', () => requestStepDown('life', 'x', { to: 'b' }), /options.to/],
  ])('refuses %s that is wrong', async (_, call, message) => {
    await expect(call()).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(message),
    });
  });
});
