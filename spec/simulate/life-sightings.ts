import type { Candidate } from './candidate.ts';
import type { Fact } from './fact.ts';
import { type LockState, lockOf } from './truth.ts';
import type { World } from './world.ts';

/** Counts the states that matter to leader for life, so that generation can be seen to reach them. */
export function sightingsForLife(world: World): (fact: Fact) => void {
  const sightings = new Sightings(world);
  return (fact) => sightings.notice(fact);
}

class Sightings {
  readonly #world: World;
  /** Deletes under way, by the UID of the lock. */
  readonly #deletes = new Map<string, Candidate>();
  readonly #creates = new Map<Candidate, number>();
  readonly #lostCreates = new Set<Candidate>();
  /** Whose creates the quota has refused. */
  readonly #refused = new Set<Candidate>();
  #last: LockState | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  notice(fact: Fact): void {
    if (fact.type === 'sent') this.#sent(fact);
    else if (fact.type === 'answered' || fact.type === 'unanswered') this.#over(fact);
    else if (fact.type === 'written') this.#written(fact);
    else if (fact.type === 'withdrew' && (this.#creates.get(fact.who) ?? 0) > 0) {
      this.#see('abort with a create in flight');
    } else if (fact.type === 'leads') {
      if (this.#lostCreates.has(fact.who)) this.#see('lost create answer resolved by the UID');
      if (this.#refused.delete(fact.who)) this.#see('leads after the quota was exhausted');
      if (!fact.who.isRunning) this.#see('leads while it stands still');
    } else if (fact.type === 'refused') this.#see(`refused with ${codeOf(fact.error)}`);
    else if (fact.type === 'warned') this.#see(`warned with ${fact.code}`);
    else if (fact.type === 'died' && fact.who.isValid) this.#see('leader dies');
  }

  #sent({ who, sent }: Fact & { type: 'sent' }): void {
    if (sent.resource !== 'configmaps') return;
    if (sent.verb === 'create') this.#creates.set(who, (this.#creates.get(who) ?? 0) + 1);
    if (sent.verb !== 'delete') return;
    const { preconditions } = (sent.request.body ?? {}) as { preconditions?: { uid?: string } };
    const { lock } = this.#world.truth;
    const uid = preconditions?.uid ?? '';
    this.#deletes.set(uid, who);
    if (lock?.uid !== uid) this.#see('delete of a lock that is gone already');
    else if (lock.holderUid === who.podUid) this.#see('delete of its own lock');
    else this.#see(this.#reclaim(lock));
  }

  #reclaim(lock: LockState): string {
    if (lock.isOrphaned) return 'reclaim of an orphaned lock';
    const pod = this.#world.cluster.getPod(lock.holderName);
    if (pod?.metadata.uid === lock.holderUid) return 'reclaim of a finished holder';
    return pod ? 'reclaim of a holder whose name was reused' : 'reclaim of a gone holder';
  }

  #over(fact: Fact & { type: 'answered' | 'unanswered' }): void {
    const { who, sent } = fact;
    if (sent.resource !== 'configmaps') return;
    if (sent.verb === 'create' && fact.type === 'answered' && fact.status === 403) {
      this.#refused.add(who);
    }
    if (sent.verb === 'create') {
      this.#creates.set(who, (this.#creates.get(who) ?? 1) - 1);
      const isMine = this.#world.truth.lock?.holderUid === who.podUid;
      const isLost = fact.type === 'unanswered' || fact.status >= 500 || fact.status === 408;
      if (isLost && isMine) this.#lostCreates.add(who);
    } else if (sent.verb === 'delete' && fact.type === 'answered' && fact.status === 409) {
      this.#see('delete refused by its preconditions');
    }
  }

  #written(fact: Fact & { type: 'written' }): void {
    if (fact.resource !== 'configmaps') return;
    const { lock } = this.#world.truth;
    if (fact.before && !fact.after) {
      const gone = lockOf(fact.before);
      const candidate = this.#deletes.get(gone.uid);
      const isOver = this.#world.pods.state(gone.holderUid).isOver;
      if (!candidate) this.#see(isOver ? 'lock collected' : 'lock gone under its holder');
      else if (isOver) this.#see('lock reclaimed');
    } else if (lock && this.#last && lock.uid === this.#last.uid) {
      if (lock.isOrphaned && !this.#world.pods.state(lock.holderUid).isOver) {
        this.#see('orphaned lock of a Pod that lives');
      }
    }
    this.#last = lock;
  }

  #see(what: string): void {
    this.#world.figures.add(what);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'its own reason';
}
