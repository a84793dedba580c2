/**
 * What an elector concludes from a version of the lock: who holds it, and until when another one
 * may lead.
 */
import {
  durationMs,
  type HolderContainer,
  isSameContainer,
  isSameRecord,
  isWriteOf,
  type LeaderElectionRecord,
  type LockVersion,
} from './record.ts';
import { holderOf, type Moment, type Settings, type State } from './state.ts';

/** The stored fraction of the requested duration: the leader shortens all its times by it. */
export function shareOf(record: LeaderElectionRecord, { leaseDurationMs }: Settings): number {
  return Math.min(durationMs(record, leaseDurationMs) / leaseDurationMs, 1);
}

/** Whether nobody else may lead, as far as is known. */
export function isFree(state: State, when: Pick<Moment, 'nowMs'>): boolean {
  return when.nowMs >= state.heldUntilMs;
}

/** Whether another elector holds it. */
export function isOthers(state: State, when: Pick<Moment, 'nowMs'>): boolean {
  return !isFree(state, when) && !['', state.settings.identity].includes(holderOf(state));
}

/**
 * Whether the record is this elector's. Before it has led, every record under its name is: the
 * elector may be a restart of that process. Afterwards, only what it has sent is, not what a
 * namesake has sent.
 */
export function isMine(version: LockVersion, state: State): boolean {
  const isInName = version.record.holderIdentity === state.settings.identity;
  return isInName && (state.written === undefined || isSent(version, state));
}

/**
 * Whether this elector has sent it. It may give up nothing else, because a namesake may lead by it.
 */
export function isSent({ record }: LockVersion, { written, sent }: State): boolean {
  // What was just sent comes first: it is asked about most often.
  const own = written ? [...sent, written.record] : sent;
  return own.some((other) => isWriteOf(other, record));
}

/** Whether this differs from what is known about the lock; at first nothing is known. */
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
  // A process that starts again within a moment may write its predecessor's record.
  const same =
    known &&
    isSameRecord(known.record, record) &&
    isSameContainer(known.container, version.container);
  if (same && !state.gone) return { ...state, version };
  const seen = { ...state, version, gone: false };
  const news = { ...seen, conflicts: 0 };
  if (record.holderIdentity === '') return { ...news, heldUntilMs: state.deletedUntilMs };
  // Keep another's time: an abandoned create may take effect at any time. Keep the conflicts: the
  // network may carry out a write twice, and return the second answer.
  if (isMine(version, state)) return bounded(seen, record);
  // A renewal of a process that has ended may arrive after its end.
  const isOver = state.ended !== undefined && isSameContainer(version.container, state.ended);
  const untilMs = isOver ? state.deletedUntilMs : heldUntil(record, state.settings, when);
  const namesake = state.namesake || record.holderIdentity === state.settings.identity;
  return { ...news, heldUntilMs: Math.max(untilMs, state.deletedUntilMs), namesake };
}

/** The duration of the leader's record was shortened: others wait no longer than that. */
function bounded(state: State, record: LeaderElectionRecord): State {
  const { settings, deadlineMs } = state;
  const mostMs = settings.renewDeadlineMs * shareOf(record, settings);
  return state.phase === 'leading' ? { ...state, deadlineMs: Math.min(deadlineMs, mostMs) } : state;
}

/**
 * A lock that was deleted by hand may have been renewed just before, or taken over unseen, so
 * another's time begins now.
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

/** The holder's container has ended, so nobody leads by its record, however fresh that is. */
export function observeEnd(before: State, container: HolderContainer): State {
  const { version, gone, deletedUntilMs } = before;
  const state = { ...before, ended: container };
  const isHolder = version && !gone && isSameContainer(version.container, container);
  return isHolder ? { ...state, heldUntilMs: deletedUntilMs } : state;
}

/** When a holder that is still alive would have renewed the lock, or stopped leading. */
export function heldUntil(record: LeaderElectionRecord, settings: Settings, when: Moment): number {
  return when.nowMs + durationMs(record, settings.leaseDurationMs);
}
