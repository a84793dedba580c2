import type { KubeObject } from '../../../lib/testing/objects.ts';
import { lifeCheck } from '../check.ts';
import type { Fact, Sent } from '../fact.ts';
import type { LifeCandidate } from '../life-candidate.ts';
import { hasEnded } from '../pods.ts';
import { type LockState, lockOf } from '../truth.ts';
import type { World } from '../world.ts';

/** How long a lock outlives its holder before candidates delete it; `docs/protocol.md` says so. */
const GRACE_MS = 2_000;

/** What one process was told, in answers to reads; what watches say does not count. */
class Knowledge {
  /** By UID and version. */
  readonly locks = new Map<string, LockState>();
  /** By name: the last answer, and when; `undefined` for a 404. */
  readonly pods = new Map<string, KubeObject | undefined>();
  /** UIDs of Pods that some answer said had ended: nothing makes that untrue again. */
  readonly ended = new Set<string>();
  /** By UID: when, on the process's clock, it was first told that this Pod is gone. */
  readonly goneSinceMs = new Map<string, number>();
  /** By the lock's UID: when it was first told that it was released. */
  readonly releasedSinceMs = new Map<string, number>();
}

/**
 * Whoever deletes something deletes the lock, in exactly the version that he was told of, after its
 * holder has ended or released it, which he was told of too; or it is his own. Only his own does he mark.
 */
export const verifiedDeletes = lifeCheck('LIFE-4: verified deletes', (world, violated) => {
  const known = new Map<LifeCandidate, Knowledge>();
  const knowledgeOf = (who: LifeCandidate) => {
    const knowledge = known.get(who) ?? new Knowledge();
    known.set(who, knowledge);
    return knowledge;
  };
  return {
    answered: (fact) => learn(knowledgeOf(fact.who), fact, fact.who),
    sent: ({ who, sent }) => {
      if (!['delete', 'patch'].includes(sent.verb)) return;
      const wrong = judge(world, sent, who, knowledgeOf(who));
      if (wrong !== undefined) violated(`${who.name} ${wrong}`);
    },
  };
});

function learn(knowledge: Knowledge, fact: Fact & { type: 'answered' }, who: LifeCandidate): void {
  const { sent, status } = fact;
  const body = fact.body as KubeObject | undefined;
  if (sent.resource === 'configmaps' && (status === 200 || status === 201)) {
    if (!['get', 'create', 'patch'].includes(sent.verb)) return;
    if (body?.metadata === undefined) return;
    const lock = lockOf(body);
    knowledge.locks.set(`${lock.uid}/${lock.version}`, lock);
    if (lock.isReleased && !knowledge.releasedSinceMs.has(lock.uid)) {
      knowledge.releasedSinceMs.set(lock.uid, who.clock.now());
    }
    noteGone(knowledge, lock.holderName, who);
  } else if (sent.resource === 'pods' && sent.verb === 'get') {
    if (status === 404) knowledge.pods.set(sent.name, undefined);
    else if (status === 200) knowledge.pods.set(sent.name, body);
    else return;
    if (status === 200 && body && hasEnded(body)) knowledge.ended.add(body.metadata.uid);
    noteGone(knowledge, sent.name, who);
  }
}

/** From when on the process could know that a holder of this name is gone. */
function noteGone(knowledge: Knowledge, name: string, who: LifeCandidate): void {
  if (!knowledge.pods.has(name)) return;
  const uid = knowledge.pods.get(name)?.metadata.uid;
  for (const { holderUid, holderName } of knowledge.locks.values()) {
    if (holderName !== name || holderUid === uid) continue;
    if (!knowledge.goneSinceMs.has(holderUid)) {
      knowledge.goneSinceMs.set(holderUid, who.clock.now());
    }
  }
}

function judge(
  world: World,
  sent: Sent,
  who: LifeCandidate,
  knowledge: Knowledge,
): string | undefined {
  if (sent.resource !== 'configmaps' || sent.name !== 'lock') {
    return `deletes ${sent.resource}/${sent.name}, which is not the lock`;
  }
  const body = (sent.request.body ?? {}) as Partial<Record<string, Record<string, string>>>;
  const isMark = sent.verb === 'patch';
  const { uid, resourceVersion } = (isMark ? body['metadata'] : body['preconditions']) ?? {};
  if (uid === undefined || resourceVersion === undefined) {
    return 'deletes the lock without the preconditions UID and resourceVersion';
  }
  const lock = knowledge.locks.get(`${uid}/${resourceVersion}`);
  if (!lock) return `deletes a lock (${uid} @${resourceVersion}) that it never read`;
  const { holderUid, holderName } = lock;
  if (holderUid === '') return `deletes a ConfigMap that nobody holds as a lock`;
  if (holderUid === who.podUid || holderUid === who.claimedUid) return undefined;
  if (isMark) return `marks the lock of ${holderName} as released`;
  if (lock.isReleased) {
    const isHeld = world.leaders.some(
      ({ kind, podUid }) => kind === 'life' && podUid === holderUid,
    );
    if (isHeld && world.truth.lock?.uid === uid)
      return `deletes the lock that ${holderName} leads with`;
    const since = [knowledge.releasedSinceMs.get(uid), knowledge.goneSinceMs.get(holderUid)];
    return tooSoon(
      who,
      holderName,
      'released',
      Math.min(...since.filter((ms) => ms !== undefined)),
    );
  }
  if (!world.pods.state(holderUid).isOver) {
    return `deletes the lock of Pod ${holderName} ${holderUid}, which has not ended`;
  }
  if (!knowledge.pods.has(holderName)) return `deletes the lock of ${holderName} without a look`;
  // Perhaps by another of its calls, and another Pod has its name since.
  if (knowledge.ended.has(holderUid)) return undefined;
  if (knowledge.pods.get(holderName)?.metadata.uid === holderUid) {
    return `deletes the lock of ${holderName}, which it read to run`;
  }
  return tooSoon(who, holderName, 'gone', knowledge.goneSinceMs.get(holderUid));
}

function tooSoon(
  who: LifeCandidate,
  holder: string,
  what: 'gone' | 'released',
  sinceMs = Number.POSITIVE_INFINITY,
): string | undefined {
  const waitedMs = who.clock.now() - sinceMs;
  // A timer may be a fraction of a millisecond early.
  if (waitedMs >= GRACE_MS - 1) return undefined;
  return `deletes the lock of ${holder} ${Math.round(waitedMs)} ms after it was ${what}, not ${GRACE_MS} ms`;
}
