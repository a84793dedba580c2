import type { Fact } from './fact.ts';

/** What a run came by, counted: states of the world, by name. */
export class Figures {
  readonly #counts = new Map<string, number>();
  #lastLeaderUid: string | undefined;

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
    if (this.#lastLeaderUid !== undefined && this.#lastLeaderUid !== fact.who.podUid) {
      this.add('handovers');
    }
    this.#lastLeaderUid = fact.who.podUid;
  }
}
