import { describe, expect } from 'vitest';
import { historyOf } from '../lab/history.ts';
import { violations } from '../lab/verdict.ts';
import { CAUSES, OURS, crash } from './lease-crash.ts';
import { scenario } from './scenario.ts';

/** Far from the 15 s of the Lease, and from what a busy machine takes. */
const WITHOUT_EXPIRY_MS = 9_000;

describe('LEASE-2: the next leads as soon as the leader’s container has ended', () => {
  for (const [title, cause] of Object.entries(CAUSES)) {
    scenario(
      title,
      async (scene) => {
        const { gapMs, next } = await crash(scene, cause, OURS);
        console.log(`${next.pod} led ${Math.round(gapMs)} ms after the last act of a`);
        expect(gapMs).toBeLessThan(WITHOUT_EXPIRY_MS);
        expect(violations(historyOf(scene.entries))).toEqual([]);
      },
      { endsWithoutLeader: true, isBeyondThePromise: true, pods: { watched: true } },
    );
  }
});
