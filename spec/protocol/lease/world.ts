/** A small pure world for electors: one store, a network that does its worst, and clocks that differ. */
import type { LeaderElectionRecord, LockVersion } from '../../../lib/protocol/lease/record.ts';
import {
  type Command,
  type Event,
  type Hint,
  type Settings,
  type State,
  start,
} from '../../../lib/protocol/lease/state.ts';
import { step } from '../../../lib/protocol/lease/step.ts';
import { leftMs } from '../../../lib/protocol/validity.ts';

/** By how much one clock may run faster than another. */
const RATES = [1, 1.1, 1.25, 1.4];
const TOLERATED_RATIO = 1.45;

const LONGEST_PAUSE_MS = 20_000;

/** Choices made in advance. When they have run out, nothing goes wrong any more. */
export class Tape {
  readonly #choices: readonly number[];
  #index = 0;
  #luck = 1;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  get isOver(): boolean {
    return this.#index >= this.#choices.length;
  }

  /** One of `0..count-1`; 0 is what is usual. */
  choose(count: number): number {
    const choice = this.#choices[this.#index] ?? 0;
    this.#index += 1;
    return choice % count;
  }

  of<T>(options: readonly [T, ...T[]]): T {
    return options[this.choose(options.length)] ?? options[0];
  }

  /** In [0, 1), different each time. */
  random(): number {
    this.#luck = (this.#luck * 48_271) % 2_147_483_647;
    return ((this.#luck + this.choose(1_000)) % 1_000) / 1_000;
  }
}

interface Task {
  readonly atMs: number;
  readonly run: () => void;
}

/** The machine of one elector. */
class Machine {
  readonly rate: number;
  readonly #bootMs: number;
  #sinceMs = 0;
  #nowMs: number;
  /** Until when its processes do nothing. */
  idleUntilMs = 0;

  constructor(rate: number, offsetMs: number) {
    this.rate = rate;
    this.#nowMs = offsetMs;
    this.#bootMs = offsetMs;
  }

  instant(realMs: number) {
    const nowMs = this.#nowMs + Math.max(realMs - this.#sinceMs, 0) * this.rate;
    return { nowMs, bootMs: this.#bootMs + realMs * this.rate };
  }

  realMs(nowMs: number): number {
    return this.#sinceMs + Math.max(nowMs - this.#nowMs, 0) / this.rate;
  }

  /** Its processes stand still; the clocks go on. */
  stall(realMs: number, forMs: number): void {
    this.idleUntilMs = Math.max(this.idleUntilMs, realMs + forMs);
  }

  /** Everything stands still but the boot clock. */
  suspend(realMs: number, forMs: number): void {
    if (realMs < this.#sinceMs) return;
    this.#nowMs = this.instant(realMs).nowMs;
    this.#sinceMs = realMs + forMs;
    this.stall(realMs, forMs);
  }
}

type WallClock = 'right' | 'stands still' | 'jumps';

interface ElectorOptions {
  readonly settings: Settings;
  readonly machine: Machine;
  readonly wallClock: WallClock;
}

/** One elector, and what is on its way to it. */
class Elector {
  readonly machine: Machine;
  readonly wallClock: WallClock;
  readonly hints: Hint[] = [];
  state: State;
  isDead = false;
  watch: 'closed' | 'open' | 'silent' = 'closed';
  /** When its last watch event arrives: the next is never earlier. */
  toldMs = 0;
  /** Which wait or request is current; what belongs to an earlier one is not heeded. */
  turn = 0;

  constructor({ settings, machine, wallClock }: ElectorOptions, state: State) {
    this.machine = machine;
    this.wallClock = wallClock;
    this.state = { ...state, settings };
  }

  get isRunning(): boolean {
    return !this.isDead && this.state.phase !== 'ended';
  }

  /** Whether it may do what only a leader may. */
  leads(realMs: number): boolean {
    const { phase, renewedAt, settings } = this.state;
    if (this.isDead || phase !== 'leading' || !renewedAt) return false;
    return leftMs(renewedAt, settings.renewDeadlineMs, this.machine.instant(realMs)) > 0;
  }
}

export interface WorldOptions {
  readonly tape: Tape;
  readonly electors: number;
  /** Somebody deletes the lock by hand, and no elector starts afterwards. */
  readonly deletions: boolean;
  /** What every step is judged by. */
  readonly onStep: (before: State, event: Event, after: State) => void;
}

export class World {
  readonly #options: WorldOptions;
  readonly #tasks: Task[] = [];
  readonly electors: Elector[] = [];
  nowMs = 0;
  stored: LockVersion | undefined;
  #revision = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    for (let count = 0; count < options.electors; count += 1) this.start();
  }

  get leaders(): Elector[] {
    return this.electors.filter((elector) => elector.leads(this.nowMs));
  }

  /** Lets things happen until the tape is over. */
  play(): void {
    const { tape } = this.#options;
    while (!tape.isOver) {
      this.#act();
      this.run(tape.of([100, 1, 1_000, 3_000, 9_000]));
    }
  }

  /** From now on everything works; what stands still goes on. */
  mend(): void {
    for (const elector of this.electors) {
      if (elector.watch === 'silent') this.#closeWatch(elector);
    }
    this.run(LONGEST_PAUSE_MS);
  }

  /** Lets time pass until somebody leads; whoever has ended is replaced. */
  runUntilLed(maxMs: number): void {
    const untilMs = this.nowMs + maxMs;
    while (this.leaders.length === 0 && this.nowMs < untilMs) {
      if (!this.electors.some(({ isRunning }) => isRunning)) this.start();
      this.run(1_000);
    }
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      const next = this.#tasks[0];
      if (!next || next.atMs > untilMs) break;
      this.#tasks.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = untilMs;
  }

  start(): void {
    const { tape, deletions } = this.#options;
    const machine = new Machine(tape.of([1, ...RATES]), tape.choose(7) * 1e6);
    machine.suspend(0, 0);
    // Where the lock may be deleted, one waits as long as oneself would lead: that has to be the same.
    const seconds = deletions ? 6 : tape.of([6, 2, 3, 15]);
    const leaseDurationMs = seconds * 1_000;
    const settings = {
      identity: `elector-${this.electors.length}`,
      leaseDurationMs,
      renewDeadlineMs: leaseDurationMs / TOLERATED_RATIO,
      retryPeriodMs: leaseDurationMs / tape.of([7, 3, 12]),
    };
    const wallClock = tape.of<WallClock>(['right', 'stands still', 'jumps']);
    const state = start(settings, this.#moment({ machine, wallClock }));
    const elector = new Elector({ settings, machine, wallClock }, state);
    this.electors.push(elector);
    this.#openWatch(elector);
    this.#perform(elector);
  }

  #act(): void {
    const { tape, deletions } = this.#options;
    const elector = this.electors[tape.choose(this.electors.length)];
    if (!elector) return;
    const durationMs = tape.of([200, 1_000, 5_000, LONGEST_PAUSE_MS]);
    const acts: readonly (() => void)[] = [
      () => undefined,
      () => this.#closeWatch(elector),
      () => this.#silence(elector),
      () => elector.machine.stall(this.nowMs, durationMs),
      () => elector.machine.suspend(this.nowMs, durationMs),
      () => this.#finish(elector),
      () => (elector.isDead = true),
      () => (deletions ? this.#delete() : this.start()),
    ];
    acts[tape.choose(acts.length)]?.();
  }

  #finish(elector: Elector): void {
    const { do: command } = elector.state.command;
    // A write is seen through first.
    if (!elector.isRunning || command === 'create' || command === 'update') return;
    if (elector.state.phase === 'releasing') return;
    this.#step(elector, { type: 'finish' });
  }

  #delete(): void {
    const uid = this.stored?.uid;
    const isKnown = ({ version }: State) => version?.uid === uid;
    // Who does not know this lock could not tell that it may have been held.
    if (!uid || this.electors.some(({ isRunning, state }) => isRunning && !isKnown(state))) return;
    this.#revision += 1;
    this.stored = undefined;
    this.#tell({ type: 'gone', resourceVersion: String(this.#revision) });
  }

  #step(elector: Elector, event: Event): void {
    const before = elector.state;
    elector.state = step(before, event, this.#moment(elector));
    this.#options.onStep(before, event, elector.state);
    this.#perform(elector);
  }

  /** Carries out the state's command, as `Campaign` does. */
  #perform(elector: Elector): void {
    const { command } = elector.state;
    elector.turn += 1;
    const { turn } = elector;
    if (command.do === 'end') elector.watch = 'closed';
    else if (command.do === 'wait') this.#wait(elector, command.untilMs, turn);
    else this.#request(elector, command, turn);
  }

  #wait(elector: Elector, untilMs: number, turn: number): void {
    const hint = elector.hints.shift();
    if (hint) {
      this.#at(this.nowMs, () => this.#answer(elector, turn, hint));
      return;
    }
    const check = () => {
      if (elector.turn !== turn) return;
      const isEarly = elector.machine.instant(this.nowMs).nowMs < untilMs - 1e-6;
      if (isEarly) this.#at(elector.machine.realMs(untilMs), check);
      else this.#answer(elector, turn, { type: 'time-up' });
    };
    this.#at(Math.max(elector.machine.realMs(untilMs), this.nowMs), check);
  }

  #request(elector: Elector, command: Command, turn: number): void {
    const { tape } = this.#options;
    const fate = tape.of([
      'answered',
      'answered',
      'answered',
      'refused',
      'lost',
      'unanswered',
      'late',
      'twice',
    ]);
    const delay = () => tape.of([1, 20, 300, 2_000]) * (0.5 + tape.random());
    const there = this.nowMs + delay() + (fate === 'late' ? tape.of([3_000, 10_000, 30_000]) : 0);
    const timeout = this.nowMs + this.#timeoutMs(elector) / elector.machine.rate;
    const ambiguous = fate !== 'refused';
    const retryAfterMs = fate === 'refused' ? tape.of([undefined, 1_000, 30_000]) : undefined;
    this.#at(timeout, () => this.#answer(elector, turn, { type: 'failed', ambiguous: true }));
    if (fate === 'refused') {
      const failed: Event = { type: 'failed', ambiguous, retryAfterMs };
      this.#at(there, () => this.#answer(elector, turn, failed));
    } else if (fate !== 'lost') {
      this.#at(there, () => {
        const event = this.#carryOut(command);
        const here = this.nowMs + delay();
        if (fate !== 'unanswered') this.#at(here, () => this.#answer(elector, turn, event));
      });
      if (fate === 'twice') this.#at(there + delay(), () => this.#carryOut(command));
    }
  }

  #timeoutMs({ state, machine }: Elector): number {
    const { phase, renewedAt, settings } = state;
    const limitMs = settings.renewDeadlineMs / 2;
    if (phase !== 'leading' || !renewedAt) return limitMs;
    const left = leftMs(renewedAt, settings.renewDeadlineMs, machine.instant(this.nowMs));
    return Math.min(limitMs, Math.max(left, 0));
  }

  /** What the store makes of it. */
  #carryOut(command: Command): Event {
    switch (command.do) {
      case 'create':
        if (this.stored) return { type: 'written', version: 'conflict' };
        return { type: 'written', version: this.#write(command.record, `uid-${this.#revision}`) };
      case 'update': {
        const { resourceVersion, uid = '' } = command.version;
        const { stored } = this;
        if (stored?.resourceVersion !== resourceVersion || stored.uid !== uid) {
          return { type: 'written', version: 'conflict' };
        }
        return { type: 'written', version: this.#write(command.record, uid) };
      }
      default:
        return { type: 'got', version: this.stored };
    }
  }

  #write(record: LeaderElectionRecord, uid: string): LockVersion {
    this.#revision += 1;
    const version = { record, uid, resourceVersion: String(this.#revision) };
    this.stored = version;
    this.#tell({ type: 'seen', version });
    return version;
  }

  #tell(hint: Hint): void {
    const { tape } = this.#options;
    for (const elector of this.electors) {
      if (elector.watch !== 'open') continue;
      const delayMs = tape.of([1, 20, 300, 4_000]);
      elector.toldMs = Math.max(elector.toldMs + 0.01, this.nowMs + delayMs);
      this.#at(elector.toldMs, () => this.#hint(elector, hint));
    }
  }

  #openWatch(elector: Elector): void {
    const { tape } = this.#options;
    this.#at(this.nowMs + tape.of([1, 50, 2_000, 16_000]), () => {
      if (!elector.isRunning || elector.watch !== 'closed') return;
      elector.watch = 'open';
      elector.toldMs = Math.max(elector.toldMs + 0.01, this.nowMs + tape.of([1, 300]));
      this.#at(elector.toldMs, () => this.#hint(elector, { type: 'watch-opened' }));
    });
  }

  #closeWatch(elector: Elector): void {
    if (elector.watch === 'closed') return;
    elector.watch = 'closed';
    elector.toldMs = Math.max(elector.toldMs + 0.01, this.nowMs);
    this.#at(elector.toldMs, () => {
      this.#hint(elector, { type: 'watch-lost' });
      this.#openWatch(elector);
    });
  }

  /** The connection is open, and nothing comes through it. */
  #silence(elector: Elector): void {
    if (elector.watch === 'open') elector.watch = 'silent';
  }

  #hint(elector: Elector, hint: Hint): void {
    this.#awake(elector, () => {
      if (elector.state.command.do === 'wait') this.#step(elector, hint);
      else elector.hints.push(hint);
    });
  }

  #answer(elector: Elector, turn: number, event: Event): void {
    this.#awake(elector, () => {
      if (elector.turn === turn) this.#step(elector, event);
    });
  }

  /** Does it once the elector's process can. */
  #awake(elector: Elector, task: () => void): void {
    if (!elector.isRunning) return;
    const { idleUntilMs } = elector.machine;
    if (idleUntilMs <= this.nowMs) task();
    else this.#at(idleUntilMs, () => this.#awake(elector, task));
  }

  #at(atMs: number, run: () => void): void {
    let index = this.#tasks.length;
    while (index > 0 && (this.#tasks[index - 1]?.atMs ?? 0) > atMs) index -= 1;
    this.#tasks.splice(index, 0, { atMs, run });
  }

  #moment({ machine, wallClock }: Pick<Elector, 'machine' | 'wallClock'>) {
    const { tape } = this.#options;
    const wall = {
      right: this.nowMs,
      'stands still': 0,
      jumps: this.nowMs * (0.5 + tape.random()),
    };
    const dateMs = Math.floor(1e12 + wall[wallClock]);
    return { ...machine.instant(this.nowMs), dateMs, random: tape.random() };
  }
}
