import { becomeOn } from '../../lib/life/become.ts';
import type { BecomeOptions, Leadership } from '../../lib/index.ts';
import { type Berth, Candidate, NoLongerWanted } from './candidate.ts';
import type { Checkup } from './checkup.ts';
import type { Process } from './process.ts';
import type { SlotSetting } from './schedule.ts';
import { kubeConfig } from '../world/kube-config.ts';
import type { World } from './world.ts';

/** How a slot of leader for life is set up. */
export interface LifeSlot extends SlotSetting {
  readonly kind: 'life';
  /** Whether the process is told its Pod's UID, has to ask for it, or is told a wrong one. */
  readonly uid: 'told' | 'asked' | 'wrong';
  readonly guard: boolean;
  readonly maxBackoffMs: number;
  /** How long its work goes on after it was told to step down. */
  readonly slownessMs?: number;
}

/** That of a static Pod's manifest, perhaps; no Pod has it. */
const WRONG_UID = '00000000-0000-4000-8000-000000000000';

/** One call of `become`, as its program sees it. */
interface Call {
  readonly abort: AbortController;
  state: 'waiting' | 'leading' | 'draining' | 'releasing' | 'over';
  leadership?: Leadership;
  checkup?: Checkup | undefined;
}

/** No request of a world takes effect later. */
const MAX_LATE_MS = 30_000;

/** A process that calls `become`, and works for as long as it leads. */
export class LifeCandidate extends Candidate {
  override readonly kind = 'life';
  readonly setting: LifeSlot;
  #calls: Call[] = [];
  #hasWarned = false;
  /** Until when the requests of a release that has failed may take effect. */
  #unreleasedUntilMs = Number.NEGATIVE_INFINITY;
  /** When its guard has lost last, by its own clock. */
  #lostMs = Number.NEGATIVE_INFINITY;

  constructor(world: World, setting: LifeSlot, berth: Berth, process: Process) {
    super(world, berth, process);
    this.setting = setting;
  }

  override noteWarning(code: string): void {
    if (code === 'LEADER_FOR_LIFE_DEGRADED') this.#hasWarned = true;
  }

  get isBusy(): boolean {
    return this.isAlive && this.#calls.some(({ state }) => state !== 'over');
  }

  get isWaiting(): boolean {
    return this.isAlive && this.#calls.some(({ state }) => state === 'waiting');
  }

  /** It goes on without something that it was refused the right to do. */
  get isDegraded(): boolean {
    return this.#hasWarned && this.isBusy;
  }

  /** What it takes its Pod's UID to be. */
  get claimedUid(): string {
    return this.setting.uid === 'wrong' ? WRONG_UID : this.podUid;
  }

  /** A process that stands still leads on: nothing takes the lock from it. */
  get isValid(): boolean {
    return this.isAlive && this.#calls.some((call) => isLeading(call));
  }

  get goesOn(): boolean {
    return this.isAlive && this.#calls.some(({ state }) => state === 'leading');
  }

  /** A second call is refused. */
  override get checkup(): Checkup | undefined {
    return this.#calls.find(({ state }) => state !== 'over')?.checkup;
  }

  get fencingToken(): string | undefined {
    return this.#calls.find((call) => isLeading(call))?.leadership?.fencingToken;
  }

  /** A guard watches on behalf of a leader. */
  get mayRequest(): boolean {
    return (
      this.mayTakeBack ||
      this.#calls.some(
        ({ state }) =>
          state === 'waiting' ||
          state === 'releasing' ||
          (['leading', 'draining'].includes(state) && this.setting.guard),
      )
    );
  }

  /** Checks of its health go on while it leads. */
  get mayHaveTimers(): boolean {
    return this.mayRequest || (this.checkup !== undefined && this.isValid);
  }

  /** After its guard has lost, until no create that it has sent can take effect. */
  get mayTakeBack(): boolean {
    return this.clock.now() - this.#lostMs < MAX_LATE_MS;
  }

  protected get calls(): number {
    return this.#calls.filter(({ state }) => state !== 'over').length;
  }

  /** It releases, or takes back what it may have created before it was told to wait no longer. */
  get isGivingUp(): boolean {
    return this.#calls.some(
      ({ abort, state }) =>
        state === 'releasing' ||
        (state === 'waiting' &&
          (abort.signal.aborted || this.world.clock.now() < this.#unreleasedUntilMs)),
    );
  }

  start(): void {
    if (!this.isRunning) return;
    // What a call was refused, the next one asks for again.
    if (!this.isBusy) this.#hasWarned = false;
    const call: Call = { abort: new AbortController(), state: 'waiting' };
    this.#calls = [...this.#calls.filter(({ state }) => state !== 'over'), call];
    this.tell({ type: 'asked' });
    becomeOn(this.platform, 'lock', this.#options(call)).then(
      (leadership) => this.#lead(call, leadership),
      (error: unknown) => {
        call.state = 'over';
        this.tell({ type: 'refused', error });
      },
    );
  }

  #options(call: Call): BecomeOptions {
    const { uid, guard, maxBackoffMs } = this.setting;
    return {
      kubeConfig,
      namespace: 'default',
      podName: this.podName,
      ...(uid !== 'asked' && { podUid: this.claimedUid }),
      signal: call.abort.signal,
      guard,
      maxBackoffMs,
      ...this.#newOptions(call),
    };
  }

  #newOptions(call: Call): Partial<BecomeOptions> {
    const options = this.newOptions();
    call.checkup = super.checkup;
    return options;
  }

  #lead(call: Call, leadership: Leadership): void {
    if (!this.isAlive) return;
    this.#unreleasedUntilMs = Number.NEGATIVE_INFINITY;
    call.state = 'leading';
    call.leadership = leadership;
    const lost = () => {
      if (!this.isAlive || call.state !== 'leading') return;
      const { code } = leadership.signal.reason as { readonly code?: string };
      if (code === 'ERR_STEPPED_DOWN') {
        this.#drain(call);
        return;
      }
      call.state = 'over';
      this.#lostMs = this.clock.now();
      this.tell({ type: 'ended', why: 'its guard says that it has lost' });
    };
    leadership.signal.addEventListener('abort', lost, { once: true });
    this.tell({ type: 'leads', token: leadership.fencingToken });
  }

  /** It was told to step down: its work goes on for a while, and leads until it has stopped. */
  #drain(call: Call): void {
    call.state = 'draining';
    this.tell({ type: 'steps down', isCalled: false });
    this.process.after(this.setting.slownessMs ?? 0, () => {
      this.finish();
    });
  }

  /** The work of the whole process has stopped; then it says so. */
  finish(): void {
    this.#giveUp((leadership) => leadership.release());
  }

  override stepDown(): void {
    if (this.isRunning && this.goesOn) this.tell({ type: 'steps down', isCalled: true });
    this.#giveUp((leadership) => leadership.stepDown());
  }

  #giveUp(release: (leadership: Leadership) => Promise<void>): void {
    if (!this.isRunning) return;
    const leading = this.#calls.filter((call) => isLeading(call));
    for (const call of leading) call.state = 'releasing';
    if (leading.length > 0) this.tell({ type: 'ended', why: 'it releases' });
    for (const call of leading) {
      if (!call.leadership) continue;
      release(call.leadership).then(
        () => {
          call.state = 'over';
          const token = call.leadership?.fencingToken ?? '';
          this.tell({ type: 'released', token });
        },
        (error: unknown) => {
          call.state = 'over';
          this.#unreleasedUntilMs = this.world.clock.now() + MAX_LATE_MS;
          this.tell({ type: 'refused', error });
        },
      );
    }
  }

  cancel(): void {
    if (!this.isRunning) return;
    const waiting = this.#calls.filter(({ state }) => state === 'waiting');
    if (waiting.length > 0) this.tell({ type: 'withdrew' });
    for (const { abort } of waiting) abort.abort(new NoLongerWanted('no longer wanted'));
  }
}

function isLeading({ state, leadership }: Call): boolean {
  return state === 'draining' || (state === 'leading' && leadership?.signal.aborted === false);
}
