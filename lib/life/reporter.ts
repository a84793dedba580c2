import type { EventListener } from '../events/event.ts';
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

/** Reports what happens in a campaign, and to its lock, as events. */
export class Reporter implements CampaignObserver {
  readonly #events: EventStream;
  readonly #clock: Clock;
  readonly #context: Context;
  readonly #onWaiting: ((state: WaitingState) => void) | undefined;
  #lastKey = '';
  #hasSeenLeader = false;
  /** When the candidate last stopped waiting for another leader. */
  #freedMs: number | undefined;
  /** The quota that refused the last create. */
  #quota: ApiError | undefined;
  /** Undefined until the candidate has to wait. */
  last: WaitingState | undefined;

  constructor(
    events: EventStream,
    clock: Clock,
    context: Context,
    onWaiting: ((state: WaitingState) => void) | undefined,
  ) {
    this.#events = events;
    this.#clock = clock;
    this.#context = context;
    this.#onWaiting = onWaiting;
  }

  /** Milliseconds since another leader was last known to lead; undefined if there was none. */
  get takeoverMs(): number | undefined {
    return this.#freedMs === undefined ? undefined : this.#clock.now() - this.#freedMs;
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
    this.#events.call('on-waiting', 'options.onWaiting', () => this.#onWaiting?.(told));
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
      `${error.message}. The election of ${this.#what} continues without this right, but ${lost[what]}. ${advice}`,
    );
  }

  onSilent(error: SilentWatchError): void {
    this.#events.degraded(
      'silent-watch',
      `${error.message}. The election of ${this.#what} continues, but the lock is polled instead of ` +
        'watched, so a takeover takes longer.',
    );
  }

  onQuota(error: ApiError): void {
    this.#quota = error;
  }

  onLeftBehind(error: unknown): void {
    this.#events.degraded(
      'left-behind',
      `The lock ${this.#what} may be left behind, owned by Pod ${this.#context.podName}: it could not ` +
        `be taken back: ${messageOf(error)}. It is freed when that Pod is gone.`,
    );
  }

  onUnguarded(error: unknown): void {
    this.#events.degraded(
      'unguarded',
      `The lock ${this.#what} is not guarded any more: ${messageOf(error)}.`,
    );
  }

  log(message: string): void {
    this.#events.log(message);
  }

  get #what(): string {
    return `${this.#context.namespace}/${this.#context.lockName}`;
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
