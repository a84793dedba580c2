import { type KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import { describe, expect } from 'vitest';
import { historyOf } from '../lab/history.ts';
import { nowMs } from '../lab/say.ts';
import { violations } from '../lab/verdict.ts';
import type { Term } from './journal.ts';
import type { CandidateOptions } from './manifest.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

/** Far from the 15 s of the Lease, and from what a busy machine takes. */
const WITHOUT_EXPIRY_MS = 9_000;

const LEASE = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

interface Lease extends KubernetesObject {
  readonly spec?: { readonly holderIdentity?: string };
}

/** Candidates of lease mode, which may read Pods, and what the Lease says of them. */
function electing(scene: Scene) {
  const { namespace, lockName } = scene.where;
  const objects = KubernetesObjectApi.makeApiClient(scene.kubeConfig);
  const lease = (): Promise<Lease> =>
    objects.read({
      apiVersion: `${LEASE.group}/${LEASE.version}`,
      kind: 'Lease',
      metadata: { name: lockName, namespace },
    });
  /** Somebody leads, and the Lease says in which container. */
  const leader = (expected: (term: Term) => boolean = () => true) =>
    scene.until('somebody leads, and says where', async () => {
      const term = scene.terms.findLast(({ isOpen }) => isOpen);
      if (!term || !expected(term)) return undefined;
      const { metadata, spec } = await lease();
      const container = metadata?.annotations?.['leader-for-life/container-id'];
      const { containerStatuses = [] } = (await scene.findPod(term.pod))?.status ?? {};
      const isKnown = containerStatuses.some(({ containerID }) => containerID === container);
      return isKnown && spec?.holderIdentity?.startsWith(term.pod) ? term : undefined;
    });
  return { leader };
}

/** How long nobody acted. */
function gapMs(from: Term, to: Term, scene: Scene): number {
  const last = scene.terms.find(({ run }) => run === from.run) ?? from;
  return to.fromMs - last.toMs;
}

async function crash(
  scene: Scene,
  end: (scene: Scene) => Promise<void>,
  { replicas = 2, ...options }: CandidateOptions & { replicas?: number } = {},
): Promise<void> {
  const { leader } = electing(scene);
  const given: CandidateOptions = { election: 'lead', onSigterm: 'ignore', ...options };
  await scene.pod('a', given);
  const first = await leader();
  if (replicas > 1) {
    await scene.pod('b', given);
    await scene.followers(1, first);
  }
  // A status tells whole seconds: a leader that dies in its first one is waited out.
  await scene.until('its process is older than a second', () => nowMs() - first.fromMs > 1_500);
  await end(scene);
  const next = await leader(({ run }) => run !== first.run);
  const gap = gapMs(first, next, scene);
  console.log(`${next.pod} led ${Math.round(gap)} ms after the last act of ${first.pod}`);
  expect(gap).toBeLessThan(WITHOUT_EXPIRY_MS);
  expect(violations(historyOf(scene.entries))).toEqual([]);
}

describe('LEASE-2: the next leads as soon as the leader’s container has ended', () => {
  const options = { endsWithoutLeader: true, isBeyondThePromise: true };

  scenario(
    'its process is killed',
    (scene) => crash(scene, () => scene.command('a', 'abort')),
    options,
  );

  scenario(
    'it runs out of memory',
    (scene) =>
      crash(scene, () => scene.command('a', 'exhaust'), {
        container: { resources: { limits: { memory: '256Mi' } } },
      }),
    options,
  );

  scenario(
    'its Pod is evicted',
    (scene) =>
      crash(scene, () => scene.command('a', 'fill'), {
        spec: { volumes: [{ name: 'small', emptyDir: { sizeLimit: '1Mi' } }] },
        container: { volumeMounts: [{ name: 'small', mountPath: '/small' }] },
      }),
    options,
  );

  scenario(
    'its Pod is deleted, and it releases nothing',
    (scene) => crash(scene, () => scene.deletePod('a'), { onSigterm: 'exit' }),
    options,
  );

  scenario(
    'it restarts, and there is no other replica',
    (scene) => crash(scene, () => scene.command('a', 'abort'), { replicas: 1, election: 'anew' }),
    options,
  );
});
