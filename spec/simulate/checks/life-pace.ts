import { lifeCheck } from '../check.ts';
import { type Fact, type Sent, retryAfterMs } from '../fact.ts';
import type { LifeCandidate } from '../life-candidate.ts';
import type { WatchUnderWay } from '../line.ts';
import { lockOf } from '../truth.ts';

/** Timers are whole milliseconds, and need not be earlier. */
const TIMER_MS = 20;

/** Answers after which the same may succeed; 429 says for itself when. */
const TRANSIENT = [401, 408, 500, 502, 503, 504];

/** Who gives up, or gives back, does so at a pace of his own, and need not tell anybody before. */
const GIVING_UP_MS = 2_000;

/** What fails is tried again at the latest after `maxBackoffMs`. */
export const boundedBackoff = lifeCheck('bounded backoff', (_, violated) => {
  const due = new Map<LifeCandidate, { readonly atMs: number; readonly limitMs: number }>();
  const forget = ({ who }: { readonly who: LifeCandidate }) => due.delete(who);
  return {
    sent: forget,
    withdrew: forget,
    refused: forget,
    answered: ({ who, sent, status }) => {
      const isNeeded = ['get', 'create', 'delete'].includes(sent.verb);
      if (!isNeeded || !TRANSIENT.includes(status)) return;
      const limitMs = Math.max(who.setting.maxBackoffMs, GIVING_UP_MS);
      due.set(who, { atMs: who.clock.now() + limitMs + TIMER_MS, limitMs });
    },
    settled: () => {
      for (const [who, { atMs, limitMs }] of due) {
        // A process that stood still is late with everything.
        // Nor does one try again that must not take the lock.
        const isBarred = who.checkup?.allows === false;
        if (!who.isWaiting || !who.isRunning || isBarred) due.delete(who);
        else if (who.clock.now() > atMs) {
          due.delete(who);
          violated(`${who.name} has not tried again ${limitMs} ms after a failure`);
        }
      }
    },
  };
});

/** Of one process: what was last refused until when, and how many of its calls may ask at once. */
class Patience {
  calls = 0;
  readonly notBeforeMs = new Map<string, number>();
}

/** Who is told to come back later does not ask for the same before. */
export const heededRetryAfter = lifeCheck('heeded Retry-After', (_, violated) => {
  const all = new Map<LifeCandidate, Patience>();
  const holders = new Map<string, string>();
  const patienceOf = (who: LifeCandidate) => {
    const patience = all.get(who) ?? new Patience();
    all.set(who, patience);
    return patience;
  };
  // What asks next does not know.
  const forget = ({ who }: { readonly who: LifeCandidate }) => patienceOf(who).notBeforeMs.clear();
  // Whatever else is read may be read anew because a watch says so, also a Pod of the same name that
  // holds the lock. A preference reads the own Pod, too; of several calls there is no telling which asks.
  const isPlain = (who: LifeCandidate, { verb, resource, name }: Sent) => {
    const { podName, podUid, preferring } = who;
    const isOwn = resource === 'pods' && name === podName && !preferring;
    const isNamesake = ([uid, holder]: [string, string]) => holder === podName && uid !== podUid;
    return verb === 'delete' || (verb === 'get' && isOwn && ![...holders].some(isNamesake));
  };
  const keyOf = (who: LifeCandidate, sent: Sent) => {
    const isClear = isPlain(who, sent) && patienceOf(who).calls === 1;
    if (sent.verb !== 'create' && !isClear) return undefined;
    const { method, path, body } = sent.request;
    return `${method} ${path} ${JSON.stringify(body)}`;
  };
  return {
    written: ({ resource, after }) => {
      if (resource !== 'configmaps' || !after) return;
      const { holderUid, holderName } = lockOf(after);
      holders.set(holderUid, holderName);
    },
    asked: (fact) => {
      patienceOf(fact.who).calls += 1;
      forget(fact);
    },
    withdrew: forget,
    refused: forget,
    ended: forget,
    sent: ({ who, sent }) => {
      const { notBeforeMs } = patienceOf(who);
      if (notBeforeMs.size === 0) return;
      const earlyMs = (notBeforeMs.get(keyOf(who, sent) ?? '') ?? 0) - who.clock.now();
      const what = `${sent.verb} ${sent.resource}/${sent.name}`;
      if (earlyMs > 1) violated(`${who.name} sends ${what} ${Math.round(earlyMs)} ms too early`);
    },
    answered: (fact) => {
      const { who, sent } = fact;
      const { notBeforeMs } = patienceOf(who);
      const waitMs = retryAfterMs(fact);
      const key = waitMs === 0 && notBeforeMs.size === 0 ? undefined : keyOf(who, sent);
      if (key !== undefined) notBeforeMs.set(key, who.clock.now() + waitMs);
    },
  };
});

/** After this much silence a watch is not relied on any more: see `docs/protocol.md`. */
const SILENT_MS = 150_000;

/** Nor is the next one, until it has shown something that long after it opened. */
const PROOF_MS = 5_000;

/** A lock whose holder has left it is deleted after this long, and a lock of one's own doubted. */
const GRACE_MS = 2_000;
const DOUBT_MS = 10_000;

/** Until it is known that a watch cannot be had, the first look waits for it. */
const OPENING_MS = 10_000;

/** A candidate waits up to this many times as long as a `Retry-After` asks. */
const RETRY_AFTER_JITTER = 1.2;

/** What keeps crowds from doing the same at once; timers, which need not be earlier. */
const SLACK_MS = 1_500;

/** What of a candidate's looks is known, in times of its own clock. */
interface Looks {
  /** The last request ended, or the call began; undefined while one is under way. */
  restsSinceMs: number | undefined;
  underWay: number;
  retryAfterMs: number;
  /** It has had no watch that it could rely on since. */
  blindSinceMs: number | undefined;
  /** Its last watch of the lock fell silent. */
  isWary: boolean;
}

/**
 * Whoever waits without watches that show something looks after `maxBackoffMs` at the latest, also if
 * they were opened: what a proxy holds back, a look finds.
 */
export const steadyLooks = lifeCheck('looks without a watch', (_, violated) => {
  const all = new Map<LifeCandidate, Looks>();
  const judge = (who: LifeCandidate, looks: Looks) => {
    const nowMs = who.clock.now();
    if (!who.isAwake) {
      if (looks.restsSinceMs !== undefined) looks.restsSinceMs = nowMs;
      return;
    }
    looks.blindSinceMs = isBlind(who, looks) ? (looks.blindSinceMs ?? nowMs) : undefined;
    const { restsSinceMs, blindSinceMs } = looks;
    if (restsSinceMs === undefined || blindSinceMs === undefined) return;
    const pauseMs = Math.max(who.setting.maxBackoffMs, GRACE_MS) + looks.retryAfterMs;
    const restMs = nowMs - Math.max(restsSinceMs, blindSinceMs);
    if (restMs <= pauseMs + DOUBT_MS + OPENING_MS + SLACK_MS) return;
    all.delete(who);
    const ms = Math.round(restMs);
    violated(`${who.name} has not looked for ${ms} ms, although its watches show nothing`);
  };
  const count = (fact: Fact & { readonly sent: Sent; readonly who: LifeCandidate }) => {
    const looks = all.get(fact.who);
    if (!looks || fact.sent.verb === 'watch') return;
    looks.underWay = Math.max(looks.underWay + (fact.type === 'sent' ? 1 : -1), 0);
    looks.restsSinceMs = looks.underWay > 0 ? undefined : fact.who.clock.now();
    looks.retryAfterMs = retryAfterMs(fact) * RETRY_AFTER_JITTER;
  };
  return {
    asked: ({ who }) => {
      if (all.has(who)) return;
      const fresh = { underWay: 0, retryAfterMs: 0, blindSinceMs: undefined, isWary: false };
      all.set(who, { restsSinceMs: who.clock.now(), ...fresh });
    },
    sent: count,
    answered: count,
    unanswered: count,
    settled: () => {
      for (const [who, looks] of all) {
        if (who.isWaiting) judge(who, looks);
        else all.delete(who);
      }
    },
  };
});

/** Whether there is a watch that is not to be relied on: none of the lock, or one that shows nothing. */
function isBlind(who: LifeCandidate, looks: Looks): boolean {
  const { watches } = who.platform;
  const ofLock = watches.find(({ sent }) => sent.resource === 'configmaps');
  if (ofLock) noteSilence(looks, ofLock, who.clock.now());
  return !ofLock || looks.isWary || watches.some(({ shownMs }) => shownMs === undefined);
}

function noteSilence(looks: Looks, { openedMs, shownMs }: WatchUnderWay, nowMs: number): void {
  if (openedMs === undefined) return;
  if (nowMs - (shownMs ?? openedMs) >= SILENT_MS) looks.isWary = true;
  else if (shownMs !== undefined && shownMs - openedMs >= PROOF_MS) looks.isWary = false;
}
