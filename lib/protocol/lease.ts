/**
 * Lease mode, as decisions: what an elector does next, given what it has seen. Pure: no I/O, no
 * clock, no randomness; what it needs of them comes with each event. `docs/lease.md` tells the
 * rules; what is written is what client-go's `tryAcquireOrRenew` writes.
 */
import { backoffMs, spreadMs } from './delay.ts';
import {
  type LeaderElectionRecord,
  type LockVersion,
  acquiredRecord,
  alteration,
  durationMs,
  isOlder,
  isSameRecord,
  isWriteOf,
  microTime,
  releasedRecord,
} from './lease-record.ts';
import { type Instant, leftMs } from './validity.ts';

/** There is no telling how many electors wait for a lock. Of 3 or 100, few are in each other's way. */
const ASSUMED_CROWD = 10;

const FIRST_RETRY_MS = 100;

/** So that the renewals of a fleet do not stay in step, and no hour sees more than it may. */
const RENEWAL_JITTER = 0.02;

const POLL_JITTER = 0.2;

export interface Settings {
  readonly identity: string;
  /** A whole number of seconds. */
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

/** What to do next; its outcome is the next event. */
export type Command =
  /** Read the lock. */
  | { readonly do: 'get' }
  /** Create the lock. */
  | { readonly do: 'create'; readonly record: LeaderElectionRecord }
  /** Replace exactly this version. */
  | { readonly do: 'update'; readonly version: LockVersion; readonly record: LeaderElectionRecord }
  /** Nothing, until this moment or the next hint. */
  | { readonly do: 'wait'; readonly untilMs: number }
  | { readonly do: 'end' };

/** What a watch told. It spares reads; a write on its word is refused if it was wrong. */
export type Hint =
  | { readonly type: 'seen'; readonly version: LockVersion }
  | { readonly type: 'gone'; readonly resourceVersion: string }
  | { readonly type: 'watch-opened' }
  | { readonly type: 'watch-lost' };

export type Event =
  | { readonly type: 'got'; readonly version: LockVersion | undefined }
  /** A create or an update: what was stored, or that somebody else was faster. */
  | { readonly type: 'written'; readonly version: LockVersion | 'conflict' }
  | {
      readonly type: 'failed';
      /** The write may have been, or may yet be, carried out. */
      readonly ambiguous: boolean;
      readonly retryAfterMs?: number | undefined;
    }
  | { readonly type: 'time-up' }
  /** Stop: give the lock up if it is held, or may be. Never comes while a write is under way. */
  | { readonly type: 'finish' }
  | Hint;

/** When and by what luck an event came. */
export interface Circumstance extends Instant {
  /** Wall time, in milliseconds. It is written for people, and decides nothing. */
  readonly dateMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/** Number of own writes to remember: more than a network has under way at a time. */
const REMEMBERED_WRITES = 32;

/** Why leadership ended although nobody wanted it to. */
export type Loss =
  /** No renewal was answered in time. */
  | { readonly because: 'expired' }
  /** Another identity holds the lock, or did in the meantime. */
  | { readonly because: 'taken'; readonly holder: string }
  /** Another process has written the lock under this identity. */
  | { readonly because: 'namesake' };

export type Phase = 'following' | 'leading' | 'releasing' | 'ended';

export type Watch =
  | 'closed'
  /** It has shown nothing since it opened, or nothing of a change that was read. */
  | 'silent'
  | 'current';

/** When something was written. */
export interface Stamp {
  /** The wall time that it carried. */
  readonly dateMs: number;
  /** The wall time that there was. */
  readonly readMs: number;
  readonly nowMs: number;
}

export interface State {
  readonly settings: Settings;
  readonly phase: Phase;
  readonly command: Command;
  /** What a wait is for. */
  readonly next: 'get' | 'decide';
  /** The lock as last read, written or seen; undefined before. */
  readonly version: LockVersion | undefined;
  /** The lock was there, and is not any more. */
  readonly gone: boolean;
  /** Until when another elector that was seen to hold the lock may lead. */
  readonly rivalUntilMs: number;
  /** Until when the holder of a lock that was deleted may lead, whoever has had its successor. */
  readonly deletedUntilMs: number;
  readonly watch: Watch;
  /** When the command was decided: what it proves, it proves from then on. */
  readonly decided: Instant;
  /** Of the last write. */
  readonly stamp: Stamp | undefined;
  /** When the last renewal that succeeded was decided. */
  readonly proven: Instant | undefined;
  /** How long that proves leadership: less than what was asked for, if less was stored. */
  readonly deadlineMs: number;
  /** The version that this elector led by last: of others, each adds a transition, or is another object. */
  readonly written: LockVersion | undefined;
  /** What this elector has written last, or tried to. Once it has led, nothing else in its name is its own. */
  readonly sent: readonly LeaderElectionRecord[];
  /** Another process has written the lock under this identity. */
  readonly namesake: boolean;
  /** A write whose answer was not heard, or not heeded, may have made this elector the holder. */
  readonly doubt: boolean;
  /** Requests in a row that failed, but for reads between writes. */
  readonly failures: number;
  /** Writes in a row for which somebody else was faster, or a copy of their own. */
  readonly conflicts: number;
  readonly loss: Loss | undefined;
}

const NOTHING: Known = {
  version: undefined,
  gone: false,
  rivalUntilMs: Number.NEGATIVE_INFINITY,
  deletedUntilMs: Number.NEGATIVE_INFINITY,
  written: undefined,
  sent: [],
  namesake: false,
};

/** What an elector has seen of the lock, and written, in the campaigns that it has been through. */
export type Known = Pick<
  State,
  'version' | 'gone' | 'rivalUntilMs' | 'deletedUntilMs' | 'written' | 'sent' | 'namesake'
>;

export function start(settings: Settings, when: Circumstance, known: Known = NOTHING): State {
  return {
    settings,
    phase: 'following',
    command: { do: 'get' },
    next: 'get',
    version: known.version,
    gone: known.gone,
    rivalUntilMs: known.rivalUntilMs,
    deletedUntilMs: known.deletedUntilMs,
    watch: 'closed',
    decided: when,
    stamp: undefined,
    proven: undefined,
    deadlineMs: settings.renewDeadlineMs,
    written: known.written,
    sent: known.sent,
    namesake: known.namesake,
    doubt: false,
    failures: 0,
    conflicts: 0,
    loss: undefined,
  };
}

/** The holder on record, empty for nobody. */
export function holderOf(state: State): string {
  return state.gone ? '' : (state.version?.record.holderIdentity ?? '');
}

/** The one transition function. An event that does not answer the state's command is our bug. */
export function step(state: State, event: Event, when: Circumstance): State {
  if (!answers[state.command.do].includes(event.type)) {
    throw new Error(`illegal transition: ${event.type} does not answer ${state.command.do}`);
  }
  const next = react(state, event, when);
  const { proven, deadlineMs } = next;
  const expired = next.phase === 'leading' && proven && leftMs(proven, deadlineMs, when) <= 0;
  return expired ? lose(next, { because: 'expired' }) : next;
}

const answers: Readonly<Record<Command['do'], readonly Event['type'][]>> = {
  get: ['got', 'failed', 'finish'],
  create: ['written', 'failed', 'finish'],
  update: ['written', 'failed', 'finish'],
  wait: ['time-up', 'finish', 'seen', 'gone', 'watch-opened', 'watch-lost'],
  end: [],
};

function react(state: State, event: Event, when: Circumstance): State {
  switch (event.type) {
    case 'got':
      return onGot(state, event.version, when);
    case 'written':
      return event.version === 'conflict'
        ? onConflict(state, when)
        : onWritten(state, event.version, when);
    case 'failed':
      return onFailed(state, event, when);
    case 'time-up':
      return state.next === 'get' ? get(state, when) : decide(state, when);
    case 'finish':
      return onFinish(state, when);
    case 'seen':
      return onSeen(state, event.version, when);
    case 'gone':
      return onGone(state, event.resourceVersion, when);
    case 'watch-opened':
      return onWatch({ ...state, watch: 'silent' }, when);
    case 'watch-lost':
      return onWatch({ ...state, watch: 'closed' }, when);
  }
}

function onGot(before: State, version: LockVersion | undefined, when: Circumstance): State {
  const watch = watchAfterRead(before, version);
  const isMade = before.phase === 'following' && version !== undefined && isMine(version, before);
  const state = { ...before, watch, doubt: before.doubt && isMade };
  const next = decide(version ? observe(state, version, when) : observeGone(state, when), when);
  // Before a write it says little that a read has succeeded: the failures of writes are what counts.
  return next.command.do === 'wait' ? { ...next, failures: 0 } : next;
}

/** A watch that is current has told what is read, or will in a moment. */
function watchAfterRead(state: State, version: LockVersion | undefined): Watch {
  return state.watch === 'current' && isNews(state, version) ? 'silent' : state.watch;
}

/** A watch is relied on once it shows what happens. */
function watchAfterEvent({ watch }: State): Watch {
  return watch === 'closed' ? 'closed' : 'current';
}

function onWritten(before: State, version: LockVersion, when: Circumstance): State {
  const state = { ...observe(before, version, when), failures: 0, conflicts: 0, doubt: false };
  if (state.phase === 'releasing') return end(state);
  // Nobody leads by a record that is not the one that was sent: others go by what is stored.
  if (isAltered(before.command, version)) {
    // It is this elector's all the same, and no namesake's.
    const made = { ...before, sent: remember(before, version.record) };
    return onFailed(made, { type: 'failed', ambiguous: true }, when);
  }
  const { settings, decided } = state;
  const deadlineMs = settings.renewDeadlineMs * shareOf(version.record, settings);
  // An answer that took too long proves nothing any more: the lock is asked once more.
  const late = leftMs(decided, deadlineMs, when) <= 0;
  if (state.phase === 'following' && late) return get({ ...state, doubt: true }, when);
  // After a write that was answered no update before it can be stored any more; a create may.
  const sent = state.sent.filter(isCreated);
  const led = { ...state, phase: 'leading' as const, written: version, sent };
  return wait({ ...led, proven: decided, deadlineMs }, renewalMs(led, version, when), 'decide');
}

/** When the next renewal is due: the sooner, the less time others give this one. */
function renewalMs({ settings }: State, { record }: LockVersion, when: Circumstance): number {
  const pauseMs = settings.retryPeriodMs * shareOf(record, settings);
  return when.nowMs + pauseMs * (1 + RENEWAL_JITTER * when.random);
}

function isCreated({ acquireTime, renewTime, leaseTransitions }: LeaderElectionRecord): boolean {
  return acquireTime === renewTime && leaseTransitions === 0;
}

/** How much of the duration that was asked for is stored: of all times, a leader has as much. */
function shareOf(record: LeaderElectionRecord, { leaseDurationMs }: Settings): number {
  return Math.min(durationMs(record, leaseDurationMs) / leaseDurationMs, 1);
}

function isAltered(command: Command, { record }: LockVersion): boolean {
  const isWrite = command.do === 'create' || command.do === 'update';
  return isWrite && alteration(command.record, record) !== undefined;
}

/** Once is a lost race; again and again is something else, and needs patience. */
function onConflict(before: State, when: Circumstance): State {
  const { conflicts, settings } = before;
  // What was refused may be a copy of what was made.
  const doubt = before.doubt || before.phase === 'following';
  const state = { ...before, failures: 0, conflicts: conflicts + 1, doubt };
  if (conflicts === 0) return get(state, when);
  const delayMs = backoffMs(conflicts - 1, settings.retryPeriodMs, when.random, FIRST_RETRY_MS);
  return wait(state, when.nowMs + Math.min(delayMs, urgencyMs(state, when)), 'get');
}

function onFailed(before: State, event: Event & { type: 'failed' }, when: Circumstance): State {
  const { command, settings, failures } = before;
  const doubt = before.doubt || (event.ambiguous && command.do !== 'get');
  const state = { ...before, doubt, failures: failures + 1 };
  const delayMs = Math.max(
    backoffMs(failures, settings.retryPeriodMs, when.random, FIRST_RETRY_MS),
    (event.retryAfterMs ?? 0) * (1 + POLL_JITTER * when.random),
  );
  // After a write of unknown outcome the version is unknown, too.
  const reread = state.phase !== 'leading' || doubt || command.do === 'get';
  const untilMs = when.nowMs + Math.min(delayMs, urgencyMs(state, when));
  return wait(state, untilMs, reread ? 'get' : 'decide');
}

/** A leader that is told to come back when it would be too late tries ever sooner. */
function urgencyMs({ phase, proven, deadlineMs }: State, when: Circumstance): number {
  if (phase !== 'leading' || !proven) return Number.POSITIVE_INFINITY;
  return Math.max(leftMs(proven, deadlineMs, when) / 2, FIRST_RETRY_MS);
}

function onFinish(state: State, when: Circumstance): State {
  const { phase, version, doubt } = state;
  if (phase !== 'leading' && !doubt) return end(state);
  const releasing = { ...state, phase: 'releasing' as const };
  const certain = version && !state.gone && !doubt && isSent(version, state);
  return certain ? release(releasing, version, when) : get(releasing, when);
}

function onSeen(before: State, version: LockVersion, when: Circumstance): State {
  if (before.version && isOlder(version.resourceVersion, before.version.resourceVersion)) {
    return before;
  }
  // A namesake's, or an own one of long ago: a read tells.
  const isOurs = version.record.holderIdentity === before.settings.identity;
  if (before.phase === 'leading' && isOurs && !isMine(version, before)) return get(before, when);
  const news = isNews(before, version);
  const state = { ...observe(before, version, when), watch: watchAfterEvent(before) };
  const isShorter = state.deadlineMs < before.deadlineMs;
  if (state.phase === 'leading' && (!news || isMine(version, state)) && !isShorter) return state;
  if (state.phase === 'releasing') return state;
  // A write of its own that failed, and was made all the same, is no reason to hurry the next one.
  if (state.failures + state.conflicts > 0 && isMine(version, state)) return state;
  // What nobody holds is seen by all at the same moment.
  if (state.phase === 'following' && isFree(state, when)) {
    return news || state.next === 'get' ? wait(state, spread(when), 'decide') : state;
  }
  return decide(state, when);
}

function onGone(state: State, resourceVersion: string, when: Circumstance): State {
  const { version, phase } = state;
  const isKnown = phase === 'leading' && state.gone;
  if (!version || phase === 'releasing' || isKnown) return state;
  if (isOlder(resourceVersion, version.resourceVersion)) return state;
  const gone = { ...observeGone(state, when), watch: watchAfterEvent(state) };
  if (gone.phase === 'following' && isFree(gone, when)) return wait(gone, spread(when), 'decide');
  return decide(gone, when);
}

/** A watch that opened does not tell of what is not there: that has to be read. */
function onWatch(state: State, when: Circumstance): State {
  if (state.phase !== 'following') return state;
  if (state.watch === 'silent') return get(state, when);
  // A read that is put off, perhaps because the API server asked for it, stays put off.
  return state.next === 'get' ? state : decide(state, when);
}

/** What to do about the lock as it is known to be. */
function decide(state: State, when: Circumstance): State {
  switch (state.phase) {
    case 'following':
      return follow(state, when);
    case 'leading':
      return keep(state, when);
    case 'releasing':
      return state.version && !state.gone && isSent(state.version, state)
        ? release(state, state.version, when)
        : end(state);
    case 'ended':
      return state;
  }
}

function follow(state: State, when: Circumstance): State {
  const { version, gone, rivalUntilMs, settings } = state;
  if (isFree(state, when)) {
    return version && !gone ? acquire(state, version, when) : create(state, when);
  }
  const attemptMs = rivalUntilMs + spreadMs(ASSUMED_CROWD, when.random);
  if (state.watch === 'current') return wait(state, attemptMs, 'decide');
  const pollMs = when.nowMs + settings.retryPeriodMs * (1 - POLL_JITTER * when.random);
  // A lease that is shorter than the time between two looks is looked at twice all the same.
  const isNew = version && !gone && rivalUntilMs >= rivalUntil(version.record, settings, when);
  return pollMs < attemptMs || isNew
    ? wait(state, pollMs, 'get')
    : wait(state, attemptMs, 'decide');
}

/** Whether nobody else may lead, as far as can be known. */
function isFree(state: State, when: Circumstance): boolean {
  return when.nowMs >= state.rivalUntilMs;
}

/** The leader's next write, if it leads still. */
function keep(state: State, when: Circumstance): State {
  const { version, gone, written } = state;
  if (!version || gone) return create(state, when);
  // Wiped by somebody, as client-go's release may do: it is ours still if nobody has had it since.
  const { holderIdentity, leaseTransitions } = version.record;
  const isUnused =
    version.uid === written?.uid && leaseTransitions === written?.record.leaseTransitions;
  const wiped = holderIdentity === '' && isUnused;
  if (wiped || isMine(version, state)) return acquire(state, version, when);
  const isNamesake = holderIdentity === state.settings.identity;
  return lose(
    state,
    isNamesake ? { because: 'namesake' } : { because: 'taken', holder: holderIdentity },
  );
}

/**
 * Whether the record is this elector's. Before it has led, that is all in its name: it may be of the
 * process that it restarts. Afterwards, it is what it has sent, and nothing that a namesake has.
 */
function isMine(version: LockVersion, state: State): boolean {
  const isInName = version.record.holderIdentity === state.settings.identity;
  return isInName && (state.written === undefined || isSent(version, state));
}

/** Whether this elector has sent it. Nothing else is its own to give up: a namesake may lead by it. */
function isSent({ record }: LockVersion, { written, sent }: State): boolean {
  const own = written ? [written.record, ...sent] : sent;
  return own.some((other) => isWriteOf(other, record));
}

/** Whether this differs from what is known of the lock; nothing is known at first. */
function isNews(state: State, version: LockVersion | undefined): boolean {
  if (!state.version) return false;
  if (!version) return !state.gone;
  return state.gone || !isSameRecord(state.version.record, version.record);
}

function observe(before: State, version: LockVersion, when: Circumstance): State {
  const known = before.version;
  const recreated = known?.uid !== undefined && known.uid !== version.uid;
  const state = recreated ? observeGone(before, when) : before;
  const { record } = version;
  const same = known && isSameRecord(known.record, record);
  if (same && !state.gone) return { ...state, version };
  const seen = { ...state, version, gone: false };
  const news = { ...seen, conflicts: 0 };
  if (record.holderIdentity === '') return { ...news, rivalUntilMs: state.deletedUntilMs };
  // Not the end of another's time: a create that was given up may be carried out at any time.
  // Nor of its conflicts: the network may make a write twice, and tell of the second.
  if (isMine(version, state)) return bounded(seen, record);
  const untilMs = rivalUntil(record, state.settings, when);
  const namesake = state.namesake || record.holderIdentity === state.settings.identity;
  return { ...news, rivalUntilMs: Math.max(untilMs, state.deletedUntilMs), namesake };
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
function observeGone(state: State, when: Circumstance): State {
  const { version, settings, gone } = state;
  if (!version || gone) return state;
  const held = version.record.holderIdentity !== '' && !isMine(version, state);
  const rivalUntilMs = held
    ? rivalUntil(version.record, settings, when)
    : when.nowMs + settings.leaseDurationMs;
  return { ...state, gone: true, rivalUntilMs, deletedUntilMs: rivalUntilMs };
}

/** When a holder, if it still lived, would have renewed the lock or stopped leading. */
function rivalUntil(record: LeaderElectionRecord, settings: Settings, when: Circumstance): number {
  return when.nowMs + durationMs(record, settings.leaseDurationMs);
}

function spread(when: Circumstance): number {
  return when.nowMs + spreadMs(ASSUMED_CROWD, when.random);
}

function get(state: State, when: Circumstance): State {
  return { ...state, command: { do: 'get' }, decided: when };
}

function create(state: State, when: Circumstance): State {
  const { identity, leaseDurationMs } = state.settings;
  const stamp = nextStamp(state, when);
  const record = acquiredRecord(identity, leaseDurationMs, microTime(stamp.dateMs));
  const sent = remember(state, record);
  return { ...state, command: { do: 'create', record }, decided: when, stamp, sent };
}

function acquire(state: State, version: LockVersion, when: Circumstance): State {
  const { identity, leaseDurationMs } = state.settings;
  const held = isMine(version, state);
  const stamp = held && !state.stamp ? firstStamp(version, when) : nextStamp(state, when);
  const time = microTime(stamp.dateMs);
  const record = acquiredRecord(identity, leaseDurationMs, time, version.record, held);
  // The stored record may be an old write of this elector, and stay while later writes have no answer.
  // Before it has led, a record in its name may be another process' own.
  const stored = held && state.written ? [version.record] : [];
  const sent = remember(state, ...stored, record);
  return { ...state, command: { do: 'update', version, record }, decided: when, stamp, sent };
}

function remember({ sent }: State, ...own: LeaderElectionRecord[]): LeaderElectionRecord[] {
  return [...sent, ...own].slice(-REMEMBERED_WRITES);
}

function release(state: State, version: LockVersion, when: Circumstance): State {
  const stamp = nextStamp(state, when);
  const record = releasedRecord(version.record, microTime(stamp.dateMs));
  return { ...state, command: { do: 'update', version, record }, decided: when, stamp };
}

/**
 * Of whoever goes on under the identity on record, after a loss or a restart. Neither the time that is stored
 * may be written again, nor an earlier one by a clock that stands still: either may be what some reader saw
 * last, and nobody would see that the write was made.
 */
function firstStamp({ record }: LockVersion, { dateMs, nowMs }: Circumstance): Stamp {
  const storedMs = Date.parse(record.renewTime ?? '');
  const visibleMs = storedMs + 1_000;
  return { dateMs: visibleMs > dateMs ? visibleMs : dateMs, readMs: dateMs, nowMs };
}

/**
 * The wall time to write. Others tell that a leader lives by seeing it change, client-go in whole
 * seconds: a clock that was set back, crawls or stands still must not hide a renewal, nor make it
 * look like one that some reader saw last.
 */
function nextStamp({ stamp }: State, { dateMs, nowMs }: Circumstance): Stamp {
  if (!stamp) return { dateMs, readMs: dateMs, nowMs };
  const passedMs = nowMs - stamp.nowMs;
  const wentMs = dateMs - stamp.readMs;
  // It stands still, crawls, or has not caught up yet with what was written ahead of it.
  const lags = wentMs >= 0 && (wentMs < passedMs / 2 || dateMs <= stamp.dateMs);
  const second = (ms: number) => Math.floor(ms / 1_000);
  const hidden =
    passedMs >= 1_000 ? second(dateMs) === second(stamp.dateMs) : dateMs === stamp.dateMs;
  const visibleMs = stamp.dateMs + Math.max(Math.round(passedMs), 1);
  return { dateMs: lags || hidden ? visibleMs : dateMs, readMs: dateMs, nowMs };
}

function wait(state: State, untilMs: number, next: State['next']): State {
  return { ...state, command: { do: 'wait', untilMs }, next };
}

function lose(state: State, loss: Loss): State {
  return { ...end(state), loss };
}

function end(state: State): State {
  return { ...state, phase: 'ended', command: { do: 'end' } };
}
