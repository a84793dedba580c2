import type { ProcessClock } from '../lease/process-clock.ts';
import type { Candidate, Cut, Remains } from './candidate.ts';
import type { ClockSetting, SlotSetting } from './schedule.ts';
import { ProcessSurroundings } from './surroundings.ts';
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

export interface Place {
  readonly slot: number;
  readonly name: string;
  readonly podName: string;
  readonly podUid: string;
}

/** A process that competes for the Lease, in which way ever, from its birth to its death. */
export abstract class LeaseProcess implements Candidate {
  abstract readonly kind: 'lease' | 'client-go';
  readonly slot: number;
  readonly name: string;
  readonly podName: string;
  readonly podUid: string;
  readonly setting: ElectorSlot;
  readonly surroundings: ProcessSurroundings;
  /** What it has seen of the Lease. */
  readonly sightings: Sightings;
  protected readonly world: World;
  isAlive = true;
  #isStopped = false;
  #isSuspended = false;
  #isRetired = false;
  /** It goes on, but no timer has had its turn yet. */
  isWaking = false;

  constructor(world: World, setting: ElectorSlot, place: Place) {
    this.world = world;
    this.setting = setting;
    this.slot = place.slot;
    this.name = place.name;
    this.podName = place.podName;
    this.podUid = place.podUid;
    const luck = world.luck.fork('process', place.name);
    this.surroundings = new ProcessSurroundings(world, place.podName, luck, setting.clock, {
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

  /** Timers of its program, which are none of the elector's. */
  protected get ownTimers(): number {
    return 0;
  }

  /** As it is written into the Lease. */
  get identity(): string {
    return this.name;
  }

  get clock(): ProcessClock {
    return this.surroundings.clock;
  }

  get isRunning(): boolean {
    return this.isAlive && !this.#isStopped && !this.#isSuspended;
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
    const { clock, line } = this.surroundings;
    const timers = clock.pending - this.ownTimers;
    return { timers, requests: line.underWay.length, calls: this.calls };
  }

  kill(): void {
    if (!this.isAlive) return;
    this.world.tellAll({ type: 'died', who: this });
    this.isAlive = false;
    this.surroundings.kill();
  }

  stop(): void {
    this.#isStopped = true;
    this.clock.stop();
    this.surroundings.line.hold();
  }

  /** What has arrived meanwhile is read before or after the timers that have become due. */
  continue(): void {
    if (!this.isAlive || !this.#isStopped) return;
    this.#isStopped = false;
    this.#wake();
    const luck = this.world.luck.fork('continue', this.name, this.world.clock.now());
    if (luck.chance(0.5)) {
      this.clock.continue();
      this.#read();
      return;
    }
    this.#read();
    this.isWaking = true;
    this.world.later(0, () => {
      this.isWaking = false;
      if (this.isAlive && !this.#isStopped) this.clock.continue();
    });
  }

  suspend(): void {
    this.#isSuspended = true;
    this.clock.suspend();
    this.surroundings.line.hold();
  }

  resume(): void {
    if (!this.isAlive || !this.#isSuspended) return;
    this.#isSuspended = false;
    this.clock.resume();
    this.#wake();
    this.#read();
  }

  /** Everybody may look what its program believes, before anything else happens to it. */
  #wake(): void {
    if (!this.isRunning) return;
    this.isWaking = true;
    this.world.tellAll({ type: 'settled' });
    this.isWaking = false;
  }

  #read(): void {
    if (this.isRunning) this.surroundings.line.release();
  }

  cut(what: Cut): void {
    this.surroundings.line.cut(what);
  }

  mend(): void {
    this.surroundings.line.mend();
  }

  setWall(offsetMs: number): void {
    this.clock.setWall(offsetMs);
  }
}
