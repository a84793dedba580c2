import { heldUntil, isFree, isMine } from './known.ts';
import { type Moment, POLL_JITTER, type State, wait } from './state.ts';
import { acquire, create } from './writes.ts';
import { barAt } from '../bar.ts';
import { ASSUMED_CANDIDATES, suppressionDelayMs, yieldEndMs } from '../delay.ts';

export function follow(before: State, when: Moment): State {
  const { retryPeriodMs } = before.settings;
  const pollMs = when.nowMs + retryPeriodMs * (1 - POLL_JITTER * when.random);
  if (isFree(before, when)) {
    const bar = barAt(when);
    // Nothing shows whether another one takes the lock, unless a read does.
    if (bar && bar.untilMs > pollMs) return wait(before, pollMs, 'get', bar);
    if (bar) return wait(before, bar.untilMs, 'decide', bar);
    return takeOrYield(before, when);
  }
  const state = { ...before, yieldsUntilMs: undefined };
  const { version, gone, heldUntilMs, settings } = state;
  const attemptMs = heldUntilMs + spreadMs(when);
  if (state.watch === 'current') return wait(state, attemptMs, 'decide');
  // Even a lease that is shorter than the time between two reads is read twice.
  const isNew = version && !gone && heldUntilMs >= heldUntil(version.record, settings, when);
  return pollMs < attemptMs || isNew
    ? wait(state, pollMs, 'get')
    : wait(state, attemptMs, 'decide');
}

/** What is this elector's own is left to nobody. */
function takeOrYield(before: State, when: Moment): State {
  const { version, gone } = before;
  const isOwn = version && !gone && isMine(version, before);
  const yieldsUntilMs = yieldEndMs(before, when);
  const state = { ...before, yieldsUntilMs };
  if (!isOwn && yieldsUntilMs !== undefined && when.nowMs < yieldsUntilMs) {
    return wait(state, yieldsUntilMs, 'decide');
  }
  return version && !gone ? acquire(state, version, when) : create(state, when);
}

export function spread(when: Moment): number {
  return when.nowMs + spreadMs(when);
}

function spreadMs({ candidateCount = ASSUMED_CANDIDATES, random }: Moment): number {
  return suppressionDelayMs(candidateCount, random);
}
