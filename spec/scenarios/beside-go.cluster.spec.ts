import { describe, expect } from 'vitest';

import { historyOf } from '../lab/history.ts';
import { nowMs } from '../lab/say.ts';
import { violations } from '../lab/verdict.ts';
import { clientGo, operatorLib } from './go-images.ts';
import type { Term } from './journal.ts';
import type { CandidateOptions } from './manifest.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';
import { acting, annotate } from './step-down.ts';

const CHECKED = { env: [{ name: 'CHECKED', value: 'true' }] };
/** Go asks every few seconds. Ours leads again if Go did not ask in time. */
const ATTEMPTS = 8;

/** One kind of lock, which ours shares with a Go program. */
interface Mode {
  readonly kind: 'ConfigMap' | 'Lease';
  readonly ours: CandidateOptions;
  readonly go: (scene: Scene) => Promise<CandidateOptions>;
  /** Resolves once this Pod has asked for the lock in vain. */
  readonly asked: (scene: Scene, pod: string) => Promise<unknown>;
}

const LEASE: Mode = {
  kind: 'Lease',
  ours: { election: 'lead' },
  go: ({ cluster }) => clientGo(cluster, ['--release-on-cancel']),
  asked: (scene, pod) => scene.said(pod, 'new-leader'),
};
const LIFE: Mode = {
  kind: 'ConfigMap',
  ours: { become: { guard: true }, onSigterm: 'release' },
  go: ({ cluster }) => operatorLib(cluster),
  asked: (scene, pod) => scene.rejected(pod),
};

/** The process that began to act after this term, which may be of the same Pod. */
function next(scene: Scene, { fromMs }: Term): Promise<Term> {
  return scene.until('the next term begins', () =>
    scene.terms.findLast((term) => term.isOpen && term.fromMs > fromMs),
  );
}

/** Asks ours to step down until a Go program has followed it. The one started last asks first. */
async function stepsDownToGo(scene: Scene, { kind, go, asked }: Mode): Promise<Term> {
  let leader = await acting(scene);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    await scene.pod(`go-${attempt}`, await go(scene));
    await asked(scene, `go-${attempt}`);
    await annotate(scene, kind, 'ours');
    leader = await next(scene, leader);
    if (leader.pod !== 'ours') return leader;
  }
  throw new Error('no Go program ever followed ours');
}

/** Acts and renewals of this leader go on, and ours waits for it. */
async function leadsOn(scene: Scene, { pod, run }: Term): Promise<void> {
  const sinceMs = nowMs();
  await scene.until(`${pod} leads on`, () => {
    const term = scene.terms.find((one) => one.run === run);
    return term?.isOpen && term.toMs > sinceMs + 5_000;
  });
  expect(scene.saidBy('ours').at(-1)).toMatchObject({ event: 'waiting', holderPod: pod });
}

async function removeGo(scene: Scene): Promise<void> {
  const pods = (await scene.pods()).map(({ metadata }) => metadata?.name ?? '');
  await Promise.all(pods.filter((pod) => pod !== 'ours').map((pod) => scene.deletePod(pod)));
}

for (const [title, mode, options] of [
  ['client-go, by a Lease', LEASE, { endsWithoutLeader: true, isBeyondThePromise: true }],
  ['operator-lib, for life', LIFE, {}],
] as const) {
  describe.concurrent(`beside ${title}`, () => {
    const { kind, ours, go, asked } = mode;

    scenario(
      'ours steps down for Go; Go ignores the annotation, and ours follows it',
      async (scene) => {
        await scene.pod('ours', ours);
        const second = await stepsDownToGo(scene, mode);
        await annotate(scene, kind, second.pod);
        await leadsOn(scene, second);
        await removeGo(scene);
        expect(await acting(scene, second)).toMatchObject({ pod: 'ours' });
        expect(scene.saidBy('ours').filter(({ event }) => event === 'start')).toHaveLength(1);
        expect(violations(historyOf(scene.entries))).toEqual([]);
      },
      options,
    );

    scenario(
      'ours is not healthy: Go leads, then nobody, then ours once it has recovered',
      async (scene) => {
        await scene.pod('ours', { ...ours, ...CHECKED });
        const first = await acting(scene);
        await scene.pod('go', await go(scene));
        await asked(scene, 'go');
        await scene.command('ours', 'sicken');
        const second = await acting(scene, first);
        expect(second.pod).toBe('go');
        await scene.said('ours', 'waiting', { reason: 'held' });
        await scene.deletePod('go');
        await scene.gone(second);
        await scene.said('ours', 'waiting', { reason: 'unhealthy' });
        const sickMs = nowMs();
        await scene.command('ours', 'recover');
        const third = await next(scene, second);
        expect(third).toMatchObject({ pod: 'ours' });
        expect(third.fromMs).toBeGreaterThan(sickMs);
        expect(violations(historyOf(scene.entries))).toEqual([]);
      },
      options,
    );
  });
}
