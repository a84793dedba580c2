import type { ElectionEvent } from '../events/event.ts';
import type { WaitingReason } from '../events/waiting.ts';
import type { Clock } from '../platform/clock.ts';
import { type Proof, provenMs } from '../protocol/validity.ts';

/** Requests that have failed for this long degrade an election, as in the process warning. */
const TROUBLE_MS = 10_000;

/** A running election of this process, as its events tell it. */
export class Election {
  readonly #clock: Clock;
  #leads = false;
  #proof: Proof | undefined;
  #waiting: { readonly reason: WaitingReason; readonly since: Date } | undefined;
  #failingSinceMs: number | undefined;
  readonly #degraded = new Set<string>();
  #leader: string;

  /** `leader` is the last one that an earlier election for this lock has seen; empty for none. */
  constructor(clock: Clock, leader: string) {
    this.#clock = clock;
    this.#leader = leader;
  }

  /** The last leader that was seen; empty for none. */
  get leader(): string {
    return this.#leader;
  }

  /** Whether it leads; by a Lease, only as long as that is proven. */
  get leads(): boolean {
    return this.#leads && this.remainingMs !== 0;
  }

  /** Undefined while it does not lead, and in life mode, where nothing runs out. */
  get remainingMs(): number | undefined {
    if (!this.#leads || !this.#proof) return undefined;
    const now = { nowMs: this.#clock.now(), bootMs: this.#clock.boot() };
    return provenMs(this.#proof, this.#proof.forMs, now);
  }

  /** Why it waits, and since when. */
  get waiting() {
    return this.#waiting;
  }

  /** What should be fixed. */
  get degraded(): readonly string[] {
    const failing = this.#failingSinceMs;
    const isInTrouble = failing !== undefined && this.#clock.now() - failing >= TROUBLE_MS;
    return isInTrouble ? [...this.#degraded, 'trouble'] : [...this.#degraded];
  }

  /** Returns whether another leader was seen than before. */
  note(event: ElectionEvent): boolean {
    switch (event.type) {
      case 'waiting':
        // A term may end without a release: the work was given up, or the API server did not answer.
        this.#leads = false;
        if (this.#waiting?.reason !== event.reason) {
          this.#waiting = { reason: event.reason, since: this.#clock.date() };
        }
        return this.#noteLeader(event.leader);
      case 'observed':
        return this.#noteLeader(event.leader);
      case 'skipped':
        this.#lead(undefined);
        return false;
      case 'leading':
        this.#lead(event.remainingMs);
        return this.#noteLeader(event.identity);
      case 'renewed':
        this.#prove(event.remainingMs);
        return false;
      case 'lost':
      case 'released':
      case 'work-abandoned':
        this.#leads = false;
        return false;
      case 'trouble':
        this.#failingSinceMs ??= this.#clock.now();
        return false;
      case 'recovered':
        this.#failingSinceMs = undefined;
        return false;
      case 'degraded':
        this.#noteDegraded(event.code);
        return false;
      default:
        return false;
    }
  }

  #lead(remainingMs: number | undefined): void {
    this.#leads = true;
    this.#waiting = undefined;
    this.#prove(remainingMs);
  }

  #prove(forMs: number | undefined): void {
    const { now, boot } = { now: this.#clock.now(), boot: this.#clock.boot() };
    this.#proof = forMs === undefined ? undefined : { nowMs: now, bootMs: boot, forMs };
  }

  /** Trouble passes, and this warning is given once: its own events say more. */
  #noteDegraded(code: string): void {
    const what = code.replace('LEADER_FOR_LIFE_', '').toLowerCase().replaceAll('_', '-');
    if (what !== 'trouble') this.#degraded.add(what);
  }

  #noteLeader(leader: string): boolean {
    const before = this.#leader;
    if (leader === '' || leader === before) return false;
    this.#leader = leader;
    return before !== '';
  }
}
