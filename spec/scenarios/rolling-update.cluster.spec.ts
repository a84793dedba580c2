import { describe, expect } from 'vitest';

import { Rollout, type RolloutOptions } from './rolling-update.ts';
import { scenario } from './scenario.ts';

const UPDATES = 2;
const pods = { marks: true, prefers: true };
const options = { deletionCost: 1_000, preference: 'newest' } as const;

/** Few of them: `node spec/scenarios/rollouts.ts` counts the handovers of many. */
describe.concurrent('a rolling update of three Pods', () => {
  for (const [title, how] of [
    ['one Pod after the other', { maxSurge: 1, maxUnavailable: 0 }],
    ['all Pods at once', { maxSurge: 0, maxUnavailable: 3 }],
  ] as [string, Pick<RolloutOptions, 'maxSurge' | 'maxUnavailable'>][]) {
    scenario(
      `with deletionCost and preference hands over once, to a new Pod: ${title}`,
      async (scene) => {
        const rollout = await Rollout.begin(scene, { mode: 'life', options, ...how });
        for (let count = 1; count <= UPDATES; count += 1) {
          expect(await rollout.update()).toMatchObject({ isDirect: true });
        }
        expect(scene.entries.filter(({ event }) => event === 'warning')).toEqual([]);
      },
      { pods },
    );
  }
});
