import type { Violation } from './check.ts';
import { play } from './play.ts';
import { type Mode, generate, seedOf } from './schedule.ts';

/** Some schedules of one seed: those of a number within bounds, in their modes' turns. */
export interface Batch {
  readonly seed: number;
  readonly modes: readonly Mode[];
  readonly from: number;
  readonly to: number;
}

/** A schedule in which something happened that must not. */
export interface Failing {
  readonly number: number;
  readonly mode: Mode;
  /** Plays it alone, as schedule 0. */
  readonly seed: number;
  readonly violations: readonly Violation[];
}

/** What a batch came to. */
export interface BatchResult {
  readonly schedules: number;
  readonly failing: readonly Failing[];
  /** By mode: how many schedules came by each state of the world. */
  readonly coverage: readonly (readonly [mode: Mode, what: string, schedules: number])[];
}

/** Which schedule has this number. */
function scheduleNumber(
  { seed, modes }: Pick<Batch, 'seed' | 'modes'>,
  number: number,
): { readonly mode: Mode; readonly seed: number } {
  const mode = modes[number % modes.length];
  if (!mode) throw new RangeError('no mode is given');
  return { mode, seed: seedOf(seed, mode, Math.floor(number / modes.length)) };
}

/** Plays them one after the other. Ends with the first violation, where that is wanted. */
export async function playBatch(batch: Batch, first: boolean): Promise<BatchResult> {
  const failing: Failing[] = [];
  const coverage = new Map<Mode, Map<string, number>>();
  let number = batch.from;
  while (number < batch.to && !(first && failing.length > 0)) {
    const { mode, seed } = scheduleNumber(batch, number);
    const { violations, figures } = await play(generate(mode, seed));
    if (violations.length > 0) failing.push({ number, mode, seed, violations });
    const counts = coverage.get(mode) ?? new Map<string, number>();
    coverage.set(mode, counts);
    counts.set('schedules', (counts.get('schedules') ?? 0) + 1);
    for (const [what] of figures) counts.set(what, (counts.get(what) ?? 0) + 1);
    number += 1;
  }
  const flat = [...coverage].flatMap(([mode, counts]) =>
    [...counts].map(([what, schedules]) => [mode, what, schedules] as const),
  );
  return { schedules: number - batch.from, failing, coverage: flat };
}
