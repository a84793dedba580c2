/**
 * What `Campaign` and `release` do around the shipped `step` of life mode, in as few words as it takes: the
 * requests of each command, their answers, doubt, withdrawal and release. One request, or one read of some
 * Pods, is one move.
 */
import { SeenLocks, withHolders } from '../../lib/life/seen-locks.ts';
import {
  type Event,
  type Hint,
  type State,
  inspect,
  podsToRead,
  start,
} from '../../lib/protocol/life/state.ts';
import { step } from '../../lib/protocol/life/step.ts';
import {
  type Lock,
  type PodIdentity,
  type PodReading,
  holderOf,
} from '../../lib/protocol/model.ts';
import { isSameTenure } from '../../lib/protocol/life/predecessors.ts';
import { type Barred, UNBARRED, asking, barOf, brokenBy, isBarred } from './bars.ts';
import type { Moment } from './encoding.ts';
import { type ModelPod, identityOf, readingOf } from './pods.ts';

/** A write that its sender has given up, or the network makes twice: it may be carried out at any time. */
export interface LateWrite {
  /** Of which Pod's candidate, and which of its calls of `become`. */
  readonly by: number;
  readonly call: number;
  readonly do: 'create' | 'mark' | 'delete';
  /** What is to be created, or which version is to be changed. */
  readonly lock: Lock;
}

export type LockHint = Extract<Hint, { readonly lock: Lock }>;

/** What a candidate is about. */
export type Role = 'competes' | 'leads' | 'gives up the lock' | 'withdraws' | 'idle';

/** How far the command has come: what has been answered. */
export interface Progress {
  readonly created?: Lock | 'exists' | 'barred' | undefined;
  readonly lock?: { readonly found: Lock | undefined } | undefined;
  readonly pods?: readonly PodReading[] | undefined;
}

/** How far giving up a lock has come: which version is to be marked or deleted, or read. */
export interface Giving {
  readonly do: 'mark' | 'delete' | 'read';
  readonly lock: Lock;
}

/** One process that competes, or is about to. */
export interface Candidate extends Moment, Barred {
  readonly role: Role;
  readonly state: State;
  /** Tells its calls of `become` apart, as the attempt in the lock does. */
  readonly call: number;
  readonly progress: Progress;
  readonly giving: Giving | undefined;
  readonly mayHaveCreated: boolean;
  /** Locks that this process has tried to end without an answer. */
  readonly unconfirmed: readonly string[];
  /** The lock that was read last, as long as the protocol has not been told of it. */
  readonly seenLast: Lock | undefined;
  /** Hints about locks that came during a request, and are read afterwards. */
  readonly kept: readonly LockHint[];
  /** Pods that this process was told hold a lock, or did, by an answer, an event or a note, since they created it. */
  readonly told: readonly string[];
}

/** The assumptions that mends rest on, which can be taken out. */
export interface Campaigning {
  /** A lock whose end is unconfirmed counts as released. */
  readonly doubtsDeletes: boolean;
  /** An answer that is not Kubernetes' own is no answer. */
  readonly checksAnswers: boolean;
  /** What a look has found is told, also if the lock that it was begun for ends meanwhile. */
  readonly tellsLooks: boolean;
  /** A call that is aborted knows the lock that it has just read. */
  readonly keepsFound: boolean;
  /** A candidate reads, after each request, the hints that came during it. */
  readonly keepsHints: boolean;
  /** A request changes or deletes exactly the version that it names. */
  readonly isConditional: boolean;
  /** The Role allows marking a lock as released. */
  readonly marks: boolean;
}

export const SHIPPED: Campaigning = {
  doubtsDeletes: true,
  checksAnswers: true,
  tellsLooks: true,
  keepsFound: true,
  keepsHints: true,
  isConditional: true,
  marks: true,
};

/** What a candidate can reach of the world. */
export interface Platform {
  readonly lock: Lock | undefined;
  readonly pods: readonly ModelPod[];
  readonly late: readonly LateWrite[];
}

/** A process calls `become`; `before` is what an earlier call of it has left. */
export function newCandidate(
  pod: PodIdentity,
  call: number,
  before?: Candidate,
  yields = before?.yields ?? false,
): Candidate {
  const settings = { podName: pod.name, maxBackoffMs: 16_000, trustsPodUid: true };
  const { nowMs = 0, isUnhealthy = false, asideUntilMs } = before ?? {};
  const told = { nowMs, isUnhealthy, asideUntilMs, yields };
  const barred = asking(told) ?? told;
  const looks = isBarred(barred);
  return {
    ...barred,
    bootMs: 0,
    dateMs: 0,
    // Any timer may fire at any time.
    tickMs: Infinity,
    role: 'competes',
    state: start(settings, pod.uid, before && predecessorsLeft(before), looks),
    call,
    progress: {},
    giving: undefined,
    mayHaveCreated: false,
    unconfirmed: before?.unconfirmed ?? [],
    seenLast: undefined,
    kept: [],
    told: before?.told ?? [],
  };
}

/** The Pods that may still lead, for the next call of the same process. */
function predecessorsLeft({ state, seenLast, kept }: Candidate): readonly PodIdentity[] {
  const seen = new SeenLocks();
  seen.add(seenLast);
  for (const { lock } of kept) seen.add(lock);
  return seen.predecessors(state);
}

/** A request that was to end this lock has had no answer, or has had one at last. */
export function doubt(candidate: Candidate, { uid }: Lock): Candidate {
  const unconfirmed = [...new Set([...candidate.unconfirmed, uid])].sort();
  return { ...candidate, unconfirmed };
}

export function confirm(candidate: Candidate, { uid }: Lock): Candidate {
  return { ...candidate, unconfirmed: candidate.unconfirmed.filter((each) => each !== uid) };
}

/** One step of the shipped protocol, and one for each hint that was kept. */
export function advance(candidate: Candidate, event: Event): Candidate {
  const to = advanceOnce(candidate, event);
  const [hint, ...kept] = to.kept;
  return hint && to.state.command.do === 'wait' ? advance({ ...to, kept }, hint) : to;
}

function advanceOnce(candidate: Candidate, event: Event): Candidate {
  const { nowMs, state } = candidate;
  const decided = step(state, event, { nowMs, random: 0, bar: barOf(candidate) });
  const isAllowed = decided.command.do === 'lead';
  const next = isAllowed ? afterKept(decided, candidate.kept) : decided;
  const asked = next.command.do === 'attempt' ? asking(candidate) : undefined;
  if (asked) return advanceOnce(asked, event);
  const searched = event.type === 'inspected' ? (event.leaving ?? []) : [];
  const heard = hear(candidate, lockOf(event), searched);
  const { command } = next;
  const role =
    command.do === 'lead'
      ? 'leads'
      : command.do === 'fail' || command.do === 'withdraw'
        ? 'withdraws'
        : 'competes';
  const isNew = command !== state.command;
  const brokenBar = brokenBy(candidate, {
    isTaking: isNew && command.do === 'attempt',
    barredUntilMs: command.do === 'wait' && isAside(next) ? command.untilMs : undefined,
  });
  // Another one leads: there is no need to stand aside any more.
  const isOthers = next.lock !== undefined && holderOf(next.lock)?.uid !== next.podUid;
  const bars = isOthers ? UNBARRED : {};
  const progress = isNew ? {} : candidate.progress;
  const kept = isAllowed ? [] : candidate.kept;
  return { ...heard, state: next, role, progress, kept, ...bars, brokenBar };
}

/** The holders of locks that came and went during a request may still lead. */
function afterKept(leading: State, kept: readonly LockHint[]): State {
  const locks = kept.map(({ lock }) => lock);
  const predecessors = withHolders(leading, locks);
  return predecessors.length > 0 ? inspect({ ...leading, predecessors }) : leading;
}

function isAside({ obstacle, lock }: State): boolean {
  return !lock && (obstacle === 'stepped-down' || obstacle === 'not-preferred');
}

function lockOf(event: Event): Lock | undefined {
  return 'lock' in event ? event.lock : undefined;
}

/** This process is told of a lock, or of Pods that may have held one. */
export function hear(
  candidate: Candidate,
  lock: Lock | undefined,
  pods: readonly PodIdentity[] = [],
): Candidate {
  const holder = lock && holderOf(lock);
  const all = [...(holder ? [holder] : []), ...(lock?.predecessors ?? []), ...pods];
  const uids = all.map(({ uid }) => uid);
  const news = uids.filter((uid) => !candidate.told.includes(uid));
  return news.length === 0
    ? candidate
    : { ...candidate, told: [...candidate.told, ...news].sort() };
}

/** A timer fires, when it is due at the earliest. */
export function fire(candidate: Candidate): Candidate {
  const { command } = candidate.state;
  if (command.do !== 'wait') return candidate;
  const nowMs = Math.max(candidate.nowMs, command.untilMs);
  return advance({ ...candidate, nowMs }, { type: 'time-up' });
}

/** Whether this process may hear of this now: a look is cut short by the end of its lock only. */
export function listens(
  { role, state, progress }: Candidate,
  hint: Hint,
  { tellsLooks }: Campaigning,
): boolean {
  if (role !== 'competes') return false;
  if (state.command.do === 'wait') return true;
  if (state.command.do !== 'inspect' || hint.type !== 'lock-gone') return false;
  const found = progress.lock?.found;
  const isOther = tellsLooks && progress.lock !== undefined && found?.uid !== state.lock?.uid;
  return state.lock?.uid === hint.lock.uid && !isOther;
}

/** Keeps a hint until the request has an answer. */
export function keep(
  candidate: Candidate,
  hint: LockHint,
  { keepsHints }: Campaigning,
): Candidate | undefined {
  const { role, state, kept } = candidate;
  const isBusy = state.command.do === 'attempt' || state.command.do === 'reclaim';
  if (role !== 'competes' || !isBusy) return undefined;
  return { ...hear(candidate, hint.lock), kept: keepsHints ? [...kept, hint] : kept };
}

/** The candidate has deleted the lock. If a finalizer keeps it, only a hint says that it is gone. */
export function ignore(candidate: Candidate, { uid, finalizers }: Lock): Candidate {
  const kept = candidate.kept.filter(({ lock }) => finalizers.length > 0 || lock.uid !== uid);
  return { ...candidate, kept };
}

/** The Pods that a request of the command reads now, if any. */
export function readsPods({ state, progress }: Candidate): readonly PodIdentity[] | undefined {
  const { command, predecessors, lock } = state;
  if (progress.pods) return undefined;
  const which =
    command.do === 'attempt'
      ? predecessors
      : command.do !== 'inspect'
        ? []
        : podsToRead(state, progress.lock ? progress.lock.found : lock);
  return which.length > 0 ? which : undefined;
}

/** Reads them all at one moment. */
export function readPods(
  candidate: Candidate,
  pods: readonly ModelPod[],
  which: readonly PodIdentity[],
): Candidate {
  const readings = which.map((of) => readingOf(pods, of));
  return proceed({ ...candidate, progress: { ...candidate.progress, pods: readings } }, pods);
}

/** The lock is read. What was read early of a Pod that held another lock says nothing. */
export function readLock(
  candidate: Candidate,
  { lock, pods, late }: Platform,
  { doubtsDeletes, keepsFound }: Campaigning,
): Candidate {
  const { state, progress, unconfirmed, call } = candidate;
  const isDoubted = lock !== undefined && doubtsDeletes && unconfirmed.includes(lock.uid);
  const found = isDoubted ? { ...lock, released: true } : lock;
  const isOwn = lock !== undefined && isOwnCall(candidate, lock);
  const mayLand = late.some((each) => each.do === 'create' && isOf(each, state.podUid, call));
  const read = {
    ...hear(candidate, lock),
    mayHaveCreated: candidate.mayHaveCreated && (isOwn || mayLand),
    seenLast: keepsFound ? lock : candidate.seenLast,
    progress: { lock: { found }, pods: isSameTenure(state.lock, lock) ? progress.pods : undefined },
  };
  return proceed(read, pods);
}

function isOf({ lock, call }: LateWrite, podUid: string | undefined, own: number): boolean {
  return call === own && holderOf(lock)?.uid === podUid;
}

/** A create was answered. */
export function created(
  candidate: Candidate,
  outcome: Lock | 'exists' | 'barred',
  pods: readonly ModelPod[],
): Candidate {
  return proceed({ ...candidate, progress: { ...candidate.progress, created: outcome } }, pods);
}

/** Tells the protocol once all requests of the command have been answered. */
function proceed(candidate: Candidate, pods: readonly ModelPod[]): Candidate {
  const { state, progress } = candidate;
  const { command } = state;
  const isRead = progress.pods !== undefined || state.predecessors.length === 0;
  if (command.do === 'attempt' && progress.created !== undefined && isRead) {
    const self = pods.find(({ uid }) => uid === command.podUid);
    const reading = self && readingOf(pods, identityOf(self));
    return advance(candidate, {
      type: 'attempted',
      outcome: progress.created,
      self: command.verify ? reading : undefined,
      predecessors: progress.pods ?? [],
    });
  }
  if (command.do === 'inspect' && progress.lock) {
    const { found: lock } = progress.lock;
    const needed = podsToRead(state, lock);
    if (needed.length > 0 && !progress.pods) return candidate;
    const leaving = !lock && command.search ? pods.filter(isLeaving).map(identityOf) : undefined;
    const seen = { lock, pods: progress.pods ?? [], leaving, watched: true, candidateCount: 1 };
    return advance({ ...candidate, seenLast: undefined }, { type: 'inspected', ...seen });
  }
  return candidate;
}

function isLeaving({ object, deleting }: ModelPod): boolean {
  return object === 'there' && deleting;
}

/** The lock that this call creates. */
export function lockToCreate(
  candidate: Candidate,
  pod: PodIdentity,
): Omit<Lock, 'uid' | 'resourceVersion'> {
  const { state, kept } = candidate;
  const locks = kept.map(({ lock }) => lock);
  const predecessors = withHolders(state, locks);
  const owner = identityOf(pod);
  return {
    owner,
    mark: owner,
    attempt: attemptOf(candidate),
    released: false,
    deleting: false,
    finalizers: [],
    ...(predecessors.length > 0 && { predecessors }),
  };
}

function attemptOf({ state, call }: Candidate): string {
  return `${state.podUid ?? ''}/${call}`;
}

export function isOwnCall(candidate: Candidate, lock: Lock): boolean {
  return lock.attempt === attemptOf(candidate);
}

/** Begins to give up a lock: to mark it as released, where that is allowed, then to delete it. */
export function giveUp(
  candidate: Candidate,
  lock: Lock,
  role: Role,
  { marks }: Campaigning,
): Candidate {
  return { ...candidate, role, giving: { do: marks && !lock.released ? 'mark' : 'delete', lock } };
}
