import { LeaderElectionError } from '../errors.ts';
import { aborted } from '../platform/abort.ts';

/** What `become` resolves with: this Pod leads. */
export interface Leadership extends AsyncDisposable {
  readonly lockName: string;
  /** Where the lock is; empty if skipped and none was given. */
  readonly namespace: string;
  /** The Pod that leads; empty if skipped and none was given. */
  readonly podName: string;
  readonly podUid: string;
  /** Who leads: the Pod's name. */
  readonly identity: string;
  /** True outside a cluster or where the election is not enabled: every process leads. */
  readonly skipped: boolean;
  /** When `become` resolved (wall time). */
  readonly acquiredAt: Date;
  /** How long `become` took, in milliseconds. */
  readonly waitedMs: number;
  /** How often creating the lock was tried. */
  readonly attempts: number;
  /**
   * The lock's resourceVersion: a whole number, larger for every later leader, for stores that can
   * refuse writes with a smaller one (compare as `BigInt`). `'0'` if skipped.
   */
  readonly fencingToken: string;
  /**
   * Aborts with `ERR_LEADERSHIP_LOST` if the lock was deleted or taken over by hand, where `guard`
   * was set; and with `ERR_RELEASED` when it is released.
   */
  readonly signal: AbortSignal;
  /** Resolves when `signal` aborts: leadership is over. Never rejects. */
  readonly ended: Promise<void>;
  /**
   * Gives the lock up, for the whole Pod, so that another can lead at once. First stop what only a
   * leader may do, and wait for this before the process ends.
   * Marks the lock as released, then deletes it. Resolves once the API server says that it is gone (for ten
   * seconds after a lost answer to its creation: once it cannot be made anew either); calling again does
   * nothing more. Ends only the lock that this Pod holds. Throws `ERR_FORBIDDEN`, or `ERR_RELEASE_FAILED`
   * if the API server cannot be reached: the lock is then kept until this Pod ends, or until release is
   * called again; `ERR_ALREADY_RUNNING` if by then another call of this process holds it.
   */
  release(): Promise<void>;
}

export type LeadershipFacts = Omit<
  Leadership,
  'identity' | 'signal' | 'ended' | 'release' | typeof Symbol.asyncDispose
>;

/** What stands behind a leadership: how to give it up, and what has to end before. */
export interface Tenure {
  release(): Promise<void>;
}

/** The handle; `lose` ends it from outside. */
export function leadershipOf(
  facts: LeadershipFacts,
  tenure: Tenure,
): { leadership: Leadership; lose: (reason: LeaderElectionError) => void } {
  const controller = new AbortController();
  let releasing: Promise<void> | undefined;
  const lose = (reason: LeaderElectionError) => {
    controller.abort(reason);
  };
  const release = async () => {
    const what = `Pod ${facts.podName} released ${facts.lockName}`;
    lose(new LeaderElectionError('ERR_RELEASED', what));
    releasing ??= tenure.release();
    try {
      await releasing;
    } catch (error) {
      releasing = undefined;
      throw error;
    }
  };
  const leadership: Leadership = {
    ...facts,
    identity: facts.podName,
    signal: controller.signal,
    ended: aborted(controller.signal),
    release,
    [Symbol.asyncDispose]: release,
  };
  return { leadership, lose };
}
