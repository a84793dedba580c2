import { bootClock } from '../../lib/platform/clock.ts';
import { Elections } from '../../lib/platform/elections.ts';
import type { PredecessorMap } from '../../lib/platform/shared.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import { type ClockOptions, ProcessClock } from '../lease/process-clock.ts';
import type { Candidate } from './candidate.ts';
import { Line } from './line.ts';
import type { Luck } from './luck.ts';
import type { ClockSetting } from './schedule.ts';
import type { World } from './world.ts';

type ProcessClockOptions = ClockOptions & Pick<ClockSetting, 'isCoarse'>;

/** A process's clock, with luck of its own: what it draws shifts nobody else's. */
class OwnClock extends ProcessClock {
  readonly #luck: Luck;
  readonly #boot: () => number;

  constructor(world: World, luck: Luck, options: ProcessClockOptions) {
    super(world.clock, options);
    this.#luck = luck;
    const exact = () => this.sinceBoot();
    const seconds = () => Math.floor(exact() / 1_000) * 1_000;
    this.#boot = options.isCoarse === true ? bootClock(() => this.now(), seconds) : exact;
  }

  override boot(): number {
    return this.#boot();
  }

  override random(): number {
    return this.#luck.number();
  }

  override uuid(): string {
    let digits = '';
    while (digits.length < 32) digits += this.#luck.integer(0, 15).toString(16);
    const variant = this.#luck.pick(['8', '9', 'a', 'b']);
    return (
      `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-` +
      `${variant}${digits.slice(17, 20)}-${digits.slice(20)}`
    );
  }
}

/** Where and as whom a process runs. */
export interface Place {
  /** Its first candidate's. */
  readonly name: string;
  readonly podName: string;
  readonly podUid: string;
}

/** One process, from its birth to its death: its clocks, its luck, its line and its token. */
export class Process {
  readonly podName: string;
  readonly podUid: string;
  readonly clock: ProcessClock;
  readonly line: Line;
  readonly elections = new Elections();
  readonly unconfirmed = new UnconfirmedEnds();
  readonly predecessors: PredecessorMap = new Map();
  readonly #world: World;
  readonly #name: string;
  /** Who competes in it; for several locks there are several. */
  readonly #candidates: Candidate[] = [];
  /** As last read from its file. */
  token: string;
  /** Its environment. */
  variables: Readonly<Record<string, string>> = {};
  /** How many timers are its program's, and none of the library's. */
  #programTimers = 0;
  isAlive = true;
  #isStopped = false;
  #isSuspended = false;
  /** It goes on, but no timer has had its turn yet. */
  isWaking = false;

  constructor(world: World, { name, podName, podUid }: Place, clock: ProcessClockOptions) {
    this.#world = world;
    this.#name = name;
    this.podName = podName;
    this.podUid = podUid;
    this.token = world.cluster.token(podName);
    const luck = world.luck.fork('process', name);
    if (clock.isCoarse === true) world.figures.add('boot clocks of whole seconds');
    this.clock = new OwnClock(world, luck.fork('clock'), clock);
    const { latencyMs } = world.schedule.setting;
    this.line = new Line(world.clock, this.clock, luck.fork('line'), latencyMs);
  }

  join(candidate: Candidate): void {
    this.#candidates.push(candidate);
  }

  get isRunning(): boolean {
    return this.isAlive && !this.#isStopped && !this.#isSuspended;
  }

  /** Timers that can only be this candidate's; which are whose cannot be told while others work. */
  timersOf(candidate: Candidate): number {
    const others = this.#candidates.filter((other) => other !== candidate);
    const areOthersBusy = others.some(({ isBusy, mayTakeBack }) => isBusy || mayTakeBack);
    return areOthersBusy ? 0 : this.clock.pending - this.#programTimers;
  }

  /** A timer of its program's. */
  after(ms: number, task: () => void): () => void {
    this.#programTimers += 1;
    let isOpen = true;
    const close = () => {
      if (isOpen) this.#programTimers -= 1;
      isOpen = false;
    };
    const cancel = this.clock.after(ms, () => {
      close();
      task();
    });
    return () => {
      close();
      cancel();
    };
  }

  kill(): void {
    if (!this.isAlive) return;
    for (const who of this.#candidates) this.#world.tellAll({ type: 'died', who });
    this.isAlive = false;
    this.clock.stop();
    this.line.kill();
  }

  stop(): void {
    this.#isStopped = true;
    this.clock.stop();
    this.line.hold();
  }

  /** What has arrived meanwhile is read before or after the timers that have become due. */
  continue(): void {
    if (!this.isAlive || !this.#isStopped) return;
    this.#isStopped = false;
    this.#wake();
    const luck = this.#world.luck.fork('continue', this.#name, this.#world.clock.now());
    if (luck.chance(0.5)) {
      this.clock.continue();
      this.#read();
      return;
    }
    this.#read();
    this.isWaking = true;
    this.#world.later(0, () => {
      this.isWaking = false;
      if (this.isAlive && !this.#isStopped) this.clock.continue();
    });
  }

  suspend(): void {
    this.#isSuspended = true;
    this.clock.suspend();
    this.line.hold();
  }

  resume(): void {
    if (!this.isAlive || !this.#isSuspended) return;
    this.#isSuspended = false;
    this.clock.resume();
    this.#wake();
    this.#read();
  }

  /** Nothing hinders it any more. */
  heal(): void {
    this.line.mishaps = [];
    this.token = this.#world.cluster.token(this.podName);
    this.line.mend();
    this.resume();
    this.continue();
  }

  /** Everybody may look what its program believes, before anything else happens to it. */
  #wake(): void {
    if (!this.isRunning) return;
    this.isWaking = true;
    this.#world.tellAll({ type: 'settled' });
    this.isWaking = false;
  }

  #read(): void {
    if (this.isRunning) this.line.release();
  }
}
