import type { Check } from '../check.ts';
import { LifeCandidate } from '../life-candidate.ts';

/** Once a call has come to its end, nothing is asked of the cluster for it any more. */
export const silence: Check = {
  name: 'silence',
  begin: (_, violated) => (fact) => {
    if (fact.type !== 'sent' || !(fact.who instanceof LifeCandidate)) return;
    const { verb, resource, name } = fact.sent;
    if (fact.who.isAlive && !fact.who.mayRequest) {
      violated(`${fact.who.name} sends ${verb} ${resource}/${name}, although it wants nothing`);
    }
  },
};

/** More than any call needs in a second, whatever goes wrong, but for what others do to the lock. */
const MAX_PER_SECOND = 40;

/** A new holder is looked at; a free lock is asked for, and its last holder is read. */
const PER_CHANGE = 6;

/** Of a call that is refused at once: its program may ask again, time after time. */
const PER_CALL = 8;

/** Who hands the lock on more often than that in a second is no reason to ask without end. */
const MOST_CHANGES = 10;

/** Nobody asks as fast as he can, whatever goes wrong: failures are met with patience. */
export const patience: Check = {
  name: 'patience',
  begin: (world, violated) => {
    const recent = new Map<unknown, { readonly atMs: number; readonly calls: number }[]>();
    const begun = new Map<unknown, number[]>();
    let changes: number[] = [];
    return (fact) => {
      const atMs = world.clock.now();
      if (fact.type === 'written' && fact.resource === 'configmaps') changes.push(atMs);
      if (fact.type === 'asked') begun.set(fact.who, [...(begun.get(fact.who) ?? []), atMs]);
      if (fact.type !== 'sent') return;
      changes = changes.filter((changedMs) => changedMs > atMs - 1_000);
      const sent = (recent.get(fact.who) ?? []).filter((other) => other.atMs > atMs - 1_000);
      sent.push({ atMs, calls: fact.who.remains.calls });
      recent.set(fact.who, sent);
      if (sent.length <= MAX_PER_SECOND) return;
      const calls = Math.max(1, ...sent.map((other) => other.calls));
      const asked = (begun.get(fact.who) ?? []).filter((otherMs) => otherMs > atMs - 1_000);
      begun.set(fact.who, asked);
      const most =
        calls * (MAX_PER_SECOND + PER_CHANGE * Math.min(changes.length, MOST_CHANGES)) +
        PER_CALL * asked.length;
      if (sent.length === most + 1) {
        violated(`${fact.who.name} sends more than ${most} requests within a second`);
      }
    };
  },
};
