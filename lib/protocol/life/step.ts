/**
 * The decisions of leader for life: what a candidate does next, given what it has seen. Pure: no
 * I/O, no clock, no randomness; times and random numbers come with each event. `docs/protocol.md`
 * has the diagram.
 */
import { onHint } from './hints.ts';
import { lead, onInspected } from './look.ts';
import { remaining } from './predecessors.ts';
import {
  type Moment,
  type Command,
  ended,
  type Event,
  fail,
  type Failure,
  inspect,
  type Settings,
  type State,
  wait,
} from './state.ts';
import { barAt } from '../bar.ts';
import { backoffMs } from '../delay.ts';
import { livenessOf, MAX_PREDECESSORS, type Pod, type PodReading } from '../model.ts';

/** The only transition function. An event that does not answer the state's command is our bug. */
export function step(state: State, event: Event, when: Moment): State {
  const expected = answers[state.command.do];
  if (!expected.includes(event.type)) {
    throw new Error(`illegal transition: ${event.type} does not answer ${state.command.do}`);
  }
  switch (event.type) {
    case 'identified':
      return onIdentified(state, event.self, when);
    case 'attempted':
      return onAttempted(state, event);
    case 'inspected':
      return onInspected(state, event, when);
    case 'reclaimed':
      return event.mine && state.lock
        ? attemptOrWait(ended(state, state.lock), when)
        : inspect(state);
    case 'evicted':
      // A finalizer may keep the Pod: do not delete it again at once.
      return inspect({ ...state, notReadySinceMs: undefined });
    case 'time-up':
      return state.next === 'attempt' ? attemptOrWait(state, when) : inspect(state);
    case 'unbarred':
      return isBarred(state) ? attemptOrWait(state, when) : state;
    default:
      return onHint(state, event, when);
  }
}

const hints = [
  'lock-seen',
  'lock-gone',
  'pod-seen',
  'node-changed',
  'unbarred',
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

function onIdentified(state: State, self: Pod | 'absent', when: Moment): State {
  if (self === 'absent') return fail(state, { because: 'pod-not-found' });
  const { settings } = state;
  const failure = disqualification(settings, { of: self, found: self });
  if (failure) return fail(state, failure);
  const known = { ...state, podUid: self.uid };
  if (barAt(when)) return inspect(known);
  return { ...known, command: { do: 'attempt', podUid: self.uid, verify: false } };
}

function onAttempted(state: State, event: Event & { type: 'attempted' }): State {
  const { outcome, self } = event;
  const failure = self && disqualification(state.settings, self);
  // What was read before a lock ended says nothing about its holder.
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
    unseen: outcome === 'exists',
    obstacle: isQuota ? 'quota' : 'none',
  });
}

/**
 * Why the Pod under this name must not lead. If no living Pod has the lock's owner UID, the lock
 * would be collected under its leader. A terminating Pod would only cause one more handover.
 */
function disqualification(
  { trustsPodUid }: Settings,
  { of, found }: PodReading,
): Failure | undefined {
  if (found === 'unreadable') {
    return trustsPodUid ? undefined : { because: 'pod-uid-unverified', podUid: of.uid };
  }
  if (found === 'absent') return { because: 'pod-not-found' };
  if (found.uid !== of.uid) {
    return { because: 'pod-uid-mismatch', expected: of.uid, actual: found.uid };
  }
  return livenessOf({ of, found }) === 'alive' ? undefined : { because: 'pod-terminating' };
}

/** If a lock cannot note all predecessors, this candidate waits instead of taking it. */
function attemptOrWait(state: State, when: Moment): State {
  if (state.predecessors.length > MAX_PREDECESSORS) {
    const { polls, settings } = state;
    const untilMs = when.nowMs + backoffMs(polls, settings.maxBackoffMs, when.random);
    return wait({ ...state, obstacle: 'terminating', next: 'inspect', polls: polls + 1 }, untilMs);
  }
  // A look opens the watches that show who takes the lock, or finds out that there are none.
  if (barAt(when)) return inspect(state);
  return { ...state, command: { do: 'attempt', podUid: knownUid(state), verify: true } };
}

function isBarred({ command, obstacle }: State): boolean {
  return command.do === 'wait' && (obstacle === 'unhealthy' || obstacle === 'stepped-down');
}

function knownUid(state: State): string {
  if (state.podUid === undefined) throw new Error('illegal state: an attempt without a Pod UID');
  return state.podUid;
}
