/** What surrounds the candidates of life mode: Pods, a lock, and an API server that carries out writes. */
import { type Lock, holderOf } from '../../lib/protocol/model.ts';
import type { Campaigning, Candidate, LateWrite } from './campaign-model.ts';
import { letter } from './bounds.ts';
import type { Broken } from './explorer.ts';
import type { ModelPod } from './pods.ts';

/** How often something may happen, in all. */
export const NOTHING = {
  /** Pods that are told to go: in the background, in the foreground, or evicted. */
  deletions: 0,
  foregrounds: 0,
  evictions: 0,
  /** Pods deleted with `--cascade=orphan`: the lock loses its owner. */
  orphans: 0,
  /** Leaders that release their lock. */
  releases: 0,
  /** Calls of `become` that are aborted. */
  aborts: 0,
  /** Calls of `become` after the first one of each Pod. */
  calls: 0,
  /** Containers that end, and begin again in the same Pod. */
  restarts: 0,
  /** Writes without an answer, which may be carried out later. */
  lost: 0,
  /** Writes that the network carries out twice. */
  doubled: 0,
  /** Reads of Pods that something else answers. */
  foreign: 0,
  /** Pods that come back under the name of one that is gone, as a StatefulSet's do. */
  reborn: 0,
  /** Finalizers that somebody puts on the lock. */
  finalizers: 0,
  /** Leaders that step down: they release, and stand aside. */
  stepDowns: 0,
  /** Candidates whose health check fails, until it passes again. */
  illnesses: 0,
  /** Events of the watches that a candidate is told of. */
  hints: 0,
};

export type Left = Readonly<typeof NOTHING>;

/** Ended locks of which watches may still tell. */
const REMEMBERED = 2;

/** Writes that may be on their way at a time. */
export const MAX_LATE = 2;

export interface LifeWorld {
  readonly pods: readonly ModelPod[];
  /** By Pod; undefined while no process of it competes. */
  readonly candidates: readonly (Candidate | undefined)[];
  readonly lock: Lock | undefined;
  /** The last states of locks that have ended, as watches tell them. */
  readonly ended: readonly Lock[];
  readonly late: readonly LateWrite[];
  readonly version: number;
  readonly calls: number;
  readonly terms: number;
  readonly left: Left;
}

export function podAt(world: Pick<LifeWorld, 'pods'>, index: number): ModelPod {
  const pod = world.pods[index];
  if (!pod) throw new Error(`there is no Pod ${index}`);
  return pod;
}

export function leads(world: LifeWorld, index: number): boolean {
  return world.candidates[index]?.role === 'leads' && podAt(world, index).running;
}

export function change(
  world: LifeWorld,
  index: number,
  candidate: Candidate | undefined,
): LifeWorld {
  const begins = candidate?.role === 'leads' && world.candidates[index]?.role !== 'leads';
  const { command } = candidate?.state ?? { command: undefined };
  const led =
    begins && command?.do === 'lead'
      ? { ...candidate, giving: { do: 'read' as const, lock: command.lock } }
      : candidate;
  const terms = world.terms + (begins ? 1 : 0);
  return { ...world, candidates: world.candidates.with(index, led), terms };
}

export interface Carried {
  readonly to: LifeWorld;
  /** The lock as it is now; undefined if the request was refused. */
  readonly lock: Lock | undefined;
  readonly broken?: Broken | undefined;
}

/** What the API server does about a write. */
export function carryOut(
  world: LifeWorld,
  write: LateWrite,
  { isConditional }: Campaigning,
): Carried {
  const { lock } = world;
  const version = world.version + 1;
  if (write.do === 'create') {
    if (lock) return { to: world, lock: undefined };
    const made = { ...write.lock, uid: `lock-${version}`, resourceVersion: String(version) };
    const candidates = world.candidates.map((each) => each && untold(each, made));
    return { to: { ...world, candidates, lock: made, version }, lock: made };
  }
  const isSame =
    lock?.uid === write.lock.uid && lock.resourceVersion === write.lock.resourceVersion;
  if (!lock || (isConditional && !isSame)) return { to: world, lock: undefined };
  if (write.do === 'mark') {
    const marked = { ...lock, released: true, resourceVersion: String(version) };
    return { to: { ...world, lock: marked, version }, lock: marked };
  }
  return { to: end(world), lock, broken: brokenByDelete(world, write.by, lock) };
}

/** That a Pod has held an earlier lock tells nobody that it holds this one. */
function untold(candidate: Candidate, lock: Lock): Candidate {
  const { told } = candidate;
  const uid = holderOf(lock)?.uid ?? '';
  if (!told.includes(uid)) return candidate;
  return { ...candidate, told: told.filter((each) => each !== uid) };
}

/** A candidate deletes the lock of another only if that one is over, or has released it. */
function brokenByDelete(world: LifeWorld, by: number, lock: Lock): Broken | undefined {
  const holder = world.pods.findIndex(({ uid }) => uid === holderOf(lock)?.uid);
  if (holder < 0 || holder === by || lock.released || !podAt(world, holder).running)
    return undefined;
  const text = `${letter(by)} deletes the lock of ${letter(holder)}, whose Pod still runs`;
  return { promise: 'LIFE-4', text };
}

/** The lock is stored anew, as another version. */
export function rewrite(world: LifeWorld, lock: Lock): LifeWorld {
  const version = world.version + 1;
  return { ...world, lock: { ...lock, resourceVersion: String(version) }, version };
}

/** The lock is deleted; a finalizer keeps it. */
export function end(world: LifeWorld): LifeWorld {
  const { lock, ended } = world;
  if (!lock) return world;
  if (lock.finalizers.length > 0) return rewrite(world, { ...lock, deleting: true });
  return { ...world, lock: undefined, ended: [...ended, lock].slice(-REMEMBERED) };
}

export function writeWords({ do: what, lock }: LateWrite): string {
  if (what === 'create') {
    const after = lock.predecessors ?? [];
    return after.length > 0
      ? `create, after ${after.map(({ name }) => name.slice(-1)).join(', ')}`
      : 'create';
  }
  return `${what} @${lock.resourceVersion} of ${holderWords(lock)}`;
}

export function holderWords(lock: Lock): string {
  return holderOf(lock)?.name.slice(-1) ?? 'nobody';
}

export function lockWords(lock: Lock | undefined): string {
  if (!lock) return 'no lock';
  const after = lock.predecessors?.map(({ name }) => name.slice(-1)).join(', ');
  const words = [`${holderWords(lock)} @${lock.resourceVersion}`];
  if (lock.released) words.push('released');
  if (lock.deleting) words.push('deleting');
  if (after) words.push(`after ${after}`);
  return words.join(', ');
}

export function podWords(pods: readonly ModelPod[], uid: string): string {
  const pod = pods.find((each) => each.uid === uid);
  if (pod?.object !== 'there') return 'absent';
  const { phase, deleting, status } = pod;
  return [phase, ...(deleting ? ['deleting'] : []), ...(phase === 'Failed' ? [status] : [])].join(
    ' ',
  );
}
