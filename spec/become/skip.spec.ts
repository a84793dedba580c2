import { expect, test } from 'vitest';

import { becomeIn } from '../../lib/become.ts';
import { Releases } from '../../lib/release.ts';
import type { Surroundings } from '../../lib/surroundings.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';

function surroundings(variables: Record<string, string>): Surroundings {
  return {
    clock: new SimulatedClock(),
    environment: { variables, root: '/nonexistent' },
    releases: new Releases(),
    connect: () => Promise.reject(new Error('nothing may be asked')),
    warn: (message) => {
      throw new Error(message);
    },
  };
}

test('outside a cluster it leads at once, and says that nothing was elected', async () => {
  const leadership = await becomeIn(surroundings({}), 'lock', {});
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
  const pod = { POD_NAME: 'a', POD_UID: 'uid-of-a', POD_NAMESPACE: 'space' };
  const leadership = await becomeIn(surroundings(pod), 'lock', {});
  expect(leadership).toMatchObject({ podName: 'a', podUid: 'uid-of-a', namespace: 'space' });
});

test('in a Pod without a service account it fails, and never skips', async () => {
  const inPod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const attempt = becomeIn(surroundings({ ...inPod, POD_NAME: 'a' }), 'lock', {});
  await expect(attempt).rejects.toMatchObject({
    code: 'ERR_NO_SERVICE_ACCOUNT',
    message: expect.stringContaining('automountServiceAccountToken'),
  });
});

test('a bad lock name is named before anything else happens', async () => {
  const attempt = becomeIn(surroundings({}), 'Not A Name', {});
  await expect(attempt).rejects.toBeInstanceOf(TypeError);
  await expect(attempt).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message:
      'lockName must be a DNS subdomain (RFC 1123) of at most 253 characters, ' +
      'but is "Not A Name"',
  });
});
