import type { Fact, Sent } from './fact.ts';
import { LeaseProcess } from './lease-process.ts';
import type { World } from './world.ts';

/** When each process sent the last write that made, or left, it the holder; by its own clock. */
export class Proofs {
  readonly #sentMs = new Map<Sent, number>();
  readonly #provenMs = new Map<LeaseProcess, number>();

  /** How long ago that was; infinitely long if there was none. */
  ageMs(who: LeaseProcess): number {
    return who.clock.now() - (this.#provenMs.get(who) ?? Number.NEGATIVE_INFINITY);
  }

  readonly notice = (fact: Fact): void => {
    if (fact.type !== 'sent' && fact.type !== 'answered') return;
    const { who, sent } = fact;
    if (sent.resource !== 'leases' || !(who instanceof LeaseProcess)) return;
    if (fact.type === 'sent') {
      if (holderIn(sent) === who.identity) this.#sentMs.set(sent, who.clock.now());
      return;
    }
    const sentMs = this.#sentMs.get(sent);
    this.#sentMs.delete(sent);
    if (sentMs === undefined || fact.status >= 300) return;
    const before = this.#provenMs.get(who) ?? sentMs;
    this.#provenMs.set(who, Math.max(before, sentMs));
  };
}

function holderIn({ verb, request }: Sent): string | undefined {
  if (verb !== 'update' && verb !== 'create') return undefined;
  return (request.body as { spec?: { holderIdentity?: string } }).spec?.holderIdentity;
}

const all = new WeakMap<World, Proofs>();

/** Those of this world. */
export function provenOf(world: World): Proofs {
  const found = all.get(world);
  if (found) return found;
  const proofs = new Proofs();
  all.set(world, proofs);
  world.listen(proofs.notice);
  return proofs;
}
