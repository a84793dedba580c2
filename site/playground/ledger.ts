import type { Replica, State } from './replica.ts';

/** What one Pod did from one moment to another. */
export interface Segment {
  readonly fromMs: number;
  toMs: number;
  readonly state: State;
  readonly isStopped: boolean;
  readonly isCutOff: boolean;
  readonly isTerminating: boolean;
}

/** A time during which several Pods worked as the leader. */
export interface Overlap {
  readonly fromMs: number;
  toMs: number;
  readonly pods: readonly string[];
}

interface Observed {
  readonly replicas: readonly Replica[];
  readonly nowMs: number;
}

/** Writes down who did what when, and judges it. */
export class Ledger {
  readonly #world: Observed;
  readonly segments = new Map<string, Segment[]>();
  readonly overlaps: Overlap[] = [];
  /** What happened that the promise does not cover. */
  readonly excuses = new Set<string>();
  /** How often a Pod began to lead. */
  terms = 0;
  longestGapMs = 0;
  #leaderlessSinceMs: number | undefined = 0;
  #isOverlapping = false;
  #leaders = '';

  constructor(world: Observed) {
    this.#world = world;
  }

  /** Nobody works as the leader since then, if so. */
  get leaderlessSinceMs(): number | undefined {
    return this.#leaderlessSinceMs;
  }

  get overlapMs(): number {
    return this.overlaps.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  }

  excuse(why: string): void {
    this.excuses.add(why);
  }

  /** Call it whenever everything has settled. */
  observe(): void {
    const { replicas, nowMs } = this.#world;
    for (const replica of replicas) this.#draw(replica, nowMs);
    const working = replicas.filter(({ isLeading, isStopped }) => isLeading && !isStopped);
    this.#judge(
      working.map(({ name }) => name),
      nowMs,
    );
    if (this.#leaderlessSinceMs !== undefined) {
      this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#leaderlessSinceMs);
    }
    this.#leaderlessSinceMs = working.length > 0 ? undefined : (this.#leaderlessSinceMs ?? nowMs);
  }

  #judge(pods: readonly string[], nowMs: number): void {
    const last = this.overlaps.at(-1);
    if (this.#isOverlapping && last) last.toMs = nowMs;
    this.#isOverlapping = pods.length > 1;
    if (this.#isOverlapping && (last?.pods.join() !== pods.join() || last.toMs < nowMs)) {
      this.overlaps.push({ fromMs: nowMs, toMs: nowMs, pods });
    }
    const leaders = pods.join();
    const began = pods.filter((pod) => !this.#leaders.split(',').includes(pod));
    this.terms += began.length;
    this.#leaders = leaders;
  }

  #draw(replica: Replica, nowMs: number): void {
    const { name, state, isStopped, isCutOff, isTerminating } = replica;
    const own = this.segments.get(name) ?? [];
    this.segments.set(name, own);
    const last = own.at(-1);
    if (last) last.toMs = nowMs;
    const now = { state, isStopped, isCutOff, isTerminating };
    const isSame =
      last?.state === state &&
      last.isStopped === isStopped &&
      last.isCutOff === isCutOff &&
      last.isTerminating === isTerminating;
    if (!isSame) own.push({ fromMs: nowMs, toMs: nowMs, ...now });
  }
}
