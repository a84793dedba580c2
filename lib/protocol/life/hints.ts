/** How a candidate reacts to a hint: it looks or attempts earlier, and decides nothing. */
import { afterEnd, isSameTenure } from './predecessors.ts';
import { awaited, type Moment, ended, forget, type Hint, type State, wait } from './state.ts';
import { backoffMs, staggerMs, suppressionDelayMs } from '../delay.ts';
import { holderOf, livenessOf, type Lock, type PodReading } from '../model.ts';

/** Looks must not delay a garbage collector that frees the lock 4 to 15 ms later. */
export const UNHURRIED_MS = 100;

export function onHint(
  state: State,
  hint: Exclude<Hint, { type: 'unbarred' }>,
  when: Moment,
): State {
  const { nowMs, random } = when;
  switch (hint.type) {
    case 'lock-gone': {
      // If it is about another lock than the known one, it only shows who may still lead.
      if (state.lock?.uid !== hint.lock.uid) {
        return { ...state, predecessors: afterEnd(state, hint.lock) };
      }
      // Also cuts a look short, which would find an outdated state.
      const before = isSameTenure(state.lock, hint.lock) ? state : ended(state, state.lock);
      const free = { ...ended(before, hint.lock), next: 'attempt' as const };
      return wait(free, nowMs + suppressionDelayMs(state.candidateCount, random));
    }
    case 'lock-seen':
      return onLockSeen(state, hint.lock, when);
    case 'pod-seen':
      return onPodSeen(state, hint.pod, when);
    case 'node-changed':
    case 'watch-opened':
      return inspectBy(state, nowMs + staggerMs(state.candidateCount, random));
    case 'watch-lost':
      return inspectBy(state, nowMs + backoffMs(0, state.settings.maxBackoffMs, random));
  }
}

/**
 * Another candidate may have taken the lock: cancel the attempt, and look who holds it. Only that
 * look shows whether that lock has ended, too.
 */
function onLockSeen(state: State, lock: Lock, when: Moment): State {
  const { lock: known } = state;
  const untilMs = when.nowMs + staggerMs(state.candidateCount, when.random);
  if (!known || !isSameTenure(known, lock)) {
    const before = known ? ended(state, known) : forget(state);
    return wait({ ...before, predecessors: afterEnd(before, lock), next: 'inspect' }, untilMs);
  }
  const released = known.released || lock.released;
  const deleting = known.deleting || lock.deleting;
  if (released === known.released && deleting === known.deleting) return state;
  return inspectBy({ ...state, lock: { ...known, released, deleting } }, untilMs + UNHURRIED_MS);
}

/** Only a lock that nobody else will free is urgent. */
function onPodSeen(state: State, pod: PodReading, when: Moment): State {
  const { nowMs, random } = when;
  const expected = awaited(state);
  const unhurriedMs = nowMs + UNHURRIED_MS + staggerMs(state.candidateCount, random);
  if (!expected) return state;
  if (pod.of.uid !== expected.uid) return inspectBy(state, unhurriedMs);
  const liveness = livenessOf(pod);
  if (state.holder && liveness === livenessOf(state.holder)) return state;
  const isMine = state.lock !== undefined && holderOf(state.lock)?.uid === state.podUid;
  const isUpToUs = liveness === 'finished' || (liveness === 'gone' && isMine);
  return inspectBy(
    state,
    isUpToUs ? nowMs + suppressionDelayMs(state.candidateCount, random) : unhurriedMs,
  );
}

/** Looks by then, unless something earlier is planned. */
function inspectBy(state: State, untilMs: number): State {
  if (state.command.do !== 'wait' || state.next === 'attempt') return state;
  return wait(state, Math.min(untilMs, state.command.untilMs));
}
