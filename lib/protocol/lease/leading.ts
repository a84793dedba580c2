import { isMine, shareOf } from './known.ts';
import type { LockVersion } from './record.ts';
import { type Moment, FIRST_RETRY_MS, lose, type State } from './state.ts';
import { acquire, create } from './writes.ts';
import { leftMs } from '../validity.ts';

/** So that the renewals of a fleet do not stay in step, and no hour sees more than it may. */
const RENEWAL_JITTER = 0.02;

/** When the next renewal is due: the sooner, the less time others give this one. */
export function renewalMs({ settings }: State, { record }: LockVersion, when: Moment): number {
  const pauseMs = settings.retryPeriodMs * shareOf(record, settings);
  return when.nowMs + pauseMs * (1 + RENEWAL_JITTER * when.random);
}

/** A leader that is told to come back when it would be too late tries ever sooner. */
export function urgencyMs({ phase, renewedAt, deadlineMs }: State, when: Moment): number {
  if (phase !== 'leading' || !renewedAt) return Number.POSITIVE_INFINITY;
  return Math.max(leftMs(renewedAt, deadlineMs, when) / 2, FIRST_RETRY_MS);
}

/** The leader's next write, if it leads still. */
export function keep(state: State, when: Moment): State {
  const { version, gone, written } = state;
  if (!version || gone) return create(state, when);
  // Wiped by somebody, as client-go's release may do: it is ours still if nobody has had it since.
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
