import type { Candidate, Contender } from './contender.ts';
import type { Arena, Cause, Handover, Requests } from './target.ts';

/** How many candidates start at the same time; more would only measure how they start. */
const BATCH = 50;

/** Candidates of one kind in one arena: one leads, the others wait. */
export class Crowd {
  readonly #arena: Arena;
  readonly #contender: Contender;
  readonly #candidates = new Map<string, Candidate>();
  #leader: Candidate;

  private constructor(arena: Arena, contender: Contender, leader: Candidate) {
    this.#arena = arena;
    this.#contender = contender;
    this.#leader = leader;
  }

  /** All Pods are there before the first candidate starts, as in a Deployment that has been up. */
  static async gather(arena: Arena, contender: Contender, size: number): Promise<Crowd> {
    const [first, ...others] = await arena.createPods(size);
    if (!first) throw new RangeError('a crowd needs a candidate');
    const leader = contender.start(arena, first);
    await leader.leads;
    const crowd = new Crowd(arena, contender, leader);
    for (let start = 0; start < others.length; start += BATCH) {
      for (const pod of others.slice(start, start + BATCH)) {
        crowd.#candidates.set(pod.uid, contender.start(arena, pod));
      }
      await crowd.#allWait();
    }
    await arena.settle();
    return crowd;
  }

  /** Ends the leader's Pod; resolves when all others wait again, one more among them. */
  async handOver(cause: Cause): Promise<Handover & Requests> {
    const old = this.#leader;
    // Its process is gone before its Pod is.
    old.stop();
    const handover = await this.#arena.handOver(old.pod, cause);
    const next = this.#candidates.get(handover.leaderUid);
    if (!next) throw new Error('somebody leads who is no candidate');
    await next.leads;
    this.#leader = next;
    this.#candidates.delete(handover.leaderUid);
    await this.#allWait();
    const requests = await this.#arena.settle();
    await this.#arena.clear(old.pod);
    await this.#replace();
    return { ...handover, ...requests };
  }

  stop(): void {
    for (const candidate of [this.#leader, ...this.#candidates.values()]) candidate.stop();
  }

  async #replace(): Promise<void> {
    for (const pod of await this.#arena.createPods(1)) {
      const candidate = this.#contender.start(this.#arena, pod);
      this.#candidates.set(pod.uid, candidate);
      await candidate.waitsFor(this.#leader.pod.uid);
    }
    await this.#arena.settle();
  }

  async #allWait(): Promise<void> {
    const waiting = [...this.#candidates.values()];
    const failed = waiting.map(({ leads }) =>
      leads.then(() => new Promise<never>(() => undefined)),
    );
    const all = Promise.all(waiting.map((candidate) => candidate.waitsFor(this.#leader.pod.uid)));
    await Promise.race([all, ...failed]);
  }
}
