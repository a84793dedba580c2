import { heldUntil, isFree, isMine } from './known.ts';
import { ASSUMED_CROWD, type Moment, POLL_JITTER, type State, wait } from './state.ts';
import { acquire, create } from './writes.ts';
import { suppressionDelayMs, yieldEndMs } from '../delay.ts';

export function follow(before: State, when: Moment): State {
  if (isFree(before, when)) return takeOrYield(before, when);
  const state = { ...before, yieldsUntilMs: undefined };
  const { version, gone, heldUntilMs, settings } = state;
  const attemptMs = heldUntilMs + suppressionDelayMs(ASSUMED_CROWD, when.random);
  if (state.watch === 'current') return wait(state, attemptMs, 'decide');
  const pollMs = when.nowMs + settings.retryPeriodMs * (1 - POLL_JITTER * when.random);
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
  return when.nowMs + suppressionDelayMs(ASSUMED_CROWD, when.random);
}
