import { setTimeout as sleep } from 'node:timers/promises';

import type { Cluster } from '../../cluster/state.ts';
import { LeaseArena } from './arena.ts';
import { ElectorProcess } from './elector-process.ts';
import { Journal, nowMs } from './journal.ts';
import type { Program } from './program.ts';

/** How many processes start at the same time; more would only be in each other's way. */
const BATCH = 4;

/** The longest pause between two looks of client-go: 2 s, and up to 120 % more. */
const LONGEST_POLL_MS = 4_400;

/** How long after a crash its process is replaced. */
const REPLACEMENT_MS = 3_000;

export interface CrewSize {
  readonly processes: number;
  /** In each process. */
  readonly electors: number;
}

/** How a leader's process goes: it releases the Lease, or cannot. */
export type Signal = 'SIGTERM' | 'SIGKILL';

/** A change of leader, on the clock of the electors. */
export interface Change {
  /** When the signal was sent. */
  readonly signalMs: number;
  /** When the old leader had stopped its work; unknown if it was killed. */
  readonly stoppedMs: number | undefined;
  /** When the next one began. */
  readonly leadingMs: number;
}

/**
 * Resolves at a random moment after all electors of all crews are ready: who looks from time to time
 * must not have looked just before, nor be about to.
 */
export async function anyTime(crews: readonly Crew[]): Promise<void> {
  await Promise.all(crews.map((crew) => crew.settled()));
  await sleep(LONGEST_POLL_MS * Math.random());
}

/** Processes whose electors compete for one Lease. */
export class Crew {
  readonly program: Program;
  readonly arena: LeaseArena;
  readonly journal = new Journal();
  readonly #electors: number;
  readonly #processes: ElectorProcess[] = [];
  #started = 0;

  private constructor(program: Program, arena: LeaseArena, electors: number) {
    this.program = program;
    this.arena = arena;
    this.#electors = electors;
  }

  /** Resolves when one leads and all know it. */
  static async gather(cluster: Cluster, program: Program, size: CrewSize): Promise<Crew> {
    const crew = new Crew(program, await LeaseArena.open(cluster), size.electors);
    for (let missing = size.processes; missing > 0; missing -= BATCH) {
      await Promise.all(Array.from({ length: Math.min(missing, BATCH) }, () => crew.#start()));
      await crew.settled();
    }
    return crew;
  }

  /** Those that live. */
  get processes(): readonly ElectorProcess[] {
    return this.#processes.filter(({ isAlive }) => isAlive);
  }

  /** Resolves with the leader's process once all electors have seen who leads. */
  settled(): Promise<ElectorProcess> {
    return this.journal.until(`all electors of ${this.program.name} know who leads`, () =>
      this.#settled(),
    );
  }

  /** Ends the leader's process that way; resolves when another elector leads. */
  async succeed(signal: Signal): Promise<Change> {
    const old = await this.settled();
    const { entries } = this.journal;
    const before = entries.length;
    const signalMs = nowMs();
    const ended = old.end(signal);
    const leading = await this.journal.until(`another elector than of ${old.name} leads`, () =>
      entries
        .slice(before)
        .find(
          ({ event, identity = '' }) => event === 'leading' && !old.identities.includes(identity),
        ),
    );
    await ended;
    const stopped = entries
      .slice(before)
      .find(({ event, identity = '' }) => event === 'stopped' && old.identities.includes(identity));
    return { signalMs, stoppedMs: stopped?.atMs, leadingMs: leading.atMs };
  }

  /** Starts another process in place of one that is gone. */
  async replace(): Promise<void> {
    await this.#start();
  }

  /**
   * Kills the leader's process, and has another in its place well before the Lease expires; not at
   * once, for that keeps the machine busy while the others hear of the last renewal.
   */
  async crash(): Promise<Change> {
    const changed = this.succeed('SIGKILL');
    await Promise.all([changed, sleep(REPLACEMENT_MS).then(() => this.replace())]);
    return changed;
  }

  async end(signal: Signal = 'SIGKILL'): Promise<void> {
    await Promise.all(this.processes.map((process) => process.end(signal)));
  }

  async #start(): Promise<void> {
    this.#started += 1;
    const { program, arena, journal } = this;
    const name = `process${this.#started}`;
    const options = { program, arena, journal, name, electors: this.#electors };
    this.#processes.push(await ElectorProcess.start(options));
  }

  #settled(): ElectorProcess | undefined {
    const { entries } = this.journal;
    const leader = entries.findLast(({ event }) => event === 'leading')?.identity;
    if (leader === undefined) return undefined;
    const known = new Map(
      entries
        .filter(({ event }) => event === 'new-leader')
        .map(({ identity, leader: seen }) => [identity, seen]),
    );
    const { processes } = this;
    const all = processes.flatMap(({ identities }) => identities);
    if (!all.every((identity) => known.get(identity) === leader)) return undefined;
    return processes.find(({ identities }) => identities.includes(leader));
  }
}
