import { LeaderElectionError } from '../errors.ts';
import type { StepDownReason } from '../events/event.ts';
import { aborted } from '../platform/abort.ts';

/** What `become` resolves with: this Pod leads. */
export interface Leadership extends AsyncDisposable {
  readonly lockName: string;
  /** Namespace of the lock; empty if skipped and none was given. */
  readonly namespace: string;
  /** The Pod that leads; empty if skipped and none was given. */
  readonly podName: string;
  readonly podUid: string;
  /** Who leads: the Pod's name. */
  readonly identity: string;
  /** True outside a cluster, or with `enabled: false`: every process leads. */
  readonly skipped: boolean;
  /** When `become` resolved (wall time). */
  readonly acquiredAt: Date;
  /** How long `become` took, in milliseconds. */
  readonly waitedMs: number;
  /** How often this call tried to create the lock. */
  readonly attempts: number;
  /**
   * The lock's resourceVersion: a whole number that is larger for every later leader. A store can
   * refuse writes with a smaller one (compare as `BigInt`). `'0'` if skipped.
   */
  readonly fencingToken: string;
  /**
   * Aborts with `ERR_RELEASED` on `release()`, with `ERR_STEPPED_DOWN` on `stepDown()` and, with
   * `guard`, with `ERR_LEADERSHIP_LOST` if the lock was deleted, marked for deletion or taken over.
   */
  readonly signal: AbortSignal;
  /** Resolves when `signal` aborts: leadership is over. Never rejects. */
  readonly ended: Promise<void>;
  /**
   * Gives the lock up, for the whole Pod, so that another Pod can lead at once. First stop what
   * only a leader may do. Await this before the process ends.
   *
   * Marks the lock as released, then deletes it, if this Pod still holds it. Resolves when the API
   * server says that the lock is gone. If the answer to its creation was lost less than 10 s ago,
   * it also waits until that create can no longer take effect. Calling it again has no further
   * effect.
   * @throws `ERR_FORBIDDEN` if the Role does not allow it
   * @throws `ERR_RELEASE_FAILED` if the API server cannot be reached: the Pod keeps the lock until
   *   it ends, or until a later call succeeds
   * @throws `ERR_ALREADY_RUNNING` if another call of this process holds the lock by then
   */
  release(): Promise<void>;
  /**
   * Hands over: as `release`, but `signal` aborts with `ERR_STEPPED_DOWN`, and the next `become` of
   * this process for this lock does not take it for 2 s, or until another Pod leads. First stop what
   * only a leader may do. Resolves, and throws, as `release` does.
   */
  stepDown(): Promise<void>;
}

export type LeadershipFacts = Omit<
  Leadership,
  'identity' | 'signal' | 'ended' | 'release' | 'stepDown' | typeof Symbol.asyncDispose
>;

/** How a leadership gives up its lock. */
export interface GiveUp {
  release(): Promise<void>;
  /** The next election of this process leaves the lock to others. */
  stepDown(): void;
}

/** The handle of a leader; `lose` ends it from outside. */
export function leadershipOf(
  facts: LeadershipFacts,
  giveUp: GiveUp,
): { leadership: Leadership; lose: (reason: LeaderElectionError) => void } {
  const controller = new AbortController();
  let releasing: Promise<void> | undefined;
  const lose = (reason: LeaderElectionError) => controller.abort(reason);
  const giveUpOnce = async () => {
    releasing ??= giveUp.release();
    try {
      await releasing;
    } catch (error) {
      releasing = undefined;
      throw error;
    }
  };
  const release = () => {
    const what = `Pod ${facts.podName} released ${facts.lockName}`;
    lose(new LeaderElectionError('ERR_RELEASED', what));
    return giveUpOnce();
  };
  const stepDown = () => {
    if (!releasing) giveUp.stepDown();
    lose(steppedDownError(facts, 'called'));
    return giveUpOnce();
  };
  const leadership: Leadership = {
    ...facts,
    identity: facts.podName,
    signal: controller.signal,
    ended: aborted(controller.signal),
    release,
    stepDown,
    [Symbol.asyncDispose]: release,
  };
  return { leadership, lose };
}

export function steppedDownError(
  { podName, lockName }: Pick<LeadershipFacts, 'podName' | 'lockName'>,
  reason: StepDownReason,
): LeaderElectionError {
  const why = {
    called: 'stepDown() was called',
    asked: 'the lock asks it to. Stop what only a leader may do, then call release()',
    unhealthy:
      'its health check has failed too often. Stop what only a leader may do, then call release()',
  };
  const what = `Pod ${podName} hands over ${lockName}: ${why[reason]}.`;
  return new LeaderElectionError('ERR_STEPPED_DOWN', what);
}
