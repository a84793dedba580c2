import { leaseCheck } from '../check.ts';
import type { Fact, Sent } from '../fact.ts';
import { type LeaseCandidate, type Term } from '../lease-candidate.ts';
import { NoLongerWanted } from '../candidate.ts';
import { Proofs } from '../proofs.ts';
import { recordOf } from '../lease-record.ts';
import { webhookOf } from '../webhook.ts';

/** A leader writes as often as client-go's at most, apart from retries. */
export const renewalBudget = leaseCheck('renewals within budget', (_, violated) => {
  interface Count {
    sinceMs: number;
    writes: number;
    allowed: number;
  }
  const counts = new Map<LeaseCandidate, Count>();
  const forgive = (who: LeaseCandidate) => {
    const count = counts.get(who);
    if (count) count.allowed += 1;
  };
  return {
    written: ({ resource, after }) => {
      if (resource !== 'leases') return;
      // Whatever others do to the Lease may need an answer.
      for (const who of counts.keys())
        if (recordOf(after).holderIdentity !== who.identity) forgive(who);
    },
    leads: ({ who }) => counts.set(who, { sinceMs: who.clock.now(), writes: 0, allowed: 1 }),
    unanswered: ({ who }) => {
      forgive(who);
    },
    answered: ({ who, status }) => {
      if (status >= 300) forgive(who);
    },
    sent: ({ who, sent }) => {
      const count = counts.get(who);
      if (!count || sent.verb !== 'update' || !who.mayLead) return;
      count.writes += 1;
      const ms = who.clock.now() - count.sinceMs;
      const due = Math.floor(ms / (who.setting.times.retryPeriodMs * who.share)) + count.allowed;
      // One more is the release.
      if (count.writes > due + 1) violated(`${who.name} has written ${count.writes} times`);
    },
  };
});

/** Timers are whole milliseconds. */
const ROUNDING_MS = 2;

interface ElectorError {
  readonly name?: string;
  readonly code?: string;
  readonly cause?: ElectorError;
}

/** A refusal has a code for its cause, and says whether the work goes on. */
export const electorErrors = leaseCheck('errors of electors', (world, violated) => {
  const judgeWork = ({ name, setting }: LeaseCandidate, last: Term, isAbandoned: boolean) => {
    const { abortedMs = Number.POSITIVE_INFINITY, settledMs = Number.POSITIVE_INFINITY } = last;
    if (!isAbandoned && !last.isSettled) violated(`${name} is not told that its work goes on`);
    if (isAbandoned && settledMs - abortedMs < setting.times.renewDeadlineMs - ROUNDING_MS) {
      violated(`${name} is told that its work goes on, which has ended in time`);
    }
  };
  const end = (who: LeaseCandidate, { code, cause }: ElectorError) => {
    const isAbandoned = [code, cause?.code].includes('ERR_WORK_ABANDONED');
    if (who.term?.call === who.callCount) judgeWork(who, who.term, isAbandoned);
    else if (isAbandoned) violated(`${who.name} is told of work that never began`);
  };
  return {
    ended: ({ who }) => {
      if (!who.isBusy) end(who, {});
    },
    refused: ({ who, error: given }) => {
      if (who.isBusy) return;
      const error = given as ElectorError;
      const { name = '', code = '' } = error;
      end(who, error);
      if (error instanceof NoLongerWanted || code === 'ERR_WORK_ABANDONED') return;
      if (code === 'ERR_REJECTED' && webhookOf(world)?.renewTime !== undefined) return;
      const { code: last } = (who.term?.signal.reason ?? {}) as ElectorError;
      const isLoss =
        (code === 'ERR_LEADERSHIP_LOST' || (code === 'ERR_STEPPED_DOWN' && last === code)) &&
        !who.setting.recampaign;
      if (name !== 'LeaderElectionError' || !isLoss || who.setting.calls === 'elector') {
        violated(`${who.name} was refused with ${name} ${code}: ${String(given)}`);
      }
    },
  };
});

/** A Lease is created by nobody whom the API server has not told, or may have told, that there is none. */
export const toldAbsence = leaseCheck('absence is told', (world, violated) => {
  const told = new Set<unknown>();
  let deletedMs = Number.NEGATIVE_INFINITY;
  return {
    written: ({ resource, after }) => {
      if (resource !== 'leases' || after) return;
      deletedMs = world.clock.now();
      // By a watch.
      for (const who of world.living) told.add(who);
    },
    answered: ({ who, sent, status }) => {
      if (sent.resource !== 'leases' || sent.verb === 'watch') return;
      if (sent.verb === 'get' && status === 404) told.add(who);
      else if (status < 300 && sent.atMs > deletedMs) told.delete(who);
    },
    sent: ({ who, sent }) => {
      if (sent.resource !== 'leases' || sent.verb !== 'create' || told.has(who)) return;
      violated(`${who.name} creates the Lease, although it was not told that there is none`);
    },
  };
});

/** The longest that any request may take. */
const MOST_MS = 10_000;

/** Timers are whole milliseconds, and may need another try. */
const TIMER_MS = 20;

/** A request under way. */
interface Errand {
  readonly sinceMs: number;
  /** Whether it was sent by a leader, as such. */
  readonly isLeaders: boolean;
}

/**
 * There is one request at a time, which is given up, and its connection with it, soon enough for
 * another one to save the Lease; a leader's, at the latest when its time is over.
 */
export const timelyRequests = leaseCheck('requests end in time', (world, violated) => {
  const proofs = world.observer(Proofs);
  const all = new Map<LeaseCandidate, Map<Sent, Errand>>();
  /** Since when each of them runs: timers that were late have their turn first. */
  const runsSinceMs = new Map<LeaseCandidate, number>();
  const hasHadTimers = (who: LeaseCandidate): boolean => {
    if (!who.isAwake) {
      runsSinceMs.delete(who);
      return false;
    }
    const nowMs = who.clock.now();
    const sinceMs = runsSinceMs.get(who) ?? nowMs;
    runsSinceMs.set(who, sinceMs);
    return nowMs > sinceMs;
  };
  const judge = (who: LeaseCandidate, errands: ReadonlyMap<Sent, Errand>) => {
    const { renewDeadlineMs } = who.setting.times;
    const limitMs = Math.min(renewDeadlineMs / 2, MOST_MS);
    if (errands.size > 1) violated(`${who.name} has ${errands.size} requests under way at once`);
    for (const [{ verb }, { sinceMs, isLeaders }] of errands) {
      if (who.clock.now() - sinceMs > limitMs + TIMER_MS) {
        violated(`${who.name} waits for the answer to ${verb} for more than ${limitMs} ms`);
      }
      if (isLeaders && proofs.ageMs(who) > renewDeadlineMs + TIMER_MS) {
        violated(`${who.name} leads no more, and its ${verb} goes on`);
      }
    }
  };
  const end = ({ who, sent }: Fact & { readonly who: LeaseCandidate; readonly sent: Sent }) => {
    const errands = all.get(who);
    if (errands?.delete(sent) && errands.size === 0) all.delete(who);
  };
  return {
    died: ({ who }) => all.delete(who),
    sent: ({ who, sent }) => {
      if (sent.verb === 'watch' || sent.resource === 'pods') return;
      const errands = all.get(who) ?? new Map<Sent, Errand>();
      all.set(who, errands.set(sent, { sinceMs: who.clock.now(), isLeaders: who.serves }));
    },
    answered: end,
    unanswered: end,
    settled: () => {
      for (const [who, errands] of all) if (hasHadTimers(who)) judge(who, errands);
    },
  };
});
