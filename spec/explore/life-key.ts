/** When two states of life mode count as one. */
import { holderOf } from '../../lib/protocol/model.ts';
import { predecessorsAt } from '../../lib/protocol/life/predecessors.ts';
import { type Candidate } from './campaign-model.ts';
import { type Fragment, fragmentOf, join } from './encoding.ts';
import { type LifeWorld, podAt } from './life-world.ts';
import type { ModelPod } from './pods.ts';

export function keyOf(world: LifeWorld): string {
  const order = [...world.pods.keys()].sort((a, b) => rank(world, a) - rank(world, b));
  const names = order.flatMap((index, at) => {
    const { name, uid } = podAt(world, index);
    return [
      [name, `p${at}`],
      [uid, `u${at}`],
    ] as [string, string][];
  });
  const { lock, ended, left } = world;
  const late = world.late.map(({ by, ...write }) => ({ name: podAt(world, by).name, ...write }));
  return join(
    [
      ...order.map((index) => podFragment(podAt(world, index))),
      ...order.map((index) => candidateFragment(world.candidates[index])),
      fragmentOf({ lock, ended, late, left }, STILL),
    ],
    names,
  );
}

const STILL = { nowMs: 0, bootMs: 0, dateMs: 0, tickMs: Infinity };

const podFragments = new WeakMap<ModelPod, Fragment>();

const candidateFragments = new WeakMap<Candidate, Fragment>();

export const nobody = fragmentOf('nobody', STILL);

function podFragment(pod: ModelPod): Fragment {
  let fragment = podFragments.get(pod);
  if (!fragment) podFragments.set(pod, (fragment = fragmentOf(pod, STILL)));
  return fragment;
}

function candidateFragment(candidate: Candidate | undefined): Fragment {
  if (!candidate) return nobody;
  let fragment = candidateFragments.get(candidate);
  if (!fragment) {
    const { role, state, progress, giving, mayHaveCreated, told, unconfirmed, seenLast, kept } =
      candidate;
    // These decide only how long a candidate waits.
    const { polls: _, misses: __, candidateCount: ___, obstacle: ____, ...rest } = state;
    const isActive = role === 'competes' || role === 'withdraws' || role === 'idle';
    const command = role === 'competes' ? rest.command : undefined;
    const parts = {
      role,
      progress,
      giving,
      mayHaveCreated,
      seenLast,
      ...(kept.length > 0 && { kept }),
      ...(candidate.isUnhealthy === true && { isUnhealthy: true }),
      ...(candidate.yields === true && { yields: true, hasAsked: candidate.hasAsked }),
      ...(candidate.asideUntilMs !== undefined && { asideUntilMs: candidate.asideUntilMs }),
      // Of one that leads, only what it knows of others counts, for its next call.
      state: isActive ? { ...rest, command } : undefined,
      before: isActive ? undefined : predecessorsAt(state, undefined),
      told: told.map((uid) => ({ uid })),
      unconfirmed: unconfirmed.map((uid) => ({ uid })),
      attempt: attemptName(candidate),
      podUid: state.podUid,
    };
    candidateFragments.set(candidate, (fragment = fragmentOf(parts, candidate)));
  }
  return fragment;
}

function attemptName({ state, call }: Candidate): string {
  return `${state.podUid ?? ''}/${call}`;
}

/** By what Pods can be told apart without their names; which of equals comes first does not matter. */
function rank({ pods, candidates, lock }: LifeWorld, index: number): number {
  const pod = pods[index];
  const candidate = candidates[index];
  if (!pod) return 0;
  const bits = [
    pod.deleting,
    pod.foreground,
    pod.running,
    pod.phase === 'Failed',
    pod.status === 'running',
    pod.object === 'there',
    candidate?.mayHaveCreated,
    candidate?.state.lock !== undefined,
    candidate?.progress.lock !== undefined,
    candidate?.progress.pods !== undefined,
    candidate?.progress.created !== undefined,
    lock && holderOf(lock)?.uid === pod.uid,
  ];
  const number = bits.reduce((sum, bit) => sum * 2 + (bit ? 1 : 0), 0);
  const roles = ['idle', 'competes', 'leads', 'gives up the lock', 'withdraws'];
  const commands = ['attempt', 'inspect', 'reclaim', 'wait'];
  const role = roles.indexOf(candidate?.role ?? '');
  const command = commands.indexOf(candidate?.state.command.do ?? '');
  const counts = (candidate?.told.length ?? 0) * 4 + (candidate?.state.predecessors.length ?? 0);
  return ((number * 8 + role) * 8 + command) * 16 + counts;
}
