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
import { afterEnd, joined, predecessorsAt, remaining, sameTenure } from './predecessors.ts';

/** How long a lock may outlive its holder before candidates do the garbage collector's work. */
export const GARBAGE_COLLECTION_GRACE_MS = 2_000;

/** Looks must not get in the way of a garbage collector that frees the lock 4 to 15 ms later. */
export const UNHURRIED_MS = 100;

/** How often a candidate whose watches are healthy looks all the same. */
export const WATCHED_POLL_MS = 20 * 60_000;

export interface Settings {
  readonly podName: string;
  readonly maxBackoffMs: number;
  readonly takeOverFromNotReadyNodeAfterMs?: number | undefined;
  /** Whether the Pod's UID counts even if the Role does not allow verifying it. */
  readonly trustsPodUid: boolean;
}

/** Why the lock cannot be had now. */
export type Obstacle =
  Liveness | 'released' | 'node-not-ready' | 'lock-deleting' | 'quota' | 'none';

/** Why this Pod must not lead, ever. */
export type Failure =
  | { readonly because: 'foreign-lock'; readonly lock: Lock }
  | { readonly because: 'pod-not-found' }
  | { readonly because: 'pod-uid-mismatch'; readonly expected: string; readonly actual: string }
  | { readonly because: 'pod-uid-unverified'; readonly podUid: string }
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
  /** Read the lock, the Pods that matter and, where `search`, which replicas are being deleted. */
  | { readonly do: 'inspect'; readonly search: boolean }
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

/**
 * What a watch told. A hint moves the next look or attempt, and adds to the Pods that have to be read
 * before this one leads; it decides nothing itself.
 */
export type Hint =
  | { readonly type: 'lock-seen'; readonly lock: Lock }
  /** With the lock's last state. */
  | { readonly type: 'lock-gone'; readonly lock: Lock }
  | { readonly type: 'pod-seen'; readonly pod: PodReading }
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
      /** Undefined where it was not to be verified. */
      readonly self: PodReading | undefined;
      /** Of all predecessors, read after the attempt was decided. */
      readonly predecessors: readonly PodReading[];
    }
  | {
      readonly type: 'inspected';
      readonly lock: Lock | undefined;
      /** Of all `podsToRead`. */
      readonly pods: readonly PodReading[];
      readonly node?: NodeReading | undefined;
      /** Where that was to be searched for: the replicas that are being deleted. */
      readonly leaving?: readonly PodIdentity[] | undefined;
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
  /** The Pod that is waited for, as last read. */
  readonly holder: PodReading | undefined;
  /** The Pods that held earlier locks and may still lead, oldest first: I do not lead before they end. */
  readonly predecessors: readonly PodIdentity[];
  /** The predecessors are those of an earlier call: their locks may end only now. */
  readonly inherited: boolean;
  /** A lock of which nothing was seen kept me from creating mine. */
  readonly unseen: boolean;
  readonly obstacle: Obstacle;
  /** What a wait is for. */
  readonly next: 'attempt' | 'inspect';
  readonly crowd: number;
  /** Looks in a row without a watch. */
  readonly polls: number;
  /** Attempts in a row that failed although nobody was found to hold the lock. */
  readonly misses: number;
  /** Since when this lock's holder is known to be gone, or to have given it up. */
  readonly leftSinceMs: number | undefined;
  /** Since when the holder's node is known not to be ready. */
  readonly notReadySinceMs: number | undefined;
}

/** `predecessors`: those that an earlier call of this process has left. */
export function start(
  settings: Settings,
  podUid: string | undefined,
  predecessors: readonly PodIdentity[] = [],
): State {
  return {
    settings,
    command: podUid === undefined ? { do: 'identify' } : { do: 'attempt', podUid, verify: true },
    podUid,
    lock: undefined,
    holder: undefined,
    predecessors,
    inherited: predecessors.length > 0,
    unseen: false,
    obstacle: 'none',
    next: 'attempt',
    crowd: 1,
    polls: 0,
    misses: 0,
    leftSinceMs: undefined,
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
      return event.mine && state.lock
        ? attemptOrWait(ended(state, state.lock), when)
        : inspect(state);
    case 'evicted':
      return inspect(state);
    case 'time-up':
      return state.next === 'attempt' ? attemptOrWait(state, when) : inspect(state);
    default:
      return onHint(state, event, when);
  }
}

const hints = [
  'lock-seen',
  'lock-gone',
  'pod-seen',
  'node-changed',
  'watch-opened',
  'watch-lost',
] as const;

const answers: Readonly<Record<Command['do'], readonly Event['type'][]>> = {
  identify: ['identified'],
  attempt: ['attempted'],
  inspect: ['inspected', 'lock-gone'],
  reclaim: ['reclaimed'],
  evict: ['evicted'],
  wait: ['time-up', ...hints],
  lead: [],
  withdraw: [],
  fail: [],
};

function onIdentified(state: State, self: Pod | 'absent'): State {
  if (self === 'absent') return fail(state, { because: 'pod-not-found' });
  const { settings } = state;
  const failure = unfitness(settings, { of: self, found: self });
  if (failure) return fail(state, failure);
  const command: Command = { do: 'attempt', podUid: self.uid, verify: false };
  return { ...state, podUid: self.uid, command };
}

function onAttempted(state: State, event: Event & { type: 'attempted' }): State {
  const { outcome, self } = event;
  const failure = self && unfitness(state.settings, self);
  // What was read before a lock has ended says nothing of its holder.
  const predecessors = state.inherited
    ? state.predecessors
    : remaining(state.predecessors, event.predecessors);
  if (typeof outcome === 'object') {
    if (failure) return { ...state, command: { do: 'withdraw', lock: outcome, failure } };
    const held = { ...state, lock: outcome, predecessors, unseen: false };
    // Holding the lock keeps others out while we wait for our predecessors to end.
    return predecessors.length > 0 ? inspect(held) : lead(held, outcome);
  }
  if (failure) return fail(state, failure);
  const isQuota = outcome === 'quota';
  return inspect({
    ...state,
    predecessors,
    unseen: !isQuota,
    obstacle: isQuota ? 'quota' : 'none',
  });
}

/**
 * Why the Pod read as mine must not lead: a lock owned by a UID that is not a living Pod's would be
 * garbage-collected under its leader, and a Pod on its way out would only cause one more handover.
 */
function unfitness({ trustsPodUid }: Settings, { of, found }: PodReading): Failure | undefined {
  if (found === 'unreadable') {
    return trustsPodUid ? undefined : { because: 'pod-uid-unverified', podUid: of.uid };
  }
  if (found === 'absent') return { because: 'pod-not-found' };
  if (found.uid !== of.uid) {
    return { because: 'pod-uid-mismatch', expected: of.uid, actual: found.uid };
  }
  return livenessOf({ of, found }) === 'alive' ? undefined : { because: 'pod-terminating' };
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
  if (holder.uid === state.podUid) return onOwnLock(before, state, lock, event, when);
  if (lock.released) return onLockLeft(state, lock, 'released', when);

  const liveness = state.holder ? livenessOf(state.holder) : 'unknown';
  switch (liveness) {
    case 'finished':
      return { ...state, command: { do: 'reclaim', lock } };
    case 'gone':
      return onLockLeft(state, lock, 'gone', when);
    case 'unknown':
      return waitForChange(state, liveness, event.watched, when);
    default:
      return onHolderPresent(state, liveness, event, when);
  }
}

/** Takes over what was read, and drops what was concluded about another lock or holder. */
function remember(state: State, event: Event & { type: 'inspected' }): State {
  const { lock, pods, leaving = [] } = event;
  const same = sameTenure(state.lock, lock);
  const predecessors = remaining(joined(state, [...predecessorsAt(state, lock), ...leaving]), pods);
  const holder = awaited({ ...state, lock, predecessors }, lock);
  return {
    ...state,
    lock,
    holder: holder && pods.find(({ of }) => of.uid === holder.uid),
    predecessors,
    inherited: false,
    unseen: false,
    crowd: event.crowd,
    polls: event.watched ? 0 : state.polls,
    misses: lock ? 0 : state.misses + 1,
    leftSinceMs: same ? state.leftSinceMs : undefined,
    notReadySinceMs: same && event.node === 'not-ready' ? state.notReadySinceMs : undefined,
  };
}

/** The Pod whose end a candidate waits for while this is the lock. */
export function awaited(state: State, lock = state.lock): PodIdentity | undefined {
  if (!lock || lock.deleting) return undefined;
  const holder = holderOf(lock);
  if (holder?.uid === state.podUid) return predecessorsAt(state, lock)[0];
  return lock.released ? undefined : holder;
}

/** The Pods that a look has to read: the one that is waited for, and whoever may still lead. */
export function podsToRead(state: State, lock: Lock | undefined): readonly PodIdentity[] {
  const predecessors = predecessorsAt(state, lock);
  if (!lock) return predecessors.length > MAX_PREDECESSORS ? predecessors : [];
  const first = awaited(state, lock);
  return joined(state, [...(first ? [first] : []), ...predecessors]);
}

/** My own: of this call, or of an earlier one. */
function onOwnLock(
  before: State,
  state: State,
  lock: Lock,
  { watched }: { readonly watched: boolean },
  when: Circumstance,
): State {
  // Others may take a lock that was given up: it is never led with again.
  if (lock.released) return { ...state, command: { do: 'reclaim', lock } };
  const [first] = state.predecessors;
  if (!first) return lead(state, lock);
  // The Pod that was watched has ended: watch the next one.
  if (first.uid !== podsToRead(before, lock)[0]?.uid) return inspect(state);
  return waitForChange(state, 'terminating', watched, when);
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

/** Its holder does not lead any more: somebody is about to delete it, or we do. */
function onLockLeft(
  state: State,
  lock: Lock,
  obstacle: 'gone' | 'released',
  when: Circumstance,
): State {
  const leftSinceMs = state.leftSinceMs ?? when.nowMs;
  const dueMs = leftSinceMs + GARBAGE_COLLECTION_GRACE_MS;
  if (when.nowMs >= dueMs) return { ...state, leftSinceMs, command: { do: 'reclaim', lock } };
  const untilMs = dueMs + spreadMs(state.crowd, when.random);
  return wait({ ...state, obstacle, next: 'inspect', leftSinceMs }, untilMs);
}

function onHolderPresent(
  state: State,
  obstacle: 'alive' | 'terminating' | 'finishing',
  event: Event & { type: 'inspected' },
  when: Circumstance,
): State {
  const afterMs = state.settings.takeOverFromNotReadyNodeAfterMs;
  const pod = state.holder?.found;
  if (afterMs === undefined || event.node !== 'not-ready' || typeof pod !== 'object') {
    return waitForChange(state, obstacle, event.watched, when);
  }
  const notReadySinceMs = state.notReadySinceMs ?? when.nowMs;
  const dueMs = notReadySinceMs + afterMs;
  const seen = { ...state, notReadySinceMs };
  if (when.nowMs >= dueMs) return { ...seen, command: { do: 'evict', pod } };
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
      // Of another lock than the one that is known, it only tells who may still lead.
      if (state.lock?.uid !== hint.lock.uid) {
        return { ...state, predecessors: afterEnd(state, hint.lock) };
      }
      // Also cuts a look short: what it would have found is out of date.
      const before = sameTenure(state.lock, hint.lock) ? state : ended(state, state.lock);
      const free = { ...ended(before, hint.lock), next: 'attempt' as const };
      return wait(free, nowMs + spreadMs(state.crowd, random));
    }
    case 'lock-seen':
      return onLockSeen(state, hint.lock, when);
    case 'pod-seen':
      return onPodSeen(state, hint.pod, when);
    case 'node-changed':
    case 'watch-opened':
      return inspectBy(state, nowMs + settleMs(state.crowd, random));
    case 'watch-lost':
      return inspectBy(state, nowMs + backoffMs(0, state.settings.maxBackoffMs, random));
  }
}

/**
 * Somebody may have taken the lock: stand down, and look who before going on. Only after that look is it
 * known whether that lock has ended, too.
 */
function onLockSeen(state: State, lock: Lock, when: Circumstance): State {
  const { lock: known } = state;
  const untilMs = when.nowMs + settleMs(state.crowd, when.random);
  if (!known || !sameTenure(known, lock)) {
    const before = known ? ended(state, known) : forget(state);
    return wait({ ...before, predecessors: afterEnd(before, lock), next: 'inspect' }, untilMs);
  }
  const released = known.released || lock.released;
  const deleting = known.deleting || lock.deleting;
  if (released === known.released && deleting === known.deleting) return state;
  return inspectBy({ ...state, lock: { ...known, released, deleting } }, untilMs + UNHURRIED_MS);
}

/** Only a lock that nobody else will free is a matter of milliseconds. */
function onPodSeen(state: State, pod: PodReading, when: Circumstance): State {
  const { nowMs, random } = when;
  const expected = awaited(state);
  const unhurriedMs = nowMs + UNHURRIED_MS + settleMs(state.crowd, random);
  if (!expected) return state;
  if (pod.of.uid !== expected.uid) return inspectBy(state, unhurriedMs);
  const liveness = livenessOf(pod);
  if (state.holder && liveness === livenessOf(state.holder)) return state;
  const isMine = state.lock !== undefined && holderOf(state.lock)?.uid === state.podUid;
  const isUpToUs = liveness === 'finished' || (liveness === 'gone' && isMine);
  return inspectBy(state, isUpToUs ? nowMs + spreadMs(state.crowd, random) : unhurriedMs);
}

/** Looks by then, unless something sooner is already planned. */
function inspectBy(state: State, untilMs: number): State {
  if (state.command.do !== 'wait' || state.next === 'attempt') return state;
  return wait(state, Math.min(untilMs, state.command.untilMs));
}

function wait(state: State, untilMs: number): State {
  return { ...state, command: { do: 'wait', untilMs } };
}

/** A lock can note so many predecessors and no more; and while there are any, nobody could lead. */
function attemptOrWait(state: State, when: Circumstance): State {
  if (state.predecessors.length > MAX_PREDECESSORS) {
    const { polls, settings } = state;
    const untilMs = when.nowMs + backoffMs(polls, settings.maxBackoffMs, when.random);
    return wait({ ...state, obstacle: 'terminating', next: 'inspect', polls: polls + 1 }, untilMs);
  }
  return { ...state, command: { do: 'attempt', podUid: knownUid(state), verify: true } };
}

function knownUid(state: State): string {
  if (state.podUid === undefined) throw new Error('illegal state: an attempt without a Pod UID');
  return state.podUid;
}

function inspect(state: State): State {
  return { ...state, command: { do: 'inspect', search: state.unseen } };
}

function lead(state: State, lock: Lock): State {
  const isHeld = sameTenure(state.lock, lock) && holderOf(lock)?.uid === state.podUid;
  if (!isHeld || lock.released || lock.deleting || state.predecessors.length > 0) {
    throw new Error('illegal state: a leader without the lock, or with predecessors');
  }
  return { ...state, command: { do: 'lead', lock } };
}

/** This lock is gone. */
function ended(state: State, lock: Lock): State {
  return { ...forget(state), predecessors: afterEnd(state, lock) };
}

/** Nothing is known of the lock or its holder. */
function forget(state: State): State {
  return {
    ...state,
    lock: undefined,
    holder: undefined,
    unseen: false,
    obstacle: 'none',
    misses: 0,
    leftSinceMs: undefined,
    notReadySinceMs: undefined,
  };
}

function fail(state: State, failure: Failure): State {
  return { ...state, command: { do: 'fail', failure } };
}
