import { describe, expect } from 'vitest';

import { historyOf } from '../lab/history.ts';
import { violations } from '../lab/verdict.ts';
import { clientGo } from './go-images.ts';
import type { CandidateOptions } from './manifest.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';
import { acting, annotate } from './step-down.ts';

/** Far from the 15 s of the Lease. */
const WITHOUT_EXPIRY_MS = 9_000;

const checked = { env: [{ name: 'CHECKED', value: 'true' }] };

/** Pod `a` leads by a Lease and lets go; `b` follows long before the Lease would have expired. */
async function handsOverLease(
  scene: Scene,
  letGo: (scene: Scene) => Promise<unknown>,
  options: CandidateOptions = {},
  other: CandidateOptions = options,
): Promise<void> {
  await scene.pod('a', { election: 'lead', ...options });
  const first = await acting(scene);
  await scene.pod('b', { election: 'lead', ...other });
  await scene.until('b knows that a leads', () =>
    scene.saidBy('b').some(({ event }) => event === 'waiting' || event === 'new-leader'),
  );
  await letGo(scene);
  const next = await acting(scene, first);
  const last = scene.terms.find(({ run }) => run === first.run) ?? first;
  console.log(`b led ${Math.round(next.fromMs - last.toMs)} ms after the last act of a`);
  expect(next.fromMs - last.toMs).toBeLessThan(WITHOUT_EXPIRY_MS);
  expect(violations(historyOf(scene.entries))).toEqual([]);
}

/** The same in life mode, where the program releases the lock itself. */
async function handsOverLock(
  scene: Scene,
  letGo: (scene: Scene) => Promise<unknown>,
  options: CandidateOptions = {},
): Promise<void> {
  const given: CandidateOptions = { become: { guard: true }, ...options };
  const first = await scene.leaderAndFollower(given, given);
  await letGo(scene);
  const second = await scene.followedByB(first);
  await scene.said('a', 'released');
  // The process of `a` goes on, as a candidate.
  await scene.followers(1, second);
  expect(scene.saidBy('a').filter(({ event }) => event === 'start')).toHaveLength(1);
}

describe('a leader that lets go', () => {
  const ofLease = { endsWithoutLeader: true, isBeyondThePromise: true };

  scenario(
    'of a Lease whose annotation names it: another Pod follows',
    (scene) => handsOverLease(scene, () => annotate(scene, 'Lease', 'a')),
    ofLease,
  );

  scenario(
    'of a Lease beside client-go, which looks now and then: client-go follows',
    async (scene) => {
      const go = await clientGo(scene.cluster);
      await handsOverLease(scene, () => annotate(scene, 'Lease', 'a'), {}, go);
    },
    ofLease,
  );

  scenario(
    'of a Lease because it is not healthy: another Pod follows',
    (scene) => handsOverLease(scene, () => scene.command('a', 'sicken'), checked),
    ofLease,
  );

  scenario('of the lock of a Pod that it names: another Pod follows', (scene) =>
    handsOverLock(scene, () => annotate(scene, 'ConfigMap', 'a')),
  );

  scenario('of a lock because it is not healthy: another Pod follows', (scene) =>
    handsOverLock(scene, () => scene.command('a', 'sicken'), checked),
  );
});
