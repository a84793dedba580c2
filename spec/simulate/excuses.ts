import type { Fact, Sent } from './fact.ts';
import { LeaseCandidate, type Term } from './lease-candidate.ts';
import { LeaseProcess } from './lease-process.ts';
import { type LeaseRecord, recordOf } from './lease-record.ts';
import type { World } from './world.ts';

/**
 * Who may believe, for a while, that it leads beside another, as `docs/lease-protocol.md` says in "What nobody
 * can prevent": whoever had the Lease when it was deleted, or given to somebody else, by hand; and
 * whoever's Lease a client-go wiped. Each until it has to renew. And a client-go that has released:
 * it tells its work to stop only when it was answered, or has waited for that. And a leader whose name
 * another process has written: once in a term, for it has to notice that.
 */
export class Excuses {
  readonly #world: World;
  readonly #untilMs = new Map<LeaseProcess, number>();
  /** The versions that their own holders asked to release. */
  readonly #released = new Set<string>();
  /** Who sent which record, and of whom the one is that is stored. */
  readonly #senders = new Map<string, LeaseProcess>();
  #writer: LeaseProcess | undefined;
  readonly #deposed = new Map<Term, number>();

  constructor(world: World) {
    this.#world = world;
  }

  has(who: LeaseProcess): boolean {
    const term = who instanceof LeaseCandidate ? who.term : undefined;
    const untilMs = Math.max(this.#untilMs.get(who) ?? 0, (term && this.#deposed.get(term)) ?? 0);
    return this.#world.clock.now() < untilMs;
  }

  /** Whether another process has written what is stored under this one's identity. */
  isDeposedByNamesake(who: LeaseProcess): boolean {
    return (
      this.#writer !== undefined && this.#writer !== who && this.#writer.identity === who.identity
    );
  }

  readonly notice = (fact: Fact): void => {
    if (fact.type === 'sent' && fact.who instanceof LeaseProcess) this.#sent(fact.who, fact.sent);
    if (fact.type === 'leads' && fact.who instanceof LeaseCandidate) this.#noticeNamesake(fact.who);
    if (fact.type !== 'written' || fact.resource !== 'leases') return;
    const before = recordOf(fact.before);
    const after = fact.after && recordOf(fact.after);
    this.#noticeWriter(before, after);
    const { holderIdentity: holder } = before;
    if (!fact.before || after?.holderIdentity === holder) return;
    const isFree = after?.holderIdentity === '';
    const isReleased = this.#released.has(`${holder} ${before.version ?? ''}`);
    const isByHand = after?.hand !== before.hand;
    if (!after || isByHand || (isFree && !isReleased)) this.#excuse(holder);
    else if (isFree) this.#excuseReleaser(holder);
  };

  #sent(who: LeaseProcess, { verb, resource, request }: Sent): void {
    if (resource !== 'leases') return;
    const record = recordOf(request.body);
    if (record.holderIdentity === who.identity) this.#senders.set(keyOf(record), who);
    if (verb !== 'update' || record.holderIdentity !== '') return;
    this.#released.add(`${who.identity} ${record.version ?? ''}`);
  }

  #noticeWriter(before: LeaseRecord, after: LeaseRecord | undefined): void {
    this.#writer = after && this.#senders.get(keyOf(after));
    // A namesake that led and released in a moment is not told from a wipe: the term goes on.
    const wasFree = before.holderIdentity === '';
    if (wasFree && this.#writer instanceof LeaseCandidate && this.#writer.term) {
      this.#deposed.delete(this.#writer.term);
    }
    for (const who of this.#world.living) {
      if (!(who instanceof LeaseCandidate)) continue;
      if (who.mayLead) this.#noticeNamesake(who);
      // Its own write, made before, may yet be answered.
      else if (this.isDeposedByNamesake(who)) this.#trust(who);
    }
  }

  #noticeNamesake(who: LeaseCandidate): void {
    const { term } = who;
    if (!term || this.#deposed.has(term) || !this.isDeposedByNamesake(who)) return;
    this.#world.figures.add('terms in which a namesake writes');
    this.#deposed.set(term, this.#world.clock.now() + trustMs(who) / who.setting.clock.rate);
  }

  #excuse(holder: string): void {
    for (const who of this.#world.living) {
      if (!(who instanceof LeaseProcess)) continue;
      if (who.identity === holder || who.mayLead) this.#trust(who);
    }
  }

  #excuseReleaser(holder: string): void {
    for (const who of this.#world.living) {
      if (who instanceof LeaseProcess && who.kind === 'client-go' && who.identity === holder) {
        this.#trust(who);
      }
    }
  }

  #trust(who: LeaseProcess): void {
    this.#untilMs.set(who, this.#world.clock.now() + trustMs(who) / who.setting.clock.rate);
  }
}

/** By which records of two senders are told apart; a webhook may change their duration. */
function keyOf({ holderIdentity, renewTime, acquireTime, leaseTransitions }: LeaseRecord): string {
  return JSON.stringify([holderIdentity, renewTime, acquireTime, leaseTransitions]);
}

/** How long one may believe in its Lease after it sent a renewal, by its own clock. */
export function trustMs({ kind, setting }: LeaseProcess): number {
  const { renewDeadlineMs, retryPeriodMs } = setting.times;
  return kind === 'lease' ? renewDeadlineMs : renewDeadlineMs + retryPeriodMs;
}
