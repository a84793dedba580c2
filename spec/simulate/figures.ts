import type { Fact } from './fact.ts';

/** What a run came by, counted: states of the world, by name. */
export class Figures {
  readonly #counts = new Map<string, number>();
  /** By whether it is the lock for life that they lead with, or the Lease. */
  readonly #lastLeaders = new Map<boolean, string>();

  add(what: string, count = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  get(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  entries(): readonly (readonly [what: string, count: number])[] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  notice(fact: Fact): void {
    if (fact.type === 'sent') this.add('requests');
    if (fact.type !== 'leads') return;
    this.add('leaderships');
    const { kind, podUid } = fact.who;
    const last = this.#lastLeaders.get(kind === 'life');
    if (last !== undefined && last !== podUid) this.add('handovers');
    this.#lastLeaders.set(kind === 'life', podUid);
  }
}
