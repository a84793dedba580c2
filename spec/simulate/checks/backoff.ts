import type { Check } from '../check.ts';
import type { Fact } from '../fact.ts';
import { LifeCandidate } from '../life-candidate.ts';
import { lockOf } from '../truth.ts';

/** Timers are whole milliseconds, and need not be earlier. */
const TIMER_MS = 20;

/** Answers after which the same may succeed; 429 says for itself when. */
const TRANSIENT = [401, 408, 500, 502, 503, 504];

/** Who gives up, or gives back, does so at a pace of his own, and need not tell anybody before. */
const GIVING_UP_MS = 2_000;

/** What fails is tried again at the latest after `maxBackoffMs`. */
export const boundedBackoff: Check = {
  name: 'bounded backoff',
  begin: (_, violated) => {
    const due = new Map<LifeCandidate, { readonly atMs: number; readonly limitMs: number }>();
    return (fact) => {
      if (due.size > 0 && 'who' in fact && fact.who instanceof LifeCandidate) {
        if (['sent', 'withdrew', 'refused'].includes(fact.type)) due.delete(fact.who);
      }
      if (fact.type === 'answered' && fact.who instanceof LifeCandidate) {
        const { who, sent } = fact;
        const isNeeded = ['get', 'create', 'delete'].includes(sent.verb);
        if (!isNeeded || !TRANSIENT.includes(fact.status)) return;
        const limit = Math.max(who.setting.maxBackoffMs, GIVING_UP_MS);
        due.set(who, { atMs: who.platform.clock.now() + limit + TIMER_MS, limitMs: limit });
      }
      if (fact.type !== 'settled') return;
      for (const [who, { atMs, limitMs: limit }] of due) {
        // A process that stood still is late with everything.
        if (!who.isWaiting || !who.isRunning) due.delete(who);
        else if (who.platform.clock.now() > atMs) {
          due.delete(who);
          violated(`${who.name} has not tried again ${limit} ms after a failure`);
        }
      }
    };
  },
};

/** Of one process: what was last refused until when, and how many of its calls may ask at once. */
interface Patience {
  calls: number;
  readonly notBeforeMs: Map<string, number>;
}

/** Who is told to come back later does not ask for the same before. */
export const heededRetryAfter: Check = {
  name: 'heeded Retry-After',
  begin: (_, violated) => {
    const all = new Map<LifeCandidate, Patience>();
    const holders = new Map<string, string>();
    return (fact) => {
      if (fact.type === 'written' && fact.resource === 'configmaps' && fact.after) {
        const { holderUid, holderName } = lockOf(fact.after);
        holders.set(holderUid, holderName);
      }
      if (!('who' in fact) || !(fact.who instanceof LifeCandidate)) return;
      const { who } = fact;
      const patience = all.get(who) ?? { calls: 0, notBeforeMs: new Map<string, number>() };
      all.set(who, patience);
      const { notBeforeMs } = patience;
      if (fact.type === 'asked') patience.calls += 1;
      // What asks next does not know.
      if (['asked', 'withdrew', 'refused', 'ended'].includes(fact.type)) notBeforeMs.clear();
      if (fact.type !== 'sent' && fact.type !== 'answered') return;
      const { sent } = fact;
      // Whatever else is read may be read anew because a watch says so, also a Pod of the same name that
      // holds the lock; of several calls there is no telling which of them asks.
      const isNamesake = ([uid, name]: [string, string]) =>
        name === who.podName && uid !== who.podUid;
      const isOwnPod =
        sent.resource === 'pods' && sent.name === who.podName && ![...holders].some(isNamesake);
      const isPlain = sent.verb === 'delete' || (sent.verb === 'get' && isOwnPod);
      if (sent.verb !== 'create' && !(isPlain && patience.calls === 1)) return;
      const waitMs = fact.type === 'answered' ? retryAfterMs(fact) : 0;
      if (waitMs === 0 && notBeforeMs.size === 0) return;
      const { method, path, body } = sent.request;
      const key = `${method} ${path} ${JSON.stringify(body)}`;
      const nowMs = who.platform.clock.now();
      if (fact.type === 'sent') {
        const earlyMs = (notBeforeMs.get(key) ?? nowMs) - nowMs;
        const what = `${sent.verb} ${sent.resource}/${sent.name}`;
        if (earlyMs > 1) violated(`${who.name} sends ${what} ${Math.round(earlyMs)} ms too early`);
        return;
      }
      notBeforeMs.set(key, nowMs + waitMs);
    };
  },
};

function retryAfterMs({ status, body }: Fact & { type: 'answered' }): number {
  const { details } = (body ?? {}) as { details?: { retryAfterSeconds?: number } };
  return status === 429 ? (details?.retryAfterSeconds ?? 0) * 1_000 : 0;
}
