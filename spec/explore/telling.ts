import type { Moment } from '../simulate/story.ts';
import { table } from '../simulate/table.ts';
import type { Model, Violation } from './explorer.ts';

/** A violation as the simulator's timeline: each move is told a second after the one before it. */
export function tell<S>(model: Model<S>, violation: Violation<S>): string[] {
  const { moves, promise, text } = violation;
  let stored = model.stored(model.first);
  const moments = moves.flatMap(({ to, place, say }, index) => {
    const when = { atMs: index * 1_000, lanes: model.lanes(to) };
    const before = stored;
    stored = model.stored(to);
    const change: Moment[] =
      stored === before ? [] : [{ ...when, column: 'cluster', text: stored }];
    return [{ ...when, column: place, text: say() }, ...change];
  });
  const check = promise;
  const atMs = Math.max(moves.length - 1, 0) * 1_000;
  const slots = model.lanes(model.first);
  return table({ slots, moments, violations: [{ check, atMs, text: `${promise}: ${text}` }] });
}
