import { CoordinationV1Api, KubeConfig } from '@kubernetes/client-node';
import { describe, inject, test } from 'vitest';

import { LeaseLock } from '../../lib/index.ts';
import type { Kind } from '../lab/journal.ts';
import { plainStages } from './plain.ts';
import { play } from './stages.ts';
import { objectsOf, recorded, requestsOf } from './wire.ts';

const kinds: readonly (readonly [string, Kind])[] = [
  ['client-go still', 'client-go'],
  ['this library', 'leader-for-life'],
];

describe.concurrent('a Lease of which', () => {
  test.for(kinds)('%s makes what was recorded of client-go', async ([, kind], { expect }) => {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(inject('cluster').kubeconfig);
    const played = plainStages(await play(kind, kubeConfig));
    expect(requestsOf(played)).toEqual(requestsOf(recorded));
    expect(objectsOf(played)).toEqual(objectsOf(recorded));
  });
});

test('a Lease keeps its managed fields, which no update sends', async ({ expect }) => {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(inject('cluster').kubeconfig);
  const place = { name: 'managed', namespace: 'default' };
  const lock = new LeaseLock({ ...place, identity: 'a', kubeConfig });
  const times = { acquireTime: undefined, renewTime: undefined, leaseTransitions: 0 };
  const record = { holderIdentity: 'a', leaseDurationSeconds: 15, ...times };
  const created = await lock.create(record);
  if (created === 'conflict') throw new Error('the Lease exists');
  expect(created.object).not.toHaveProperty('metadata.managedFields');
  await lock.update(created, { ...record, leaseDurationSeconds: 16 });
  const { metadata, spec } = await kubeConfig
    .makeApiClient(CoordinationV1Api)
    .readNamespacedLease(place);
  expect(spec?.leaseDurationSeconds).toBe(16);
  expect(metadata?.managedFields).toMatchObject([{ operation: 'Update' }]);
});
