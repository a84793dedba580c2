import { type Berth, Candidate, NoLongerWanted } from './candidate.ts';
import type { Sent } from './fact.ts';
import type { Process } from './process.ts';
import type { ClockSetting, SlotSetting } from './schedule.ts';
import { Sightings } from './sightings.ts';
import { webhookOf } from './webhook.ts';
import type { World } from './world.ts';

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
export abstract class LeaseProcess extends Candidate {
  readonly mayTakeBack = false;
  abstract override readonly kind: 'lease' | 'client-go';
  readonly setting: ElectorSlot;
  /** What it has seen of the Lease. */
  readonly sightings: Sightings;
  /** How often it has asked. */
  callCount = 0;
  #call: { readonly stop: AbortController; isOver: boolean } | undefined;
  #isRetired = false;

  constructor(world: World, setting: ElectorSlot, berth: Berth, process: Process) {
    super(world, berth, process);
    this.setting = setting;
    this.sightings = new Sightings(this.clock);
  }

  /** Whether its program believes that it leads, whatever the time may be. */
  protected abstract readonly leads: boolean;
  /** Whether it began to lead, and nobody was told of an end: cheaper to ask than its validity. */
  abstract readonly mayLead: boolean;
  /** Its elector runs, until the signal aborts at the latest. Returns why it has ended. */
  protected abstract run(signal: AbortSignal): Promise<string>;

  override noteAnswer(sent: Sent, status: number, body: unknown): void {
    if (sent.resource === 'leases') this.sightings.answered(sent, status, body);
  }

  /** As it is written into the Lease. */
  get identity(): string {
    return this.name;
  }

  /** How much of its durations counts at least: a webhook may store less. */
  get share(): number {
    const { mostSeconds = Number.POSITIVE_INFINITY } = webhookOf(this.world) ?? {};
    return Math.min((mostSeconds * 1_000) / this.setting.times.leaseDurationMs, 1);
  }

  get isBusy(): boolean {
    return this.isAlive && this.#call?.isOver === false;
  }

  protected get calls(): number {
    return this.isBusy ? 1 : 0;
  }

  /** Whether it was told to stop, in its present call. */
  get isWithdrawn(): boolean {
    return this.#call?.stop.signal.aborted === true;
  }

  /** A process that stands still does and asks nothing; when it goes on, it may ask first of all. */
  get isValid(): boolean {
    return this.isRunning && this.leads;
  }

  /** Its program asks no more, whoever says so. */
  retire(): void {
    this.#isRetired = true;
  }

  start(): void {
    if (!this.isRunning || this.#isRetired || this.isBusy) return;
    const call = { stop: new AbortController(), isOver: false };
    this.#call = call;
    this.callCount += 1;
    this.sightings.forget();
    this.tell({ type: 'asked' });
    this.run(call.stop.signal).then(
      (why) => {
        call.isOver = true;
        this.tell({ type: 'ended', why });
      },
      (error: unknown) => {
        call.isOver = true;
        this.tell({ type: 'refused', error });
      },
    );
  }

  cancel(): void {
    if (!this.isRunning || !this.#call || this.isWithdrawn) return;
    this.tell({ type: 'withdrew' });
    this.#call.stop.abort(new NoLongerWanted('no longer wanted'));
  }
}
