import { type Cluster, SimulatedClock, createCluster } from '../../lib/testing/index.ts';
import type { Candidate } from './candidate.ts';
import type { Violation } from './check.ts';
import { Count } from './count.ts';
import type { Fact, Sent } from './fact.ts';
import { type Details, type Kind, tell } from './family.ts';
import { Illnesses } from './illnesses.ts';
import { Figures } from './figures.ts';
import type { Passed } from './line.ts';
import { Luck } from './luck.ts';
import type { ContestedLock, Part } from './part.ts';
import { partOf } from './parts.ts';
import { Pods } from './pods.ts';
import type { Event, Schedule, SlotSetting } from './schedule.ts';
import { Supervisor } from './supervisor.ts';
import { Truth } from './truth.ts';
import type { Webhook } from './webhook.ts';
import { type Transcript, record } from './transcript.ts';

/** A place for a candidate: one process at a time runs there. */
export interface Slot {
  readonly index: number;
  /** The Pod's or the machine's, and the user's. */
  readonly name: string;
  readonly setting: SlotSetting;
  /** Of the Pod that is there, or was there last. */
  podName: string;
  /** How many there have been. */
  pods: number;
  candidate: Candidate | undefined;
  /** How many processes there have been. */
  born: number;
}

/** What listens to a world, and knows afterwards. */
interface Observer {
  readonly notice: (fact: Fact) => void;
}

/** More than any run needs: somebody does the same thing over and over. */
const MOST_STEPS = 150_000;
const MOST_REQUESTS = 150_000;
/** Likewise, while no time passes. */
const MOST_STEPS_AT_ONCE = 2_000;
const MOST_REQUESTS_AT_ONCE = 1_000;

/** Nothing in a world runs on `process.nextTick`: once promises have settled, everything has. */
class WorldClock extends SimulatedClock {
  override settle(): Promise<void> {
    return new Promise((resolve) => process.nextTick(resolve));
  }
}

/** A cluster, candidates and what happens to them, all on one clock. */
export class World {
  readonly schedule: Schedule;
  readonly part: Part;
  readonly clock: SimulatedClock;
  readonly cluster: Cluster;
  readonly luck: Luck;
  readonly slots: readonly Slot[];
  readonly pods: Pods;
  readonly truth = new Truth();
  /** Until everything is mended. */
  webhook: Webhook | undefined;
  /** Something may be broken at this moment. */
  isTroubled = true;
  /** Watches open and show nothing. */
  holdsWatchesBack = false;
  /** By slot: what passes of the watches of its processes, for good. */
  readonly #heldBack = new Map<number, Passed>();
  readonly #transcript: Transcript | undefined;
  readonly figures = new Figures();
  readonly supervisor = new Supervisor(this);
  readonly violations: Violation[] = [];
  /** Every process that there ever was. */
  readonly candidates: Candidate[] = [];
  readonly #kinds = new Map<string, Kind>();
  readonly #listeners: ((fact: Fact) => void)[] = [];
  readonly #observers = new Map<unknown, Observer>();
  readonly #steps: Count;
  readonly #requests: Count;
  #isOver = false;

  private constructor(
    schedule: Schedule,
    clock: SimulatedClock,
    cluster: Cluster,
    transcript: Transcript | undefined,
  ) {
    this.schedule = schedule;
    this.#transcript = transcript;
    this.part = partOf(schedule.mode);
    this.clock = clock;
    this.cluster = cluster;
    this.luck = new Luck(schedule.seed).fork('world');
    this.#steps = new Count(clock, MOST_STEPS, MOST_STEPS_AT_ONCE);
    this.#requests = new Count(clock, MOST_REQUESTS, MOST_REQUESTS_AT_ONCE);
    this.slots = schedule.setting.slots.map((setting, index) => ({
      index,
      name: `pod-${index}`,
      setting,
      podName: `pod-${index}`,
      pods: 1,
      candidate: undefined,
      born: 0,
    }));
    for (const { kinds } of this.part.families) {
      for (const [what, kind] of Object.entries(kinds)) this.#know(what, kind);
    }
    if (transcript) this.#listeners.push(record(transcript, this));
    this.pods = new Pods(this);
    this.#listeners.push((fact) => {
      this.truth.notice(fact);
      this.pods.notice(fact);
    });
    this.#listeners.push((fact) => this.figures.notice(fact));
    for (const check of this.part.checks) {
      const violated = (text: string) => this.violated(check.name, text);
      this.#listeners.push(check.begin(this, violated));
    }
    cluster.onChange(({ type, before, after }) =>
      this.tellAll({ type: 'written', resource: type.plural, before, after }),
    );
  }

  static async create(schedule: Schedule, transcript?: Transcript): Promise<World> {
    const seed = new Luck(schedule.seed).seed('cluster');
    const clock = new WorldClock({ seed });
    const { gcDelayMs } = schedule.setting;
    const cluster = await createCluster({ clock, http: false, gcDelayMs });
    const world = new World(schedule, clock, cluster, transcript);
    world.listen(world.supervisor.notice);
    world.part.populate(world);
    return world;
  }

  /** All who run, in the order of their slots. */
  get living(): Candidate[] {
    return this.slots.flatMap(({ candidate }) => (candidate?.isAlive ? [candidate] : []));
  }

  /** Who leads at this very moment. */
  get leaders(): Candidate[] {
    return this.candidates.filter((candidate) => candidate.isAlive && candidate.isValid);
  }

  /** Whether somebody leads with this lock at this very moment, and will not have to step down. */
  isLed({ kinds }: ContestedLock): boolean {
    const illnesses = this.observer(Illnesses);
    return this.leaders.some(
      ({ kind, slot }) => kinds.includes(kind) && !illnesses.isIncurable(slot),
    );
  }

  slot(index: number): Slot {
    const slot = this.slots[index % this.slots.length];
    if (!slot) throw new RangeError('a world without slots');
    return slot;
  }

  /** The place among all requests of the run. */
  nextNumber(): number {
    const number = this.#requests.next();
    if (this.#requests.isTooMuch) this.#stop('requests');
    return number;
  }

  /** Calls it with every fact from now on, until the function returned is called. */
  listen(listener: (fact: Fact) => void): () => void {
    this.#listeners.push(listener);
    return () => this.#listeners.splice(this.#listeners.indexOf(listener), 1);
  }

  /** The one of this class that listens to this world, whoever asks for it. */
  observer<T extends Observer>(observers: new (world: World) => T): T {
    const found = this.#observers.get(observers) ?? new observers(this);
    if (!this.#observers.has(observers)) this.listen(found.notice);
    this.#observers.set(observers, found);
    return found as T;
  }

  tellAll(fact: Fact): void {
    for (const listen of this.#listeners) listen(fact);
  }

  violated(check: string, text: string): void {
    const atMs = this.clock.now();
    this.violations.push({ check, atMs, text });
    this.#transcript?.add(atMs, 'check', `VIOLATION of ${check}: ${text}`);
  }

  act(event: Event): void {
    this.tellAll({ type: 'event', event });
    const details = event as unknown as Details;
    const end = this.#kindOf(event).act(this, details);
    if (typeof end === 'function') this.later(details.forMs, end as () => void);
  }

  tell(event: Event): string {
    return tell(this.#kindOf(event), event);
  }

  /** A process in this slot: the one that is there, or a new one. */
  boot(slot: Slot): Candidate | undefined {
    if (slot.candidate?.isAlive) return slot.candidate;
    const candidate = this.part.boot(this, slot);
    if (!candidate) return undefined;
    slot.candidate = candidate;
    this.candidates.push(candidate);
    const passed = this.#heldBack.get(slot.index);
    if (passed) candidate.process.line.holdWatchesBack(passed);
    this.tellAll({ type: 'born', who: candidate });
    return candidate;
  }

  /** From now on, whatever is mended, the watches of a slot's processes show nothing. */
  holdWatchesBack(slot: Slot, passed: Passed): void {
    this.#heldBack.set(slot.index, passed);
    slot.candidate?.process.line.holdWatchesBack(passed);
  }

  /** What the next process in this slot is called. */
  nextName(slot: Slot): string {
    slot.born += 1;
    return `${String.fromCodePoint(97 + slot.index)}${slot.born}`;
  }

  /** Lets time pass; after each instant everybody is told that it is over. */
  async advanceTo(untilMs: number, enough: () => boolean = () => false): Promise<void> {
    let isReached = untilMs <= this.clock.now();
    const cancel = this.clock.after(untilMs - this.clock.now(), () => {
      isReached = true;
    });
    const look = () => {
      this.#steps.next();
      if (this.#steps.isTooMuch) this.#stop('steps');
      this.tellAll({ type: 'settled' });
      return isReached || enough() || this.#isOver;
    };
    await this.clock.runUntil(look, Number.POSITIVE_INFINITY);
    cancel();
  }

  isBroken(): boolean {
    return this.violations.length > 0;
  }

  /** Lets so much time pass, unless it is enough before, or something was violated. */
  pass(ms: number, enough: () => boolean = () => false): Promise<void> {
    return this.advanceTo(this.clock.now() + ms, () => enough() || this.isBroken());
  }

  /** Counts the requests of each candidate, until the function returned is called. */
  countRequests(isCounted: (sent: Sent) => boolean): {
    readonly counts: ReadonlyMap<Candidate, number>;
    readonly end: () => void;
  } {
    const counts = new Map<Candidate, number>();
    const end = this.listen((fact) => {
      if (fact.type !== 'sent' || !isCounted(fact.sent)) return;
      counts.set(fact.who, (counts.get(fact.who) ?? 0) + 1);
    });
    return { counts, end };
  }

  /** Does something later, whatever happens until then. */
  later(ms: number, task: () => void): void {
    this.clock.after(ms, task);
  }

  #know(what: string, kind: Kind): void {
    const known = this.#kinds.get(what) ?? kind;
    if (known !== kind) throw new Error(`Two kinds of events are called "${what}"`);
    this.#kinds.set(what, kind);
  }

  /** Nobody does anything any more: some loops would not even let the clock have its turn. */
  #stop(what: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.violated('progress', `${what} come to no end`);
    for (const candidate of this.living) candidate.process.kill();
  }

  #kindOf({ what }: Event): Kind {
    const kind = this.#kinds.get(what);
    if (!kind) throw new Error(`The mode ${this.schedule.mode} knows no event "${what}"`);
    return kind;
  }
}
