import type { Check } from '../check.ts';
import { LifeCandidate, NoLongerWanted } from '../life-candidate.ts';

/** Timers are whole milliseconds, and need not be earlier. */
const TIMER_MS = 20;

/** What a call that waits has sent. */
interface Sent {
  /** Creates under way, or that may have been carried out. */
  doubtful: number;
  /** When its program gave up, and when the last create turned out not to be sent, by its clock. */
  withdrewMs: number | undefined;
  clearMs: number;
}

/** Who gives up is told at once, if nothing that it sent can have created a lock: it has left nothing. */
export const promptWithdrawals: Check = {
  name: 'prompt withdrawals',
  begin: (world, violated) => {
    const all = new Map<LifeCandidate, Sent>();
    return (fact) => {
      if (fact.type === 'settled') {
        for (const [who, { doubtful, withdrewMs, clearMs }] of all) {
          if (!who.isWaiting) all.delete(who);
          if (withdrewMs === undefined || doubtful > 0 || !who.isAwake) continue;
          const sinceMs = who.clock.now() - Math.max(withdrewMs, clearMs);
          if (sinceMs <= TIMER_MS || !all.delete(who)) continue;
          violated(
            `${who.name} is not told ${Math.round(sinceMs)} ms after it gave up, with nothing in doubt`,
          );
        }
        return;
      }
      if (!('who' in fact) || !(fact.who instanceof LifeCandidate)) return;
      const { who } = fact;
      if (fact.type === 'asked' && !all.has(who)) {
        all.set(who, { doubtful: 0, withdrewMs: undefined, clearMs: who.clock.now() });
      }
      const sent = all.get(who);
      if (!sent) return;
      if (fact.type === 'withdrew') {
        sent.withdrewMs ??= who.clock.now();
        if (sent.doubtful === 0) world.figures.add('withdrawals with nothing in doubt');
      }
      // Another call of its program, which came later, may wait now.
      if (fact.type === 'refused' && fact.error instanceof NoLongerWanted) {
        sent.withdrewMs = undefined;
      }
      if (!('sent' in fact) || fact.sent.verb !== 'create') return;
      if (fact.type === 'sent') sent.doubtful += 1;
      // What was refused a connection was never sent.
      if (fact.type !== 'unanswered' || !fact.why.includes('ECONNREFUSED')) return;
      sent.doubtful -= 1;
      sent.clearMs = who.clock.now();
    };
  },
};
