import { describe, expect, it } from 'vitest';

import { type LockVersion, microTime } from '../../../lib/protocol/lease/record.ts';
import { start } from '../../../lib/protocol/lease/state.ts';
import { step } from '../../../lib/protocol/lease/step.ts';

const settings = {
  identity: 'me',
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

const NOON_MS = Date.UTC(2026, 0, 1, 12);

/** The time that whoever finds this first writes, when the wall clock shows that one. */
function firstWrite(
  holderIdentity: string,
  renewTime: string | undefined,
  dateMs: number,
  random = 0,
) {
  const version: LockVersion = {
    record: {
      holderIdentity,
      leaseDurationSeconds: holderIdentity === '' ? 1 : 15,
      acquireTime: renewTime,
      renewTime,
      leaseTransitions: 3,
    },
    resourceVersion: '7',
  };
  const when = { nowMs: 0, bootMs: 0, dateMs, random };
  const { command } = step(start(settings, when), { type: 'got', version }, when);
  return command.do === 'update' ? command.record.renewTime : command.do;
}

describe('the first write of whoever finds his own name on record', () => {
  it('is no copy of the last one, though his clock stands still: others could not see it', () => {
    const written = firstWrite('me', microTime(NOON_MS), NOON_MS);
    expect(written).toBe(microTime(NOON_MS + 1_990));
  });

  it('is told from the last one by client-go, too, which knows whole seconds', () => {
    const written = firstWrite('me', microTime(NOON_MS + 100), NOON_MS + 900);
    expect(written).toBe(microTime(NOON_MS + 2_090));
  });

  it('is no copy of an earlier one either, by a clock that stood still while others went on', () => {
    const written = firstWrite('me', microTime(NOON_MS), NOON_MS - 60_000);
    expect(written).toBe(microTime(NOON_MS + 1_990));
  });

  it('meets no time of a namesake that leads, but by chance: it may be any in a second', () => {
    const written = (random: number) => firstWrite('me', microTime(NOON_MS), NOON_MS, random);
    expect([0.5, 0.999].map(written)).toEqual([
      microTime(NOON_MS + 1_495),
      microTime(NOON_MS + 1_001),
    ]);
  });

  it.each([NOON_MS + 1_000, NOON_MS + 5_000])('has the time of the clock else: %i', (dateMs) => {
    expect(firstWrite('me', microTime(NOON_MS), dateMs)).toBe(microTime(dateMs));
  });

  it('has it where none was stored, or nobody held the lock', () => {
    expect(firstWrite('me', undefined, NOON_MS)).toBe(microTime(NOON_MS));
    expect(firstWrite('', microTime(NOON_MS), NOON_MS)).toBe(microTime(NOON_MS));
  });
});
