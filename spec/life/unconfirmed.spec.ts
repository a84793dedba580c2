import { describe, expect, test } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import type { BecomeOptions } from '../../lib/index.ts';
import type { ApiRequest, Transport } from '../../lib/kubernetes/transport.ts';
import { Simulation, SimulatedSurroundings, kubeConfig } from './simulation.ts';

const path = '/api/v1/namespaces/default/configmaps/lock';
const mergePatch = 'application/merge-patch+json';

async function simulation() {
  const created = await Simulation.create();
  for (const name of ['a', 'b']) created.cluster.createPod(name, { labels: { app: 'x' } });
  return created;
}

describe('a release whose outcome is not known: the same Pod asks again, and', () => {
  /** `a` leads, and its release has failed without an answer to the last requests of this kind. */
  async function unreleased(verb: 'patch' | 'delete', mayMark = true) {
    const world = await simulation();
    const process = world.process('a');
    const leadership = await world.settled(process.become());
    if (!mayMark) world.cluster.faults.add({ user: 'a', verb: 'patch', error: { status: 403 } });
    const writes = { user: 'a', verb } as const;
    world.cluster.faults.add({ ...writes, reset: true });
    const released = world.settled(leadership.release());
    await expect(released).rejects.toMatchObject({ code: 'ERR_RELEASE_FAILED' });
    world.cluster.faults.clear();
    const { uid = '', resourceVersion = '' } = world.cluster.getConfigMap('lock')?.metadata ?? {};
    return { world, process, leadership, held: { uid, resourceVersion } };
  }

  const patchOrDelete = [
    ['patch', true],
    ['delete', false],
  ] as const;

  test.for(patchOrDelete)(
    'leads with another lock at once, which its %s cannot end, however late it comes',
    async ([verb, mayMark]) => {
      const { world, process, leadership, held } = await unreleased(verb, mayMark);
      const again = await world.settled(process.become());
      expect(BigInt(again.fencingToken)).toBeGreaterThan(BigInt(leadership.fencingToken));
      await world.clock.advance(3_600_000);
      const { uid, resourceVersion } = held;
      const annotations = { 'leader-for-life/released': 'true' };
      const late = () =>
        verb === 'delete'
          ? world.cluster.request('DELETE', path, { preconditions: { uid, resourceVersion } })
          : world.cluster.request(
              'PATCH',
              path,
              { metadata: { ...held, annotations } },
              mergePatch,
            );
      late();
      const { metadata } = world.cluster.getConfigMap('lock') ?? {};
      expect(metadata?.resourceVersion).toBe(again.fencingToken);
      expect(metadata?.annotations).not.toHaveProperty('leader-for-life/released');
    },
  );

  test('takes a lock that it had marked for nobody’s, at once: it deletes it, and creates its own', async () => {
    const { world, process, leadership } = await unreleased('delete');
    const startedMs = world.clock.now();
    const again = await world.settled(process.become());
    expect(world.clock.now() - startedMs).toBeLessThan(1_000);
    expect(BigInt(again.fencingToken)).toBeGreaterThan(BigInt(leadership.fencingToken));
    const annotations = world.cluster.getConfigMap('lock')?.metadata.annotations;
    expect(annotations).not.toHaveProperty('leader-for-life/released');
  });

  test('lets another Pod have a lock that it had marked, after two seconds', async () => {
    const { world } = await unreleased('delete');
    const startedMs = world.clock.now();
    await world.settled(world.become('b'));
    expect(world.clock.now() - startedMs).toBeGreaterThanOrEqual(2_000);
    expect(world.clock.now() - startedMs).toBeLessThan(3_000);
  });

  test('does not wait after a release that was answered', async () => {
    const world = await simulation();
    const process = world.process('a');
    const leadership = await world.settled(process.become());
    await world.settled(leadership.release());
    const startedMs = world.clock.now();
    await world.settled(process.become());
    expect(world.clock.now() - startedMs).toBeLessThan(100);
  });
});

describe('an aborted call', () => {
  async function aborted(world: Simulation, attempt: Promise<unknown>, abort: AbortController) {
    const startedMs = world.clock.now();
    abort.abort(new Error('enough'));
    await expect(world.settled(attempt)).rejects.toThrow('enough');
    return world.clock.now() - startedMs;
  }

  test('ends at once while the API server is silent, if it has created nothing', async () => {
    const world = await simulation();
    world.cluster.faults.add({ user: 'a', hang: true });
    const abort = new AbortController();
    const attempt = becomeOn(new SimulatedSurroundings(world, 'a'), 'lock', {
      kubeConfig,
      namespace: 'default',
      podName: 'a',
      signal: abort.signal,
    });
    await world.clock.advance(1_000);
    expect(await aborted(world, attempt, abort)).toBe(0);
    expect(world.warnings).toEqual([]);
    expect(world.open).toBe(0);
  });

  test('ends at once if the API server has refused what it would create', async () => {
    const world = await simulation();
    world.cluster.setQuota({ 'count/configmaps': 0 });
    const abort = new AbortController();
    const attempt = world.become('a', { signal: abort.signal });
    await world.clock.advance(1_000);
    world.cluster.faults.add({ user: 'a', hang: true });
    expect(await aborted(world, attempt, abort)).toBe(0);
    expect(world.warnings).toEqual([]);
  });

  test.for([
    ['never arrived', 'before'],
    ['may have won', 'after'],
  ] as const)(
    'ends within ten seconds while the API server is silent, and tells that a create that %s may be left behind',
    async ([, when]) => {
      const world = await simulation();
      world.cluster.faults.add({ user: 'a', verb: 'create', when, hang: true });
      world.cluster.faults.add({ user: 'a', hang: true });
      const abort = new AbortController();
      const attempt = world.become('a', { signal: abort.signal });
      await world.clock.advance(1_000);
      expect(await aborted(world, attempt, abort)).toBeLessThanOrEqual(10_000);
      expect(world.warnings).toMatchObject([{ code: 'LEADER_FOR_LIFE_LEFT_BEHIND' }]);
      expect(world.open).toBe(0);
      await world.clock.advance(60_000);
      expect(world.clock.pending).toBe(0);
    },
  );

  test('takes back what a create without an answer has stored, although the next one was refused', async () => {
    const world = await simulation();
    const creates = { user: 'a', verb: 'create', resource: 'configmaps' } as const;
    world.cluster.faults.add({ ...creates, times: 1, when: 'after', hang: true });
    const message = 'configmaps "lock" is forbidden: exceeded quota: few';
    world.cluster.faults.add({ ...creates, error: { status: 403, message } });
    const reads = { user: 'a', verb: 'get', resource: 'configmaps' } as const;
    world.cluster.faults.add({ ...reads, times: 1, latencyMs: 5_000 });
    const abort = new AbortController();
    const attempt = world.become('a', { signal: abort.signal });
    await world.clock.runUntil(() => world.cluster.requests.count(creates) === 2);
    await world.clock.advance(1_000);
    expect(world.holder).toBe('a');
    await aborted(world, attempt, abort);
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
    expect(world.warnings).toEqual([]);
  });

  test('takes back what the network created a second time, although the answer was "exists"', async () => {
    const world = await simulation();
    // Carried out twice: the caller gets the second answer.
    const carry = twice((request) => request.method === 'POST');
    world.cluster.faults.add({ user: 'a', verb: 'get', resource: 'configmaps', latencyMs: 1_000 });
    const abort = new AbortController();
    const attempt = becomeAs(world, 'a', carry, { signal: abort.signal });
    await world.clock.advance(100);
    expect(world.holder).toBe('a');
    expect(await aborted(world, attempt, abort)).toBeLessThanOrEqual(10_000);
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
    expect(world.warnings).toEqual([]);
  });
});

describe('a mutating admission webhook', () => {
  type Metadata = Record<string, unknown> & { readonly annotations: Record<string, string> };

  /** Changes what is created, on its way. */
  function webhook(change: (metadata: Metadata) => object): Carry {
    return (transport) => ({
      send: (request, ...rest) => {
        if (request.method !== 'POST') return transport.send(request, ...rest);
        const body = request.body as { readonly metadata: Metadata };
        const metadata = { ...body.metadata, ...change(body.metadata) };
        return transport.send({ ...request, body: { ...body, metadata } }, ...rest);
      },
      close: () => {
        transport.close();
      },
    });
  }

  const without = (name: string) =>
    webhook(({ annotations }) => ({
      annotations: Object.fromEntries(
        Object.entries(annotations).filter(([key]) => key !== `leader-for-life/${name}`),
      ),
    }));

  test('that removes the attempt does not keep the Pod from leading, and releasing', async () => {
    const world = await simulation();
    const leadership = await world.settled(becomeAs(world, 'a', without('attempt')));
    expect(leadership.fencingToken).toBe(
      world.cluster.getConfigMap('lock')?.metadata.resourceVersion,
    );
    await world.settled(leadership.release());
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
  });

  test('that removes the attempt keeps an aborted call from taking its lock back: that is told', async () => {
    const world = await simulation();
    world.cluster.faults.add({ user: 'a', verb: 'get', resource: 'configmaps', latencyMs: 1_000 });
    const abort = new AbortController();
    const attempt = becomeAs(world, 'a', without('attempt'), { signal: abort.signal });
    await world.clock.advance(500);
    expect(world.holder).toBe('a');
    abort.abort(new Error('enough'));
    await expect(world.settled(attempt)).rejects.toThrow('enough');
    expect(world.warnings).toMatchObject([
      { code: 'LEADER_FOR_LIFE_LEFT_BEHIND', message: expect.stringContaining('attempt') },
    ]);
  });

  test('that makes another Pod the owner is named: ERR_REJECTED, and no hot loop', async () => {
    const world = await simulation();
    const owner = world.cluster.getPod('b')?.metadata.uid;
    const change = webhook(() => ({
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'b', uid: owner }],
    }));
    const startedMs = world.clock.now();
    await expect(world.settled(becomeAs(world, 'a', change))).rejects.toMatchObject({
      code: 'ERR_REJECTED',
      message: expect.stringMatching(/default\/lock.* webhook/s),
    });
    expect(world.clock.now() - startedMs).toBeLessThan(15_000);
    expect(world.cluster.requests.filter({ user: 'a' }).length).toBeLessThan(40);
    expect(world.warnings).toMatchObject([{ code: 'LEADER_FOR_LIFE_LEFT_BEHIND' }]);
  });

  test('that removes the predecessors is named: ERR_REJECTED, and the lock is taken back', async () => {
    const world = await simulation();
    await world.settled(world.become('a'));
    const attempt = becomeAs(world, 'b', without('predecessors'));
    await world.clock.advance(1_000);
    world.cluster.deletePod('a', { cascade: 'foreground', gracePeriodSeconds: 3_600 });
    await expect(world.settled(attempt)).rejects.toMatchObject({
      code: 'ERR_REJECTED',
      message: expect.stringContaining('webhook'),
    });
    expect(world.holder).toBeUndefined();
    expect(world.warnings).toEqual([]);
  });
});

describe('POD_UID that cannot be verified, for want of the right to read Pods', () => {
  async function unverifiable() {
    const world = await simulation();
    world.cluster.faults.add({ user: 'a', resource: 'pods', error: { status: 403 } });
    const platform = new SimulatedSurroundings(world, 'a');
    const uid = world.cluster.getPod('a')?.metadata.uid ?? '';
    const variables = { POD_NAME: 'a', POD_UID: uid, POD_NAMESPACE: 'default' };
    Object.assign(platform, { environment: { variables, root: '/nonexistent' } });
    const become = (options: BecomeOptions = {}) =>
      becomeOn(platform, 'lock', { kubeConfig, ...options });
    return { world, uid, become };
  }

  test('is refused, and no lock is left behind', async () => {
    const { world, uid, become } = await unverifiable();
    await expect(world.settled(become())).rejects.toMatchObject({
      code: 'ERR_FORBIDDEN',
      message: expect.stringMatching(new RegExp(`${uid}.*options\\.podUid`, 's')),
    });
    expect(world.cluster.getConfigMap('lock')).toBeUndefined();
  });

  test('counts where the caller passes it himself, and that is warned of', async () => {
    const { world, uid, become } = await unverifiable();
    const leadership = await world.settled(become({ podUid: uid }));
    expect(leadership.podUid).toBe(uid);
    expect(world.warnings).toMatchObject([{ code: 'LEADER_FOR_LIFE_DEGRADED' }]);
  });
});

test('a second call for the same lock is refused while the first one waits or leads', async () => {
  const world = await simulation();
  const process = world.process('a');
  const first = process.become();
  const refused = { code: 'ERR_ALREADY_RUNNING' };
  await expect(world.settled(process.become())).rejects.toMatchObject(refused);
  const leadership = await world.settled(first);
  await expect(world.settled(process.become())).rejects.toMatchObject(refused);
  expect((await world.settled(process.become({}, 'another-lock'))).podName).toBe('a');
  await world.settled(leadership.release());
  expect((await world.settled(process.become())).podName).toBe('a');
});

type Carry = (transport: Transport) => Transport;

/** Sends such requests twice, one after the other, and gives the second answer. */
function twice(test: (request: ApiRequest) => boolean): Carry {
  return (transport) => ({
    send: async (request, ...rest) => {
      if (test(request)) await transport.send(request, ...rest);
      return transport.send(request, ...rest);
    },
    close: () => {
      transport.close();
    },
  });
}

/** `become` of a Pod whose requests are carried so. */
function becomeAs(world: Simulation, podName: string, carry: Carry, options: BecomeOptions = {}) {
  const platform = new SimulatedSurroundings(world, podName, world.clock, carry);
  const podUid = world.cluster.getPod(podName)?.metadata.uid ?? '';
  const identity = { kubeConfig, namespace: 'default', podName, podUid };
  const attempt = becomeOn(platform, 'lock', { ...identity, ...options });
  attempt.catch(() => undefined);
  return attempt;
}
