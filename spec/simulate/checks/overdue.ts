import type { Candidate } from '../candidate.ts';
import type { Fact, Sent } from '../fact.ts';
import { DOUBTED_MS, attemptOf } from './record.ts';

/** Whose creates took effect so late, by their senders' clocks, that nobody reckons with them any more. */
export class OverdueCreates {
  readonly #unanswered = new Map<Sent, { readonly who: Candidate; readonly sentMs: number }>();
  readonly #senders = new Set<Candidate>();

  has(who: Candidate): boolean {
    return this.#senders.has(who);
  }

  notice(fact: Fact): void {
    if (fact.type === 'answered') this.#unanswered.delete(fact.sent);
    if (fact.type === 'sent' && fact.sent.verb === 'create') {
      this.#unanswered.set(fact.sent, { who: fact.who, sentMs: fact.who.clock.now() });
    }
    if (fact.type !== 'written' || fact.before || !fact.after) return;
    const attempt = attemptOf(fact.after);
    for (const [sent, { who, sentMs }] of this.#unanswered) {
      const isOverdue = who.clock.now() - sentMs > DOUBTED_MS;
      if (isOverdue && attemptOf(sent.request.body) === attempt) this.#senders.add(who);
    }
  }
}
