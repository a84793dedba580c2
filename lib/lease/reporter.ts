import { LeaderElectionError } from '../errors.ts';
import type { StepDownReason } from '../events/event.ts';
import type { EventStream } from '../events/stream.ts';
import type { LeaderMetrics } from '../events/metrics.ts';
import type { WaitingState } from '../events/waiting.ts';
import { SilentWatchError } from '../kubernetes/watch.ts';
import type { Clock } from '../platform/clock.ts';
import type { Elections } from '../platform/elections.ts';
import { messageOf, printable } from '../platform/printable.ts';
import type { LockVersion } from '../protocol/lease/record.ts';
import { type State, holderOf } from '../protocol/lease/state.ts';
import { type Instant, leftMs } from '../protocol/validity.ts';
import type { AcquiredLease, CampaignObserver } from './campaign.ts';
import type { Settled } from './job.ts';
import { OtherLeader } from './other-leader.ts';
import type { OpenLock } from './resource-lock.ts';
import { describeWaiting } from './waiting.ts';

/** Work that ends this soon has probably only been started. */
const SHORT_WORK_MS = 1_000;

/** The processes that were warned about such work: one warning is enough. */
const toldOfShortWork = new WeakSet<Elections>();

export interface ReporterOptions {
  readonly clock: Clock;
  readonly events: EventStream;
  /** Name in metrics. */
  readonly name: string;
  readonly metrics: LeaderMetrics | undefined;
  readonly onNewLeader: ((identity: string) => void) | undefined;
  readonly onWaiting: ((state: WaitingState) => void) | undefined;
}

/** Reports what happens in an election as events, metrics and Kubernetes Events. */
export class Reporter implements CampaignObserver {
  readonly #options: ReporterOptions;
  readonly #events: EventStream;
  readonly #other: OtherLeader;
  #lock: OpenLock | undefined;
  #lastKey = '';
  #renewedAt: Instant | undefined;
  /** Undefined until the candidate has to wait. */
  last: WaitingState | undefined;
  /** Why the last request failed; undefined once one has succeeded. */
  trouble: unknown;
  /** The last observed holder; empty for nobody. */
  leader = '';

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#other = new OtherLeader(options.clock);
    this.#measure('off');
  }

  /** Sets the lock to report about; undefined without an election. */
  attend(lock: OpenLock | undefined): void {
    this.#lock = lock;
    this.#forgetWait();
    this.#events.locate(lock);
  }

  onState(state: State, trouble: unknown): void {
    this.#noteTrouble(state.failures, trouble);
    if (state.namesake) this.#noteNamesake(state);
    if (state.phase === 'leading') this.#noteDuration(state);
    this.#noteRenewal(state);
    this.#other.onState(state);
    this.onLeader(holderOf(state));
    this.#noteWait(state);
  }

  /** The first proof of a term is its beginning; each later one is a renewal. */
  #noteRenewal({ phase, renewedAt, deadlineMs }: State): void {
    const before = this.#renewedAt;
    this.#renewedAt = phase === 'leading' ? renewedAt : undefined;
    if (!before || !this.#renewedAt || before === this.#renewedAt) return;
    const latencyMs = this.#options.clock.now() - this.#renewedAt.nowMs;
    const remainingMs = this.#remainingMs(this.#renewedAt, deadlineMs);
    const what = `renewed in ${Math.round(latencyMs)} ms`;
    this.#events.publish({ type: 'renewed', latencyMs, remainingMs }, what);
  }

  #remainingMs(since: Instant, forMs: number): number {
    const { clock } = this.#options;
    return Math.max(leftMs(since, forMs, { nowMs: clock.now(), bootMs: clock.boot() }), 0);
  }

  #noteWait(state: State): void {
    if (state.phase !== 'following' || state.command.do !== 'wait') return;
    const { reason, message } = describeWaiting(state, this.trouble);
    const holder = holderOf(state);
    const key = JSON.stringify([reason, holder]);
    if (key === this.#lastKey) return;
    this.#lastKey = key;
    const { name, namespace } = this.#lock ?? { name: this.#options.name, namespace: '' };
    const told: WaitingState = {
      lockName: name,
      namespace,
      reason,
      message: printable(message),
      ...(holder !== '' && { holder }),
      since: this.#options.clock.date(),
    };
    this.last = told;
    this.#events.publish({ type: 'waiting', reason, leader: holder }, told.message);
    this.#events.call('on-waiting', 'onWaiting', () => this.#options.onWaiting?.(told));
  }

  #noteNamesake({ settings, version }: State): void {
    const isNew = this.#events.degraded(
      'same-identity',
      `Lease ${this.#events.what}: it was written under the identity ${printable(settings.identity)}, but not by this ` +
        'process. Another process competes under the same identity, and both may have led at the ' +
        'same time. Give each process an identity of its own, or leave identity out: its default ' +
        'is unique.',
    );
    if (isNew && version) this.#record('shares its identity with another process', version);
  }

  #noteDuration({ written, settings }: State): void {
    const seconds = settings.leaseDurationMs / 1_000;
    const stored = written?.record.leaseDurationSeconds ?? seconds;
    if (stored === seconds) return;
    this.#events.degraded(
      'lease-duration',
      `Lease ${this.#events.what} was stored with a duration of ${stored} s instead of ${seconds} s: probably ` +
        'an admission webhook changes it. Others wait for as long as is stored, so ' +
        (stored < seconds
          ? 'this leader renews more often, and stops earlier if it cannot.'
          : 'they take over later after a crash.'),
    );
  }

  onLeader(identity: string): void {
    if (identity === this.leader) return;
    this.leader = identity;
    this.#events.emit(
      { type: 'observed', leader: identity },
      identity === '' ? 'nobody leads' : `${printable(identity)} leads`,
    );
    if (identity === '') return;
    this.#events.call('onNewLeader', 'onNewLeader', () => this.#options.onNewLeader?.(identity));
  }

  onSlowPath(): void {
    this.#measure('slowpathExercised');
    this.#events.publish({ type: 'slow-path' }, 'a renewal has to read the Lease first');
  }

  onUnwatched(error: unknown): void {
    this.log(`not watched: ${messageOf(error)}`);
    const polled =
      `The election of ${this.#events.what} continues, but the Lease is polled instead of watched, so a ` +
      'takeover takes longer.';
    if (error instanceof LeaderElectionError) {
      this.#events.degraded('degraded', `${error.message}\n${polled}`);
    }
    if (error instanceof SilentWatchError) {
      this.#events.degraded('silent-watch', `${error.message}. ${polled}`);
    }
  }

  /** A part of a term goes on after its end. */
  onAbandoned(error: Error, version: LockVersion | undefined): void {
    const isNew = this.#events.abandoned(error);
    if (isNew && version) this.#record('gave up work that had not ended', version);
  }

  /** A controller that is started but not awaited is started by one replica after the other. */
  onWorkDone(settled: Settled<unknown>, tookMs: number, elections: Elections): void {
    const isDone = 'error' in settled || settled.value !== undefined || tookMs >= SHORT_WORK_MS;
    if (isDone || toldOfShortWork.has(elections)) return;
    toldOfShortWork.add(elections);
    this.#events.degraded(
      'short-work',
      `The work for Lease ${this.#events.what} returned ${Math.round(tookMs)} ms after its start, so the ` +
        'Lease was released and the next replica begins the same work. If the work has only started ' +
        'something, a controller perhaps, return a promise that settles when that has ended. If the ' +
        'work was done so soon, return a value from it, and this warning does not come. It comes ' +
        'once per process.',
    );
  }

  onStarted({ version, proven }: AcquiredLease, waitedMs: number): void {
    this.#forgetWait();
    this.#measure('on');
    const { resourceVersion: fencingToken } = version;
    const what = `leading after ${Math.round(waitedMs)} ms`;
    const remainingMs = this.#remainingMs(proven(), proven().forMs);
    const takeoverMs = this.#other.takeover();
    const detail = { type: 'leading' as const, waitedMs, fencingToken, remainingMs };
    const takeover = takeoverMs !== undefined && { takeoverMs };
    this.#events.publish({ ...detail, ...takeover }, what);
    this.#record('became leader', version);
  }

  onLost(error: Error): void {
    this.#events.emit({ type: 'lost', error }, error.message);
  }

  onSteppingDown(reason: StepDownReason, error: Error): void {
    this.#events.emit({ type: 'stepping-down', reason }, error.message);
  }

  onStopped(version: LockVersion): void {
    this.#measure('off');
    this.#record('stopped leading', version);
  }

  onReleased(): void {
    this.#events.publish({ type: 'released' }, 'released');
  }

  log(message: string): void {
    this.#events.log(message);
  }

  #record(what: string, version: LockVersion): void {
    this.#events.record(what, () => this.#lock?.recordEvent?.(what, version));
  }

  /** Trouble lasts until a request succeeds. */
  #noteTrouble(failures: number, trouble: unknown): void {
    if (failures === 0) {
      this.trouble = undefined;
      this.#events.succeeded();
    }
    if (trouble === undefined) return;
    this.trouble = trouble;
    this.#events.trouble(trouble instanceof Error ? trouble : new Error(messageOf(trouble)));
  }

  /** The next wait is reported from its beginning. */
  #forgetWait(): void {
    this.#lastKey = '';
    this.last = undefined;
  }

  #measure(figure: keyof LeaderMetrics): void {
    const { metrics, name } = this.#options;
    this.#events.call('metrics', 'metrics', () => metrics?.[figure](name));
  }
}
