import type { Check } from '../check.ts';
import { LeaseCandidate, type Term } from '../lease-candidate.ts';
import { NoLongerWanted } from '../life-candidate.ts';
import { recordOf } from '../sightings.ts';
import { webhookOf } from '../webhook.ts';

/** In any one second nobody sends more: a retry comes after 100 ms, and hints are few. */
const MOST_PER_SECOND = 40;

/** Timers are whole milliseconds. */
const ROUNDING_MS = 2;

/** A read and a write. */
const PER_WIPE = 2;

/** Nobody asks without end, and nobody asks at all when its call is over. */
export const electorRequests: Check = {
  name: 'requests of electors',
  begin: (world, violated) => {
    const recent = new Map<LeaseCandidate, number[]>();
    // Each time that a Lease is wiped, its leader takes it back, and others look.
    let wiped: number[] = [];
    return (fact) => {
      if (fact.type === 'written' && fact.resource === 'leases') {
        const isWiped = fact.after && recordOf(fact.after).holderIdentity === '';
        if (isWiped) wiped.push(world.clock.now());
      }
      if (!('who' in fact) || !(fact.who instanceof LeaseCandidate)) return;
      const { who } = fact;
      if (fact.type === 'asked') recent.delete(who);
      if (fact.type !== 'sent') return;
      const { sent } = fact;
      if (!who.isBusy) violated(`${who.name} sends ${sent.verb} when its call is over`);
      const sinceMs = sent.atMs - 1_000;
      const times = (recent.get(who) ?? []).filter((ms) => ms > sinceMs);
      recent.set(who, [...times, sent.atMs]);
      wiped = wiped.filter((ms) => ms > sinceMs);
      const most = MOST_PER_SECOND + PER_WIPE * wiped.length;
      if (times.length >= most) violated(`${who.name} sends requests without a pause`);
    };
  },
};

/** A leader writes no more than client-go's would, but for what went wrong. */
export const renewalBudget: Check = {
  name: 'renewals within budget',
  begin: (_, violated) => {
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
    return (fact) => {
      if (fact.type === 'written' && fact.resource === 'leases') {
        // Whatever others do to the Lease may need an answer.
        for (const who of counts.keys()) {
          const { spec } = (fact.after ?? {}) as { spec?: { holderIdentity?: string } };
          if (spec?.holderIdentity !== who.identity) forgive(who);
        }
        return;
      }
      if (!('who' in fact) || !(fact.who instanceof LeaseCandidate)) return;
      const { who } = fact;
      if (fact.type === 'leads') {
        counts.set(who, { sinceMs: who.clock.now(), writes: 0, allowed: 1 });
      } else if (fact.type === 'unanswered' || (fact.type === 'answered' && fact.status >= 300)) {
        forgive(who);
      } else if (fact.type === 'sent' && fact.sent.verb === 'update') {
        const count = counts.get(who);
        if (!count || !who.mayLead) return;
        count.writes += 1;
        const ms = who.clock.now() - count.sinceMs;
        const due = Math.floor(ms / (who.setting.times.retryPeriodMs * who.share)) + count.allowed;
        // One more is the release.
        if (count.writes > due + 1) violated(`${who.name} has written ${count.writes} times`);
      }
    };
  },
};

interface ElectorError {
  readonly name?: string;
  readonly code?: string;
  readonly cause?: ElectorError;
}

/** Whoever is refused is told why, in a way that programs can tell; and whether work goes on. */
export const electorErrors: Check = {
  name: 'errors of electors',
  begin: (world, violated) => (fact) => {
    if (fact.type !== 'refused' && fact.type !== 'ended') return;
    const { who } = fact;
    if (!(who instanceof LeaseCandidate) || who.isBusy) return;
    const error = fact.type === 'refused' ? (fact.error as ElectorError) : {};
    const { name, code } = error;
    const isAbandoned = [code, error.cause?.code].includes('ERR_WORK_ABANDONED');
    const { term } = who;
    if (term?.call === who.callCount) judge(who, term, isAbandoned);
    else if (isAbandoned) violated(`${who.name} is told of work that never began`);
    if (fact.type !== 'refused' || error instanceof NoLongerWanted) return;
    if (code === 'ERR_WORK_ABANDONED') return;
    if (code === 'ERR_REJECTED' && webhookOf(world)?.renewTime !== undefined) return;
    const isLoss = code === 'ERR_LEADERSHIP_LOST' && !who.setting.recampaign;
    if (name !== 'LeaderElectionError' || !isLoss || who.setting.calls === 'elector') {
      violated(`${who.name} was refused with ${name ?? ''} ${code ?? ''}: ${String(fact.error)}`);
    }

    function judge({ name: told, setting }: LeaseCandidate, last: Term, abandoned: boolean): void {
      const { abortedMs = Number.POSITIVE_INFINITY, settledMs = Number.POSITIVE_INFINITY } = last;
      if (!abandoned && !last.isSettled) violated(`${told} is not told that its work goes on`);
      if (abandoned && settledMs - abortedMs < setting.times.renewDeadlineMs - ROUNDING_MS) {
        violated(`${told} is told that its work goes on, which has ended in time`);
      }
    }
  },
};

/** When a call is over, nothing of it runs on. */
export const electorRemains: Check = {
  name: 'nothing of electors remains',
  begin: (_, violated) => {
    const over = new Set<LeaseCandidate>();
    return (fact) => {
      if (fact.type === 'ended' || fact.type === 'refused') {
        if (fact.who instanceof LeaseCandidate && !fact.who.isBusy) over.add(fact.who);
      }
      if (fact.type !== 'settled') return;
      for (const who of over) {
        if (who.isBusy || !who.isAlive) over.delete(who);
        if (who.isBusy || !who.isAwake) continue;
        over.delete(who);
        const { timers, requests } = who.remains;
        if (timers + requests > 0) {
          violated(`${who.name} leaves ${timers} timers and ${requests} requests`);
        }
      }
    };
  },
};
