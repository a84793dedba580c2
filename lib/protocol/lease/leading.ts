import { isMine, shareOf } from './known.ts';
import type { LockVersion } from './record.ts';
import { type Moment, FIRST_RETRY_MS, lose, type State } from './state.ts';
import { acquire, create } from './writes.ts';
import { leftMs } from '../validity.ts';

/** Keeps the renewals of a fleet from staying in step, and within the budget of every hour. */
const RENEWAL_JITTER = 0.02;

/** When the next renewal is due: earlier if others wait less long for this one. */
export function renewalMs({ settings }: State, { record }: LockVersion, when: Moment): number {
  const pauseMs = settings.retryPeriodMs * shareOf(record, settings);
  return when.nowMs + pauseMs * (1 + RENEWAL_JITTER * when.random);
}

/** A leader that is told to come back too late retries ever sooner. */
export function urgencyMs({ phase, renewedAt, deadlineMs }: State, when: Moment): number {
  if (phase !== 'leading' || !renewedAt) return Number.POSITIVE_INFINITY;
  return Math.max(leftMs(renewedAt, deadlineMs, when) / 2, FIRST_RETRY_MS);
}

/** The leader's next write, if it still leads. */
export function keep(state: State, when: Moment): State {
  const { version, gone, written } = state;
  if (!version || gone) return create(state, when);
  // Its holder was emptied, as client-go's release may do. It is still ours if nobody has held it
  // since.
  const { holderIdentity, leaseTransitions } = version.record;
  const isUnused =
    version.uid === written?.uid && leaseTransitions === written?.record.leaseTransitions;
  const cleared = holderIdentity === '' && isUnused;
  if (cleared || isMine(version, state)) return acquire(state, version, when);
  const isNamesake = holderIdentity === state.settings.identity;
  return lose(
    state,
    isNamesake ? { because: 'namesake' } : { because: 'taken', holder: holderIdentity },
  );
}
