/** A candidate that is not preferred leaves a free lock to others for a moment, in both modes. */
import { describe, expect, it } from 'vitest';

import type { Event, State } from '../../lib/protocol/life/state.ts';
import { start as startLife } from '../../lib/protocol/life/state.ts';
import { step as stepLife } from '../../lib/protocol/life/step.ts';
import type { State as LeaseState } from '../../lib/protocol/lease/state.ts';
import { step as stepLease } from '../../lib/protocol/lease/step.ts';
import { ME, aLock, aPod, aState } from './fixtures.ts';
import { aFollower, aVersion, aWatcher, at, free, got, mine, seen } from './lease/fixtures.ts';
import { attempting, reclaimed, waiting } from './life/fixtures.ts';

const YIELD_MS = 2_000;
const timeUp = { type: 'time-up' } as const;
const until = (untilMs: number) => ({ do: 'wait', untilMs });

describe('in life mode', () => {
  const when = (nowMs: number, yieldMs?: number) => ({ nowMs, random: 0.5, yieldMs });
  const due = () => aState({ command: { do: 'wait', untilMs: 0 }, next: 'attempt' });
  const yielding = () => stepLife(due(), timeUp, when(0, YIELD_MS));

  it.each<[string, State, Event]>([
    ['is due to create the free lock', due(), timeUp],
    [
      'has freed the lock itself',
      aState({ command: { do: 'reclaim', lock: aLock() }, lock: aLock() }),
      reclaimed,
    ],
  ])('a candidate that %s waits', (_, state, event) => {
    const next = stepLife(state, event, when(0, YIELD_MS));
    expect(next).toMatchObject({ command: until(YIELD_MS), next: 'attempt' });
  });

  it('it does not wait if nobody is preferred, or if it is not known', () => {
    expect(stepLife(due(), timeUp, when(0, 0)).command).toEqual(attempting);
    expect(stepLife(due(), timeUp, when(0)).command).toEqual(attempting);
  });

  it('then it creates the lock, and is not asked again', () => {
    const over = stepLife(yielding(), timeUp, when(YIELD_MS, YIELD_MS));
    expect(over.command).toEqual(attempting);
  });

  it('a timer that fires too early does not shorten the wait', () => {
    const early = stepLife(yielding(), timeUp, when(1_500));
    expect(early.command).toEqual(until(YIELD_MS));
  });

  it('a lock that another candidate creates ends the wait, and the next free lock begins another', () => {
    const lock = aLock({ uid: 'another' });
    const next = stepLife(yielding(), { type: 'lock-seen', lock }, when(100));
    expect(next).toMatchObject({ next: 'inspect', yieldsUntilMs: undefined });
    const held = waiting({ lock, yieldsUntilMs: 7 });
    const gone = stepLife(held, { type: 'lock-gone', lock }, when(0));
    expect(gone.yieldsUntilMs).toBeUndefined();
  });

  it('a candidate that starts looks first', () => {
    const settings = { podName: ME.name, maxBackoffMs: 16_000, trustsPodUid: false };
    expect(startLife(settings, ME.uid, [], true).command).toEqual({ do: 'inspect', search: false });
    expect(startLife(settings, undefined, [], true).command).toEqual({ do: 'identify' });
    const identified = { type: 'identified', self: aPod(ME) } as const;
    const next = stepLife(startLife(settings, undefined), identified, when(0, YIELD_MS));
    expect(next).toMatchObject({ command: { do: 'inspect' }, podUid: ME.uid });
  });
});

describe('in lease mode', () => {
  const due = (): LeaseState => stepLease(aWatcher(), seen(free), at(0));
  const yielding = () => stepLease(due(), timeUp, at(100, { yieldMs: YIELD_MS }));

  it('an elector that may take the free lock waits, then takes it', () => {
    expect(yielding()).toMatchObject({ command: until(100 + YIELD_MS), next: 'decide' });
    const over = stepLease(yielding(), timeUp, at(100 + YIELD_MS, { yieldMs: YIELD_MS }));
    expect(over.command).toMatchObject({ do: 'update', version: free });
  });

  it('so does one that finds no lock', () => {
    const started = {
      ...aFollower(free),
      command: { do: 'get' as const },
      yieldsUntilMs: undefined,
    };
    expect(stepLease(started, got(), at(60_000, { yieldMs: YIELD_MS })).command.do).toBe('wait');
  });

  it('it does not wait if nobody is preferred, or if it is not known', () => {
    for (const yieldMs of [0, undefined]) {
      expect(stepLease(due(), timeUp, at(100, { yieldMs })).command.do).toBe('update');
    }
  });

  it('a read of the free lock does not shorten the wait', () => {
    const reopened = stepLease(yielding(), { type: 'watch-opened' }, at(500));
    expect(reopened.command.do).toBe('get');
    expect(stepLease(reopened, got(free), at(501)).command).toEqual(until(100 + YIELD_MS));
  });

  it('a lock that another elector takes ends the wait, and the next free lock begins another', () => {
    const held = stepLease(yielding(), seen(aVersion('20')), at(500));
    expect(held).toMatchObject({ phase: 'following', yieldsUntilMs: undefined });
    expect(held.heldUntilMs).toBe(15_500);
  });

  it('what is its own is left to nobody', () => {
    const started = {
      ...aFollower(free),
      command: { do: 'get' as const },
      yieldsUntilMs: undefined,
    };
    const next = stepLease(started, got(mine('30')), at(0, { yieldMs: YIELD_MS }));
    expect(next.command.do).toBe('update');
  });
});
