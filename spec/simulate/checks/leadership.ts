import type { KubeObject } from '../../../lib/testing/objects.ts';
import type { Candidate } from '../candidate.ts';
import type { Check } from '../check.ts';
import type { Fact } from '../fact.ts';
import { lockOf } from '../truth.ts';
import type { World } from '../world.ts';

/** At most one Pod leads: all processes of a Pod lead together. */
export const oneLeader: Check = {
  name: 'LIFE-1: one leader',
  begin: (world, violated) => {
    const told = new Told();
    return (fact) => {
      told.notice(fact);
      if (fact.type !== 'leads') return;
      for (const other of world.leaders) {
        if (other.kind !== 'life' || other.podUid === fact.who.podUid) continue;
        // The documented limit: the lock of a Pod that is deleted in the foreground goes before it does.
        if (world.pods.losesLock(other.podUid) && !told.of(fact.who, other)) continue;
        if (hasLostLock(world, fact.who)) continue;
        violated(`${fact.who.name} leads, and so does ${other.name}`);
      }
      told.leads(fact.who);
    };
  },
};

/** Its Pod was deleted in the foreground, and its lock went before it was told that it had it. */
function hasLostLock({ pods, truth }: World, { podUid }: Candidate): boolean {
  return pods.losesLock(podUid) && truth.lock?.holderUid !== podUid;
}

/** Which holders of the lock each process was told of, in answers, and may look after. */
class Told {
  /** UIDs of locks. */
  readonly #uids = new Map<Candidate, Set<string>>();
  /** By the UIDs of Pods that were noted in locks: when that was told last. */
  readonly #noted = new Map<Candidate, Map<string, number>>();
  readonly #led = new Map<Candidate, { readonly lockUid: string; readonly since: number }>();
  /** By the UID of its Pod. Who is told late may lead with a lock that is gone, and another's there. */
  readonly #lastUids = new Map<string, string>();
  #facts = 0;
  readonly #denied = new Set<Candidate>();

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

  notice(fact: Fact): void {
    this.#facts += 1;
    if (fact.type === 'written' && fact.resource === 'configmaps' && fact.after) {
      const { holderUid, uid } = lockOf(fact.after);
      this.#lastUids.set(holderUid, uid);
    }
    if (fact.type !== 'answered') return;
    const { who, sent, status, body } = fact;
    if (sent.resource === 'pods' && status === 403) this.#denied.add(who);
    const metadata = (body as Partial<KubeObject> | undefined)?.metadata;
    if (sent.resource !== 'configmaps' || status !== 200 || !metadata) return;
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
export const growingTokens: Check = {
  name: 'growing tokens',
  begin: (world, violated) => {
    let last:
      | { readonly who: Candidate; readonly token: bigint; readonly lockUid: string | undefined }
      | undefined;
    return (fact) => {
      if (fact.type !== 'leads') return;
      const { who } = fact;
      if (hasLostLock(world, who)) return;
      const token = BigInt(fact.token);
      const lockUid = world.truth.lock?.uid;
      const isTogether =
        lockUid !== undefined && last?.lockUid === lockUid && last.who.podUid === who.podUid;
      if (
        last &&
        !isTogether &&
        (token < last.token || (token === last.token && who.podUid !== last.who.podUid))
      ) {
        violated(`${who.name}'s token ${token} does not exceed ${last.who.name}'s, ${last.token}`);
      }
      last = { who, token: last && isTogether && last.token > token ? last.token : token, lockUid };
    };
  },
};
