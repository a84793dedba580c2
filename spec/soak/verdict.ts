import { type Course, type End, type Lap, WARM_UP } from './course.ts';
import { type Trend, trendOf } from './trend.ts';
import { isWithin } from './vitals.ts';

/**
 * Bytes per handover that are no leak. The least that can leak from one is a UID with its place in a
 * set, 80 bytes and more.
 */
const NO_LEAK_BYTES = 64;

/**
 * What the engine learns of code goes on growing, the slower the longer it runs: by so many bytes in
 * all, once it has settled. Over thousands of handovers that is nothing; over one thousand it hides
 * a leak of less than 300 bytes each, unless that is of objects.
 */
const LEARNT_BYTES = 192 * 1024;

/** Of a leak one object each, or a hundred every thousandth time. There is hardly any noise in it. */
const NO_LEAK_OBJECTS = 0.05;

/** With an interval that is wider than this, in bytes or objects per handover, nothing has been shown. */
const UNTOLD = { heap: 256, external: 256, objects: 0.5 } as const;

/** The part of the laps after which the engine has settled, beyond the warm-up that all share. */
const SETTLED = 0.25;

export type Measure = keyof typeof UNTOLD;

/** What has to be so of a course in which there were to be so many handovers; each throws if it is not. */
export function checksOf(goal: number, course: Course): Readonly<Record<string, () => void>> {
  const { warm, laps, end } = course;
  const ending = {
    'the process goes on to the end, and then ends by itself': () => checkExit(goal, course),
  };
  if (!warm || !end) return ending;
  return {
    ...ending,
    'objects become no more': () => checkFlat(laps, 'objects'),
    'heap memory is flat': () => checkFlat(laps, 'heap'),
    'external memory is flat': () => checkFlat(laps, 'external'),
    'sockets, timers and other handles become no more': () => checkResources(laps, warm),
    'open files become no more': () => checkFiles(laps, warm),
    'no listener stays behind': () => checkListeners(laps),
    'nothing is left at the end': () => checkEnd(end),
    'no warnings': () => checkNone('warnings', end.warnings),
    'no unhandled rejections': () => checkNone('unhandled rejections', end.rejections),
  };
}

function checkExit(goal: number, { laps, end, exit }: Course): void {
  if (exit !== 'code 0') throw new Error(`it ended: ${exit}`);
  if (!end) throw new Error('it ended before it was done');
  const { handovers = 0 } = laps.at(-1) ?? {};
  const counted = handovers - WARM_UP;
  if (counted < goal) throw new Error(`there were only ${counted} handovers`);
}

export function trend(laps: readonly Lap[], measure: Measure): Trend {
  return trendOf(
    settled(laps).map(({ handovers, vitals }) => ({ x: handovers, y: vitals[measure] })),
  );
}

function settled(laps: readonly Lap[]): readonly Lap[] {
  return laps.slice(Math.ceil(laps.length * SETTLED));
}

/** Throws unless what is kept of each handover is next to nothing. */
function checkFlat(laps: readonly Lap[], measure: Measure): void {
  const { low, high } = trend(laps, measure);
  const digits = measure === 'objects' ? 2 : 0;
  const unit = measure === 'objects' ? 'objects' : `bytes of ${measure} memory`;
  const what = `${low.toFixed(digits)} to ${high.toFixed(digits)} ${unit} are kept of each handover`;
  if (low > noLeak(laps, measure)) throw new Error(what);
  if (high - low > UNTOLD[measure]) throw new Error(`${what}, or not; to tell, take more`);
}

function noLeak(laps: readonly Lap[], measure: Measure): number {
  if (measure === 'objects') return NO_LEAK_OBJECTS;
  const [first, last] = [settled(laps)[0], laps.at(-1)];
  const handovers = (last?.handovers ?? 0) - (first?.handovers ?? 0);
  return NO_LEAK_BYTES + LEARNT_BYTES / handovers;
}

/** Throws if anything that keeps a process alive has become more since the warm-up. */
function checkResources(laps: readonly Lap[], warm: Lap): void {
  for (const { handovers, vitals } of laps) {
    if (isWithin(vitals.resources, warm.vitals.resources)) continue;
    throw new Error(
      `after ${handovers} handovers there is ${list(vitals.resources)}, ` +
        `and there was ${list(warm.vitals.resources)} in the beginning`,
    );
  }
}

/** A socket that keeps no process alive is open all the same. */
function checkFiles(laps: readonly Lap[], warm: Lap): void {
  const most = Math.max(...laps.map(({ vitals }) => vitals.files));
  const { files } = warm.vitals;
  if (most > files)
    throw new Error(`${most} files are open, and there were ${files} in the beginning`);
}

function checkListeners(laps: readonly Lap[]): void {
  const most = Math.max(...laps.map(({ vitals }) => vitals.listeners));
  if (most > 0) throw new Error(`the signal of all calls has ${most} listeners between them`);
}

function checkEnd({ resources, listeners }: End): void {
  if (Object.keys(resources).length > 0) throw new Error(`there is still ${list(resources)}`);
  if (listeners > 0) throw new Error(`the signal of all calls still has ${listeners} listeners`);
}

function checkNone(what: string, found: readonly string[]): void {
  if (found.length > 0)
    throw new Error(`${found.length} ${what}:\n${found.slice(0, 5).join('\n')}`);
}

function list(resources: Readonly<Record<string, number>> = {}): string {
  const parts = Object.entries(resources).map(([kind, count]) => `${count} ${kind}`);
  return parts.join(', ') || 'nothing';
}
