import { expect, test } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { LeaseLock, openLock } from '../../lib/lease/lease-lock.ts';
import { observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import { aPlatform } from './platform.ts';

const withVariables = (variables: Record<string, string>, more: Partial<Platform> = {}) =>
  aPlatform({ environment: { variables, root: '/nonexistent' }, ...more });

test('outside a cluster become leads at once, with skipped: true', async () => {
  const leadership = await becomeOn(aPlatform(), 'lock', {});
  expect(leadership).toMatchObject({
    lockName: 'lock',
    ...{ namespace: '', podName: '', podUid: '' },
    ...{ skipped: true, waitedMs: 0, attempts: 0, fencingToken: '0' },
  });
  expect(leadership.signal.aborted).toBe(false);
  await leadership.release();
  expect(leadership.signal.reason).toMatchObject({ code: 'ERR_RELEASED' });
});

test('outside a cluster become does not lead once its signal has aborted', async () => {
  const stop = new AbortController();
  const leadership = becomeOn(aPlatform(), 'lock', { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(leadership).rejects.toThrow('enough');
});

test('outside a cluster the leadership has the Pod that options and environment name', async () => {
  const platform = withVariables({ POD_NAME: 'a', POD_NAMESPACE: 'space' });
  const leadership = await becomeOn(platform, 'lock', { podUid: 'uid-of-a' });
  expect(leadership).toMatchObject({ podName: 'a', podUid: 'uid-of-a', namespace: 'space' });
});

const elections: [string, (platform: Platform) => Promise<unknown>][] = [
  ['become', (platform) => becomeOn(platform, 'lock', {})],
  ['lead', (platform) => leadOn(platform, 'lease', () => 'done', {})],
];

test.for(elections)('%s warns once that it does not read KUBECONFIG', async ([, elect]) => {
  const warnings: string[] = [];
  const warn = (message: string, code: string) => warnings.push(`${code}: ${message}`);
  const platform = withVariables({ KUBECONFIG: '/etc/kube/config' }, { warn });
  for (let time = 0; time < 3; time += 1) await elect(platform);
  expect(warnings).toEqual([
    'LEADER_FOR_LIFE_SKIPPED: There is no election, so this process leads: it is in no Pod, and no ' +
      'kubeConfig was passed. KUBECONFIG is set, but is not read by itself. To elect, load it ' +
      '(new KubeConfig(), loadFromDefault()) and pass it as options.kubeConfig.',
  ]);
});

const lock = new LeaseLock({ name: 'lease', identity: 'a' });

test.for([
  ...elections,
  ['LeaderElector', (platform) => openLock(lock, platform, 1_000, false)],
  ['observeLock', (platform) => observeLockIn(platform, 'lock', {})[Symbol.asyncIterator]().next()],
  [
    'observeLease',
    (platform) => observeLeaseIn(platform, 'lease', {})[Symbol.asyncIterator]().next(),
  ],
] satisfies typeof elections)(
  'in a Pod whose environment was cleaned %s fails with ERR_NO_API_SERVER',
  async ([, elect]) => {
    const platform = withVariables({ POD_UID: 'uid-of-a' });
    await expect(elect(platform)).rejects.toMatchObject({ code: 'ERR_NO_API_SERVER' });
  },
);

test('in a Pod without a service account become fails, and does not skip', async () => {
  const server = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const attempt = becomeOn(withVariables({ ...server, POD_NAME: 'a' }), 'lock', {});
  await expect(attempt).rejects.toMatchObject({
    code: 'ERR_NO_SERVICE_ACCOUNT',
    message: expect.stringContaining('automountServiceAccountToken'),
  });
});

test('a bad lock name is refused before anything else happens', async () => {
  const attempt = becomeOn(aPlatform(), 'Not A Name', {});
  await expect(attempt).rejects.toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' });
});
