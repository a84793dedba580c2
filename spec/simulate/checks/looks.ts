import type { Check } from '../check.ts';
import { LifeCandidate } from '../life-candidate.ts';
import type { WatchUnderWay } from '../line.ts';

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
export const steadyLooks: Check = {
  name: 'looks without a watch',
  begin: (_, violated) => {
    const all = new Map<LifeCandidate, Looks>();
    const judge = (who: LifeCandidate, looks: Looks) => {
      const nowMs = who.clock.now();
      if (!who.isAwake) {
        if (looks.restsSinceMs !== undefined) looks.restsSinceMs = nowMs;
        return;
      }
      if (isBlind(who, looks)) looks.blindSinceMs ??= nowMs;
      else looks.blindSinceMs = undefined;
      const { restsSinceMs, blindSinceMs, retryAfterMs } = looks;
      if (restsSinceMs === undefined || blindSinceMs === undefined) return;
      const pauseMs = Math.max(who.setting.maxBackoffMs, GRACE_MS) + retryAfterMs;
      const restMs = nowMs - Math.max(restsSinceMs, blindSinceMs);
      if (restMs <= pauseMs + DOUBT_MS + OPENING_MS + SLACK_MS) return;
      all.delete(who);
      violated(
        `${who.name} has not looked for ${Math.round(restMs)} ms, although its watches show nothing`,
      );
    };
    return (fact) => {
      if (fact.type === 'settled') {
        for (const [who, looks] of all) {
          if (who.isWaiting) judge(who, looks);
          else all.delete(who);
        }
        return;
      }
      if (!('who' in fact) || !(fact.who instanceof LifeCandidate)) return;
      const { who } = fact;
      if (fact.type === 'asked' && !all.has(who)) {
        const blindSinceMs = undefined;
        const restsSinceMs = who.clock.now();
        all.set(who, { restsSinceMs, underWay: 0, retryAfterMs: 0, blindSinceMs, isWary: false });
      }
      const looks = all.get(who);
      if (!looks || !('sent' in fact) || fact.sent.verb === 'watch') return;
      looks.underWay = Math.max(looks.underWay + (fact.type === 'sent' ? 1 : -1), 0);
      looks.restsSinceMs = looks.underWay > 0 ? undefined : who.clock.now();
      looks.retryAfterMs = fact.type === 'answered' ? retryAfterMs(fact.status, fact.body) : 0;
    };
  },
};

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

function retryAfterMs(status: number, body: unknown): number {
  const { details } = (body ?? {}) as { details?: { retryAfterSeconds?: number } };
  return status >= 300 ? (details?.retryAfterSeconds ?? 0) * 1_000 * RETRY_AFTER_JITTER : 0;
}
