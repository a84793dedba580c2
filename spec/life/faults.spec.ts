import { describe, expect, test } from 'vitest';

import { Simulation } from './simulation.ts';

async function simulation(options = {}) {
  const created = await Simulation.create(options);
  for (const name of ['a', 'b']) created.cluster.createPod(name, { labels: { app: 'x' } });
  return created;
}

const creates = { user: 'a', verb: 'create', resource: 'configmaps' } as const;

describe('transient failures', () => {
  test.for([408, 429, 500, 502, 503, 504])(
    'a create answered %i is tried again',
    async (status) => {
      const world = await simulation();
      world.cluster.faults.add({ ...creates, times: 3, error: { status } });
      const leadership = await world.settled(world.become('a'));
      expect(leadership.podName).toBe('a');
      expect(world.cluster.requests.filter(creates)).toHaveLength(4);
    },
  );

  test('Retry-After is honoured', async () => {
    const world = await simulation();
    const error = { status: 429, retryAfterSeconds: 7 };
    world.cluster.faults.add({ ...creates, times: 1, error });
    await world.settled(world.become('a'));
    const [first, second] = world.cluster.requests.filter(creates);
    expect((second?.time ?? 0) - (first?.time ?? 0)).toBeGreaterThanOrEqual(7_000);
  });

  test('an expired token is a transient failure', async () => {
    const world = await simulation();
    world.cluster.expireToken('a');
    const error = { status: 401 };
    world.cluster.faults.add({ user: 'a', times: 5, error });
    const leadership = await world.settled(world.become('a'));
    expect(leadership.skipped).toBe(false);
  });

  test('trap 4: reads that fail after AlreadyExists are tried again with growing pauses', async () => {
    const world = await simulation();
    await world.settled(world.become('a'));
    const reads = { user: 'b', verb: 'get', resource: 'configmaps' } as const;
    world.cluster.faults.add({ ...reads, times: 10, error: { status: 500 } });
    void world.become('b');
    await world.clock.advance(10_000);
    const times = world.cluster.requests.filter(reads).map(({ time }) => time);
    expect(times.length).toBeLessThanOrEqual(9);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses.at(-1)).toBeGreaterThan((pauses[0] ?? 0) * 10);
  });

  test('trap 4: an API that says both "exists" and "not found" is not asked in a hot loop', async () => {
    const world = await simulation();
    world.cluster.faults.add({ ...creates, error: { status: 409, reason: 'AlreadyExists' } });
    void world.become('a');
    await world.clock.advance(60_000);
    expect(world.cluster.requests.filter({ user: 'a' }).length).toBeLessThan(60);
  });

  test('trap 5: a lock that is gone when it is to be deleted is no error', async () => {
    const world = await simulation();
    await world.settled(world.become('a'));
    const follower = world.become('b');
    await world.clock.advance(1_000);
    const deletes = { user: 'b', verb: 'delete', resource: 'configmaps' } as const;
    world.cluster.faults.add({ ...deletes, times: 1, latencyMs: 400 });
    world.cluster.finishPod('a', 'Failed');
    await world.clock.advance(100);
    world.cluster.deleteConfigMap('lock');
    expect((await world.settled(follower)).podName).toBe('b');
  });

  test('an API server that has just started may not know yet who may do what', async () => {
    const world = await simulation();
    const message = 'configmaps is forbidden: User "a" cannot create resource "configmaps"';
    world.cluster.faults.add({ ...creates, times: 2, reset: true });
    world.cluster.faults.add({ ...creates, after: 2, times: 3, error: { status: 403, message } });
    expect((await world.settled(world.become('a'))).podName).toBe('a');
    expect(world.cluster.requests.filter(creates)).toHaveLength(6);
  });

  test('it has ten seconds to learn it', async () => {
    const world = await simulation();
    const message = 'configmaps is forbidden: User "a" cannot create resource "configmaps"';
    world.cluster.faults.add({ ...creates, times: 1, reset: true });
    world.cluster.faults.add({ ...creates, error: { status: 403, message } });
    const attempt = world.settled(world.become('a'));
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_FORBIDDEN' });
    expect(world.clock.now()).toBeGreaterThan(5_000);
    expect(world.clock.now()).toBeLessThan(20_000);
  });

  test('it has ten seconds from when it is up, however long ago the last attempt was', async () => {
    const world = await simulation();
    const message = 'configmaps is forbidden: User "a" cannot create resource "configmaps"';
    const outage = world.cluster.faults.add({ ...creates, reset: true });
    const leadership = world.become('a');
    // By now it asks every sixteen seconds.
    await world.clock.advance(120_000);
    outage.remove();
    world.cluster.faults.add({ ...creates, times: 1, error: { status: 403, message } });
    expect((await world.settled(leadership)).podName).toBe('a');
  });

  test('an outage is waited out, and warned of once', async () => {
    const world = await simulation();
    const outage = world.cluster.faults.add({ user: 'a', reset: true });
    const reasons: string[] = [];
    const leadership = world.become('a', { onWaiting: ({ reason }) => reasons.push(reason) });
    await world.clock.advance(120_000);
    outage.remove();
    await world.settled(leadership);
    expect(reasons[0]).toBe('api-unavailable');
    expect(world.warnings.map(({ code }) => code)).toEqual(['LEADER_FOR_LIFE_TROUBLE']);
  });

  test('a quota that is used up is waited out; the lock is taken once it is raised', async () => {
    const world = await simulation();
    world.cluster.setQuota({ 'count/configmaps': 0 });
    const reasons: string[] = [];
    const leadership = world.become('a', { onWaiting: ({ reason }) => reasons.push(reason) });
    await world.clock.advance(60_000);
    expect(reasons).toContain('quota-exceeded');
    world.cluster.setQuota(undefined);
    expect((await world.settled(leadership, 20_000)).podName).toBe('a');
  });

  test('a quota that is used up does not hide who leads', async () => {
    const world = await simulation();
    await world.settled(world.become('a'));
    world.cluster.setQuota({ 'count/configmaps': 1 });
    const reasons: string[] = [];
    const follower = world.become('b', { onWaiting: ({ reason }) => reasons.push(reason) });
    await world.clock.advance(1_000);
    expect(reasons).toEqual(['held']);
    world.cluster.deletePod('a');
    await world.settled(follower);
  });
});

describe('permanent failures', () => {
  test.for([
    [400, 'ERR_REJECTED'],
    [403, 'ERR_FORBIDDEN'],
    [404, 'ERR_NAMESPACE_NOT_FOUND'],
    [405, 'ERR_REJECTED'],
    [413, 'ERR_REJECTED'],
    [422, 'ERR_REJECTED'],
  ] as const)('trap 5: a create answered %i fails at once with %s', async ([status, code]) => {
    const world = await simulation();
    world.cluster.faults.add({ ...creates, error: { status } });
    const attempt = world.settled(world.become('a'));
    await expect(attempt).rejects.toMatchObject({
      name: 'LeaderElectionError',
      code,
      message: expect.stringContaining('default/lock'),
      cause: expect.objectContaining({ status }),
    });
    expect(world.cluster.requests.filter(creates)).toHaveLength(1);
    expect(world.open).toBe(0);
  });
});

test('a create that is refused says nothing of the rights to Pods that are still being read', async () => {
  const world = await simulation();
  world.cluster.faults.add({ ...creates, error: { status: 403 } });
  world.cluster.faults.add({ user: 'a', verb: 'get', resource: 'pods', latencyMs: 50 });
  const attempt = world.settled(world.become('a'));
  await expect(attempt).rejects.toMatchObject({ code: 'ERR_FORBIDDEN' });
  expect(world.warnings).toEqual([]);
});

test('what an admission plugin denies is no matter of rights', async () => {
  const world = await simulation();
  const message = 'admission webhook "policy.example.com" denied the request: no locks on Fridays';
  world.cluster.faults.add({ ...creates, error: { status: 403, message } });
  await expect(world.settled(world.become('a'))).rejects.toMatchObject({
    code: 'ERR_REJECTED',
    message: expect.stringContaining('no locks on Fridays'),
  });
});

describe('answers that are lost (trap 10)', () => {
  const lost = [
    ['the connection breaks', { reset: true }],
    ['the answer never comes', { hang: true }],
    ['the server says 500', { error: { status: 500 } }],
    ['the server says 504', { error: { status: 504 } }],
  ] as const;

  test.for(lost)(
    'a create that took effect although %s is found to be mine',
    async ([, effect]) => {
      const world = await simulation();
      world.cluster.faults.add({ ...creates, times: 1, when: 'after', ...effect });
      const leadership = await world.settled(world.become('a'));
      expect(leadership.podName).toBe('a');
      expect(leadership.fencingToken).toBe(
        world.cluster.getConfigMap('lock')?.metadata.resourceVersion,
      );
    },
  );

  test.for(lost)('aborted while %s, it leaves no lock behind', async ([, effect]) => {
    const world = await simulation();
    world.cluster.faults.add({ ...creates, times: 1, when: 'after', ...effect });
    const abort = new AbortController();
    const attempt = world.become('a', { signal: abort.signal });
    await world.clock.advance(5);
    abort.abort(new Error('enough'));
    await expect(world.settled(attempt)).rejects.toThrow('enough');
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
    expect(world.open).toBe(0);
    await world.clock.advance(3_600_000);
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
  });

  test('a reclaim whose answer is lost deletes nothing twice', async () => {
    const world = await simulation();
    world.cluster.createPod('c');
    await world.settled(world.become('a'));
    const follower = world.become('b');
    await world.clock.advance(1_000);
    const deletes = { user: 'b', verb: 'delete', resource: 'configmaps' } as const;
    world.cluster.faults.add({ ...deletes, times: 1, when: 'after', hang: true });
    world.cluster.finishPod('a', 'Failed');
    await world.clock.advance(100);
    const leadership = await world.settled(world.become('c'));
    await world.clock.advance(60_000);
    expect(world.holder).toBe('c');
    expect(leadership.podName).toBe('c');
    world.cluster.deletePod('c');
    expect((await world.settled(follower)).podName).toBe('b');
  });
});

describe('abort and timeout', () => {
  test('an aborted signal sends no request', async () => {
    const world = await simulation();
    const reason = { any: 'thing' };
    const attempt = world.become('a', { signal: AbortSignal.abort(reason) });
    await expect(world.settled(attempt)).rejects.toBe(reason);
    expect(world.cluster.requests.length).toBe(0);
  });

  test('a create in flight is seen through and undone', async () => {
    const world = await simulation();
    world.cluster.faults.add({ ...creates, latencyMs: 1_000 });
    const abort = new AbortController();
    const attempt = world.become('a', { signal: abort.signal });
    await world.clock.advance(100);
    abort.abort(new Error('enough'));
    await expect(world.settled(attempt)).rejects.toThrow('enough');
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
    expect(world.cluster.requests.filter({ verb: 'delete', status: 200 })).toHaveLength(1);
    expect(world.open).toBe(0);
  });

  test('a create that never arrived leaves nothing to undo', async () => {
    const world = await simulation();
    world.cluster.faults.add({ ...creates, hang: true });
    const attempt = world.become('a', { timeoutMs: 500 });
    await expect(world.settled(attempt)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
    expect(world.open).toBe(0);
    expect(world.clock.pending).toBe(0);
  });

  test('while waiting it rejects at once and leaves no timer and no connection', async () => {
    const world = await simulation();
    await world.settled(world.become('a'));
    const abort = new AbortController();
    const follower = world.become('b', { signal: abort.signal });
    await world.clock.advance(10_000);
    expect(world.open).toBe(1);
    const before = world.clock.now();
    abort.abort(new Error('enough'));
    await expect(world.settled(follower)).rejects.toThrow('enough');
    expect(world.clock.now()).toBe(before);
    await world.clock.advance(1);
    expect(world.open).toBe(0);
    expect(world.clock.pending).toBe(0);
  });

  test('the lock of an earlier container of the same Pod is not undone', async () => {
    const world = await simulation();
    await world.settled(world.become('a'));
    const abort = new AbortController();
    const reads = { user: 'a', verb: 'get', resource: 'configmaps', latencyMs: 1_000 } as const;
    world.cluster.faults.add(reads);
    const restarted = world.become('a', { signal: abort.signal });
    await world.clock.advance(100);
    abort.abort(new Error('enough'));
    await expect(world.settled(restarted)).rejects.toThrow('enough');
    expect(world.holder).toBe('a');
  });

  test('a lock that cannot be taken back is warned of', async () => {
    const world = await simulation();
    world.cluster.faults.add({ ...creates, latencyMs: 1_000 });
    world.cluster.faults.add({ user: 'a', verb: 'delete', error: { status: 403 } });
    const abort = new AbortController();
    const attempt = world.become('a', { signal: abort.signal });
    await world.clock.advance(100);
    abort.abort(new Error('enough'));
    await expect(world.settled(attempt)).rejects.toThrow('enough');
    expect(world.warnings.map(({ code }) => code)).toEqual(['LEADER_FOR_LIFE_LEFT_BEHIND']);
  });

  test('ERR_TIMEOUT says so when nothing was heard of the API server', async () => {
    const world = await simulation();
    world.cluster.faults.add({ user: 'a', hang: true });
    const attempt = world.become('a', { timeoutMs: 300 });
    await expect(world.settled(attempt)).rejects.toThrow(/within 300 ms: .*has not answered/);
  });
});

describe('after success', () => {
  test('nothing is left running', async () => {
    const world = await simulation();
    const user = new AbortController();
    await world.settled(world.become('a', { timeoutMs: 60_000, signal: user.signal }));
    await world.clock.advance(1);
    expect(world.open).toBe(0);
    expect(world.clock.pending).toBe(0);
  });

  test('not even after a long wait', async () => {
    const world = await simulation();
    await world.settled(world.become('a'));
    const follower = world.become('b');
    await world.clock.advance(3_600_000);
    world.cluster.deletePod('a');
    await world.settled(follower);
    await world.clock.advance(1);
    expect(world.open).toBe(0);
    expect(world.clock.pending).toBe(0);
  });

  test('a signal that aborts later means nothing', async () => {
    const world = await simulation();
    const user = new AbortController();
    const leadership = await world.settled(world.become('a', { signal: user.signal }));
    user.abort();
    await world.clock.advance(60_000);
    expect(leadership.signal.aborted).toBe(false);
    expect(world.holder).toBe('a');
  });

  test('release is retried, and reports what it could not do', async () => {
    const world = await simulation();
    const leadership = await world.settled(world.become('a'));
    const outage = world.cluster.faults.add({ user: 'a', reset: true });
    const before = world.clock.now();
    await expect(world.settled(leadership.release())).rejects.toMatchObject({
      code: 'ERR_RELEASE_FAILED',
    });
    // A Pod that has to go has 30 s.
    expect(world.clock.now() - before).toBeLessThan(26_000);
    expect(world.open).toBe(0);
    outage.remove();
    await world.settled(leadership.release());
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
  });

  test('who asks again while a release is under way waits for its end', async () => {
    const world = await simulation();
    const process = world.process('a');
    const first = await world.settled(process.become());
    world.cluster.faults.add({ user: 'a', verb: 'delete', times: 1, reset: true });
    const released = first.release();
    const second = process.become();
    await world.settled(released);
    const again = await world.settled(second);
    expect(BigInt(again.fencingToken)).toBeGreaterThan(BigInt(first.fencingToken));
    expect(world.holder).toBe('a');
  });

  test('a create that arrives after the release leaves nothing behind', async () => {
    const world = await simulation();
    world.cluster.faults.add({ ...creates, times: 1, reset: true });
    const leadership = await world.settled(world.become('a'));
    const lock = world.cluster.getConfigMap('lock');
    const released = leadership.release();
    await world.clock.advance(1_000);
    expect(world.holder).toBeUndefined();
    const { annotations, labels, ownerReferences } = lock?.metadata ?? {};
    world.cluster.createConfigMap('lock', {
      metadata: { annotations, labels, ownerReferences } as object,
    });
    await world.settled(released);
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
  });

  test('nor do two of them after an abort', async () => {
    const world = await simulation();
    world.cluster.faults.add({ ...creates, times: 1, reset: true });
    world.cluster.faults.add({ user: 'a', verb: 'get', resource: 'pods', latencyMs: 2_000 });
    const abort = new AbortController();
    const attempt = world.become('a', { signal: abort.signal });
    await world.clock.advance(1_000);
    const { annotations, ownerReferences } = world.cluster.getConfigMap('lock')?.metadata ?? {};
    abort.abort(new Error('enough'));
    await world.clock.advance(1_000);
    expect(world.holder).toBeUndefined();
    world.cluster.createConfigMap('lock', { metadata: { annotations, ownerReferences } as object });
    await expect(world.settled(attempt)).rejects.toThrow('enough');
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
  });

  test('release without the right to delete is ERR_FORBIDDEN', async () => {
    const world = await simulation();
    const leadership = await world.settled(world.become('a'));
    world.cluster.faults.add({ user: 'a', verb: 'delete', error: { status: 403 } });
    await expect(world.settled(leadership.release())).rejects.toMatchObject({
      code: 'ERR_FORBIDDEN',
    });
  });
});

describe('guard', () => {
  async function guarded() {
    const world = await simulation();
    const leadership = await world.settled(world.become('a', { guard: true }));
    await world.clock.advance(1_000);
    return { world, leadership };
  }

  test('notices a takeover by hand', async () => {
    const { world, leadership } = await guarded();
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'b', uid: 'another' };
    const path = '/api/v1/namespaces/default/configmaps/lock';
    const patch = { metadata: { ownerReferences: [owner] } };
    world.cluster.garbageCollector.stop();
    world.cluster.request('PATCH', path, patch, 'application/merge-patch+json');
    await world.clock.advance(1_000);
    expect(leadership.signal.reason).toMatchObject({
      code: 'ERR_LEADERSHIP_LOST',
      message: expect.stringContaining('Pod b has taken over'),
    });
    expect(world.open).toBe(0);
  });

  test('does not believe a watch alone', async () => {
    const { world, leadership } = await guarded();
    world.cluster.faults.add({ verb: 'watch', cutAfterEvents: 0, times: 3 });
    await world.clock.advance(600_000);
    expect(leadership.signal.aborted).toBe(false);
  });

  test('notices a deletion behind a dead watch', async () => {
    const { world, leadership } = await guarded();
    world.cluster.faults.add({ verb: 'watch', freeze: true });
    world.cluster.deleteConfigMap('lock');
    await world.clock.advance(10 * 60_000);
    expect(leadership.signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
  });

  test('notices it by polling where watching is forbidden', async () => {
    const world = await simulation();
    world.cluster.faults.add({ verb: 'watch', error: { status: 403 } });
    const leadership = await world.settled(world.become('a', { guard: true }));
    await world.clock.advance(60_000);
    world.cluster.deleteConfigMap('lock');
    await world.clock.advance(20_000);
    expect(leadership.signal.reason).toMatchObject({ code: 'ERR_LEADERSHIP_LOST' });
  });

  test('says when it cannot go on', async () => {
    const { world, leadership } = await guarded();
    world.cluster.faults.add({ verb: 'get', error: { status: 403 } });
    world.cluster.deleteConfigMap('lock');
    await world.clock.advance(20_000);
    expect(leadership.signal.aborted).toBe(false);
    expect(world.warnings.map(({ code }) => code)).toEqual(['LEADER_FOR_LIFE_UNGUARDED']);
    expect(world.open).toBe(0);
  });

  test('ends with the release', async () => {
    const { world, leadership } = await guarded();
    await world.settled(leadership.release());
    await world.clock.advance(1);
    expect(leadership.signal.reason).toMatchObject({ code: 'ERR_RELEASED' });
    expect(world.open).toBe(0);
    expect(world.clock.pending).toBe(0);
  });
});
