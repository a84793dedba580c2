import { describe, expect, test } from 'vitest';

import { type Bar, barAt } from '../../lib/protocol/bar.ts';
import { start as startLease } from '../../lib/protocol/lease/state.ts';
import { step as stepLease } from '../../lib/protocol/lease/step.ts';
import { start as startLife } from '../../lib/protocol/life/state.ts';
import { step as stepLife } from '../../lib/protocol/life/step.ts';
import { aLock, aPod, inspected, ME, SETTINGS } from './fixtures.ts';
import * as lease from './lease/fixtures.ts';
import {
  attempting,
  gone,
  looked,
  NOW,
  reclaimed,
  timeUp,
  waiting,
  when,
} from './life/fixtures.ts';

const unhealthy: Bar = { because: 'unhealthy', untilMs: Number.POSITIVE_INFINITY };
const asideUntil = (untilMs: number): Bar => ({ because: 'stepped-down', untilMs });
const unbarred = { type: 'unbarred' } as const;

test('a bar holds until its time, and not at it', () => {
  const bar = asideUntil(2_000);
  expect(barAt({ nowMs: 1_999, bar })).toBe(bar);
  expect([barAt({ nowMs: 2_000, bar }), barAt({ nowMs: 0 })]).toEqual([undefined, undefined]);
});

describe('an elector that is barred', () => {
  const begun = startLease(lease.SETTINGS, lease.at(0));
  const barred = (bar: Bar, version = lease.free) =>
    stepLease(begun, lease.got(version), lease.at(0, { bar }));

  test.for([
    ['a free Lease', () => barred(unhealthy)],
    [
      'a Lease that does not exist',
      () => stepLease(begun, lease.got(), lease.at(0, { bar: unhealthy })),
    ],
    ['a Lease under its own name', () => barred(unhealthy, lease.MINE)],
  ] as const)('does not take %s, but reads it again', ([, come]) => {
    const state = come();
    expect(state.command).toEqual({ do: 'wait', untilMs: 2_000, bar: 'unhealthy' });
    expect(stepLease(state, lease.timeUp, lease.at(2_000, { bar: unhealthy })).command).toEqual({
      do: 'get',
    });
  });

  test('takes it when the bar has ended, without another read', () => {
    const state = barred(asideUntil(1_500));
    expect(state.command).toEqual({ do: 'wait', untilMs: 1_500, bar: 'stepped-down' });
    const bar = asideUntil(1_500);
    expect(stepLease(state, lease.timeUp, lease.at(1_500, { bar })).command.do).toBe('update');
  });

  test('takes it when it is told that the bar has ended', () => {
    expect(stepLease(barred(unhealthy), unbarred, lease.at(700)).command.do).toBe('update');
  });

  test('stays barred when its watch shows that the Lease is released', () => {
    const released = lease.seen(lease.aVersion('10', { holderIdentity: '' }));
    const moment = lease.at(60_000, { bar: unhealthy });
    const state = stepLease(barred(unhealthy, lease.other), released, moment);
    expect(state.command).toMatchObject({ bar: 'unhealthy' });
  });

  test('waits for a holder as ever, and is not woken by the end of the bar', () => {
    const held = barred(unhealthy, lease.other);
    expect(held).toEqual(stepLease(begun, lease.got(lease.other), lease.at(0)));
    expect(stepLease(held, unbarred, lease.at(700))).toBe(held);
  });
});

describe('a candidate that is barred', () => {
  const barred = { ...when, bar: unhealthy };
  const free = () => ({
    ...waiting({ lock: undefined, next: 'attempt' }, NOW),
    obstacle: 'none' as const,
  });

  test('looks first', () => {
    expect(startLife(SETTINGS, ME.uid, [], true).command).toEqual({ do: 'inspect', search: false });
    const unknown = startLife(SETTINGS, undefined, [], true);
    const known = stepLife(unknown, { type: 'identified', self: aPod(ME) }, barred);
    expect(known).toMatchObject({ command: { do: 'inspect' }, podUid: ME.uid });
  });

  test.for([
    ['time is up', () => stepLife(free(), timeUp, barred)],
    [
      'it has deleted the old one',
      () =>
        stepLife({ ...waiting(), command: { do: 'reclaim', lock: aLock() } }, reclaimed, barred),
    ],
  ] as const)('looks when %s, and creates no lock', ([, come]) =>
    expect(come().command.do).toBe('inspect'),
  );

  test.for([
    [true, 18 * 60_000],
    [false, 900],
  ] as const)('looks again when it finds none; watched: %s', ([watched, laterMs]) => {
    const state = startLife(SETTINGS, ME.uid, [], true);
    const looked = stepLife(state, inspected({ lock: undefined, watched }), barred);
    expect(looked).toMatchObject({ obstacle: 'unhealthy', next: 'inspect' });
    expect(looked.command).toEqual({ do: 'wait', untilMs: NOW + laterMs });
    expect(stepLife(looked, timeUp, barred).command.do).toBe('inspect');
  });

  test('creates the lock when the bar has ended', () => {
    const begun = startLife(SETTINGS, ME.uid, [], true);
    const moment = { ...when, bar: asideUntil(NOW + 500) };
    const state = stepLife(begun, inspected({ lock: undefined }), moment);
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 500 });
    expect(stepLife(state, timeUp, { ...when, nowMs: NOW + 500 }).command).toEqual(attempting);
    expect(stepLife(state, unbarred, when).command).toEqual(attempting);
  });

  test('waits for a holder as ever, and is not woken by the end of the bar', () => {
    const held = looked(waiting());
    expect(stepLife(held, unbarred, when)).toBe(held);
    expect(stepLife(held, gone(), barred)).toEqual(stepLife(held, gone(), when));
  });
});
