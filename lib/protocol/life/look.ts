/** What a candidate does after a look, which reads the lock and the Pods that matter. */
import { joined, predecessorsAt, remaining, isSameTenure } from './predecessors.ts';
import {
  awaited,
  type Moment,
  type Event,
  fail,
  inspect,
  type Obstacle,
  podsToRead,
  type State,
  wait,
} from './state.ts';
import { type Bar, barAt } from '../bar.ts';
import { backoffMs, suppressionDelayMs } from '../delay.ts';
import { holderOf, livenessOf, type Lock } from '../model.ts';

/** How long a lock may outlive its holder before candidates do the garbage collector's work. */
export const GARBAGE_COLLECTION_GRACE_MS = 2_000;

/** How often a candidate looks although its watches are healthy. */
export const WATCHED_POLL_MS = 20 * 60_000;

export function onInspected(
  before: State,
  event: Event & { type: 'inspected' },
  when: Moment,
): State {
  const state = remember(before, event);
  const { lock } = event;
  if (!lock) return onFreeLock(state, event.watched, when);
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

/** Stores what was read, and drops what was concluded about another lock or holder. */
function remember(state: State, event: Event & { type: 'inspected' }): State {
  const { lock, pods, leaving = [] } = event;
  const same = isSameTenure(state.lock, lock);
  const predecessors = remaining(joined(state, [...predecessorsAt(state, lock), ...leaving]), pods);
  const holder = awaited({ ...state, lock, predecessors }, lock);
  return {
    ...state,
    lock,
    holder: holder && pods.find(({ of }) => of.uid === holder.uid),
    predecessors,
    inherited: false,
    unseen: false,
    candidateCount: event.candidateCount,
    polls: event.watched ? 0 : state.polls,
    misses: lock ? 0 : state.misses + 1,
    leftSinceMs: same ? state.leftSinceMs : undefined,
    notReadySinceMs: same && event.node === 'not-ready' ? state.notReadySinceMs : undefined,
  };
}

/** This Pod's own lock, from this call or an earlier one. */
function onOwnLock(
  before: State,
  state: State,
  lock: Lock,
  { watched }: { readonly watched: boolean },
  when: Moment,
): State {
  // Others may take a released lock, so never lead with it again.
  if (lock.released) return { ...state, command: { do: 'reclaim', lock } };
  const [first] = state.predecessors;
  if (!first) return lead(state, lock);
  // The Pod that was watched has ended: watch the next one.
  if (first.uid !== podsToRead(before, lock)[0]?.uid) return inspect(state);
  return waitForChange(state, 'terminating', watched, when);
}

/** The lock is free, but could not be created. Once is a race; more needs patience. */
function onFreeLock(state: State, watched: boolean, when: Moment): State {
  const bar = barAt(when);
  if (bar) return standAside(state, bar, watched, when);
  const patient = state.obstacle === 'quota' || state.misses > 1;
  const delay = patient
    ? backoffMs(state.misses - 1, state.settings.maxBackoffMs, when.random)
    : suppressionDelayMs(state.candidateCount, when.random);
  const obstacle = state.obstacle === 'quota' ? 'quota' : 'none';
  return wait({ ...state, obstacle, next: 'attempt' }, when.nowMs + delay);
}

/** Leaves the free lock to others until the bar ends. Without a watch, looks show who takes it. */
function standAside(state: State, bar: Bar, watched: boolean, when: Moment): State {
  const looking = waitForChange(state, bar.because, watched, when);
  const isSoon = looking.command.do === 'wait' && bar.untilMs <= looking.command.untilMs;
  return isSoon ? wait({ ...looking, next: 'attempt' }, bar.untilMs) : looking;
}

/** Its holder no longer leads. Another candidate is about to delete the lock, or we do. */
function onLockLeft(state: State, lock: Lock, obstacle: 'gone' | 'released', when: Moment): State {
  const leftSinceMs = state.leftSinceMs ?? when.nowMs;
  const dueMs = leftSinceMs + GARBAGE_COLLECTION_GRACE_MS;
  if (when.nowMs >= dueMs) return { ...state, leftSinceMs, command: { do: 'reclaim', lock } };
  const untilMs = dueMs + suppressionDelayMs(state.candidateCount, when.random);
  return wait({ ...state, obstacle, next: 'inspect', leftSinceMs }, untilMs);
}

function onHolderPresent(
  state: State,
  obstacle: 'alive' | 'terminating' | 'finishing',
  event: Event & { type: 'inspected' },
  when: Moment,
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
  // Looks repeatedly, not once at the end: a node that was ready in between starts again.
  const pollMs = when.nowMs + backoffMs(state.polls, state.settings.maxBackoffMs, when.random);
  return wait(
    { ...seen, obstacle: 'node-not-ready', next: 'inspect', polls: state.polls + 1 },
    Math.min(dueMs, pollMs),
  );
}

function waitForChange(state: State, obstacle: Obstacle, watched: boolean, when: Moment): State {
  const delay = watched
    ? WATCHED_POLL_MS * (1 - 0.2 * when.random)
    : backoffMs(state.polls, state.settings.maxBackoffMs, when.random);
  const polls = watched ? 0 : state.polls + 1;
  return wait({ ...state, obstacle, next: 'inspect', polls }, when.nowMs + delay);
}

/** LIFE-3 of `docs/safety.md`. */
export function lead(state: State, lock: Lock): State {
  const isHeld = isSameTenure(state.lock, lock) && holderOf(lock)?.uid === state.podUid;
  if (!isHeld || lock.released || lock.deleting || state.predecessors.length > 0) {
    throw new Error('illegal state: a leader without the lock, or with predecessors');
  }
  return { ...state, command: { do: 'lead', lock } };
}
