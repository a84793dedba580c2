import { LeaderElectionError } from '../../../lib/errors.ts';
import type { KubeObject } from '../../../lib/testing/objects.ts';
import { lifeCheck } from '../check.ts';
import type { Fact, Sent } from '../fact.ts';
import { NoLongerWanted } from '../candidate.ts';
import type { LifeCandidate } from '../life-candidate.ts';
import { describe } from '../transcript.ts';
import { attemptOf, lockOf } from '../truth.ts';
import type { World } from '../world.ts';
import { DOUBTED_MS } from './life-lock.ts';

/** Each refusal is an error of ours, and what it says is true. */
export const typedErrors = lifeCheck('typed errors', (world, violated) => {
  // Candidates that saw a ConfigMap with the lock's name that is no lock.
  const shown = new Set<LifeCandidate>();
  // Candidates that may not read their own Pods.
  const denied = new Set<LifeCandidate>();
  const unanswered = new Map<Sent, { readonly who: LifeCandidate; readonly sentMs: number }>();
  // Whose creates took effect so late, by their senders' clocks, that nobody reckons with them.
  const overdue = new Set<LifeCandidate>();
  return {
    sent: ({ who, sent }) => {
      if (sent.verb === 'create') unanswered.set(sent, { who, sentMs: who.clock.now() });
    },
    answered: (fact) => {
      unanswered.delete(fact.sent);
      if (fact.status === 403 && fact.sent.resource === 'pods') denied.add(fact.who);
      if (isForeignLock(fact)) shown.add(fact.who);
    },
    written: ({ before, after }) => {
      if (before || !after) return;
      for (const [sent, { who, sentMs }] of unanswered) {
        const isOverdue = who.clock.now() - sentMs > DOUBTED_MS;
        if (isOverdue && attemptOf(sent.request.body) === attemptOf(after)) overdue.add(who);
      }
    },
    refused: ({ who, error }) => {
      // What such a create has stored is taken for a webhook's work.
      const isTaken = codeOf(error) === 'ERR_REJECTED' && overdue.has(who);
      if (isTaken || error instanceof NoLongerWanted) return;
      if (isDue(error, who, world, shown.has(who), denied.has(who))) return;
      violated(`${who.name} is refused without reason: ${describe(error)}`);
    },
  };
});

function codeOf(error: unknown): string | undefined {
  return error instanceof LeaderElectionError ? error.code : undefined;
}

function isForeignLock({ sent, status, body }: Fact & { type: 'answered' }): boolean {
  if (sent.resource !== 'configmaps' || sent.verb !== 'get' || status !== 200) return false;
  return lockOf(body as KubeObject).holderUid === '';
}

function isDue(
  error: unknown,
  who: LifeCandidate,
  { pods, isTroubled }: World,
  wasShown: boolean,
  wasDenied: boolean,
): boolean {
  switch (codeOf(error)) {
    case 'ERR_POD_TERMINATING':
      return pods.state(who.podUid).isDeleting || pods.state(who.podUid).hasFinalPhase;
    case 'ERR_POD_NOT_FOUND':
      return pods.state(who.podUid).isOver;
    case 'ERR_FOREIGN_LOCK':
      return wasShown;
    case 'ERR_POD_UID_MISMATCH':
      return who.claimedUid !== who.podUid;
    case 'ERR_ALREADY_RUNNING':
      return who.isBusy;
    case 'ERR_RELEASE_FAILED':
      return isTroubled;
    case 'ERR_FORBIDDEN':
      // Who does not know his Pod's UID needs the right to ask for it.
      return who.setting.uid === 'asked' && wasDenied;
    default:
      return false;
  }
}

/**
 * Of what takes too long where requests take seconds and a process's clock is fast: to take a lock back, three
 * requests within 9.5 s; and for a watch to show what it watches, within 5 s.
 */
const HURRIED = ['LEADER_FOR_LIFE_LEFT_BEHIND', 'LEADER_FOR_LIFE_SILENT_WATCH'];

const PEACEFUL = new Set(
  'start again finish cancel crash delete evict complete replace'.split(' '),
);

/** Warnings name trouble: in a world without any there are none. */
export const dueWarnings = lifeCheck('due warnings', (world, violated) => ({
  warned: ({ who, code, message }) => {
    if (!code.startsWith('LEADER_FOR_LIFE_')) violated(`a warning with the code ${code}`);
    const { events, setting } = world.schedule;
    if (HURRIED.includes(code) && setting.latencyMs[1] >= 1_000) return;
    if (code === 'LEADER_FOR_LIFE_SILENT_WATCH' && world.holdsWatchesBack) return;
    if (code === 'LEADER_FOR_LIFE_PREFERENCE' && who.preferring?.isSilent === true) return;
    if (events.some(({ what }) => !PEACEFUL.has(what))) return;
    violated(`${who.name} warns of nothing: ${message}`);
  },
}));

/** No token may get to where people read. */
export const noSecrets = lifeCheck('no secrets', (_, violated) => {
  const judge = (text: string) => {
    if (/token-\d+-of-/.test(text)) violated(`a token is told: ${text}`);
  };
  return {
    warned: ({ message }) => judge(message),
    refused: ({ error }) => judge(describe(error)),
  };
});

/** Timers are whole milliseconds, and need not be earlier. */
const TIMER_MS = 20;

/** What a call that waits has sent. */
interface Waiting {
  /** Creates under way, or that may have been carried out. */
  doubtful: number;
  /** When its program gave up, and when the last create turned out not to be sent, by its clock. */
  withdrewMs: number | undefined;
  clearMs: number;
}

/** Who gives up is told at once, if nothing that it sent can have created a lock: it has left nothing. */
export const promptWithdrawals = lifeCheck('prompt withdrawals', (world, violated) => {
  const all = new Map<LifeCandidate, Waiting>();
  return {
    asked: ({ who }) => {
      if (all.has(who)) return;
      all.set(who, { doubtful: 0, withdrewMs: undefined, clearMs: who.clock.now() });
    },
    withdrew: ({ who }) => {
      const waiting = all.get(who);
      if (!waiting) return;
      waiting.withdrewMs ??= who.clock.now();
      if (waiting.doubtful === 0) world.figures.add('withdrawals with nothing in doubt');
    },
    refused: ({ who, error }) => {
      const waiting = all.get(who);
      // Another call of its program, which came later, may wait now.
      if (waiting && error instanceof NoLongerWanted) waiting.withdrewMs = undefined;
    },
    sent: ({ who, sent }) => {
      const waiting = all.get(who);
      if (waiting && sent.verb === 'create') waiting.doubtful += 1;
    },
    unanswered: ({ who, sent, why }) => {
      const waiting = all.get(who);
      // What was refused a connection was never sent.
      if (!waiting || sent.verb !== 'create' || !why.includes('ECONNREFUSED')) return;
      waiting.doubtful -= 1;
      waiting.clearMs = who.clock.now();
    },
    settled: () => {
      for (const [who, { doubtful, withdrewMs, clearMs }] of all) {
        if (!who.isWaiting) all.delete(who);
        if (withdrewMs === undefined || doubtful > 0 || !who.isAwake) continue;
        const sinceMs = who.clock.now() - Math.max(withdrewMs, clearMs);
        if (sinceMs <= TIMER_MS || !all.delete(who)) continue;
        const ms = Math.round(sinceMs);
        violated(`${who.name} is not told ${ms} ms after it gave up, with nothing in doubt`);
      }
    },
  };
});
