import { describe, expect, it } from 'vitest';

import { type Course, type End, LAPS, type Lap, WARM_UP } from './course.ts';
import { checksOf } from './verdict.ts';
import type { Vitals } from './vitals.ts';

/** What is kept of each handover. */
interface Kept {
  readonly heap?: number;
  readonly external?: number;
  readonly objects?: number;
}

const still: Vitals = {
  heap: 40e6,
  external: 20e6,
  objects: 90_000,
  files: 25,
  resources: { TCPSocketWrap: 1, Timeout: 3 },
  listeners: 0,
};

const clean: End = { resources: {}, listeners: 0, warnings: [], rejections: [] };

function lap(handovers: number, vitals: Partial<Vitals> = {}): Lap {
  return { handovers, terms: 0, givenUp: 0, seen: 0, vitals: { ...still, ...vitals } };
}

/** A course of so many handovers, as noisy as real ones, of which this is kept. */
function course(handovers: number, kept: Kept = {}, noise = 1): Course {
  const laps = Array.from({ length: LAPS }, (_, index) => {
    const done = (handovers * (index + 1)) / LAPS;
    const wave = noise * Math.sin(index * 2.4);
    return lap(WARM_UP + done, {
      heap: still.heap + 4_000 * wave + done * (kept.heap ?? 0),
      external: still.external + 100 * wave + done * (kept.external ?? 0),
      objects: still.objects + Math.round(2 * wave + done * (kept.objects ?? 0)),
    });
  });
  return { warm: lap(WARM_UP), laps, end: clean, exit: 'code 0' };
}

/** With these vitals in its last lap. */
function ending(vitals: Partial<Vitals>): Course {
  const given = course(1_000);
  return { ...given, laps: [...given.laps.slice(0, -1), lap(WARM_UP + 1_000, vitals)] };
}

/** The checks that fail, and what they say. */
function failed(given: Course, goal = 1_000): Record<string, string> {
  const failures: Record<string, string> = {};
  for (const [name, check] of Object.entries(checksOf(goal, given))) {
    try {
      check();
    } catch (error) {
      failures[name] = (error as Error).message;
    }
  }
  return failures;
}

const EXIT = 'the process goes on to the end, and then ends by itself';

describe('the verdict on a course', () => {
  it.each([1_000, 10_000])('of %i handovers passes where nothing is kept', (handovers) => {
    expect(failed(course(handovers), handovers)).toEqual({});
    expect(Object.keys(checksOf(handovers, course(handovers)))).toHaveLength(10);
  });

  it('lets what the engine learns pass', () => {
    // As measured, where not one object is left behind.
    expect(failed(course(1_000, { heap: 237 }))).toEqual({});
    expect(failed(course(10_000, { heap: 50 }), 10_000)).toEqual({});
  });

  it('lets pass that memory becomes less', () => {
    expect(failed(course(1_000, { heap: -500, external: -500, objects: -1 }))).toEqual({});
  });

  it.each([
    [1, 1_000],
    [0.1, 1_000],
    [0.1, 10_000],
  ])('finds %f objects kept of each of %i handovers', (objects, handovers) => {
    expect(failed(course(handovers, { objects }), handovers)).toEqual({
      'objects become no more': expect.stringMatching(/^\d\S+ to \d\S+ objects are kept of each/),
    });
  });

  it.each([
    [100, 10_000],
    [400, 1_000],
  ])('finds %i bytes kept of each of %i handovers', (bytes, handovers) => {
    expect(failed(course(handovers, { heap: bytes }), handovers)).toEqual({
      'heap memory is flat': expect.stringMatching(/^\d+ to \d+ bytes of heap memory are kept/),
    });
    expect(failed(course(handovers, { external: bytes }), handovers)).toEqual({
      'external memory is flat': expect.stringMatching(/^\d+ to \d+ bytes of external memory are/),
    });
  });

  it('does not call flat what is too uneven to tell', () => {
    expect(failed(course(1_000, {}, 1_000))).toEqual({
      'objects become no more': expect.stringContaining('to tell, take more'),
      'heap memory is flat': expect.stringContaining('to tell, take more'),
      'external memory is flat': expect.stringContaining('to tell, take more'),
    });
  });

  it('compares what is held with what was after the warm-up', () => {
    expect(failed(ending({ resources: { Timeout: 1 }, files: 3 }))).toEqual({});
    expect(failed(ending({ resources: { TCPSocketWrap: 2, Timeout: 3 } }))).toEqual({
      'sockets, timers and other handles become no more':
        'after 2200 handovers there is 2 TCPSocketWrap, 3 Timeout, ' +
        'and there was 1 TCPSocketWrap, 3 Timeout in the beginning',
    });
    expect(Object.keys(failed(ending({ resources: { Timeout: 4 } })))).toHaveLength(1);
    expect(Object.keys(failed(ending({ resources: { Immediate: 1 } })))).toHaveLength(1);
  });

  it('wants no open file more, whether it keeps the process alive or not', () => {
    expect(failed(ending({ files: 26 }))).toEqual({
      'open files become no more': '26 files are open, and there were 25 in the beginning',
    });
  });

  it('wants no listener between calls', () => {
    expect(failed(ending({ listeners: 2 }))).toEqual({
      'no listener stays behind': 'the signal of all calls has 2 listeners between them',
    });
  });

  it.each<[Partial<End>, string, string]>([
    [{ resources: { Timeout: 1 } }, 'nothing is left at the end', 'there is still 1 Timeout'],
    [{ listeners: 1 }, 'nothing is left at the end', 'still has 1 listeners'],
    [{ warnings: ['MaxListenersExceededWarning: 11'] }, 'no warnings', '1 warnings:\nMaxListeners'],
    [{ rejections: ['Error: x'] }, 'no unhandled rejections', '1 unhandled rejections:\nError: x'],
  ])('is not content with %j at the end', (end, name, message) => {
    const given = { ...course(1_000), end: { ...clean, ...end } };
    expect(failed(given)).toEqual({ [name]: expect.stringContaining(message) });
  });

  it('wants the process to go on to the end, and to end by itself', () => {
    const given = course(1_000);
    expect(failed({ ...given, exit: 'code 1' })).toEqual({ [EXIT]: 'it ended: code 1' });
    expect(failed({ ...given, exit: 'its exit did not come within 30000 ms' })).toEqual({
      [EXIT]: 'it ended: its exit did not come within 30000 ms',
    });
    expect(failed({ ...given, end: undefined })).toEqual({
      [EXIT]: 'it ended before it was done',
    });
    expect(failed({ ...given, warm: undefined, laps: [], end: undefined })).toEqual({
      [EXIT]: 'it ended before it was done',
    });
    // Those of the warm-up do not count.
    expect(failed({ ...given, laps: given.laps.slice(0, 10) })[EXIT]).toBe(
      'there were only 500 handovers',
    );
  });
});
