import { expect, onTestFinished, test } from 'vitest';

import { createCluster } from '../../lib/testing/index.ts';
import { plainStages } from './plain.ts';
import { play } from './stages.ts';
import { recorded, requestsOf } from './wire.ts';

test(
  'what we write in the life of a Lease is what client-go writes',
  { timeout: 120_000 },
  async () => {
    const cluster = await createCluster();
    onTestFinished(() => cluster.close());
    const played = plainStages(await play('leader-for-life', cluster.kubeConfig()));
    expect(requestsOf(played)).toEqual(requestsOf(recorded));
  },
);
