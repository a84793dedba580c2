import type { Cluster, SimulatedClock } from '../../lib/testing/index.ts';
import { Line } from './line.ts';
import { PodClock } from './pod-clock.ts';
import { Program } from './program.ts';
import type { Rules } from './schedule.ts';

export interface ReplicaParts {
  readonly cluster: Cluster;
  readonly clock: SimulatedClock;
  readonly rules: Rules;
  /** Whether the node's kubelet reaches the API server. */
  readonly isHeard: () => boolean;
}

/** What a Pod does at a moment, as the timeline draws it. */
export type State = 'starts' | 'waits' | 'leads' | 'restarts' | 'evicted' | 'gone';

type Ref = ReturnType<Cluster['createPod']>;

const START_MS = 150;
const RESTART_MS = 1_000;
const SLOW_MS = 1_500;

/** One Pod, and the process in its container. */
export class Replica {
  readonly name: string;
  readonly node: string;
  readonly ref: Ref;
  readonly #parts: ReplicaParts;
  #clock: PodClock;
  #line: Line;
  #program: Program | undefined;
  #state: State = 'starts';
  #isTerminating = false;
  #wasLeading = false;
  isStopped = false;
  /** Times at which a process was killed or a lock released, for the timeline. */
  readonly marks: { readonly atMs: number; readonly kind: 'killed' | 'released' }[] = [];

  constructor(parts: ReplicaParts, name: string, node: string, ref: Ref) {
    this.#parts = parts;
    this.name = name;
    this.node = node;
    this.ref = ref;
    this.#clock = new PodClock(parts.clock);
    this.#line = this.#newLine();
    this.#start();
  }

  get exists(): boolean {
    return this.#state !== 'gone';
  }

  /** Counts for its Deployment. */
  get isCurrent(): boolean {
    return this.exists && !this.#isTerminating && this.#state !== 'evicted';
  }

  get isTerminating(): boolean {
    return this.exists && this.#isTerminating;
  }

  get isCutOff(): boolean {
    return this.#line.isCutOff;
  }

  get isSlow(): boolean {
    return this.#line.isSlow;
  }

  get rate(): number {
    return this.#clock.rate;
  }

  /** Its program believes that it leads, even if the process is stopped. */
  get isLeading(): boolean {
    // Asked while it is stopped, it would act.
    if (!this.isStopped) this.#wasLeading = this.#program?.isLeading ?? false;
    return this.#wasLeading;
  }

  get state(): State {
    if (this.#state !== 'waits') return this.#state;
    return this.isLeading ? 'leads' : 'waits';
  }

  /** Its program gives up what it leads or waits for, and ends. */
  release(): void {
    if (!this.isStopped) this.#program?.terminate();
  }

  crash(): void {
    if (!this.#program) return;
    this.die();
    if (this.#isTerminating) this.#finish();
    else this.#restart();
  }

  /** As `SIGKILL`. A program that has not begun never does. */
  die(): void {
    if (this.#program) this.marks.push({ atMs: this.#parts.clock.now(), kind: 'killed' });
    this.#endProcess();
  }

  /** Its process is killed, and the Pod deleted at once. */
  kill(): void {
    this.die();
    this.#parts.cluster.deletePod(this.ref);
  }

  /** The Pod object is gone, and so is the process. */
  gone(): void {
    this.die();
    this.#state = 'gone';
  }

  evict(): void {
    this.die();
    this.#state = 'evicted';
    this.#parts.cluster.evictPod(this.ref);
  }

  delete(gracePeriodSeconds: number, cascade: 'background' | 'foreground'): void {
    if (!this.exists || this.#isTerminating) return;
    this.#isTerminating = true;
    this.#parts.cluster.deletePod(this.ref, { gracePeriodSeconds, cascade });
    if (this.#parts.isHeard()) this.hearOfDeletion();
  }

  /** The kubelet learns that the Pod is deleted, and sends `SIGTERM`. */
  hearOfDeletion(): void {
    if (!this.isTerminating) return;
    if (!this.#program) this.#finish();
    else if (!this.isStopped) this.#program.terminate();
  }

  stop(isStopped: boolean): void {
    if (!this.#program) return;
    this.#wasLeading = this.isLeading;
    this.isStopped = isStopped;
    this.#line.hold(isStopped);
    if (isStopped) {
      this.#clock.hold();
      return;
    }
    this.#clock.resume();
    if (this.#isTerminating) this.#program.terminate();
  }

  cut(isCut: boolean): void {
    this.#line.cut(isCut);
  }

  slow(isSlow: boolean): void {
    this.#line.slow(isSlow ? SLOW_MS : undefined);
  }

  setRate(rate: number): void {
    this.#clock.setRate(rate);
  }

  #start(): void {
    this.#state = 'starts';
    const { cluster, rules } = this.#parts;
    const [clock, transport] = [this.#clock, this.#line];
    clock.after(START_MS, () => {
      this.#state = 'waits';
      const identity = cluster.optionsFor(this.ref, { clock, transport });
      const onExit = () => {
        if (this.#program === program) this.#exit();
      };
      const program = new Program({ rules, identity, clock, transport, onExit });
      this.#program = program;
      if (this.#isTerminating) program.terminate();
    });
  }

  /** The program has ended by itself. */
  #exit(): void {
    if (this.#program?.hasReleased) {
      this.marks.push({ atMs: this.#parts.clock.now(), kind: 'released' });
    }
    this.#endProcess();
    if (this.#isTerminating) this.#finish();
    else this.#restart();
  }

  /** The containers have ended: the kubelet removes the Pod. */
  #finish(): void {
    const { cluster, isHeard } = this.#parts;
    if (isHeard() && cluster.getPod(this.name)) cluster.deletePod(this.ref);
  }

  #endProcess(): void {
    this.#program = undefined;
    this.#clock.end();
    this.#line.end();
    this.isStopped = false;
    this.#wasLeading = false;
    if (this.#state === 'waits') this.#state = 'restarts';
  }

  #restart(): void {
    const { cluster, clock } = this.#parts;
    this.#state = 'restarts';
    const { rate } = this.#clock;
    const [wasCut, wasSlow] = [this.isCutOff, this.isSlow];
    clock.after(RESTART_MS, () => {
      if (!this.isCurrent) return;
      cluster.restartContainer(this.ref);
      this.#clock = new PodClock(clock);
      this.#clock.setRate(rate);
      this.#line = this.#newLine();
      this.#line.cut(wasCut);
      this.#line.slow(wasSlow ? SLOW_MS : undefined);
      this.#start();
    });
  }

  #newLine(): Line {
    const { cluster, clock } = this.#parts;
    return new Line(cluster.transport({ user: this.name }), clock);
  }
}
