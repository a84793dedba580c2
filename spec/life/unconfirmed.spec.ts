import { describe, expect, test } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import type { BecomeOptions } from '../../lib/index.ts';
import type { ApiRequest, Transport } from '../../lib/kubernetes/transport.ts';
import {
  LOCK_PATH,
  SimulatedProcess,
  SimulatedSurroundings,
  Simulation,
  kubeConfig,
} from './simulation.ts';

const RELEASED = 'leader-for-life/released';
const reads = { user: 'a', verb: 'get', resource: 'configmaps' } as const;

/** `a` leads, and the process in which it does. */
async function leading() {
  const world = await Simulation.withPods();
  const process = world.process('a');
  return { world, process, leadership: await world.settled(process.become()) };
}

describe('a release', () => {
  test('is retried within 26 s, and can be called again after ERR_RELEASE_FAILED', async () => {
    const { world, leadership } = await leading();
    const outage = world.fault({ user: 'a', reset: true });
    const failed = expect(leadership.release()).rejects;
    // A Pod that has to go has 30 s.
    const check = failed.toMatchObject({ code: 'ERR_RELEASE_FAILED' });
    expect(await world.duration(check)).toBeLessThan(26_000);
    expect(world.open).toBe(0);
    outage.remove();
    await world.settled(leadership.release());
    expect(world.lock).toBeUndefined();
  });

  test('without the right to delete is ERR_FORBIDDEN', async () => {
    const { world, leadership } = await leading();
    world.fault({ user: 'a', verb: 'delete', error: { status: 403 } });
    const released = world.settled(leadership.release());
    await expect(released).rejects.toMatchObject({ code: 'ERR_FORBIDDEN' });
  });

  test('that is under way is awaited by the next call of the process', async () => {
    const { world, process, leadership } = await leading();
    world.fault({ user: 'a', verb: 'delete', times: 1, reset: true });
    const released = leadership.release();
    const second = process.become();
    await world.settled(released);
    const again = await world.settled(second);
    expect(BigInt(again.fencingToken)).toBeGreaterThan(BigInt(leadership.fencingToken));
    expect(world.holder).toBe('a');
  });

  test('that was answered is not waited for', async () => {
    const { world, process, leadership } = await leading();
    await world.settled(leadership.release());
    expect(await world.duration(process.become())).toBeLessThan(100);
  });
});

describe('LIFE-2: after a release of unknown outcome', () => {
  /** `a` leads, and its release has failed without an answer to the last requests of this kind. */
  async function unreleased(verb: 'patch' | 'delete', mayMark = true) {
    const { world, process, leadership } = await leading();
    if (!mayMark) world.fault({ user: 'a', verb: 'patch', error: { status: 403 } });
    world.fault({ user: 'a', verb, reset: true });
    const released = world.settled(leadership.release());
    await expect(released).rejects.toMatchObject({ code: 'ERR_RELEASE_FAILED' });
    world.cluster.faults.clear();
    const { uid = '', resourceVersion = '' } = world.lock?.metadata ?? {};
    return { world, process, leadership, held: { uid, resourceVersion } };
  }

  test.for([
    ['patch', true],
    ['delete', false],
  ] as const)(
    'the Pod leads again at once, with another lock that a late %s cannot end',
    async ([verb, mayMark]) => {
      const { world, process, leadership, held } = await unreleased(verb, mayMark);
      const again = await world.settled(process.become());
      expect(BigInt(again.fencingToken)).toBeGreaterThan(BigInt(leadership.fencingToken));
      await world.clock.advance(3_600_000);
      const metadata = { ...held, annotations: { [RELEASED]: 'true' } };
      if (verb === 'delete') world.cluster.request('DELETE', LOCK_PATH, { preconditions: held });
      else world.cluster.request('PATCH', LOCK_PATH, { metadata }, 'application/merge-patch+json');
      expect(world.lock?.metadata.resourceVersion).toBe(again.fencingToken);
      expect(world.lock?.metadata.annotations).not.toHaveProperty(RELEASED);
    },
  );

  test('the Pod replaces a lock that it has marked as released, within a second', async () => {
    const { world, process, leadership } = await unreleased('delete');
    const again = process.become();
    expect(await world.duration(again)).toBeLessThan(1_000);
    expect(BigInt((await again).fencingToken)).toBeGreaterThan(BigInt(leadership.fencingToken));
    expect(world.lock?.metadata.annotations).not.toHaveProperty(RELEASED);
  });

  test('another Pod takes a lock that is marked as released after two seconds', async () => {
    const { world } = await unreleased('delete');
    const tookMs = await world.duration(world.become('b'));
    expect(tookMs).toBeGreaterThanOrEqual(2_000);
    expect(tookMs).toBeLessThan(3_000);
  });
});

type Carry = (transport: Transport) => Transport;

/** What becomes of a create on its way. */
function creating(send: (inner: Transport['send'], request: ApiRequest) => Transport['send']) {
  const carry: Carry = (transport) => ({
    send: (request, ...rest) => {
      const inner = transport.send.bind(transport);
      return (request.method === 'POST' ? send(inner, request) : inner)(request, ...rest);
    },
    close: () => {
      transport.close();
    },
  });
  return carry;
}

/** `become` of a Pod whose requests are carried so. */
function becomeAs(world: Simulation, podName: string, carry: Carry, options: BecomeOptions = {}) {
  const platform = new SimulatedSurroundings(world, podName, world.clock, carry);
  const { podUid } = world.process(podName);
  return new SimulatedProcess(world, podName, podUid, platform).become(options);
}

test('an abort takes back a create that the network delivered twice, answered with "exists"', async () => {
  const world = await Simulation.withPods();
  const twice = creating((send) => async (...args) => {
    await send(...args);
    return send(...args);
  });
  world.fault({ ...reads, latencyMs: 1_000 });
  const abort = world.abortable((signal) => becomeAs(world, 'a', twice, { signal }));
  await world.clock.advance(100);
  expect(world.holder).toBe('a');
  expect(await abort()).toBeLessThanOrEqual(10_000);
  expect([world.lock, world.warnings]).toEqual([undefined, []]);
});

describe('a mutating admission webhook', () => {
  type Metadata = Record<string, unknown> & { readonly annotations: Record<string, string> };

  const webhook = (change: (metadata: Metadata) => object) =>
    creating((send) => (request, ...rest) => {
      const body = request.body as { readonly metadata: Metadata };
      const metadata = { ...body.metadata, ...change(body.metadata) };
      return send({ ...request, body: { ...body, metadata } }, ...rest);
    });

  const without = (name: string) =>
    webhook(({ annotations: { [`leader-for-life/${name}`]: _, ...annotations } }) => ({
      annotations,
    }));

  test('that removes the attempt does not keep the Pod from leading and releasing', async () => {
    const world = await Simulation.withPods();
    const leadership = await world.settled(becomeAs(world, 'a', without('attempt')));
    expect(leadership.fencingToken).toBe(world.lock?.metadata.resourceVersion);
    await world.settled(leadership.release());
    expect(world.lock).toBeUndefined();
  });

  test('that removes the attempt keeps an aborted call from taking its lock back, with a warning', async () => {
    const world = await Simulation.withPods();
    world.fault({ ...reads, latencyMs: 1_000 });
    const carry = without('attempt');
    const abort = world.abortable((signal) => becomeAs(world, 'a', carry, { signal }));
    await world.clock.advance(500);
    expect(world.holder).toBe('a');
    await abort();
    const message = expect.stringContaining('attempt') as string;
    expect(world.warnings).toMatchObject([{ code: 'LEADER_FOR_LIFE_LEFT_BEHIND', message }]);
  });

  test('LIFE-3: that makes another Pod the owner leads to ERR_REJECTED, not to a hot loop', async () => {
    const world = await Simulation.withPods();
    const uid = world.process('b').podUid;
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'b', uid }];
    const attempt = becomeAs(
      world,
      'a',
      webhook(() => ({ ownerReferences })),
    );
    await expect(world.settled(attempt, 15_000)).rejects.toMatchObject({
      code: 'ERR_REJECTED',
      message: expect.stringMatching(/default\/lock.* webhook/s),
    });
    expect(world.cluster.requests.count({ user: 'a' })).toBeLessThan(40);
    expect(world.codes).toEqual(['LEADER_FOR_LIFE_LEFT_BEHIND']);
  });

  test('LIFE-3: that removes the predecessors leads to ERR_REJECTED, and the lock is taken back', async () => {
    const world = await Simulation.withPods();
    await world.lead('a');
    const attempt = becomeAs(world, 'b', without('predecessors'));
    await world.clock.advance(1_000);
    world.terminate('a', 'foreground');
    await expect(world.settled(attempt)).rejects.toMatchObject({
      code: 'ERR_REJECTED',
      message: expect.stringContaining('webhook'),
    });
    expect([world.holder, world.warnings]).toEqual([undefined, []]);
  });
});

describe('a POD_UID that cannot be verified without the right to read Pods', () => {
  async function unverifiable() {
    const world = await Simulation.withPods();
    world.fault({ user: 'a', resource: 'pods', error: { status: 403 } });
    const { podUid } = world.process('a');
    const variables = { POD_NAME: 'a', POD_UID: podUid, POD_NAMESPACE: 'default' };
    const platform = Object.assign(new SimulatedSurroundings(world, 'a'), {
      environment: { variables, root: '/nonexistent' },
    });
    const become = (options: BecomeOptions = {}) =>
      world.settled(becomeOn(platform, 'lock', { kubeConfig, ...options }));
    return { world, podUid, become };
  }

  test('is refused, and no lock is left behind', async () => {
    const { world, podUid, become } = await unverifiable();
    await expect(become()).rejects.toMatchObject({
      code: 'ERR_FORBIDDEN',
      message: expect.stringMatching(new RegExp(`${podUid}.*options\\.podUid`, 's')),
    });
    expect(world.lock).toBeUndefined();
  });

  test('is believed if the caller passes it as options.podUid, with a warning', async () => {
    const { world, podUid, become } = await unverifiable();
    expect((await become({ podUid })).podUid).toBe(podUid);
    expect(world.codes).toEqual(['LEADER_FOR_LIFE_DEGRADED']);
  });
});

test('a second call for the same lock is refused while the first one waits or leads', async () => {
  const world = await Simulation.withPods();
  const process = world.process('a');
  const refused = { code: 'ERR_ALREADY_RUNNING' };
  const first = process.become();
  await expect(world.settled(process.become())).rejects.toMatchObject(refused);
  const leadership = await world.settled(first);
  await expect(world.settled(process.become())).rejects.toMatchObject(refused);
  expect((await world.settled(process.become({}, 'another-lock'))).podName).toBe('a');
  await world.settled(leadership.release());
  expect((await world.settled(process.become())).podName).toBe('a');
});
