import type { Check } from '../check.ts';
import { excusesOf } from '../excuses.ts';
import { LeaseCandidate } from '../lease-candidate.ts';
import { provenOf } from '../proofs.ts';

/** Timers are whole milliseconds, and may need another try. */
const TIMER_MS = 3;

/** A term's signal aborts at the latest when its last renewal counts no more, and nobody believes longer. */
export const provenTerms: Check = {
  name: 'terms are proven',
  begin: (world, violated) => {
    const proofs = provenOf(world);
    return (fact) => {
      if (fact.type !== 'settled') return;
      for (const who of world.living) {
        if (!(who instanceof LeaseCandidate) || !who.mayLead || !who.isRunning) continue;
        const { renewDeadlineMs } = who.setting.times;
        const overMs = proofs.ageMs(who) - renewDeadlineMs;
        if (overMs < 0) continue;
        const { term } = who;
        const isAborted = term?.abortedMs !== undefined;
        if (overMs > TIMER_MS && !isAborted && who.isAwake) {
          violated(`${who.name}'s signal has not aborted ${overMs} ms after its time`);
        } else if (overMs > 0 && who.isValid) {
          violated(`${who.name} believes that it leads ${overMs} ms after its time`);
        } else if (overMs > 0 && term?.signal.aborted === false) {
          violated(`${who.name}'s signal is not aborted ${overMs} ms after its time`);
        }
      }
    };
  },
};

/** Who could renew in time, and has not slept, believes that it leads for as long as its term lasts. */
export const steadyBelief: Check = {
  name: 'leaders know it',
  begin: (world, violated) => {
    const proofs = provenOf(world);
    return (fact) => {
      if (fact.type !== 'settled') return;
      for (const who of world.living) {
        if (!(who instanceof LeaseCandidate) || !who.serves || !who.isAwake) continue;
        const { term, setting, clock } = who;
        if (clock.hasSlept || !term || term.signal.aborted || term.isSettled) continue;
        const leftMs = setting.times.renewDeadlineMs * who.share - proofs.ageMs(who);
        if (leftMs <= TIMER_MS || who.isValid) continue;
        violated(
          `${who.name} does not believe that it leads, for another ${Math.round(leftMs)} ms`,
        );
      }
    };
  },
};

/** Nobody is told of a loss who could renew in time, and whom nobody has deposed. */
export const lossesWithCause: Check = {
  name: 'losses have a cause',
  begin: (world, violated) => {
    const excuses = excusesOf(world);
    const proofs = provenOf(world);
    /** Who was not the holder on record for a moment, since he asked to be. */
    const deposed = new Set<LeaseCandidate>();
    const asking = new Set<LeaseCandidate>();
    return (fact) => {
      if (fact.type === 'written' && fact.resource === 'leases') {
        const { spec } = (fact.after ?? {}) as { spec?: { holderIdentity?: string } };
        for (const who of asking) {
          const isOthers =
            spec?.holderIdentity !== who.identity || excuses.isDeposedByNamesake(who);
          if (isOthers) deposed.add(who);
        }
      }
      if (!('who' in fact) || !(fact.who instanceof LeaseCandidate)) return;
      const { who } = fact;
      if (fact.type === 'sent' && fact.sent.verb !== 'watch' && !who.serves) {
        asking.add(who);
        deposed.delete(who);
      }
      if (fact.type !== 'ended' || fact.why !== 'ERR_LEADERSHIP_LOST' || deposed.has(who)) return;
      const ageMs = Math.max(proofs.ageMs(who), proofs.mostAgeMs(who));
      const leftMs = who.setting.times.renewDeadlineMs * who.share - ageMs;
      if (leftMs > TIMER_MS) {
        violated(`${who.name} is told that it leads no more ${Math.round(leftMs)} ms too early`);
      }
    };
  },
};

/** Work begins once what was begun before has ended; and starts and stops come in pairs. */
export const separateWork: Check = {
  name: 'work of terms',
  begin: (_, violated) => {
    const compare = (who: LeaseCandidate) => {
      const [before, now] = who.terms.slice(-2);
      if (!now || before?.call !== now.call) return;
      if (!before.isSettled) violated(`${who.name} works for two terms at once`);
    };
    return (fact) => {
      if (!('who' in fact) || !(fact.who instanceof LeaseCandidate)) return;
      const { who } = fact;
      if (fact.type === 'leads') compare(who);
      const isOver = (fact.type === 'ended' || fact.type === 'refused') && !who.isBusy;
      if (!isOver || who.setting.calls !== 'elector') return;
      const unstopped = who.terms.filter(({ call, isStopped }) => {
        return call === who.callCount && !isStopped;
      });
      if (unstopped.length > 0) violated(`${who.name} was never told that it stopped leading`);
      if (who.isValid) violated(`${who.name} believes that it leads after its run`);
    };
  },
};
