import type { CampaignObserver } from './campaign.ts';
import type { Clock } from './clock.ts';
import { type Context, explainRefusal, refusedLock } from './failure.ts';
import type { ApiError } from './kubernetes/outcome.ts';
import type { SilentWatchError } from './kubernetes/watch.ts';
import type { State } from './protocol/for-life.ts';
import { quotaName, remedyOf } from './remedy.ts';
import { type WaitingState, describeWaiting } from './waiting.ts';
import { Warnings } from './warnings.ts';

export interface ObserverSurroundings {
  readonly clock: Clock;
  warn(message: string, code: string): void;
}

/** Tells people what happens: the log, `onWaiting`, and a few warnings, each once. */
export class Observer implements CampaignObserver {
  readonly #surroundings: ObserverSurroundings;
  readonly #context: Context;
  readonly #onWaiting: ((state: WaitingState) => void) | undefined;
  readonly #log: (message: string) => void;
  readonly #warnings: Warnings;
  #lastKey = '';
  /** What refused the last create. */
  #quota: ApiError | undefined;
  /** Undefined until there was something to wait for. */
  last: WaitingState | undefined;

  constructor(
    surroundings: ObserverSurroundings,
    context: Context,
    onWaiting: ((state: WaitingState) => void) | undefined,
    log: (message: string) => void,
  ) {
    this.#surroundings = surroundings;
    this.#context = context;
    this.#onWaiting = onWaiting;
    this.#log = log;
    this.#warnings = new Warnings(surroundings.clock, (message, code) => {
      surroundings.warn(message, code);
    });
  }

  onState(state: State, trouble: Error | undefined): void {
    const quota = state.obstacle === 'quota' ? this.#quota : undefined;
    this.#noteTrouble(trouble, quota);
    if (!trouble && state.command.do !== 'wait') return;
    const waiting = describeWaiting(state, trouble, quota && quotaName(quota));
    const { reason, holderUid, holderNode, holderPhase } = waiting;
    const key = JSON.stringify([reason, holderUid, holderNode, holderPhase]);
    if (key === this.#lastKey) return;
    this.#lastKey = key;
    const { lockName, namespace } = this.#context;
    this.last = { lockName, namespace, ...waiting, since: this.#surroundings.clock.date() };
    this.log(waiting.message);
    this.#tell(this.last);
  }

  onDegraded(what: 'pods' | 'watch' | 'crowd' | 'mark', error: ApiError): void {
    const lost = {
      pods: 'the lock is only taken over once the garbage collector has freed it, and the Pod UID is not verified',
      watch: 'the lock is polled instead of watched, so taking it over takes longer',
      mark: 'the lock is deleted without saying in it that it was released, so candidates wait until a Pod that is being deleted has ended',
      crowd: 'candidates cannot tell how many they are, so a handover may cost more requests',
    };
    const { lockName, namespace } = this.#context;
    const { advice } = remedyOf(error, refusedLock(this.#context));
    // One missing right is behind all of these: one warning is enough.
    this.#warn(
      'degraded',
      `${error.message}. The election of ${namespace}/${lockName} goes on without, but ${lost[what]}. ` +
        advice,
    );
  }

  onSilent(error: SilentWatchError): void {
    const { lockName, namespace } = this.#context;
    this.#warn(
      'silent-watch',
      `${error.message}. The election of ${namespace}/${lockName} goes on without: the lock is ` +
        'polled instead of watched, so taking it over takes longer.',
    );
  }

  onQuota(error: ApiError): void {
    this.#quota = error;
  }

  onLeftBehind(error: unknown): void {
    const { lockName, namespace, podName } = this.#context;
    this.#warn(
      'left-behind',
      `The lock ${namespace}/${lockName} may be left behind, owned by Pod ${podName}: it could not ` +
        `be taken back: ${describe(error)}. It is freed when that Pod is gone.`,
    );
  }

  onUnguarded(error: unknown): void {
    const { lockName, namespace } = this.#context;
    this.#warn(
      'unguarded',
      `The lock ${namespace}/${lockName} is not guarded any more: ${describe(error)}.`,
    );
  }

  log(message: string): void {
    this.#log(`${this.#context.lockName}: ${message}`);
  }

  /** What keeps a candidate from the lock until somebody mends it. */
  #noteTrouble(trouble: Error | undefined, quota: ApiError | undefined): void {
    if (!trouble && !quota) {
      this.#warnings.succeeded();
      return;
    }
    if (!this.#warnings.failed()) return;
    const { lockName, namespace } = this.#context;
    const what = describe(trouble ?? explainRefusal(quota, refusedLock(this.#context)));
    this.#warn('trouble', `${namespace}/${lockName}: still trying: ${what}`);
  }

  #tell(state: WaitingState): void {
    try {
      this.#onWaiting?.(state);
    } catch (error) {
      this.#warn('on-waiting', `options.onWaiting threw: ${describe(error)}`);
    }
  }

  #warn(kind: string, message: string): void {
    this.log(message);
    this.#warnings.give(kind, message);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
