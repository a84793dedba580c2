import { describe, expect } from 'vitest';

import { Rollout, type Strategy } from './rolling-update.ts';
import { scenario } from './scenario.ts';

const UPDATES = 2;
const pods = { marks: true, prefers: true };
const become = { deletionCost: 1_000, preference: 'newest' } as const;
const candidate = { onSigterm: 'release', become } as const;

/** Few of them: `npm run bench -- --pods rollout` counts the handovers of many. */
describe.concurrent('a rolling update of three Pods', () => {
  for (const [title, how] of [
    ['one Pod after the other', { maxSurge: 1, maxUnavailable: 0 }],
    ['all Pods at once', { maxSurge: 0, maxUnavailable: 3 }],
  ] as [string, Strategy][]) {
    scenario(
      `with deletionCost and preference hands over once, to a new Pod: ${title}`,
      async (scene) => {
        const rollout = await Rollout.begin(scene, { candidate, ...how });
        for (let count = 1; count <= UPDATES; count += 1) {
          expect(await rollout.update()).toMatchObject({ isDirect: true });
        }
        expect(scene.entries.filter(({ event }) => event === 'warning')).toEqual([]);
      },
      { pods },
    );
  }
});
