import type { Check } from '../check.ts';
import type { Sent } from '../fact.ts';
import { LeaseCandidate } from '../lease-candidate.ts';
import { provenOf } from '../proofs.ts';

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
export const timelyRequests: Check = {
  name: 'requests end in time',
  begin: (world, violated) => {
    const proofs = provenOf(world);
    const all = new Map<LeaseCandidate, Map<Sent, Errand>>();
    /** Since when each of them runs: timers that were late have their turn first. */
    const runsSinceMs = new Map<LeaseCandidate, number>();
    const isAwake = (who: LeaseCandidate): boolean => {
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
        const ageMs = who.clock.now() - sinceMs;
        if (ageMs > limitMs + TIMER_MS) {
          violated(`${who.name} waits for the answer to ${verb} for more than ${limitMs} ms`);
        }
        if (isLeaders && proofs.ageMs(who) > renewDeadlineMs + TIMER_MS) {
          violated(`${who.name} leads no more, and its ${verb} goes on`);
        }
      }
    };
    return (fact) => {
      if (fact.type === 'settled') {
        for (const [who, errands] of all) {
          if (isAwake(who)) judge(who, errands);
        }
        return;
      }
      if (!('who' in fact) || !(fact.who instanceof LeaseCandidate)) return;
      const { who } = fact;
      if (fact.type === 'died') all.delete(who);
      if (!('sent' in fact) || fact.sent.verb === 'watch') return;
      const errands = all.get(who) ?? new Map<Sent, Errand>();
      if (fact.type === 'sent') {
        errands.set(fact.sent, { sinceMs: who.clock.now(), isLeaders: who.serves });
      } else {
        errands.delete(fact.sent);
      }
      if (errands.size > 0) all.set(who, errands);
      else all.delete(who);
    };
  },
};
