import { leaseCheck } from '../check.ts';
import { type Fact, type Sent, retryAfterMs } from '../fact.ts';
import type { LeaseCandidate } from '../lease-candidate.ts';
import { recordOf } from '../lease-record.ts';
import { LostRaces } from '../lost-races.ts';
import { Proofs } from '../proofs.ts';

/** Timers are whole milliseconds, and need not be earlier. */
const TIMER_MS = 20;

/** By how much a renewal may be later than the last one; and who was told when to come back, than that. */
const RENEWAL_JITTER = 1.02;
const RETRY_AFTER_JITTER = 1.2;

/** Longest time to ask who is preferred, and then to leave a free Lease to preferred candidates. */
const ASKING_MS = 1_000;
const YIELD_MS = 2_000;

/** However urgent it is, nothing is tried again sooner. */
const LEAST_MS = 100;

/** How the last request ended. */
interface End {
  readonly verb: string;
  readonly atMs: number;
  readonly isFailure: boolean;
  /** The version that was not to be replaced, for it is not what is stored. */
  readonly refused: string | undefined;
  /** It told of a change that the watch had not told of. */
  readonly isBlind: boolean;
  /** For how long it is to be left alone. */
  readonly retryAfterMs: number;
  /** Of a leader, which cannot wait any longer than that before it tries again. */
  readonly urgentMs: number | undefined;
  /** Likewise, if it has noticed that its machine slept. */
  readonly hurriedMs: number | undefined;
  /** When the requests began of which it was the last, one after the other. */
  readonly begunMs: number;
  /** What the elector wanted. */
  readonly wants: string;
}

/** What changes whenever its program wants something else. */
function wantsOf(who: LeaseCandidate): string {
  const { callCount, isWithdrawn, terms, term } = who;
  return [callCount, isWithdrawn, terms.length, term?.isSettled, term?.abortedMs].join();
}

function urgentMs(who: LeaseCandidate, ageMs: number, share = 1): number | undefined {
  if (!who.serves) return undefined;
  return Math.max((who.setting.times.renewDeadlineMs * share - ageMs) / 2, LEAST_MS);
}

/** Whether it has to keep its Lease: it was not lost, and the work may go on. */
function hasToRenew(who: LeaseCandidate, proofs: Proofs): boolean {
  const { term, setting, clock } = who;
  const { renewDeadlineMs } = setting.times;
  if (!term || !who.serves || proofs.mostAgeMs(who) >= renewDeadlineMs * who.share) return false;
  if (term.abortedMs === undefined) return setting.calls === 'elector' || !term.isSettled;
  const { code = '' } = term.signal.reason as { readonly code?: string };
  return (
    ['', 'ERR_STEPPED_DOWN'].includes(code) &&
    !term.isSettled &&
    clock.now() - term.abortedMs < renewDeadlineMs
  );
}

/** Whether it may have been told that another one holds the Lease, when it was to stop already. */
function mayBeLost({ term, sightings }: LeaseCandidate, end: End): boolean {
  const mayKnow = end.verb === 'get' || sightings.heardMs >= end.begunMs;
  return term?.abortedMs !== undefined && mayKnow;
}

/** At what time, by its clock, its next request is due at the latest; undefined if none has to be. */
function dueMs(
  who: LeaseCandidate,
  end: End,
  proofs: Proofs,
  races: LostRaces,
): number | undefined {
  const { retryPeriodMs } = who.setting.times;
  const retryMs = Math.max(retryPeriodMs, end.retryAfterMs * RETRY_AFTER_JITTER);
  if (hasToRenew(who, proofs) && !mayBeLost(who, end)) {
    if (!end.isFailure) return end.atMs + retryPeriodMs * RENEWAL_JITTER;
    return end.atMs + Math.min(retryMs, end.urgentMs ?? retryMs);
  }
  if (who.serves) return undefined;
  const { heardMs, unwatchedSinceMs } = who.sightings;
  // What the watch told just before it asked, or while it asked who is preferred, comes afterwards.
  const askingMs = who.preferring ? ASKING_MS : 0;
  const yieldMs = askingMs + (who.preferring ? YIELD_MS : 0);
  const hasHeard = heardMs >= end.begunMs - TIMER_MS - askingMs;
  if (end.isFailure && !hasHeard) return end.atMs + retryMs + yieldMs;
  // Without a watch, or with one that tells nothing, there is a look in every period, or an attempt.
  const sinceMs = end.isBlind && heardMs < end.begunMs ? end.atMs : unwatchedSinceMs;
  if (sinceMs === undefined || who.isWithdrawn) return undefined;
  // It decides when the Lease expires; if it must not take it then, the next look is a period later.
  const barredMs = who.checkup ? retryPeriodMs : 0;
  return Math.max(end.atMs, sinceMs) + retryMs + races.spreadMs(who) + yieldMs + barredMs;
}

/**
 * A leader renews in every period, whatever its watch shows; what fails is tried again within one, a
 * leader's sooner where time is short. Who is told to come back later does, unless he cannot wait, and
 * who was refused for a version looks what there is, unless he hears something new.
 */
export const steadyPace = leaseCheck('pace of electors', (world, violated) => {
  const proofs = world.observer(Proofs);
  const races = world.observer(LostRaces);
  const ends = new Map<LeaseCandidate, End>();
  const underWay = new Map<LeaseCandidate, { count: number; begunMs: number; wants: string }>();
  const judge = (who: LeaseCandidate, end: End) => {
    const isOver = !who.isBusy || !who.isRunning || end.wants !== wantsOf(who);
    if (isOver) ends.delete(who);
    if (isOver || !who.isAwake) return;
    const due = dueMs(who, end, proofs, races);
    if (due === undefined || who.clock.now() <= due + TIMER_MS) return;
    ends.delete(who);
    const ms = Math.round(who.clock.now() - end.atMs);
    violated(`${who.name} has asked nothing for ${ms} ms, although it ${stateOf(who, end)}`);
  };
  const send = ({ who, sent }: { readonly who: LeaseCandidate; readonly sent: Sent }) => {
    if (sent.verb === 'watch' || sent.resource === 'pods') return;
    const nowMs = who.clock.now();
    const end = ends.get(who);
    ends.delete(who);
    const before = underWay.get(who);
    const begunMs = end?.atMs === nowMs ? end.begunMs : nowMs;
    underWay.set(who, {
      count: (before?.count ?? 0) + 1,
      begunMs: before?.begunMs ?? begunMs,
      wants: wantsOf(who),
    });
    if (end?.wants !== wantsOf(who) || who.sightings.heardMs >= end.begunMs) return;
    const { refused } = end;
    if (refused !== undefined && versionIn(sent) === refused) {
      violated(`${who.name} replaces ${refused} again, which was refused`);
    }
    const patienceMs = Math.min(end.retryAfterMs, end.hurriedMs ?? end.retryAfterMs);
    const earliestMs = end.atMs + patienceMs;
    if (nowMs < earliestMs - 1) {
      const ms = Math.round(earliestMs - nowMs);
      violated(`${who.name} asks ${ms} ms before it was told to come back`);
    }
  };
  const receive = (fact: Answer & { readonly who: LeaseCandidate }) => {
    const { who } = fact;
    if (fact.sent.verb === 'watch' || fact.sent.resource === 'pods') return;
    const { count = 1, begunMs = who.clock.now(), wants = wantsOf(who) } = underWay.get(who) ?? {};
    underWay.delete(who);
    if (count > 1) {
      underWay.set(who, { count: count - 1, begunMs, wants });
      return;
    }
    ends.set(who, {
      verb: fact.sent.verb,
      atMs: who.clock.now(),
      isFailure: isFailure(fact),
      refused: isRefused(fact) ? versionIn(fact.sent) : undefined,
      isBlind: who.sightings.isBlind,
      retryAfterMs: retryAfterMs(fact),
      urgentMs: urgentMs(who, proofs.ageMs(who)),
      hurriedMs: urgentMs(who, proofs.mostAgeMs(who), who.share),
      begunMs,
      // What failed says nothing of what was wanted only after it had been sent.
      wants: isFailure(fact) ? wants : wantsOf(who),
    });
  };
  const forget = ({ who }: { readonly who: LeaseCandidate }) => {
    ends.delete(who);
    underWay.delete(who);
  };
  return {
    settled: () => {
      for (const [who, end] of ends) judge(who, end);
    },
    died: forget,
    asked: forget,
    sent: send,
    answered: receive,
    unanswered: receive,
  };
});

function stateOf(who: LeaseCandidate, { isFailure: hasFailed, isBlind }: End): string {
  if (hasFailed) return 'has failed';
  if (who.serves) return 'leads';
  return isBlind ? 'has a watch that is silent' : 'has no watch that shows anything';
}

/** Which version of the Lease a request takes, or renews; a release may be tried on any. */
function versionIn({ verb, request }: Sent): string | undefined {
  const { holderIdentity, version } = recordOf(request.body);
  return verb === 'update' && holderIdentity !== '' ? version : undefined;
}

type Answer = Fact & { readonly type: 'answered' | 'unanswered' };

function isRefused(fact: Answer): boolean {
  return fact.type === 'answered' && fact.status === 409;
}

function isFailure(fact: Answer): boolean {
  if (fact.type === 'unanswered') return true;
  return fact.status >= 300 && !(fact.status === 404 && fact.sent.verb === 'get');
}

/** So many pauses that are the same by chance there are not: the shortest period has six to choose from. */
const MOST_ALIKE = 14;

/** Of a period, the least that a look without a watch waits. */
const LEAST_OF_PERIOD = 0.79;

/** What is due in every period is not due after exactly one: a fleet that is in step would stay so. */
export const variedPauses = leaseCheck('pauses of electors vary', (_, violated) => {
  interface Pause {
    readonly ms: number;
    readonly times: number;
    /** Since the last answer, by its clock; undefined while a request is under way, or after a failure. */
    readonly sinceMs: number | undefined;
  }
  const pauses = new Map<LeaseCandidate, Pause>();
  const end = (fact: Answer & { readonly who: LeaseCandidate }) => {
    if (fact.sent.verb === 'watch' || fact.sent.resource === 'pods') return;
    const before = pauses.get(fact.who) ?? { ms: 0, times: 0 };
    const sinceMs = isFailure(fact) ? undefined : fact.who.clock.now();
    pauses.set(fact.who, { ...before, sinceMs });
  };
  return {
    answered: end,
    unanswered: end,
    sent: ({ who, sent }) => {
      const before = pauses.get(who);
      if (sent.verb === 'watch' || sent.resource === 'pods' || before?.sinceMs === undefined)
        return;
      const ms = Math.round(who.clock.now() - before.sinceMs);
      // A shorter one was ended by something that happened.
      const isWhole = ms >= who.setting.times.retryPeriodMs * LEAST_OF_PERIOD;
      const times = isWhole && ms === before.ms ? before.times + 1 : 1;
      pauses.set(who, { ms, times, sinceMs: undefined });
      if (times === MOST_ALIKE) violated(`${who.name} has paused for ${ms} ms ${times} times`);
    },
  };
});
