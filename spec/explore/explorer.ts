import type { Lane } from '../simulate/story.ts';
import { Progress } from './progress.ts';
import { Visited } from './visited.ts';

/** No promise, but what a broken one is told by: there is no way on to a leader. */
export const PROGRESS = 'PROGRESS';

/** Where a move is told: in the column of a candidate, of the world or of the lock. */
export type Place = number | 'world' | 'cluster';

/** A promise of `docs/safety.md`, and how it was broken. */
export interface Broken {
  readonly promise: string;
  readonly text: string;
}

/** One thing that may happen next. */
export interface Move<S> {
  readonly to: S;
  readonly place: Place;
  /** What it is, for people. Called only for a violation. */
  readonly say: () => string;
  /** What the move itself breaks, if anything. */
  readonly broken?: Broken | undefined;
  /** It may never happen: it is a fault, or luck. Nothing may need it in order to go on. */
  readonly isOptional?: boolean;
}

/** A state space. States are values: a move makes a new one. */
export interface Model<S> {
  readonly first: S;
  /** All that may happen next, always in the same order. */
  moves(state: S): readonly Move<S>[];
  /** Equal for states that have the same futures. */
  key(state: S): string;
  /** What is broken in this state, if anything. */
  broken(state: S): Broken | undefined;
  /** Whether what is wanted has come. From every state there has to be a way to such a one. */
  isSettled?(state: S): boolean;
  /** What is noteworthy about a state: the search counts how many states are like that. */
  sights(state: S): readonly string[];
  /** What each candidate is, for people. */
  lanes(state: S): readonly Lane[];
  /** What is stored, for people. */
  stored(state: S): string;
}

export interface Violation<S> extends Broken {
  /** From the first state on, the last one is where it is broken. */
  readonly moves: readonly Move<S>[];
}

export interface Exploration<S> {
  readonly states: number;
  readonly moves: number;
  /** The most moves that it takes to reach a state. */
  readonly depth: number;
  /** Whether all states were seen, and not only as many as were allowed. */
  readonly complete: boolean;
  readonly sights: ReadonlyMap<string, number>;
  readonly violation: Violation<S> | undefined;
}

/** Searches breadth first, so a violation is told by as few moves as it takes; ends with the first one. */
export function explore<S>(model: Model<S>, maxStates: number): Exploration<S> {
  const visited = new Visited();
  const sights = new Map<string, number>();
  const progress = model.isSettled ? new Progress() : undefined;
  visited.add(model.key(model.first), 0, 0);
  let layer: { readonly id: number; readonly state: S }[] = [{ id: 0, state: model.first }];
  let moves = 0;
  let depth = 0;
  const result = (violation: Violation<S> | undefined, complete: boolean) => ({
    states: visited.size,
    moves,
    depth,
    complete,
    sights,
    violation,
  });
  while (layer.length > 0) {
    const next: typeof layer = [];
    for (const { id, state } of layer) {
      for (const sight of model.sights(state)) sights.set(sight, (sights.get(sight) ?? 0) + 1);
      if (model.isSettled?.(state)) progress?.settled(id);
      for (const [index, { to, broken, isOptional }] of model.moves(state).entries()) {
        moves += 1;
        const found = broken ?? model.broken(to);
        if (found) {
          const path = [...visited.path(id), index];
          return result({ ...found, moves: replay(model, path) }, false);
        }
        const [added, isNew] = visited.add(model.key(to), id, index);
        if (isNew) next.push({ id: added, state: to });
        if (!isOptional) progress?.leads(id, added);
      }
      if (visited.size >= maxStates) return result(undefined, false);
    }
    if (next.length > 0) depth += 1;
    layer = next;
  }
  const stuck = progress?.stuck(visited.size);
  if (stuck === undefined) return result(undefined, true);
  const text = 'nobody leads, and nobody will unless something helps that may never happen';
  return result({ promise: PROGRESS, text, moves: replay(model, visited.path(stuck)) }, false);
}

function replay<S>(model: Model<S>, path: readonly number[]): Move<S>[] {
  let state = model.first;
  return path.map((index) => {
    const move = model.moves(state)[index];
    if (!move) throw new Error('the moves of a state are not always the same');
    state = move.to;
    return move;
  });
}
