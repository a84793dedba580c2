/**
 * The decisions of lease mode: what an elector does next, given what it has seen. Pure: no I/O, no
 * clock, no randomness; times and random numbers come with each event. `docs/lease-protocol.md` has the
 * rules. It writes what client-go's `tryAcquireOrRenew` writes.
 */
import { follow, spread } from './following.ts';
import {
  isFree,
  isMine,
  isNews,
  isSent,
  observe,
  observeEnd,
  observeGone,
  shareOf,
} from './known.ts';
import { keep, renewalMs, urgencyMs } from './leading.ts';
import { type HolderContainer, isOlder, type LockVersion } from './record.ts';
import {
  type Moment,
  type Command,
  end,
  type Event,
  FIRST_RETRY_MS,
  get,
  lose,
  POLL_JITTER,
  type State,
  wait,
  type Watch,
} from './state.ts';
import { isAltered, isCreated, release, remember } from './writes.ts';
import { barAt } from '../bar.ts';
import { backoffMs } from '../delay.ts';
import { leftMs } from '../validity.ts';

/** The only transition function. An event that does not answer the state's command is our bug. */
export function step(state: State, event: Event, when: Moment): State {
  if (!answers[state.command.do].includes(event.type)) {
    throw new Error(`illegal transition: ${event.type} does not answer ${state.command.do}`);
  }
  const next = react(state, event, when);
  const { renewedAt, deadlineMs } = next;
  const expired = next.phase === 'leading' && renewedAt && leftMs(renewedAt, deadlineMs, when) <= 0;
  return expired ? lose(next, { because: 'expired' }) : next;
}

const answers: Readonly<Record<Command['do'], readonly Event['type'][]>> = {
  get: ['got', 'failed', 'finish'],
  create: ['written', 'failed', 'finish'],
  update: ['written', 'failed', 'finish'],
  wait: [
    'time-up',
    'finish',
    'seen',
    'gone',
    'unbarred',
    'watch-opened',
    'watch-lost',
    'holder-ended',
    'container-known',
  ],
  end: [],
};

function react(state: State, event: Event, when: Moment): State {
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
    case 'unbarred':
      return isBarred(state) ? decide(state, when) : state;
    case 'watch-opened':
      return onWatch({ ...state, watch: 'silent' }, when);
    case 'watch-lost':
      return onWatch({ ...state, watch: 'closed' }, when);
    case 'holder-ended':
      return onHolderEnded(state, event.container, when);
    case 'container-known':
      return onContainerKnown(state, when);
  }
}

function onGot(before: State, version: LockVersion | undefined, when: Moment): State {
  const watch = watchAfterRead(before, version);
  const isMade = before.phase === 'following' && version !== undefined && isMine(version, before);
  const state = { ...before, watch, writeUnconfirmed: before.writeUnconfirmed && isMade };
  const next = decide(version ? observe(state, version, when) : observeGone(state, when), when);
  // A read that succeeds before a write says little: the failures of writes count.
  return next.command.do === 'wait' ? { ...next, failures: 0 } : next;
}

/** A watch that is current has shown what was read, or will show it soon. */
function watchAfterRead(state: State, version: LockVersion | undefined): Watch {
  return state.watch === 'current' && isNews(state, version) ? 'silent' : state.watch;
}

/** A watch is reliable once it shows what happens. */
function watchAfterEvent({ watch }: State): Watch {
  return watch === 'closed' ? 'closed' : 'current';
}

function onWritten(before: State, version: LockVersion, when: Moment): State {
  const state = {
    ...observe(before, version, when),
    failures: 0,
    conflicts: 0,
    writeUnconfirmed: false,
  };
  if (state.phase === 'releasing') return end(state);
  // Nobody leads by a record that differs from the one sent: others go by what is stored.
  if (isAltered(before.command, version)) {
    // The record is still this elector's, and no namesake's.
    const made = { ...before, sent: remember(before, version.record) };
    return onFailed(made, { type: 'failed', ambiguous: true }, when);
  }
  const { settings, issuedAt } = state;
  const deadlineMs = settings.renewDeadlineMs * shareOf(version.record, settings);
  // An answer that took too long proves nothing: read the lock again.
  const late = leftMs(issuedAt, deadlineMs, when) <= 0;
  if (state.phase === 'following' && late) return get({ ...state, writeUnconfirmed: true }, when);
  // Once a write is answered, no earlier update can be stored any more, but a create can.
  const sent = state.sent.filter(isCreated);
  const led = { ...state, phase: 'leading' as const, written: version, sent };
  return wait({ ...led, renewedAt: issuedAt, deadlineMs }, renewalMs(led, version, when), 'decide');
}

/** Once is a lost race; repeatedly needs patience. */
function onConflict(before: State, when: Moment): State {
  const { conflicts, settings } = before;
  // The refused write may be a copy of one that took effect.
  const writeUnconfirmed = before.writeUnconfirmed || before.phase === 'following';
  const state = { ...before, failures: 0, conflicts: conflicts + 1, writeUnconfirmed };
  if (conflicts === 0) return get(state, when);
  const delayMs = backoffMs(conflicts - 1, settings.retryPeriodMs, when.random, FIRST_RETRY_MS);
  return wait(state, when.nowMs + Math.min(delayMs, urgencyMs(state, when)), 'get');
}

function onFailed(before: State, event: Event & { type: 'failed' }, when: Moment): State {
  const { command, settings, failures } = before;
  const writeUnconfirmed = before.writeUnconfirmed || (event.ambiguous && command.do !== 'get');
  const state = { ...before, writeUnconfirmed, failures: failures + 1 };
  const delayMs = Math.max(
    backoffMs(failures, settings.retryPeriodMs, when.random, FIRST_RETRY_MS),
    (event.retryAfterMs ?? 0) * (1 + POLL_JITTER * when.random),
  );
  // After a write of unknown outcome, the version is unknown, too.
  const reread = state.phase !== 'leading' || writeUnconfirmed || command.do === 'get';
  const untilMs = when.nowMs + Math.min(delayMs, urgencyMs(state, when));
  return wait(state, untilMs, reread ? 'get' : 'decide');
}

function onFinish(state: State, when: Moment): State {
  const { phase, version, writeUnconfirmed } = state;
  if (phase !== 'leading' && !writeUnconfirmed) return end(state);
  const releasing = { ...state, phase: 'releasing' as const };
  const certain = version && !state.gone && !writeUnconfirmed && isSent(version, state);
  return certain ? release(releasing, version, when) : get(releasing, when);
}

function onSeen(before: State, version: LockVersion, when: Moment): State {
  if (before.version && isOlder(version.resourceVersion, before.version.resourceVersion)) {
    return before;
  }
  // Written by a namesake, or by this elector long ago: a read decides.
  const isOurs = version.record.holderIdentity === before.settings.identity;
  if (before.phase === 'leading' && isOurs && !isMine(version, before)) return get(before, when);
  const news = isNews(before, version);
  const state = { ...observe(before, version, when), watch: watchAfterEvent(before) };
  const isShorter = state.deadlineMs < before.deadlineMs;
  if (state.phase === 'leading' && (!news || isMine(version, state)) && !isShorter) return state;
  if (state.phase === 'releasing') return state;
  // An own write that failed but took effect is no reason to hurry the next one.
  if (state.failures + state.conflicts > 0 && isMine(version, state)) return state;
  // All electors see at the same moment that nobody holds the lock.
  if (mayTake(state, when)) {
    // What was shown before a refusal says nothing new.
    if (!news && state.conflicts > 0) return state;
    return news || state.next === 'get' ? wait(state, spread(when), 'decide') : state;
  }
  return decide(state, when);
}

function onGone(state: State, resourceVersion: string, when: Moment): State {
  const { version, phase } = state;
  const isKnown = phase === 'leading' && state.gone;
  if (!version || phase === 'releasing' || isKnown) return state;
  if (isOlder(resourceVersion, version.resourceVersion)) return state;
  const gone = { ...observeGone(state, when), watch: watchAfterEvent(state) };
  if (mayTake(gone, when)) return wait(gone, spread(when), 'decide');
  return decide(gone, when);
}

/** Several electors may learn it at the same moment. It is no reason to hurry a retry. */
function onHolderEnded(before: State, container: HolderContainer, when: Moment): State {
  const state = observeEnd(before, container);
  const isNews = !isFree(before, when) && isFree(state, when);
  if (state.phase !== 'following' || !isNews || state.failures + state.conflicts > 0) return state;
  return mayTake(state, when) ? wait(state, spread(when), 'decide') : decide(state, when);
}

/** A leader that dies before others know its container is waited out: it tells them at once. */
function onContainerKnown(state: State, when: Moment): State {
  const isSteady = state.failures + state.conflicts === 0 && state.next === 'decide';
  return state.phase === 'leading' && isSteady ? keep(state, when) : state;
}

/** A watch that opens does not show that an object is missing; only a read does. */
function onWatch(state: State, when: Moment): State {
  if (state.phase !== 'following') return state;
  if (state.watch === 'silent') return get(state, when);
  // A read that is delayed, perhaps because the API server asked for it, stays delayed.
  return state.next === 'get' ? state : decide(state, when);
}

function mayTake(state: State, when: Moment): boolean {
  return state.phase === 'following' && isFree(state, when) && !barAt(when);
}

function isBarred({ command }: State): boolean {
  return command.do === 'wait' && command.bar !== undefined;
}

/** What to do with the lock as it is known. */
function decide(state: State, when: Moment): State {
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
