import { LeaderElectionError } from '../../../lib/errors.ts';
import type { KubeObject } from '../../../lib/testing/objects.ts';
import type { Candidate } from '../candidate.ts';
import { lifeCheck } from '../check.ts';
import type { Fact, Sent } from '../fact.ts';
import type { LifeCandidate } from '../life-candidate.ts';
import { attemptOf, lockOf } from '../truth.ts';
import type { World } from '../world.ts';

/** At most one Pod leads: all processes of a Pod lead together. */
export const oneLeader = lifeCheck('LIFE-1: one leader', (world, violated) => {
  const told = new Told();
  return {
    written: ({ resource, after }) => {
      if (resource === 'configmaps' && after) told.written(after);
    },
    answered: (fact) => told.answered(fact),
    shown: (fact) => told.shown(fact),
    leads: ({ who }) => {
      for (const other of world.leaders) {
        if (other.kind !== 'life' || other.podUid === who.podUid) continue;
        // The documented limit: the lock of a Pod that is deleted in the foreground goes before it does.
        if (world.pods.state(other.podUid).losesLock && !told.of(who, other)) continue;
        if (hasLostLock(world, who)) continue;
        violated(`${who.name} leads, and so does ${other.name}`);
      }
      told.leads(who);
    },
  };
});

/** Its Pod was deleted in the foreground, and its lock went before it was told that it had it. */
function hasLostLock({ pods, truth }: World, { podUid }: Candidate): boolean {
  return pods.state(podUid).losesLock && truth.lock?.holderUid !== podUid;
}

/** The holders of the lock that each process knows, from answers and watches. */
class Told {
  /** UIDs of locks. */
  readonly #uids = new Map<Candidate, Set<string>>();
  /** By the UIDs of Pods that were noted in locks: when that was told last. */
  readonly #noted = new Map<Candidate, Map<string, number>>();
  readonly #led = new Map<Candidate, { readonly lockUid: string; readonly since: number }>();
  /** By the UID of its Pod. Who is told late may lead with a lock that is gone, and another's there. */
  readonly #lastUids = new Map<string, string>();
  readonly #denied = new Set<Candidate>();
  /** Counts what was told. */
  #facts = 0;

  of(who: Candidate, leader: Candidate): boolean {
    const { lockUid = '', since = 0 } = this.#led.get(leader) ?? {};
    // A note from before is about an earlier time of leading.
    const isNoted = (this.#noted.get(who)?.get(leader.podUid) ?? -1) > since;
    const isTold = isNoted || this.#uids.get(who)?.has(lockUid) === true;
    return isTold && !this.#denied.has(who);
  }

  leads(who: Candidate): void {
    const lockUid = this.#lastUids.get(who.podUid) ?? '';
    this.#led.set(who, { lockUid, since: this.#facts });
  }

  written(lock: KubeObject): void {
    const { holderUid, uid } = lockOf(lock);
    this.#lastUids.set(holderUid, uid);
  }

  answered({ who, sent, status, body }: Fact & { type: 'answered' }): void {
    this.#facts += 1;
    if (sent.resource === 'pods' && status === 403) this.#denied.add(who);
    if (sent.resource === 'configmaps' && status === 200) this.#note(who, body);
  }

  shown({ who, sent, line }: Fact & { type: 'shown' }): void {
    if (sent.resource !== 'configmaps' || line === '') return;
    this.#facts += 1;
    const { type, object } = JSON.parse(line) as { type: string; object: unknown };
    if (type !== 'BOOKMARK' && type !== 'ERROR') this.#note(who, object);
  }

  #note(who: Candidate, lock: unknown): void {
    const metadata = (lock as Partial<KubeObject> | undefined)?.metadata;
    if (!metadata) return;
    const { uid, predecessorUids } = lockOf({ metadata });
    this.#uids.set(who, new Set([...(this.#uids.get(who) ?? []), uid]));
    const noted = this.#noted.get(who) ?? new Map<string, number>();
    for (const podUid of predecessorUids) noted.set(podUid, this.#facts);
    this.#noted.set(who, noted);
  }
}

/**
 * Every later leader has a larger token; a Pod that leads again may have the same. Several calls of
 * one Pod lead together with one lock: whichever version of it each was shown, it is their token.
 */
export const growingTokens = lifeCheck('growing tokens', (world, violated) => {
  interface Last {
    readonly who: Candidate;
    readonly token: bigint;
    readonly lockUid: string | undefined;
  }
  let last: Last | undefined;
  return {
    leads: ({ who, token: text }) => {
      if (hasLostLock(world, who)) return;
      const token = BigInt(text);
      const lockUid = world.truth.lock?.uid;
      const isSamePod = last?.who.podUid === who.podUid;
      const isTogether = isSamePod && lockUid !== undefined && last?.lockUid === lockUid;
      const least = last && last.token + (isSamePod ? 0n : 1n);
      if (last && least !== undefined && !isTogether && token < least) {
        violated(`${who.name}'s token ${token} does not exceed ${last.who.name}'s, ${last.token}`);
      }
      last = { who, token: last && isTogether && last.token > token ? last.token : token, lockUid };
    },
  };
});

/** Who leads is the one whom the lock names, for as long as he leads. */
export const onRecord = lifeCheck('LIFE-2: on record', (world, violated) => {
  const judge = () => {
    const { lock } = world.truth;
    for (const leader of world.leaders) {
      if (leader.kind !== 'life' || lock?.holderUid === leader.podUid) continue;
      // Deleted in the foreground: the next holder may be there already, and waits for its end.
      if (world.pods.state(leader.podUid).losesLock) continue;
      const whose = lock ? `names Pod ${lock.holderName} ${lock.holderUid}` : 'is gone';
      violated(`${leader.name} leads, but the lock ${whose}`);
    }
  };
  return {
    leads: judge,
    written: ({ resource }) => {
      if (resource === 'configmaps') judge();
    },
  };
});

/** Longer than this, by its sender's clock, no create is in doubt: `docs/simulation.md` says so. */
export const DOUBTED_MS = 8_900;

/** A lock is created for the Pod of a process that wants it: none for who has given up for good. */
export const wanted = lifeCheck('wanted', (world, violated) => {
  // Of locks with which somebody has led: they are given up by a release, or with the Pod.
  const led = new Set<string>();
  // Made so late that nobody reckons with it any more.
  const overdue = new Set<string>();
  // It was warned of, or told by the error of a release.
  const leftBehind = new Set<LifeCandidate>();
  const creators = new Map<string, LifeCandidate>();
  // By its sender's clock, when each create was sent that has not been answered.
  const unanswered = new Map<Sent, number>();
  const underWay = (attempt: string) =>
    [...unanswered].filter(([{ request }]) => attemptOf(request.body) === attempt);
  // Created for who had led and lost: he has to look, or it stays until his Pod ends.
  const strays = new Map<LifeCandidate, number>();
  const gaveUp = (who: LifeCandidate, what: string) => {
    if (who.mayTakeBack) strays.set(who, who.clock.now() + DOUBTED_MS);
    else violated(`${who.name} has given up, and yet ${what}`);
  };
  const judgeStrays = () => {
    for (const [who, dueMs] of strays) {
      const isOver = !who.isAlive || who.isBusy;
      const isLate = !isOver && who.isAwake && who.clock.now() > dueMs;
      if (isOver || isLate) strays.delete(who);
      if (!isLate) continue;
      violated(`${who.name} has lost the lock, and yet its create took effect: it does not look`);
    }
  };
  return {
    settled: judgeStrays,
    leads: () => led.add(world.truth.lock?.uid ?? ''),
    sent: ({ who, sent }) => {
      if (sent.resource !== 'configmaps') return;
      judgeStrays();
      if (sent.verb === 'get') strays.delete(who);
      if (sent.verb !== 'create') return;
      creators.set(attemptOf(sent.request.body), who);
      unanswered.set(sent, who.clock.now());
    },
    answered: ({ sent }) => unanswered.delete(sent),
    written: ({ resource, before, after }) => {
      if (resource !== 'configmaps' || before || !after) return;
      const { holderUid, holderName, uid, attempt } = lockOf(after);
      // Somebody's own ConfigMap, which happens to have that name.
      if (holderUid === '') return;
      const who = creators.get(attempt);
      if (!who) {
        violated(`the lock names Pod ${holderName} ${holderUid}, which did not ask for it`);
        return;
      }
      const creates = underWay(attempt);
      const isBeyondDoubt = creates.every(([, sentMs]) => who.clock.now() - sentMs > DOUBTED_MS);
      if (creates.length > 0 && isBeyondDoubt) overdue.add(uid);
      if (!who.isAlive || who.isBusy || leftBehind.has(who) || isBeyondDoubt) return;
      gaveUp(who, 'its create took effect');
    },
    warned: ({ who, code }) => {
      if (code === 'LEADER_FOR_LIFE_LEFT_BEHIND') leftBehind.add(who);
    },
    refused: ({ who, error }) => {
      const isOfRelease =
        error instanceof LeaderElectionError && error.code === 'ERR_RELEASE_FAILED';
      if (isOfRelease) leftBehind.add(who);
      const { lock } = world.truth;
      if (who.isBusy || !lock || lock.isDeleting || led.has(lock.uid)) return;
      if (overdue.has(lock.uid) || creators.get(lock.attempt) !== who || leftBehind.has(who))
        return;
      gaveUp(who, 'it holds the lock');
    },
  };
});

/** A release has succeeded only when the lock with which its program led is gone, or on its way. */
export const releasedInTruth = lifeCheck('released in truth', (world, violated) => {
  const uids = new Map<string, string>();
  return {
    leads: ({ token }) => uids.set(token, world.truth.lock?.uid ?? ''),
    released: ({ who, token }) => {
      const { lock } = world.truth;
      if (!lock || lock.isDeleting || lock.uid !== uids.get(token)) return;
      if (lock.holderUid !== who.podUid) return;
      violated(`${who.name} was told that it has released the lock, which is still there`);
    },
  };
});
