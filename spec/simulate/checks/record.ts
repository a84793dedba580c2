import { LeaderElectionError } from '../../../lib/errors.ts';
import type { Candidate } from '../candidate.ts';
import { LifeCandidate } from '../life-candidate.ts';
import type { Check } from '../check.ts';
import type { Sent } from '../fact.ts';
import { lockOf } from '../truth.ts';

/** Who leads is the one whom the lock names, for as long as he leads. */
export const onRecord: Check = {
  name: 'LIFE-2: on record',
  begin: (world, violated) => (fact) => {
    const isAboutLock = fact.type === 'written' && fact.resource === 'configmaps';
    if (fact.type !== 'leads' && !isAboutLock) return;
    const { lock } = world.truth;
    for (const leader of world.leaders) {
      if (leader.kind !== 'life' || lock?.holderUid === leader.podUid) continue;
      // Deleted in the foreground: the next holder may be there already, and waits for its end.
      if (world.pods.losesLock(leader.podUid)) continue;
      const whose = lock ? `names Pod ${lock.holderName} ${lock.holderUid}` : 'is gone';
      violated(`${leader.name} leads, but the lock ${whose}`);
    }
  },
};

/** Longer than this, by its sender's clock, no create is in doubt: `docs/simulation.md` says so. */
export const DOUBTED_MS = 8_900;

/** A lock is created for the Pod of a process that wants it: none for who has given up for good. */
export const wanted: Check = {
  name: 'wanted',
  begin: (world, violated) => {
    // Of locks with which somebody has led: they are given up by a release, or with the Pod.
    const led = new Set<string>();
    // Made so late that nobody reckons with it any more.
    const overdue = new Set<string>();
    // It was warned of, or told by the error of a release.
    const leftBehind = new Set<unknown>();
    const creators = new Map<string, Candidate>();
    // By its sender's clock, when each create was sent that has not been answered.
    const unanswered = new Map<Sent, number>();
    const isBeyondDoubt = (who: Candidate, attempt: string) =>
      [...unanswered].every(
        ([{ request }, sentMs]) =>
          attemptOf(request.body) !== attempt || who.clock.now() - sentMs > DOUBTED_MS,
      );
    // Created for who had led and lost: he has to look, or it stays until his Pod ends.
    const strays = new Map<LifeCandidate, number>();
    return (fact) => {
      for (const [who, dueMs] of strays) {
        if (!who.isAlive || who.isBusy) strays.delete(who);
        else if (who.isAwake && who.clock.now() > dueMs) {
          strays.delete(who);
          violated(
            `${who.name} has lost the lock, and yet its create took effect: it does not look`,
          );
        }
      }
      if (fact.type === 'sent' && fact.sent.verb === 'get' && fact.sent.resource === 'configmaps') {
        for (const who of strays.keys()) if (who === fact.who) strays.delete(who);
      }
      if (fact.type === 'refused' && isReleaseFailure(fact.error)) leftBehind.add(fact.who);
      if (fact.type === 'leads') led.add(world.truth.lock?.uid ?? '');
      if (
        fact.type === 'sent' &&
        fact.sent.verb === 'create' &&
        fact.sent.resource === 'configmaps'
      ) {
        creators.set(attemptOf(fact.sent.request.body), fact.who);
        unanswered.set(fact.sent, fact.who.clock.now());
      } else if (fact.type === 'answered') {
        unanswered.delete(fact.sent);
      } else if (fact.type === 'written' && fact.resource === 'configmaps') {
        if (fact.before || !fact.after) return;
        const { holderUid, holderName } = lockOf(fact.after);
        // Somebody's own ConfigMap, which happens to have that name.
        if (holderUid === '') return;
        const attempt = attemptOf(fact.after);
        const creator = creators.get(attempt);
        const isOfNow = [...unanswered.keys()].some(
          (sent) => attemptOf(sent.request.body) === attempt,
        );
        if (creator && isOfNow && isBeyondDoubt(creator, attempt))
          overdue.add(lockOf(fact.after).uid);
        if (!creator) {
          violated(`the lock names Pod ${holderName} ${holderUid}, which did not ask for it`);
        } else if (
          creator.isAlive &&
          !creator.isBusy &&
          !leftBehind.has(creator) &&
          !isBeyondDoubt(creator, attempt)
        ) {
          if (creator instanceof LifeCandidate && creator.mayTakeBack) {
            strays.set(creator, creator.clock.now() + DOUBTED_MS);
          } else violated(`${creator.name} has given up, and yet its create took effect`);
        }
      } else if (fact.type === 'warned' && fact.code === 'LEADER_FOR_LIFE_LEFT_BEHIND') {
        leftBehind.add(fact.who);
      } else if (fact.type === 'refused' && fact.who.kind === 'life' && !fact.who.isBusy) {
        const { lock } = world.truth;
        if (!lock || lock.isDeleting || led.has(lock.uid) || overdue.has(lock.uid)) return;
        if (creators.get(lock.attempt) !== fact.who || leftBehind.has(fact.who)) return;
        if (fact.who instanceof LifeCandidate && fact.who.mayTakeBack) {
          strays.set(fact.who, fact.who.clock.now() + DOUBTED_MS);
        } else violated(`${fact.who.name} has given up, and yet it holds the lock`);
      }
    };
  },
};

function isReleaseFailure(error: unknown): boolean {
  return error instanceof LeaderElectionError && error.code === 'ERR_RELEASE_FAILED';
}

export function attemptOf(body: unknown): string {
  const { metadata } = (body ?? {}) as { metadata?: { annotations?: Record<string, string> } };
  return metadata?.annotations?.['leader-for-life/attempt'] ?? '';
}
