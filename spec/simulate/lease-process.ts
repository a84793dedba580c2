import type { ProcessClock } from '../lease/process-clock.ts';
import type { Candidate, Cut, Remains } from './candidate.ts';
import type { Process } from './process.ts';
import type { ClockSetting, SlotSetting } from './schedule.ts';
import { CandidateSurroundings } from './surroundings.ts';
import type { World } from './world.ts';
import { Sightings } from './sightings.ts';

/** The three times of an election. */
export interface Times {
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

/** What all slots of lease mode are told. */
export interface ElectorSlot extends SlotSetting {
  readonly kind: 'lease' | 'client-go';
  readonly clock: ClockSetting;
  readonly times: Times;
  readonly releaseOnCancel: boolean;
  readonly restartMs: number;
}

/** A process that competes for the Lease, in which way ever, from its birth to its death. */
export abstract class LeaseProcess implements Candidate {
  abstract readonly kind: 'lease' | 'client-go';
  readonly slot: number;
  readonly name: string;
  readonly process: Process;
  readonly setting: ElectorSlot;
  readonly surroundings: CandidateSurroundings;
  /** What it has seen of the Lease. */
  readonly sightings: Sightings;
  protected readonly world: World;
  #isRetired = false;

  constructor(
    world: World,
    setting: ElectorSlot,
    place: { readonly slot: number; readonly name: string },
    process: Process,
  ) {
    this.world = world;
    this.setting = setting;
    this.slot = place.slot;
    this.name = place.name;
    this.process = process;
    process.join(this);
    this.surroundings = new CandidateSurroundings(world, process, {
      sent: (sent) => {
        world.tellAll({ type: 'sent', who: this, sent });
      },
      answered: (sent, status, body) => {
        if (sent.resource === 'leases') this.sightings.answered(sent, status, body);
        world.tellAll({ type: 'answered', who: this, sent, status, body });
      },
      unanswered: (sent, error) => {
        const why = error instanceof Error ? error.message : String(error);
        world.tellAll({ type: 'unanswered', who: this, sent, why });
      },
      warned: (message, code) => {
        world.tellAll({ type: 'warned', who: this, message, code });
      },
    });
    this.sightings = new Sightings(this.surroundings.clock);
  }

  abstract readonly isBusy: boolean;
  abstract readonly fencingToken: string | undefined;
  /** Whether its program believes that it leads, whatever the time may be. */
  protected abstract readonly leads: boolean;
  protected abstract readonly calls: number;
  /** Whether it began to lead, and nobody was told of an end: cheaper to ask than its validity. */
  abstract readonly mayLead: boolean;
  abstract start(): void;
  abstract finish(): void;
  abstract cancel(): void;

  /** As it is written into the Lease. */
  get identity(): string {
    return this.name;
  }

  get clock(): ProcessClock {
    return this.surroundings.clock;
  }

  get podName(): string {
    return this.process.podName;
  }

  get podUid(): string {
    return this.process.podUid;
  }

  get isAlive(): boolean {
    return this.process.isAlive;
  }

  get isRunning(): boolean {
    return this.process.isRunning;
  }

  get isWaking(): boolean {
    return this.process.isWaking;
  }

  /** Its program asks no more, whoever says so. */
  retire(): void {
    this.#isRetired = true;
  }

  protected get mayAsk(): boolean {
    return this.isRunning && !this.#isRetired;
  }

  /** A process that stands still does and asks nothing; when it goes on, it may ask first of all. */
  get isValid(): boolean {
    return this.isRunning && this.leads;
  }

  get remains(): Remains {
    const { requests } = this.surroundings;
    return { timers: this.process.timersOf(this), requests, calls: this.calls };
  }

  kill(): void {
    this.process.kill();
  }

  stop(): void {
    this.process.stop();
  }

  continue(): void {
    this.process.continue();
  }

  suspend(): void {
    this.process.suspend();
  }

  resume(): void {
    this.process.resume();
  }

  cut(what: Cut): void {
    this.process.cut(what);
  }

  mend(): void {
    this.process.mend();
  }

  setWall(offsetMs: number): void {
    this.process.setWall(offsetMs);
  }
}
