import type { LeaderElectionError } from '../errors.ts';
import type { EventListener } from '../events/event.ts';
import type { LeaderMetrics } from '../events/metrics.ts';
import { EventStream } from '../events/stream.ts';
import type { WaitingState } from '../events/waiting.ts';
import { type Context, explainRefusal, refusedLock } from '../kubernetes/failure.ts';
import type { ApiError } from '../kubernetes/outcome.ts';
import type { Candidate } from '../kubernetes/identity.ts';
import { quotaName, remedyOf } from '../kubernetes/remedy.ts';
import type { SilentWatchError } from '../kubernetes/watch.ts';
import type { Clock } from '../platform/clock.ts';
import { createLog } from '../platform/log.ts';
import type { Platform } from '../platform/platform.ts';
import { messageOf } from '../platform/printable.ts';
import type { Obstacle, State } from '../protocol/life/state.ts';
import type { Lock } from '../protocol/model.ts';
import type { CampaignObserver } from './campaign-options.ts';
import { describeWaiting } from './waiting.ts';

const log = createLog('become');

/** The events of one call of `become`. */
export function eventsOf(
  { clock, warn }: Platform,
  name: string,
  { namespace, podName: identity }: Pick<Candidate, 'namespace' | 'podName'>,
  onEvent: EventListener | undefined,
): EventStream {
  const subject = { mode: 'life' as const, name, namespace, identity };
  return new EventStream({ clock, subject, onEvent, log, warn });
}

/** While one of these is in the way, the holder may lead. */
const HELD: ReadonlySet<Obstacle> = new Set<Obstacle>([
  'alive',
  'unknown',
  'terminating',
  'finishing',
  'node-not-ready',
]);

export interface ReporterOptions {
  readonly clock: Clock;
  readonly events: EventStream;
  readonly context: Context;
  readonly metrics: LeaderMetrics | undefined;
  readonly onWaiting: ((state: WaitingState) => void) | undefined;
  /** Records a Kubernetes Event about the lock; undefined if none are asked for. */
  readonly recordEvent: ((what: string, lock: Lock) => Promise<void>) | undefined;
}

/** Reports what happens in an election as events, metrics and Kubernetes Events. */
export class Reporter implements CampaignObserver {
  readonly #options: ReporterOptions;
  readonly #events: EventStream;
  readonly #clock: Clock;
  readonly #context: Context;
  /** The lock with which this Pod leads. */
  #lock: Lock | undefined;
  #lastKey = '';
  #hasSeenLeader = false;
  /** When the candidate last stopped waiting for another leader. */
  #freedMs: number | undefined;
  /** The quota that refused the last create. */
  #quota: ApiError | undefined;
  /** Undefined until the candidate has to wait. */
  last: WaitingState | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#clock = options.clock;
    this.#context = options.context;
  }

  onBegun(): void {
    this.#events.started();
    this.#measure('off');
  }

  onState(state: State, trouble: Error | undefined): void {
    this.#noteLeader(state);
    const quota = state.obstacle === 'quota' ? this.#quota : undefined;
    this.#noteTrouble(trouble, quota);
    if (!trouble && state.command.do !== 'wait') return;
    const waiting = describeWaiting(state, trouble, quota && quotaName(quota));
    const { reason, holderUid, holderNode, holderPhase } = waiting;
    const key = JSON.stringify([reason, holderUid, holderNode, holderPhase]);
    if (key === this.#lastKey) return;
    this.#lastKey = key;
    const { lockName, namespace } = this.#context;
    const told = { lockName, namespace, ...waiting, since: this.#clock.date() };
    this.last = told;
    const detail = { type: 'waiting' as const, reason, leader: waiting.holder ?? '' };
    if (trouble) this.#events.publish(detail, waiting.message);
    else this.#events.emit(detail, waiting.message);
    this.#events.call('on-waiting', 'options.onWaiting', () => this.#options.onWaiting?.(told));
  }

  onDegraded(what: 'pods' | 'watch' | 'crowd' | 'mark', error: ApiError): void {
    const lost = {
      pods: 'the lock is only taken over once the garbage collector has freed it, and the Pod UID is not verified',
      watch: 'the lock is polled instead of watched, so a takeover takes longer',
      mark: 'the lock is deleted without saying in it that it was released, so candidates wait until a Pod that is being deleted has ended',
      crowd: 'candidates cannot tell how many they are, so a handover may cost more requests',
    };
    const { advice } = remedyOf(error, refusedLock(this.#context));
    // One missing right causes all of these: one warning is enough.
    this.#events.degraded(
      'degraded',
      `${error.message}. The election of ${this.#events.what} continues without this right, but ${lost[what]}. ${advice}`,
    );
  }

  onSilent(error: SilentWatchError): void {
    this.#events.degraded(
      'silent-watch',
      `${error.message}. The election of ${this.#events.what} continues, but the lock is polled instead of ` +
        'watched, so a takeover takes longer.',
    );
  }

  onQuota(error: ApiError): void {
    this.#quota = error;
  }

  onLeftBehind(error: unknown): void {
    this.#events.degraded(
      'left-behind',
      `The lock ${this.#events.what} may be left behind, owned by Pod ${this.#context.podName}: it could not ` +
        `be taken back: ${messageOf(error)}. It is freed when that Pod is gone.`,
    );
  }

  onUnguarded(error: unknown): void {
    this.#events.degraded(
      'unguarded',
      `The lock ${this.#events.what} is not guarded any more: ${messageOf(error)}.`,
    );
  }

  onStarted(lock: Lock, waitedMs: number): void {
    this.#lock = lock;
    const { resourceVersion: fencingToken } = lock;
    const what = `leading after ${Math.round(waitedMs)} ms`;
    const takeover = this.#freedMs !== undefined && {
      takeoverMs: this.#clock.now() - this.#freedMs,
    };
    this.#events.emit({ type: 'leading', waitedMs, fencingToken, ...takeover }, what);
    this.#measure('on');
    this.#record('became leader', lock);
  }

  onLost(error: LeaderElectionError): void {
    this.#onStopped(() => {
      this.#events.emit({ type: 'lost', error }, error.message);
    });
  }

  onReleased(): void {
    this.#onStopped(() => {
      this.#events.emit({ type: 'released' }, `released by Pod ${this.#context.podName}`);
    });
  }

  log(message: string): void {
    this.#events.log(message);
  }

  /** Only the first end of a leadership counts. */
  #onStopped(report: () => void): void {
    const lock = this.#lock;
    if (!lock) return;
    this.#lock = undefined;
    report();
    this.#measure('off');
    this.#record('stopped leading', lock);
  }

  #measure(state: 'on' | 'off'): void {
    const { metrics, context } = this.#options;
    this.#events.call('metrics', 'metrics', () => metrics?.[state](context.lockName));
  }

  #record(what: string, lock: Lock): void {
    this.#events.record(what, () => this.#options.recordEvent?.(what, lock));
  }

  #noteLeader({ command, obstacle }: State): void {
    if (command.do === 'wait' && HELD.has(obstacle)) {
      this.#hasSeenLeader = true;
      this.#freedMs = undefined;
    } else if (this.#hasSeenLeader) {
      this.#freedMs ??= this.#clock.now();
    }
  }

  /** What keeps a candidate from the lock until somebody fixes it. */
  #noteTrouble(trouble: Error | undefined, quota: ApiError | undefined): void {
    if (trouble) this.#events.trouble(trouble);
    else if (quota) this.#events.lasts(explainRefusal(quota, refusedLock(this.#context)) as Error);
    else this.#events.succeeded();
  }
}
