import type { Candidate } from './candidate.ts';
import { type Fact, type Handlers, handle } from './fact.ts';
import { type LockState, lockOf } from './truth.ts';
import type { World } from './world.ts';

/** Counts the states that matter to leader for life, so that generation can be seen to reach them. */
export function sightingsForLife(world: World): (fact: Fact) => void {
  const { cluster, figures, pods, truth } = world;
  const see = (what: string) => figures.add(what);
  /** Deletes under way, by the UID of the lock. */
  const deletes = new Set<string>();
  const creates = new Map<Candidate, number>();
  const count = (who: Candidate, change: number) =>
    creates.set(who, (creates.get(who) ?? 0) + change);
  const lostCreates = new Set<Candidate>();
  /** Whose creates the quota has refused. */
  const refused = new Set<Candidate>();
  let last: LockState | undefined;

  const reclaimOf = (lock: LockState) => {
    if (lock.isOrphaned) return 'reclaim of an orphaned lock';
    const pod = cluster.getPod(lock.holderName);
    if (pod?.metadata.uid === lock.holderUid) return 'reclaim of a finished holder';
    return pod ? 'reclaim of a holder whose name was reused' : 'reclaim of a gone holder';
  };
  const createEnds = (who: Candidate, isLost: boolean) => {
    count(who, -1);
    if (isLost && truth.lock?.holderUid === who.podUid) lostCreates.add(who);
  };

  const handlers: Handlers = {
    sent: ({ who, sent: { resource, verb, request } }) => {
      if (resource !== 'configmaps') return;
      if (verb === 'create') count(who, 1);
      if (verb !== 'delete') return;
      const { preconditions } = (request.body ?? {}) as { preconditions?: { uid?: string } };
      const { lock } = truth;
      const uid = preconditions?.uid ?? '';
      deletes.add(uid);
      if (lock?.uid !== uid) see('delete of a lock that is gone already');
      else see(lock.holderUid === who.podUid ? 'delete of its own lock' : reclaimOf(lock));
    },
    answered: ({ who, sent: { resource, verb }, status }) => {
      if (resource !== 'configmaps') return;
      if (verb === 'delete' && status === 409) see('delete refused by its preconditions');
      if (verb !== 'create') return;
      if (status === 403) refused.add(who);
      createEnds(who, status >= 500 || status === 408);
    },
    unanswered: ({ who, sent: { resource, verb } }) => {
      if (resource === 'configmaps' && verb === 'create') createEnds(who, true);
    },
    written: ({ resource, before, after }) => {
      if (resource !== 'configmaps') return;
      const { lock } = truth;
      if (before && !after) {
        const { uid, holderUid } = lockOf(before);
        const { isOver } = pods.state(holderUid);
        if (!deletes.has(uid)) see(isOver ? 'lock collected' : 'lock gone under its holder');
        else if (isOver) see('lock reclaimed');
      } else if (lock?.isOrphaned && lock.uid === last?.uid && !pods.state(lock.holderUid).isOver) {
        see('orphaned lock of a Pod that lives');
      }
      last = lock;
    },
    withdrew: ({ who }) => {
      if ((creates.get(who) ?? 0) > 0) see('abort with a create in flight');
    },
    leads: ({ who }) => {
      if (lostCreates.has(who)) see('lost create answer resolved by the UID');
      if (refused.delete(who)) see('leads after the quota was exhausted');
      if (!who.isRunning) see('leads while it stands still');
    },
    refused: ({ error }) => {
      const isCoded = error instanceof Error && 'code' in error;
      see(`refused with ${isCoded ? String(error.code) : 'its own reason'}`);
    },
    warned: ({ code }) => see(`warned with ${code}`),
    died: ({ who }) => {
      if (who.isValid) see('leader dies');
    },
  };
  return (fact) => handle(handlers, fact);
}
