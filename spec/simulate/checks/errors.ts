import { LeaderElectionError } from '../../../lib/errors.ts';
import type { KubeObject } from '../../../lib/testing/objects.ts';
import type { Check } from '../check.ts';
import type { Fact } from '../fact.ts';
import { LifeCandidate, NoLongerWanted } from '../life-candidate.ts';
import { describe } from '../transcript.ts';
import { lockOf } from '../truth.ts';
import { OverdueCreates } from './overdue.ts';
import type { World } from '../world.ts';

/** Whoever is refused is told why by an error of ours, and only of what is the case. */
export const typedErrors: Check = {
  name: 'typed errors',
  begin: (world, violated) => {
    // Who was shown a ConfigMap of the lock's name that is no lock.
    const shown = new Set<unknown>();
    // Who was told that he may not read his Pod.
    const denied = new Set<unknown>();
    const overdue = new OverdueCreates();
    return (fact) => {
      overdue.notice(fact);
      if (fact.type === 'answered' && fact.status === 403 && fact.sent.resource === 'pods') {
        denied.add(fact.who);
      }
      if (fact.type === 'answered' && isForeignLock(fact)) shown.add(fact.who);
      if (fact.type !== 'refused' || !(fact.who instanceof LifeCandidate)) return;
      // What such a create has stored is taken for a webhook's work.
      if (isRejection(fact.error) && overdue.has(fact.who)) return;
      if (!isDue(fact.error, fact.who, world, { shown, denied })) {
        violated(`${fact.who.name} is refused without reason: ${describe(fact.error)}`);
      }
    };
  },
};

function isRejection(error: unknown): boolean {
  return error instanceof LeaderElectionError && error.code === 'ERR_REJECTED';
}

function isForeignLock({ sent, status, body }: Fact & { type: 'answered' }): boolean {
  if (sent.resource !== 'configmaps' || sent.verb !== 'get' || status !== 200) return false;
  return lockOf(body as KubeObject).holderUid === '';
}

function isDue(
  error: unknown,
  who: LifeCandidate,
  world: World,
  { shown, denied }: Readonly<Record<'shown' | 'denied', ReadonlySet<unknown>>>,
): boolean {
  if (error instanceof NoLongerWanted) return true;
  if (!(error instanceof LeaderElectionError)) return false;
  const { pods } = world;
  switch (error.code) {
    case 'ERR_POD_TERMINATING':
      return pods.isDeleting(who.podUid) || pods.hasFinalPhase(who.podUid);
    case 'ERR_POD_NOT_FOUND':
      return pods.isOver(who.podUid);
    case 'ERR_FOREIGN_LOCK':
      return shown.has(who);
    case 'ERR_POD_UID_MISMATCH':
      return who.claimedUid !== who.podUid;
    case 'ERR_ALREADY_RUNNING':
      return who.isBusy;
    case 'ERR_RELEASE_FAILED':
      return world.isTroubled;
    case 'ERR_FORBIDDEN':
      // Who does not know his Pod's UID needs the right to ask for it.
      return who.setting.uid === 'asked' && denied.has(who);
    default:
      return false;
  }
}

/** Warnings name trouble: in a world without any there are none. */
export const dueWarnings: Check = {
  name: 'due warnings',
  begin: (world, violated) => (fact) => {
    if (fact.type !== 'warned') return;
    if (!fact.code.startsWith('LEADER_FOR_LIFE_')) violated(`a warning with the code ${fact.code}`);
    const { latencyMs } = world.schedule.setting;
    if (HURRIED.includes(fact.code) && latencyMs[1] >= 1_000) return;
    if (fact.code === 'LEADER_FOR_LIFE_SILENT_WATCH' && world.holdsWatchesBack) return;
    const names = world.schedule.events.map(({ what }) => what);
    if (names.every((what) => PEACEFUL.includes(what))) {
      violated(`${fact.who.name} warns of nothing: ${fact.message}`);
    }
  },
};

/**
 * Of what takes too long where requests take seconds and a process's clock is fast: to take a lock back, three
 * requests within 9.5 s; and for a watch to show what it watches, within 5 s.
 */
const HURRIED = ['LEADER_FOR_LIFE_LEFT_BEHIND', 'LEADER_FOR_LIFE_SILENT_WATCH'];

const PEACEFUL = [
  'start',
  'again',
  'finish',
  'cancel',
  'crash',
  'delete',
  'evict',
  'complete',
  'replace',
];

/** No token may get to where people read. */
export const noSecrets: Check = {
  name: 'no secrets',
  begin: (_, violated) => (fact) => {
    const text =
      fact.type === 'warned' ? fact.message : fact.type === 'refused' ? describe(fact.error) : '';
    if (/token-\d+-of-/.test(text)) violated(`a token is told: ${text}`);
  },
};
