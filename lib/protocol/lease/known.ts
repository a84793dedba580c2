/** What an elector concludes from a version of the lock: whose it is, and until when somebody else may lead. */
import {
  durationMs,
  isSameRecord,
  isWriteOf,
  type LeaderElectionRecord,
  type LockVersion,
} from './record.ts';
import type { Moment, Settings, State } from './state.ts';

/** How much of the duration that was asked for is stored: of all times, a leader has as much. */
export function shareOf(record: LeaderElectionRecord, { leaseDurationMs }: Settings): number {
  return Math.min(durationMs(record, leaseDurationMs) / leaseDurationMs, 1);
}

/** Whether nobody else may lead, as far as can be known. */
export function isFree(state: State, when: Moment): boolean {
  return when.nowMs >= state.heldUntilMs;
}

/**
 * Whether the record is this elector's. Before it has led, that is all in its name: it may be of the
 * process that it restarts. Afterwards, it is what it has sent, and nothing that a namesake has.
 */
export function isMine(version: LockVersion, state: State): boolean {
  const isInName = version.record.holderIdentity === state.settings.identity;
  return isInName && (state.written === undefined || isSent(version, state));
}

/** Whether this elector has sent it. Nothing else is its own to give up: a namesake may lead by it. */
export function isSent({ record }: LockVersion, { written, sent }: State): boolean {
  const own = written ? [written.record, ...sent] : sent;
  return own.some((other) => isWriteOf(other, record));
}

/** Whether this differs from what is known of the lock; nothing is known at first. */
export function isNews(state: State, version: LockVersion | undefined): boolean {
  if (!state.version) return false;
  if (!version) return !state.gone;
  return state.gone || !isSameRecord(state.version.record, version.record);
}

export function observe(before: State, version: LockVersion, when: Moment): State {
  const known = before.version;
  const recreated = known?.uid !== undefined && known.uid !== version.uid;
  const state = recreated ? observeGone(before, when) : before;
  const { record } = version;
  const same = known && isSameRecord(known.record, record);
  if (same && !state.gone) return { ...state, version };
  const seen = { ...state, version, gone: false };
  const news = { ...seen, conflicts: 0 };
  if (record.holderIdentity === '') return { ...news, heldUntilMs: state.deletedUntilMs };
  // Not the end of another's time: a create that was given up may be carried out at any time.
  // Nor of its conflicts: the network may carry out a write twice, and return the second answer.
  if (isMine(version, state)) return bounded(seen, record);
  const untilMs = heldUntil(record, state.settings, when);
  const namesake = state.namesake || record.holderIdentity === state.settings.identity;
  return { ...news, heldUntilMs: Math.max(untilMs, state.deletedUntilMs), namesake };
}

/** Somebody has shortened the duration of the leader's record: others wait no longer than that. */
function bounded(state: State, record: LeaderElectionRecord): State {
  const { settings, deadlineMs } = state;
  const mostMs = settings.renewDeadlineMs * shareOf(record, settings);
  return state.phase === 'leading' ? { ...state, deadlineMs: Math.min(deadlineMs, mostMs) } : state;
}

/**
 * A lock that was deleted, by hand, may have been renewed just before, or taken over unseen: another's
 * time begins now.
 */
export function observeGone(state: State, when: Moment): State {
  const { version, settings, gone } = state;
  if (!version || gone) return state;
  const held = version.record.holderIdentity !== '' && !isMine(version, state);
  const heldUntilMs = held
    ? heldUntil(version.record, settings, when)
    : when.nowMs + settings.leaseDurationMs;
  return { ...state, gone: true, heldUntilMs, deletedUntilMs: heldUntilMs };
}

/** When a holder, if it still lived, would have renewed the lock or stopped leading. */
export function heldUntil(record: LeaderElectionRecord, settings: Settings, when: Moment): number {
  return when.nowMs + durationMs(record, settings.leaseDurationMs);
}
