import type { HealthSettings } from '../../lib/platform/health.ts';
import type { PodOptions } from '../../lib/pod-options.ts';
import type { ProcessClock } from '../lease/process-clock.ts';
import type { Said, Sent } from './fact.ts';
import type { Passed } from './line.ts';
import { Checkup, type CheckupSetting } from './checkup.ts';
import { Illnesses } from './illnesses.ts';
import { type Leaning, Preferring } from './leaning.ts';
import type { Process } from './process.ts';
import type { SlotSetting } from './schedule.ts';
import { CandidateSurroundings } from './surroundings.ts';
import type { World } from './world.ts';

/** What is left running of a candidate: nothing, in the end. */
export interface Remains {
  readonly timers: number;
  readonly requests: number;
  /** Calls of the library that have not come to an end. */
  readonly calls: number;
}

/** Where a candidate runs, and which one it is there, as in `a1`, `a2`, `b1`. */
export interface Berth {
  readonly slot: number;
  readonly name: string;
}

/** Why a program wants no longer to lead, or to wait for it. */
export class NoLongerWanted extends Error {
  override readonly name = 'NoLongerWanted';
}

/** A program that competes, whatever its kind, from the birth of its process to its death. */
export abstract class Candidate {
  abstract readonly kind: SlotSetting['kind'];
  readonly slot: number;
  readonly name: string;
  /** Others may share it, who compete for another lock. */
  readonly process: Process;
  readonly platform: CandidateSurroundings;
  /** What its program was asked of the other candidates; undefined if all are alike to it. */
  readonly preferring: Preferring | undefined;
  protected readonly world: World;
  #checkup: Checkup | undefined;

  constructor(world: World, { slot, name }: Berth, process: Process) {
    this.world = world;
    this.slot = slot;
    this.name = name;
    this.process = process;
    process.join(this);
    this.platform = new CandidateSurroundings(world, this);
    const leaning = world.slot(slot).setting['prefers'] as Leaning | undefined;
    this.preferring = leaning && new Preferring(leaning, process.clock);
  }

  /** Its program asks, waits or leads. */
  abstract readonly isBusy: boolean;
  /** Whether it may have timers although it is not busy. */
  abstract readonly mayTakeBack: boolean;
  /** It leads, and was not told to stop. */
  abstract readonly goesOn: boolean;
  /** Its program would say that it leads, at this very moment. */
  abstract readonly isValid: boolean;
  /** Of its present leadership. */
  abstract readonly fencingToken: string | undefined;
  /** How many calls of the library have not come to an end. */
  protected abstract readonly calls: number;

  /** Its program asks for leadership. */
  abstract start(): void;
  /** Its program gives up what it leads with, after it has stopped to work. */
  abstract finish(): void;
  /** Its program does not want to lead any more, or to wait for it. */
  abstract cancel(): void;
  /** Its program asks for a handover while it leads. */
  stepDown?(): void;

  /** For those kinds that learn from it. */
  noteAnswer?(sent: Sent, status: number, body: unknown): void;
  noteWarning?(code: string): void;

  /** Of its call that competes; undefined where its health is not checked. */
  get checkup(): Checkup | undefined {
    return this.#checkup;
  }

  /** What a new call is told of health and preference. */
  protected newOptions(): HealthSettings & Pick<PodOptions, 'preference'> {
    const setting = this.world.slot(this.slot).setting['health'] as CheckupSetting | undefined;
    const illnesses = this.world.observer(Illnesses);
    const symptom = () => illnesses.symptomOf(this.slot);
    this.#checkup = setting && new Checkup(setting, this.clock, symptom);
    return { ...this.#checkup?.options, ...this.preferring?.options };
  }

  get clock(): ProcessClock {
    return this.process.clock;
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

  /** Neither stopped nor suspended: its program can do something. */
  get isRunning(): boolean {
    return this.process.isRunning;
  }

  /** It runs, and timers that were late have had their turn. */
  get isAwake(): boolean {
    return this.process.isRunning && !this.process.isWaking;
  }

  /** What a proxy passes of its watches; undefined for all that they show. */
  get passedOfWatches(): Passed | undefined {
    return this.process.line.passedOfWatches;
  }

  /** Everybody is told of it, unless the process is dead. */
  protected tell(fact: Said): void {
    if (this.isAlive) this.world.tellAll({ ...fact, who: this });
  }

  get remains(): Remains {
    const { requests } = this.platform;
    return { timers: this.process.timersOf(this), requests, calls: this.calls };
  }
}
