import type { End, Lap } from './course.ts';
import { type Trend, trendOf } from './trend.ts';
import { isWithin } from './vitals.ts';

/**
 * Bytes per handover that are no leak. The least that can leak from one is an object with a closure
 * or two and its place in a set, 100 bytes and more; what engines keep of code that they learn to run
 * faster is less than this, spread over a thousand handovers.
 */
const NO_LEAK_BYTES = 64;

/** With an interval that is wider than this, in bytes per handover, nothing has been shown. */
const UNTOLD_BYTES = 1024;

/** The part of the laps after which the engine has settled, beyond the warm-up that all share. */
const SETTLED = 0.25;

type Measure = 'heap' | 'external';

export function trend(laps: readonly Lap[], measure: Measure): Trend {
  const settled = laps.slice(Math.ceil(laps.length * SETTLED));
  return trendOf(settled.map(({ handovers, vitals }) => ({ x: handovers, y: vitals[measure] })));
}

/** Throws unless what is kept of each handover is next to nothing. */
export function checkFlat(laps: readonly Lap[], measure: Measure): void {
  const { low, high } = trend(laps, measure);
  const between = `between ${low.toFixed(0)} and ${high.toFixed(0)} bytes per handover`;
  if (low > NO_LEAK_BYTES) throw new Error(`the ${measure} memory grows by ${between}`);
  if (high - low > UNTOLD_BYTES) {
    throw new Error(`whether the ${measure} memory grows cannot be told (${between}): take more`);
  }
}

/** Throws if anything that keeps a process alive has become more since the warm-up. */
export function checkResources(laps: readonly Lap[], warm: Lap): void {
  for (const { handovers, vitals } of laps) {
    if (isWithin(vitals.resources, warm.vitals.resources)) continue;
    throw new Error(
      `after ${handovers} handovers there is ${list(vitals.resources)}, ` +
        `and there was ${list(warm.vitals.resources)} in the beginning`,
    );
  }
}

export function checkListeners(laps: readonly Lap[]): void {
  const most = Math.max(...laps.map(({ vitals }) => vitals.listeners));
  if (most > 0) throw new Error(`the signal of all calls has ${most} listeners between them`);
}

export function checkEnd({ resources, listeners }: End): void {
  if (Object.keys(resources).length > 0) throw new Error(`there is still ${list(resources)}`);
  if (listeners > 0) throw new Error(`the signal of all calls still has ${listeners} listeners`);
}

export function checkNone(what: string, found: readonly string[]): void {
  if (found.length > 0)
    throw new Error(`${found.length} ${what}:\n${found.slice(0, 5).join('\n')}`);
}

function list(resources: Readonly<Record<string, number>> = {}): string {
  const parts = Object.entries(resources).map(([kind, count]) => `${count} ${kind}`);
  return parts.join(', ') || 'nothing';
}
