import { KubeConfig } from '@kubernetes/client-node';
import { describe, inject, test } from 'vitest';

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
