import { describe, expect, it } from 'vitest';

import { microTime } from '../../../lib/protocol/lease/record.ts';
import { type State, start } from '../../../lib/protocol/lease/state.ts';
import {
  SETTINGS,
  aVersion,
  after,
  at,
  conflict,
  got,
  stored,
  storedBy,
  timeUp,
} from './fixtures.ts';

const NOON_MS = Date.UTC(2026, 0, 1, 12);

describe('LEASE-2: the time of the first write by an elector that finds its own name', () => {
  /** How long after noon it is, for a record of that time and a wall clock that shows this. */
  function firstWrite(wallMs: number, { storedMs = 0, random = 0, changes = {} } = {}): number {
    const renewTime = microTime(NOON_MS + storedMs);
    const version = aVersion('7', { holderIdentity: 'me', renewTime, ...changes });
    const when = at(0, { dateMs: NOON_MS + wallMs, random });
    const { record } = storedBy(after(start(SETTINGS, when), when, got(version)), '8');
    return Date.parse(record.renewTime ?? '') - NOON_MS;
  }

  it.each<[string, number, Parameters<typeof firstWrite>[1], number]>([
    ['is no copy if its clock stands still: others could not see it', 0, {}, 1_990],
    ['is in another second, for client-go compares those', 900, { storedMs: 100 }, 2_090],
    ['is no copy of an earlier write by a clock that stood still', -60_000, {}, 1_990],
    ['may be any in a second, so that no namesake writes it too', 0, { random: 0.5 }, 1_495],
    ['may be the first in that second', 0, { random: 0.999 }, 1_001],
    ['is that of the clock, if it is later', 1_000, {}, 1_000],
    ['is that of the clock, if it is much later', 5_000, {}, 5_000],
    ['is that of the clock, if none was stored', 0, { changes: { renewTime: undefined } }, 0],
    ['is that of the clock, if nobody held the lock', 0, { changes: { holderIdentity: '' } }, 0],
  ])('%s', (_, wallMs, options, expected) => {
    expect(firstWrite(wallMs, options)).toBe(expected);
  });
});

describe('LEASE-2: the times of renewals', () => {
  /** Those of renewals every `everyMs`, since the first, while the wall clock shows `dateMs(nowMs)`. */
  function times(count: number, everyMs: number, dateMs: (nowMs: number) => number): number[] {
    const moment = (nowMs: number) => at(nowMs, { dateMs: dateMs(nowMs) });
    const found: number[] = [];
    let state: State = start({ ...SETTINGS, retryPeriodMs: everyMs }, moment(0));
    for (let nowMs = 0; found.length < count; nowMs += everyMs) {
      state = after(state, moment(nowMs), nowMs === 0 ? got() : timeUp);
      found.push(Date.parse(storedBy(state, '1').record.renewTime ?? ''));
      state = after(state, moment(nowMs), stored(String(found.length)));
    }
    return found.map((ms) => ms - (found[0] ?? 0));
  }
  const seconds = (all: number[]) => new Set(all.map((ms) => Math.floor(ms / 1_000))).size;
  const dates = [5_000_000, 5_002_000, 1_000_000, 1_002_000, 9_000_000];

  it.each<[string, number, (nowMs: number) => number, number[]]>([
    ['are those of the clock', 2_000, (ms) => ms, [0, 2_000, 4_000]],
    ['go on by a clock that stands still', 2_000, () => 0, [0, 2_000, 4_000, 6_000, 8_000]],
    [
      'go on by a clock that is set back',
      2_000,
      (ms) => ms - (ms < 4_000 ? 0 : 2_000),
      [0, 2_000, 4_000, 6_000, 8_000],
    ],
    ['follow a clock that is a little fast', 2_000, (ms) => 1.5 * ms, [0, 3_000, 6_000]],
    ['follow a clock that is a little slow', 2_000, (ms) => 0.5 * ms, [0, 1_000, 2_000]],
    ['follow a fast clock within a second', 10, (ms) => 1.5 * ms, [0, 15, 30]],
    ['differ within a second', 10, (ms) => ms, [0, 10, 20]],
    ['differ within a second by a clock that stands still', 10, () => 0, [0, 10, 20, 30]],
    [
      'differ when the clock comes to what was written ahead',
      10,
      (ms) => Math.max(ms - 10, 0),
      [0, 10, 20, 30],
    ],
    [
      'follow the clock back and forth',
      2_000,
      (ms) => dates[ms / 2_000] ?? 0,
      dates.map((ms) => ms - 5_000_000),
    ],
  ])('%s', (_, everyMs, wall, expected) => {
    expect(times(expected.length, everyMs, (ms) => 1_000_000 + wall(ms))).toEqual(expected);
  });

  it('are in other seconds after a second, which is all that client-go compares', () => {
    expect(seconds(times(20, 2_000, (ms) => 1_000_000 + ms / 10))).toBe(20);
    expect(seconds(times(2, 1_000, (ms) => 1_000_000 + (ms === 1_000 ? 999 : ms)))).toBe(2);
  });

  it('never fall back to those of a clock that stands still, not in the same moment either', () => {
    const still = (nowMs: number) => at(nowMs, { dateMs: NOON_MS });
    const first = after(start(SETTINGS, still(0)), still(0), got());
    const second = after(first, still(0), stored('1'), still(2_000), timeUp);
    const renewed = storedBy(second, '9');
    const third = after(
      second,
      still(2_000),
      stored('2'),
      still(4_000),
      timeUp,
      conflict,
      got(renewed),
    );
    const all = [first, second, third].map((state) => storedBy(state, '1').record.renewTime);
    expect(all).toEqual(all.toSorted());
    expect(new Set(all).size).toBe(3);
  });
});
