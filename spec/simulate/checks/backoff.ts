import type { Check } from '../check.ts';
import { LifeCandidate } from '../life-candidate.ts';

/** Timers are whole milliseconds, and need not be earlier. */
const TIMER_MS = 20;

/** Answers after which the same may succeed; 429 says for itself when. */
const TRANSIENT = [401, 408, 500, 502, 503, 504];

/** What fails is tried again at the latest after `maxBackoffMs`. */
export const boundedBackoff: Check = {
  name: 'bounded backoff',
  begin: (_, violated) => {
    const due = new Map<LifeCandidate, number>();
    return (fact) => {
      if (fact.type === 'sent' && fact.who instanceof LifeCandidate) due.delete(fact.who);
      if (fact.type === 'answered' && fact.who instanceof LifeCandidate) {
        const { who, sent } = fact;
        const isNeeded = ['get', 'create', 'delete'].includes(sent.verb);
        if (!isNeeded || !TRANSIENT.includes(fact.status)) return;
        due.set(who, who.surroundings.clock.now() + who.setting.maxBackoffMs + TIMER_MS);
      }
      if (fact.type !== 'settled') return;
      for (const [who, dueMs] of due) {
        // A process that stood still is late with everything.
        if (!who.isWaiting || !who.isRunning) due.delete(who);
        else if (who.surroundings.clock.now() > dueMs) {
          due.delete(who);
          const { maxBackoffMs } = who.setting;
          violated(`${who.name} has not tried again ${maxBackoffMs} ms after a failure`);
        }
      }
    };
  },
};

/** Who is told to come back later does not create before. */
export const heededRetryAfter: Check = {
  name: 'heeded Retry-After',
  begin: (_, violated) => {
    const notBefore = new Map<string, number>();
    return (fact) => {
      if (fact.type !== 'sent' && fact.type !== 'answered') return;
      const { who, sent } = fact;
      if (!(who instanceof LifeCandidate) || sent.verb !== 'create') return;
      const key = `${who.name} ${JSON.stringify(sent.request.body)}`;
      const nowMs = who.surroundings.clock.now();
      if (fact.type === 'sent') {
        const early = (notBefore.get(key) ?? nowMs) - nowMs;
        if (early > 1) violated(`${who.name} creates ${Math.round(early)} ms too early`);
        return;
      }
      const { details } = (fact.body ?? {}) as { details?: { retryAfterSeconds?: number } };
      const seconds = fact.status === 429 ? (details?.retryAfterSeconds ?? 0) : 0;
      notBefore.set(key, nowMs + seconds * 1_000);
    };
  },
};
