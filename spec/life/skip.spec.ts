import { expect, test } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { Elections } from '../../lib/platform/elections.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { LeaseLock, openLock } from '../../lib/lease/lease-lock.ts';
import { observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';

function platform(variables: Record<string, string>): Platform {
  return {
    clock: new SimulatedClock(),
    environment: { variables, root: '/nonexistent' },
    elections: new Elections(),
    unconfirmed: new UnconfirmedEnds(),
    predecessors: new Map(),
    connect: () => Promise.reject(new Error('nothing may be asked')),
    warn: (message) => {
      throw new Error(message);
    },
  };
}

test('outside a cluster it leads at once, and says that nothing was elected', async () => {
  const leadership = await becomeOn(platform({}), 'lock', {});
  expect(leadership).toMatchObject({
    lockName: 'lock',
    namespace: '',
    podName: '',
    podUid: '',
    skipped: true,
    waitedMs: 0,
    attempts: 0,
    fencingToken: '0',
  });
  expect(leadership.signal.aborted).toBe(false);
  await leadership.release();
  expect(leadership.signal.reason).toMatchObject({ code: 'ERR_RELEASED' });
});

test('outside a cluster it tells what it was told of the Pod', async () => {
  const pod = { POD_NAME: 'a', POD_NAMESPACE: 'space' };
  const leadership = await becomeOn(platform(pod), 'lock', { podUid: 'uid-of-a' });
  expect(leadership).toMatchObject({ podName: 'a', podUid: 'uid-of-a', namespace: 'space' });
});

const elections: [string, (world: Platform) => Promise<unknown>][] = [
  ['`become`', (world) => becomeOn(world, 'lock', {})],
  ['`lead`', (world) => leadOn(world, 'lease', () => 'done', {})],
];

test.for(elections)(
  'where KUBECONFIG is set, %s says once that it is not read',
  async ([, elect]) => {
    const warnings: string[] = [];
    const world: Platform = {
      ...platform({ KUBECONFIG: '/etc/kube/config' }),
      warn: (message, code) => warnings.push(`${code}: ${message}`),
    };
    for (let time = 0; time < 3; time += 1) await elect(world);
    expect(warnings).toEqual([
      'LEADER_FOR_LIFE_SKIPPED: There is no election, so this process leads: it is in no Pod, and no ' +
        'kubeConfig was passed. KUBECONFIG is set, but is not read by itself. To elect, load it ' +
        '(new KubeConfig(), loadFromDefault()) and pass it as options.kubeConfig.',
    ]);
  },
);

const inPod: [string, (world: Platform) => Promise<unknown>][] = [
  ...elections,
  [
    '`LeaderElector`',
    (world) => openLock(new LeaseLock({ name: 'lease', identity: 'a' }), world, 1_000, false),
  ],
  ['`observeLock`', (world) => observeLockIn(world, 'lock', {})[Symbol.asyncIterator]().next()],
  ['`observeLease`', (world) => observeLeaseIn(world, 'lease', {})[Symbol.asyncIterator]().next()],
];

test.for(inPod)('in a Pod with a cleaned environment %s fails', async ([, elect]) => {
  await expect(elect(platform({ POD_UID: 'uid-of-a' }))).rejects.toMatchObject({
    code: 'ERR_NO_API_SERVER',
  });
});

test('in a Pod without a service account it fails, and never skips', async () => {
  const inPod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const attempt = becomeOn(platform({ ...inPod, POD_NAME: 'a' }), 'lock', {});
  await expect(attempt).rejects.toMatchObject({
    code: 'ERR_NO_SERVICE_ACCOUNT',
    message: expect.stringContaining('automountServiceAccountToken'),
  });
});

test('a bad lock name is named before anything else happens', async () => {
  const attempt = becomeOn(platform({}), 'Not A Name', {});
  await expect(attempt).rejects.toBeInstanceOf(TypeError);
  await expect(attempt).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message:
      'lockName must be a DNS subdomain (RFC 1123) of at most 253 characters, ' +
      'but is "Not A Name"',
  });
});
