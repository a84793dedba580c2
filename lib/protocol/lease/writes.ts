/** The writes of an elector, and their times. */
import { isMine } from './known.ts';
import {
  acquiredRecord,
  alteration,
  type LeaderElectionRecord,
  type LockVersion,
  microTime,
  releasedRecord,
} from './record.ts';
import type { Moment, Command, Stamp, State } from './state.ts';

/** The API server refuses a year of five digits, so no write follows a time beyond this one. */
const FAR_FUTURE_MS = Date.parse('9000-01-01');

/** Number of own writes to remember: more than a network can have under way at a time. */
const REMEMBERED_WRITES = 32;

export function isCreated({
  acquireTime,
  renewTime,
  leaseTransitions,
}: LeaderElectionRecord): boolean {
  return acquireTime === renewTime && leaseTransitions === 0;
}

export function isAltered(command: Command, { record }: LockVersion): boolean {
  const isWrite = command.do === 'create' || command.do === 'update';
  return isWrite && alteration(command.record, record) !== undefined;
}

export function create(state: State, when: Moment): State {
  const { identity, leaseDurationMs } = state.settings;
  const stamp = nextStamp(state, when);
  const record = acquiredRecord(identity, leaseDurationMs, microTime(stamp.dateMs));
  const sent = remember(state, record);
  return { ...state, command: { do: 'create', record }, issuedAt: when, stamp, sent };
}

export function acquire(state: State, version: LockVersion, when: Moment): State {
  const { identity, leaseDurationMs } = state.settings;
  const held = isMine(version, state);
  const stamp = held && !state.stamp ? firstStamp(version, when) : nextStamp(state, when);
  const time = microTime(stamp.dateMs);
  const record = acquiredRecord(identity, leaseDurationMs, time, version.record, held);
  // The stored record may be an old write of this elector, and stay while later writes have no
  // answer. Before it has led, a record under its name may be another process's.
  const stored = held && state.written ? [version.record] : [];
  const sent = remember(state, ...stored, record);
  return { ...state, command: { do: 'update', version, record }, issuedAt: when, stamp, sent };
}

export function remember({ sent }: State, ...own: LeaderElectionRecord[]): LeaderElectionRecord[] {
  return [...sent, ...own].slice(-REMEMBERED_WRITES);
}

export function release(state: State, version: LockVersion, when: Moment): State {
  const stamp = nextStamp(state, when);
  const record = releasedRecord(version.record, microTime(stamp.dateMs));
  return { ...state, command: { do: 'update', version, record }, issuedAt: when, stamp };
}

/**
 * The first time to write for an elector that continues under the identity on record, after a loss
 * or a restart. It must be later than the stored time, even if the clock stands still: a reader
 * that last saw the stored time would not notice the write.
 */
function firstStamp({ record }: LockVersion, { dateMs, nowMs, random }: Moment): Stamp {
  const storedMs = Date.parse(record.renewTime ?? '');
  // Adds a random part of a second, or the time might equal that of a namesake that leads.
  const visibleMs = storedMs + 1_990 - Math.floor(990 * random);
  const isAhead = storedMs + 1_000 > dateMs && storedMs < FAR_FUTURE_MS;
  return { dateMs: isAhead ? visibleMs : dateMs, readMs: dateMs, nowMs };
}

/**
 * The wall time to write. Others see that a leader is alive by a change of it, client-go in whole
 * seconds. A clock that was set back, crawls or stands still must not hide a renewal, nor make it
 * look like one that a reader saw last.
 */
function nextStamp({ stamp }: State, { dateMs, nowMs }: Moment): Stamp {
  if (!stamp) return { dateMs, readMs: dateMs, nowMs };
  const passedMs = nowMs - stamp.nowMs;
  const wentMs = dateMs - stamp.readMs;
  // The clock stands still, crawls, or has not yet caught up with the last written time.
  const lags = wentMs >= 0 && (wentMs < passedMs / 2 || dateMs <= stamp.dateMs);
  const second = (ms: number) => Math.floor(ms / 1_000);
  const hidden =
    passedMs >= 1_000 ? second(dateMs) === second(stamp.dateMs) : dateMs === stamp.dateMs;
  const visibleMs = stamp.dateMs + Math.max(Math.round(passedMs), 1);
  return { dateMs: lags || hidden ? visibleMs : dateMs, readMs: dateMs, nowMs };
}
