/**
 * Life mode as a state space: the shipped `step`, with what a campaign does around it, a lock, Pods, a garbage
 * collector, a network and watches. `docs/exploration.md` says what is modelled.
 */
import { type Lock, holderOf } from '../../lib/protocol/model.ts';
import type { Lane } from '../simulate/story.ts';
import { laneOf, letter, sightsOf, spend, withOptional } from './bounds.ts';
import { type Campaigning, newCandidate } from './campaign-model.ts';
import { CandidateMoves } from './candidate-moves.ts';
import type { Broken, Model, Move } from './explorer.ts';
import { keyOf } from './life-key.ts';
import {
  type Left,
  type LifeWorld,
  carryOut,
  end,
  leads,
  lockWords,
  podAt,
  rewrite,
} from './life-world.ts';
import { type ModelPod, type PodChange, newPod, podChanges, successorOf } from './pods.ts';

export class LifeModel implements Model<LifeWorld> {
  readonly first: LifeWorld;
  readonly #campaigning: Campaigning;

  constructor(pods: number, left: Left, campaigning: Campaigning, yields = false) {
    this.#campaigning = campaigning;
    const born = Array.from({ length: pods }, (_, index) => newPod(index));
    const all = left.reborn > 0 ? [...born, successorOf(born)] : born;
    this.first = {
      pods: all,
      candidates: all.map((pod, index) =>
        pod.object === 'there'
          ? newCandidate(pod, index, undefined, yields && index > 0)
          : undefined,
      ),
      lock: undefined,
      ended: [],
      late: [],
      version: 0,
      calls: all.length,
      terms: 0,
      left,
    };
  }

  moves(world: LifeWorld): Move<LifeWorld>[] {
    const moves: Move<LifeWorld>[] = [];
    for (const index of world.pods.keys()) {
      new CandidateMoves(world, index, this.#campaigning, moves).all();
      podMoves(world, index, moves);
    }
    worldMoves(world, this.#campaigning, moves);
    return withOptional(world, moves);
  }

  /**
   * Somebody leads, or nobody is left that wants to, or a Pod that runs has left its lock behind: that is a
   * documented limit.
   */
  isSettled(world: LifeWorld): boolean {
    const running = [...world.pods.keys()].filter((index) => podAt(world, index).running);
    return (
      running.some((index) => leads(world, index)) ||
      running.every((index) => world.candidates[index]?.role !== 'competes') ||
      running.some((index) => isLeftBehind(world, index))
    );
  }

  key(world: LifeWorld): string {
    return keyOf(world);
  }

  broken(world: LifeWorld): Broken | undefined {
    const barred = world.candidates.find((candidate) => candidate?.brokenBar);
    if (barred) return barred.brokenBar;
    const leading = [...world.pods.keys()].filter((index) => leads(world, index));
    for (const index of leading) {
      const other = leading.find((each) => each !== index && !isExcused(world, each, index));
      if (other !== undefined && !isExcused(world, index, other)) {
        const names = [index, other].sort().map(letter).join(' and ');
        return { promise: 'LIFE-1', text: `${names} both lead` };
      }
      const held = world.candidates[index]?.giving?.lock;
      const { foreground, uid } = podAt(world, index);
      if (
        !foreground &&
        (world.lock?.uid !== held?.uid || (world.lock && holderOf(world.lock)?.uid !== uid))
      ) {
        return { promise: 'LIFE-2', text: `${letter(index)} leads without its lock` };
      }
    }
    return undefined;
  }

  lanes(world: LifeWorld): Lane[] {
    return world.candidates.map((candidate, index) =>
      laneOf(candidate !== undefined && candidate.role !== 'idle', leads(world, index)),
    );
  }

  stored({ lock }: LifeWorld): string {
    return lockWords(lock);
  }

  sights({ lock, late, ended, terms, pods, candidates }: LifeWorld): string[] {
    return sightsOf({
      'a candidate is unhealthy': candidates.some((each) => each?.isUnhealthy === true),
      'a candidate stands aside': candidates.some((each) => each?.asideUntilMs !== undefined),
      'a candidate yields': candidates.some((each) => each?.state.yieldsUntilMs !== undefined),
      'somebody leads': candidates.some((each) => each?.role === 'leads'),
      'a second term has begun': terms > 1,
      'two locks have ended': ended.length > 1,
      'a write is on its way whose sender gave it up': late.length > 0,
      'the lock is marked as released': lock?.released === true,
      'the lock notes predecessors': lock?.predecessors !== undefined,
      'a Pod runs that is deleted in the foreground': pods.some(
        ({ foreground, running }) => foreground && running,
      ),
    });
  }
}

/**
 * The documented limit: the lock of `old` has ended because its Pod is deleted in the foreground, before
 * the process of `young` was ever told that this Pod held a lock.
 */
function isExcused(world: LifeWorld, old: number, young: number): boolean {
  const { foreground, uid } = podAt(world, old);
  return foreground && !world.candidates[young]?.told.includes(uid);
}

function isLeftBehind({ lock, pods, candidates }: LifeWorld, index: number): boolean {
  const isHolder = lock !== undefined && holderOf(lock)?.uid === podAt({ pods }, index).uid;
  return isHolder && candidates[index]?.role === 'idle';
}

const BOUND: Readonly<Partial<Record<PodChange, keyof Left>>> = {
  deleted: 'deletions',
  'deleted in the foreground': 'foregrounds',
  evicted: 'evictions',
};

function podMoves(world: LifeWorld, index: number, moves: Move<LifeWorld>[]): void {
  for (const [pod, what] of podChanges(podAt(world, index))) {
    const bound = BOUND[what];
    const spent = bound ? spend(world, bound) : world;
    if (!spent) continue;
    const pods = spent.pods.with(index, pod);
    const candidates = pod.running ? spent.candidates : spent.candidates.with(index, undefined);
    const to = { ...spent, pods, candidates };
    moves.push({ to, place: 'world', say: () => `${pod.name}: ${what}` });
  }
}

type Add = (to: LifeWorld, say: () => string, more?: Partial<Move<LifeWorld>>) => void;

/** A Pod comes back under the name of the first one, once that is gone. */
function rebirth(world: LifeWorld, add: Add): void {
  const index = world.pods.findIndex(({ object }) => object === 'unborn');
  const isFree = index > 0 && podAt(world, 0).object === 'gone';
  const born = isFree ? spend(world, 'reborn') : undefined;
  if (!born) return;
  const pod: ModelPod = { ...podAt(world, index), object: 'there', running: true };
  const candidates = born.candidates.with(index, newCandidate(pod, index));
  const to = { ...born, pods: born.pods.with(index, pod), candidates };
  add(to, () => `${pod.name} comes back, with another UID`);
}

function finalizerMoves(world: LifeWorld, lock: Lock, add: Add): void {
  if (lock.finalizers.length > 0) {
    const bare: Lock = { ...lock, finalizers: [] };
    const to = lock.deleting ? end({ ...world, lock: bare }) : rewrite(world, bare);
    add(to, () => 'the finalizer is removed from the lock');
    return;
  }
  const held = spend(world, 'finalizers');
  if (held) {
    const to = rewrite(held, { ...lock, finalizers: ['example.com/held'] });
    add(to, () => 'somebody puts a finalizer on the lock');
  }
}

function worldMoves(world: LifeWorld, campaigning: Campaigning, moves: Move<LifeWorld>[]): void {
  const add: Add = (to, say, more) => moves.push({ to, place: 'world', say, ...more });
  const { lock, late } = world;
  for (const [at, write] of late.entries()) {
    const without = { ...world, late: late.toSpliced(at, 1) };
    const { to, lock: done, broken } = carryOut(without, write, campaigning);
    const what = `the ${write.do} by ${letter(write.by)}`;
    if (done) add(to, () => `${what} arrives late: done`, { broken });
    add(without, () => `${what} can no longer arrive`);
  }
  rebirth(world, add);
  if (!lock) return;
  finalizerMoves(world, lock, add);
  const owner = world.pods.findIndex(({ uid }) => uid === lock.owner?.uid);
  if (owner < 0) return;
  const pod = podAt(world, owner);
  if (pod.object === 'gone' || pod.foreground) {
    // It may stand still.
    const say = () => `the garbage collector deletes the lock of ${letter(owner)}`;
    add(end(world), say, { isOptional: true });
  }
  const orphaning = pod.deleting ? spend(world, 'orphans') : undefined;
  if (orphaning) {
    const { owner: _, ...orphan } = lock;
    const to = rewrite(orphaning, orphan);
    add(to, () => `the lock of ${letter(owner)} is orphaned`);
  }
}
