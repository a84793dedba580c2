import { type KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import { signal } from '../cluster/process.ts';
import { processesWith } from '../lab/environments.ts';
import { nowMs } from '../lab/say.ts';
import type { Term } from './journal.ts';
import type { CandidateOptions } from './manifest.ts';
import type { Scene } from './scene.ts';

interface Lease extends KubernetesObject {
  readonly spec?: { readonly holderIdentity?: string };
}

/** A program that competes for a Lease. */
export interface Contender {
  readonly candidate: CandidateOptions;
  /** Whether the others can know all that they need of this leader. @default at once */
  readonly isKnown?: (scene: Scene, leader: Term) => Promise<boolean>;
}

/** A way in which the leader in Pod `a` ends without releasing its Lease. */
interface Cause {
  readonly end: (scene: Scene, leader: Term) => Promise<void>;
  readonly options?: CandidateOptions;
  /** @default 2 */
  readonly replicas?: number;
}

export interface Takeover {
  /** From the last act of the old leader to the first of the next one. */
  readonly gapMs: number;
  /** From the start of the next leader's process to its first act. */
  readonly sinceStartMs: number;
  readonly next: Term;
}

const kill: Cause['end'] = (_, { uid }) => {
  const processes = processesWith((variable) => variable === `POD_UID=${uid}`);
  for (const pid of processes) signal(pid, 'SIGKILL');
  return Promise.resolve();
};

export const CAUSES = {
  killed: { end: kill },
  'out of memory': {
    end: (scene) => scene.command('a', 'exhaust'),
    options: { container: { resources: { limits: { memory: '256Mi' } } } },
  },
  evicted: {
    end: (scene) => scene.command('a', 'fill'),
    options: {
      spec: { volumes: [{ name: 'small', emptyDir: { sizeLimit: '1Mi' } }] },
      container: { volumeMounts: [{ name: 'small', mountPath: '/small' }] },
    },
  },
  deleted: { end: (scene) => scene.deletePod('a') },
  'only replica killed': { end: kill, replicas: 1 },
} as const satisfies Record<string, Cause>;

/** This library, with another identity in each process, as is its default. */
export const OURS: Contender = { candidate: { election: 'anew' }, isKnown: isInLease };

/** Ends the leader that way; resolves when the next one leads. */
export async function crash(
  scene: Scene,
  { end, options, replicas = 2 }: Cause,
  { candidate, isKnown = () => Promise.resolve(true) }: Contender,
): Promise<Takeover> {
  const container = { ...candidate.container, ...options?.container };
  const given = { onSigterm: 'exit', ...candidate, ...options, container } as const;
  await scene.pod('a', given);
  const first = await scene.until('a leads', () => scene.terms.find(({ pod }) => pod === 'a'));
  if (replicas > 1) {
    await scene.pod('b', given);
    await scene.until('b knows that a leads', () =>
      scene.saidBy('b').some(({ event }) => event === 'waiting' || event === 'new-leader'),
    );
  }
  await scene.until('all is known of the leader', () => isKnown(scene, first));
  // A status tells whole seconds: a leader that dies in its first one is waited out.
  await scene.until('its process is older than a second', () => nowMs() - first.fromMs > 1_500);
  await end(scene, first);
  const next = await scene.until('another process leads', () =>
    scene.terms.find(({ run }) => run !== first.run),
  );
  const last = scene.terms.find(({ run }) => run === first.run) ?? first;
  const start = scene.entries.find(({ run, event }) => run === next.run && event === 'start');
  const sinceStartMs = next.fromMs - (start?.atMs ?? Number.NaN);
  return { gapMs: next.fromMs - last.toMs, sinceStartMs, next };
}

/** Whether the Lease says in which container this one leads. */
async function isInLease(scene: Scene, { pod }: Term): Promise<boolean> {
  const { namespace, lockName: name } = scene.where;
  const { metadata } = await KubernetesObjectApi.makeApiClient(scene.kubeConfig).read<Lease>({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
  });
  const container = metadata?.annotations?.['leader-for-life/container-id'];
  const { containerStatuses = [] } = (await scene.findPod(pod))?.status ?? {};
  return containerStatuses.some(({ containerID }) => containerID === container);
}
