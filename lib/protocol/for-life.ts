/**
 * Leader for life, as decisions: what a candidate does next, given what it has seen. Pure: no I/O,
 * no clock, no randomness; what it needs of them comes with each event. `docs/protocol.md` draws it.
 */
import { backoffMs, settleMs, spreadMs } from './delay.ts';
import {
  type Lock,
  type Liveness,
  MAX_PREDECESSORS,
  type NodeReading,
  type Pod,
  type PodIdentity,
  type PodReading,
  holderOf,
  livenessOf,
} from './model.ts';

/** How long a lock may outlive its holder before candidates do the garbage collector's work. */
export const GARBAGE_COLLECTION_GRACE_MS = 2_000;

/** Looks must not get in the way of a garbage collector that frees the lock 4 to 15 ms later. */
export const UNHURRIED_MS = 100;

/** How often a candidate whose watches are healthy looks all the same. */
export const WATCHED_POLL_MS = 20 * 60_000;

export interface Settings {
  readonly podName: string;
  readonly maxBackoffMs: number;
  readonly takeOverFromNotReadyNodeAfterMs?: number;
}

/** Why the lock cannot be had now. */
export type Obstacle = Liveness | 'node-not-ready' | 'lock-deleting' | 'quota' | 'none';

/** Why this Pod must not lead, ever. */
export type Failure =
  | { readonly because: 'foreign-lock'; readonly lock: Lock }
  | { readonly because: 'pod-not-found' }
  | { readonly because: 'pod-uid-mismatch'; readonly expected: string; readonly actual: string }
  | { readonly because: 'pod-terminating' };

/** What to do next; its outcome is the next event. */
export type Command =
  /** Read my own Pod. */
  | { readonly do: 'identify' }
  /**
   * Create the lock for this Pod and, at the same time, read its predecessors' Pods and, where
   * `verify`, my own.
   */
  | { readonly do: 'attempt'; readonly podUid: string; readonly verify: boolean }
  /** Read the lock and its holder afresh. */
  | { readonly do: 'inspect' }
  /** Delete exactly this version of the lock. */
  | { readonly do: 'reclaim'; readonly lock: Lock }
  /** Delete exactly this Pod: its node is gone, and the user chose not to wait for it. */
  | { readonly do: 'evict'; readonly pod: Pod }
  /** Nothing, until this moment or the next hint. */
  | { readonly do: 'wait'; readonly untilMs: number }
  | { readonly do: 'lead'; readonly lock: Lock }
  /** Take back the lock that was just created, then fail. */
  | { readonly do: 'withdraw'; readonly lock: Lock; readonly failure: Failure }
  | { readonly do: 'fail'; readonly failure: Failure };

/** What a watch told. It only ever moves the next look or attempt; it decides nothing itself. */
export type Hint =
  | { readonly type: 'lock-seen'; readonly lock: Lock }
  | { readonly type: 'lock-gone'; readonly uid: string }
  | { readonly type: 'holder-seen'; readonly pod: PodReading }
  | { readonly type: 'node-changed' }
  | { readonly type: 'watch-opened'; readonly of: Watched }
  | { readonly type: 'watch-lost'; readonly of: Watched };

/** What there are watches on. */
export type Watched = 'lock' | 'holder' | 'node';

export type Event =
  | { readonly type: 'identified'; readonly self: Pod | 'absent' }
  | {
      readonly type: 'attempted';
      readonly outcome: Lock | 'exists' | 'quota';
      readonly self: PodReading;
      /** In the order of the state's. */
      readonly predecessors: readonly PodReading[];
    }
  | {
      readonly type: 'inspected';
      readonly lock: Lock | undefined;
      /** The Pod that is waited for, see `awaited`. */
      readonly holder: PodReading;
      readonly node?: NodeReading;
      /** Every watch that there should be is open. */
      readonly watched: boolean;
      /** How many candidates there are, roughly. */
      readonly crowd: number;
    }
  /** The lock was deleted, or somebody else changed or deleted it first. */
  | { readonly type: 'reclaimed'; readonly mine: boolean }
  | { readonly type: 'evicted' }
  | { readonly type: 'time-up' }
  | Hint;

/** When and by what luck an event came. */
export interface Circumstance {
  /** Monotonic. */
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: number;
}

export interface State {
  readonly settings: Settings;
  readonly command: Command;
  /** Mine; undefined until my own Pod was read. */
  readonly podUid: string | undefined;
  /** As last read or seen; undefined while it is free. */
  readonly lock: Lock | undefined;
  /** The Pod that is waited for, as last read or seen. */
  readonly holder: PodReading;
  /**
   * Who held the lock before it was mine, or free, and may be about to be deleted in the foreground:
   * I do not lead before that is known to be over.
   */
  readonly predecessors: readonly PodIdentity[];
  /** The Pod whose deletion was seen to begin, in the background. */
  readonly backgroundUid: string | undefined;
  readonly obstacle: Obstacle;
  /** What a wait is for. */
  readonly next: 'attempt' | 'inspect';
  readonly crowd: number;
  /** Looks in a row without a watch. */
  readonly polls: number;
  /** Attempts in a row that failed although nobody was found to hold the lock. */
  readonly misses: number;
  /** Since when this lock's holder is known to be gone. */
  readonly goneSinceMs: number | undefined;
  /** Since when the holder's node is known not to be ready. */
  readonly notReadySinceMs: number | undefined;
}

export function start(settings: Settings, podUid: string | undefined): State {
  return {
    settings,
    command: podUid === undefined ? { do: 'identify' } : { do: 'attempt', podUid, verify: true },
    podUid,
    lock: undefined,
    holder: 'unreadable',
    predecessors: [],
    backgroundUid: undefined,
    obstacle: 'none',
    next: 'attempt',
    crowd: 1,
    polls: 0,
    misses: 0,
    goneSinceMs: undefined,
    notReadySinceMs: undefined,
  };
}

/** The one transition function. An event that does not answer the state's command is our bug. */
export function step(state: State, event: Event, when: Circumstance): State {
  const expected = answers[state.command.do];
  if (!expected.includes(event.type)) {
    throw new Error(`illegal transition: ${event.type} does not answer ${state.command.do}`);
  }
  switch (event.type) {
    case 'identified':
      return onIdentified(state, event.self);
    case 'attempted':
      return onAttempted(state, event);
    case 'inspected':
      return onInspected(state, event, when);
    case 'reclaimed':
      return event.mine ? attempt(forget(state)) : inspect(state);
    case 'evicted':
      return inspect(state);
    case 'time-up':
      return state.next === 'attempt' ? attempt(state) : inspect(state);
    default:
      return onHint(state, event, when);
  }
}

const hints = [
  'lock-seen',
  'lock-gone',
  'holder-seen',
  'node-changed',
  'watch-opened',
  'watch-lost',
] as const;

const answers: Readonly<Record<Command['do'], readonly Event['type'][]>> = {
  identify: ['identified'],
  attempt: ['attempted'],
  inspect: ['inspected', 'lock-gone', 'holder-seen'],
  reclaim: ['reclaimed'],
  evict: ['evicted'],
  wait: ['time-up', ...hints],
  lead: [],
  withdraw: [],
  fail: [],
};

function onIdentified(state: State, self: Pod | 'absent'): State {
  if (self === 'absent') return fail(state, { because: 'pod-not-found' });
  const failure = unfitness(self.uid, self);
  if (failure) return fail(state, failure);
  const command: Command = { do: 'attempt', podUid: self.uid, verify: false };
  return { ...state, podUid: self.uid, command };
}

function onAttempted(state: State, event: Event & { type: 'attempted' }): State {
  const failure = unfitness(knownUid(state), event.self);
  const { outcome } = event;
  if (typeof outcome === 'object') {
    if (failure) return { ...state, command: { do: 'withdraw', lock: outcome, failure } };
    const predecessors = state.predecessors.filter((pod, index) =>
      isLeaving(pod, event.predecessors[index] ?? 'unreadable'),
    );
    return onLockMine({ ...state, lock: outcome, predecessors }, outcome);
  }
  if (failure) return fail(state, failure);
  return inspect({ ...state, obstacle: outcome === 'quota' ? 'quota' : 'none' });
}

/**
 * Why the Pod read as mine must not lead: a lock owned by a UID that is not a living Pod's would be
 * garbage-collected under its leader, and a Pod on its way out would only cause one more handover.
 */
function unfitness(podUid: string, self: PodReading): Failure | undefined {
  if (self === 'unreadable') return undefined;
  if (self === 'absent') return { because: 'pod-not-found' };
  if (self.uid !== podUid) {
    return { because: 'pod-uid-mismatch', expected: podUid, actual: self.uid };
  }
  const liveness = livenessOf(self, self);
  return liveness === 'alive' ? undefined : { because: 'pod-terminating' };
}

/** Whoever holds the lock keeps others from leading while he waits for his predecessors to end. */
function onLockMine(state: State, lock: Lock): State {
  if (state.predecessors.length > 0) return inspect(state);
  return { ...state, command: { do: 'lead', lock } };
}

function onInspected(
  before: State,
  event: Event & { type: 'inspected' },
  when: Circumstance,
): State {
  const state = remember(before, event);
  const { lock } = event;
  if (!lock) return attemptFreeLock(state, when);
  const holder = holderOf(lock);
  if (!holder) return fail(state, { because: 'foreign-lock', lock });
  if (lock.deleting) return waitForChange(state, 'lock-deleting', event.watched, when);
  if (holder.uid === state.podUid) {
    const [first, ...rest] = state.predecessors;
    if (first && isLeaving(first, event.holder)) {
      return waitForChange(state, 'terminating', event.watched, when);
    }
    return onLockMine({ ...state, predecessors: rest }, lock);
  }

  const liveness = livenessOf(holder, event.holder);
  switch (liveness) {
    case 'finished':
      return { ...state, command: { do: 'reclaim', lock } };
    case 'gone':
      return onHolderGone(state, lock, when);
    case 'unknown':
      return waitForChange(state, liveness, event.watched, when);
    default:
      return onHolderPresent(state, liveness, event, when);
  }
}

/** Takes over what was read, and drops what was concluded about another lock or holder. */
function remember(state: State, event: Event & { type: 'inspected' }): State {
  const same = state.lock !== undefined && sameTenure(state.lock, event.lock);
  return {
    ...state,
    lock: event.lock,
    holder: event.holder,
    predecessors: event.lock
      ? notedPredecessors(state, event.lock)
      : lastHolders(state, event.holder),
    crowd: event.crowd,
    polls: event.watched ? 0 : state.polls,
    misses: event.lock ? 0 : state.misses + 1,
    goneSinceMs: same ? state.goneSinceMs : undefined,
    notReadySinceMs: same && event.node === 'not-ready' ? state.notReadySinceMs : undefined,
  };
}

/** The Pod whose end a candidate waits for while this is the lock. */
export function awaited(state: State, lock = state.lock): PodIdentity | undefined {
  const holder = lock && !lock.deleting ? holderOf(lock) : undefined;
  return lock && holder?.uid === state.podUid ? notedPredecessors(state, lock)[0] : holder;
}

/** Whom I wait for while I hold this lock: also if it was an earlier process of mine that began to. */
function notedPredecessors(state: State, lock: Lock): readonly PodIdentity[] {
  if (holderOf(lock)?.uid !== state.podUid) return [];
  return sameTenure(lock, state.lock) ? state.predecessors : (lock.predecessors ?? []);
}

/**
 * Who may still lead now that the lock is gone. The garbage collector deletes the lock of a Pod that
 * is deleted in the foreground at once, although the Pod runs until its grace is over; and its watch
 * may tell of that later than the lock's. What is not certain is read while the lock is created.
 */
function lastHolders(state: State, reading: PodReading = 'unreadable'): readonly PodIdentity[] {
  const { lock } = state;
  const holder = lock && holderOf(lock);
  if (!holder || holder.uid === state.podUid) return state.predecessors;
  const isKnown = isOver(livenessOf(holder, reading)) || hasLetGo(state, holder);
  const all = [...(isKnown ? [] : [holder]), ...(lock.predecessors ?? [])];
  return all.filter(({ uid }) => uid !== state.podUid).slice(0, MAX_PREDECESSORS);
}

/** The lock's end says nothing new: its holder was over or, deleted in the background, released it. */
function hasLetGo(state: State, holder: PodIdentity): boolean {
  return isOver(livenessOf(holder, state.holder)) || state.backgroundUid === holder.uid;
}

function isOver(liveness: Liveness): boolean {
  return liveness === 'gone' || liveness === 'finished';
}

/** Lost its lock, and is being deleted: in the foreground, for all that is known. */
function isLeaving(pod: PodIdentity, reading: PodReading): boolean {
  return typeof reading === 'object' && reading.deleting && !isOver(livenessOf(pod, reading));
}

/** Nobody holds it, yet it could not be created: once is a race, more needs patience. */
function attemptFreeLock(state: State, when: Circumstance): State {
  const patient = state.obstacle === 'quota' || state.misses > 1;
  const delay = patient
    ? backoffMs(state.misses - 1, state.settings.maxBackoffMs, when.random)
    : spreadMs(state.crowd, when.random);
  const obstacle = state.obstacle === 'quota' ? 'quota' : 'none';
  return wait({ ...state, obstacle, next: 'attempt' }, when.nowMs + delay);
}

function onHolderGone(state: State, lock: Lock, when: Circumstance): State {
  const goneSinceMs = state.goneSinceMs ?? when.nowMs;
  const dueMs = goneSinceMs + GARBAGE_COLLECTION_GRACE_MS;
  if (when.nowMs >= dueMs) return { ...state, goneSinceMs, command: { do: 'reclaim', lock } };
  const untilMs = dueMs + spreadMs(state.crowd, when.random);
  return wait({ ...state, obstacle: 'gone', next: 'inspect', goneSinceMs }, untilMs);
}

function onHolderPresent(
  state: State,
  obstacle: 'alive' | 'terminating' | 'finishing',
  event: Event & { type: 'inspected' },
  when: Circumstance,
): State {
  const afterMs = state.settings.takeOverFromNotReadyNodeAfterMs;
  if (afterMs === undefined || event.node !== 'not-ready' || typeof event.holder === 'string') {
    return waitForChange(state, obstacle, event.watched, when);
  }
  const notReadySinceMs = state.notReadySinceMs ?? when.nowMs;
  const dueMs = notReadySinceMs + afterMs;
  const seen = { ...state, notReadySinceMs };
  if (when.nowMs >= dueMs) return { ...seen, command: { do: 'evict', pod: event.holder } };
  // Looks again and again, not once at the end: a node that was ready in between starts anew.
  const pollMs = when.nowMs + backoffMs(state.polls, state.settings.maxBackoffMs, when.random);
  return wait(
    { ...seen, obstacle: 'node-not-ready', next: 'inspect', polls: state.polls + 1 },
    Math.min(dueMs, pollMs),
  );
}

function waitForChange(
  state: State,
  obstacle: Obstacle,
  watched: boolean,
  when: Circumstance,
): State {
  const delay = watched
    ? WATCHED_POLL_MS * (1 - 0.2 * when.random)
    : backoffMs(state.polls, state.settings.maxBackoffMs, when.random);
  const polls = watched ? 0 : state.polls + 1;
  return wait({ ...state, obstacle, next: 'inspect', polls }, when.nowMs + delay);
}

function onHint(state: State, hint: Hint, when: Circumstance): State {
  const { nowMs, random } = when;
  switch (hint.type) {
    case 'lock-gone': {
      // Also cuts a look short: what it would have found is out of date.
      if (state.lock?.uid !== hint.uid) return state;
      const free = { ...forget(state), predecessors: lastHolders(state) };
      return wait({ ...free, next: 'attempt' }, nowMs + spreadMs(state.crowd, random));
    }
    case 'lock-seen':
      return onLockSeen(state, hint.lock, when);
    case 'holder-seen':
      return onHolderSeen(state, hint.pod, when);
    case 'node-changed':
    case 'watch-opened':
      return inspectBy(state, nowMs + settleMs(state.crowd, random));
    case 'watch-lost':
      return inspectBy(state, nowMs + backoffMs(0, state.settings.maxBackoffMs, random));
  }
}

/** Somebody may have taken the lock: stand down, and look who before going on. */
function onLockSeen(state: State, lock: Lock, when: Circumstance): State {
  const { lock: known } = state;
  if (known && sameTenure(known, lock) && known.deleting === lock.deleting) return state;
  const untilMs = when.nowMs + settleMs(state.crowd, when.random);
  if (known && sameTenure(known, lock)) return wait({ ...state, lock }, untilMs);
  const predecessors = notedPredecessors(state, lock);
  return wait({ ...forget(state), lock, predecessors, next: 'inspect' }, untilMs);
}

/** The same lock object, held by the same Pod. */
function sameTenure(a: Lock, b: Lock | undefined): boolean {
  return a.uid === b?.uid && holderOf(a)?.uid === holderOf(b)?.uid;
}

/** Only a lock that nobody else will free is a matter of milliseconds. */
function onHolderSeen(before: State, pod: PodReading, when: Circumstance): State {
  const isBackground = typeof pod === 'object' && pod.background === true;
  const state = isBackground ? { ...before, backgroundUid: pod.uid } : before;
  const holder = awaited(state);
  if (!holder || state.next === 'attempt') return state;
  const liveness = livenessOf(holder, pod);
  if (liveness === livenessOf(holder, state.holder)) return state;
  const seen: State = { ...state, holder: pod, obstacle: liveness };
  const isMine = state.predecessors.length > 0;
  const isUpToUs = liveness === 'finished' || (liveness === 'gone' && isMine);
  const delay = isUpToUs
    ? spreadMs(state.crowd, when.random)
    : UNHURRIED_MS + settleMs(state.crowd, when.random);
  return inspectBy(seen, when.nowMs + delay);
}

/** Looks by then, unless something sooner is already planned. */
function inspectBy(state: State, untilMs: number): State {
  if (state.command.do !== 'wait' || state.next === 'attempt') return state;
  return wait(state, Math.min(untilMs, state.command.untilMs));
}

function wait(state: State, untilMs: number): State {
  return { ...state, command: { do: 'wait', untilMs } };
}

function attempt(state: State): State {
  return { ...state, command: { do: 'attempt', podUid: knownUid(state), verify: true } };
}

function knownUid(state: State): string {
  if (state.podUid === undefined) throw new Error('illegal state: an attempt without a Pod UID');
  return state.podUid;
}

function inspect(state: State): State {
  return { ...state, command: { do: 'inspect' } };
}

/** The lock is gone, and with it all that was known of its holder. */
function forget(state: State): State {
  return {
    ...state,
    lock: undefined,
    holder: 'unreadable',
    predecessors: [],
    obstacle: 'none',
    misses: 0,
    goneSinceMs: undefined,
    notReadySinceMs: undefined,
  };
}

function fail(state: State, failure: Failure): State {
  return { ...state, command: { do: 'fail', failure } };
}
