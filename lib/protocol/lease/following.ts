import { heldUntil, isFree } from './known.ts';
import { type Moment, POLL_JITTER, type State, wait } from './state.ts';
import { acquire, create } from './writes.ts';
import { barAt } from '../bar.ts';
import { ASSUMED_CANDIDATES, suppressionDelayMs } from '../delay.ts';

export function follow(state: State, when: Moment): State {
  const { version, gone, heldUntilMs, settings } = state;
  const pollMs = when.nowMs + settings.retryPeriodMs * (1 - POLL_JITTER * when.random);
  if (isFree(state, when)) {
    const bar = barAt(when);
    // Nothing shows whether another one takes the lock, unless a read does.
    if (bar && bar.untilMs > pollMs) return wait(state, pollMs, 'get', bar);
    if (bar) return wait(state, bar.untilMs, 'decide', bar);
    return version && !gone ? acquire(state, version, when) : create(state, when);
  }
  const attemptMs = heldUntilMs + spreadMs(when);
  if (state.watch === 'current') return wait(state, attemptMs, 'decide');
  // Even a lease that is shorter than the time between two reads is read twice.
  const isNew = version && !gone && heldUntilMs >= heldUntil(version.record, settings, when);
  return pollMs < attemptMs || isNew
    ? wait(state, pollMs, 'get')
    : wait(state, attemptMs, 'decide');
}

export function spread(when: Moment): number {
  return when.nowMs + spreadMs(when);
}

function spreadMs({ candidateCount = ASSUMED_CANDIDATES, random }: Moment): number {
  return suppressionDelayMs(candidateCount, random);
}
