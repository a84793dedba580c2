import { checkSignal } from '../checks.ts';
import { LeaderElectionError } from '../errors.ts';
import { type Platform, systemPlatform } from '../platform/platform.ts';
import { Election } from './election.ts';
import { neverAborts } from '../platform/abort.ts';
import { type CheckedDurations, type LeaderElectionConfig, checkConfig } from './config.ts';

/**
 * One candidate of an election. Follows client-go's `LeaderElector`, but that leadership is judged by
 * the clock whenever it is asked for, and nobody else can lead before the last callback.
 */
export class LeaderElector {
  readonly #config: LeaderElectionConfig;
  readonly #durations: CheckedDurations;
  readonly #election: Election;
  #isRunning = false;

  /**
   * Throws a TypeError that names the first bad option: client-go's rules hold
   * (`leaseDurationMs > renewDeadlineMs > 1.2 × retryPeriodMs`).
   */
  constructor(config: LeaderElectionConfig);
  /** @internal */ // eslint-disable-next-line @typescript-eslint/unified-signatures
  constructor(config: LeaderElectionConfig, platform: Platform);
  constructor(config: LeaderElectionConfig, platform: Platform = systemPlatform) {
    this.#durations = checkConfig(config);
    this.#config = config;
    const { lock, callbacks, name, releaseOnCancel } = config;
    this.#election = new Election(platform, {
      lock,
      name: name ?? lock.describe(),
      durations: this.#durations,
      releaseOnCancel: releaseOnCancel ?? false,
      settings: config,
      onNewLeader: callbacks.onNewLeader?.bind(callbacks),
    });
  }

  /**
   * Competes, and leads. Resolves when the signal has aborted, or the lease was lost, and the work has
   * settled. May be called again afterwards.
   * Rejects with what a callback threw; with `ERR_WORK_ABANDONED` if the work or `onStoppedLeading`
   * takes longer than `renewDeadlineMs` to end; or with another `LeaderElectionError` if the API server
   * refuses for good. What is transient is retried.
   */
  async run(signal: AbortSignal = neverAborts()): Promise<void> {
    checkSignal('signal', signal);
    if (this.#isRunning) {
      const what = `${this.#config.lock.identity} is already running for ${this.#config.lock.describe()}`;
      throw new LeaderElectionError('ERR_ALREADY_RUNNING', `${what}; wait for that run to end.`);
    }
    this.#isRunning = true;
    const { callbacks } = this.#config;
    const job = {
      endsWithWork: false,
      recampaigns: false,
      work: ({ term }: { readonly term: { readonly signal: AbortSignal } }) =>
        callbacks.onStartedLeading(term.signal),
      onStopped: () => callbacks.onStoppedLeading(),
    };
    try {
      const ending = await this.#election.run(job, signal);
      if (ending.how === 'threw') throw ending.error;
      if (ending.how !== 'returned' && ending.abandoned) throw ending.abandoned;
    } catch (error) {
      if (!isReasonOf(signal, error)) throw error;
    } finally {
      this.#isRunning = false;
    }
  }

  /** Whether this elector leads, proven at this very moment. */
  isLeader(): boolean {
    return this.#election.term?.isProven ?? false;
  }

  /** The holder on record as it was last seen; empty before, and when nobody holds it. */
  getLeader(): string {
    return this.#election.leader;
  }

  /**
   * Throws `ERR_LEASE_EXPIRED` if this elector began to lead, has not ended, and could not renew the
   * lease for its duration plus `maxTolerableExpiredLeaseMs`. Restart the process then.
   */
  check(maxTolerableExpiredLeaseMs: number): void {
    this.#election.check(maxTolerableExpiredLeaseMs);
  }
}

function isReasonOf(signal: AbortSignal, error: unknown): boolean {
  return signal.aborted && error === signal.reason;
}

/** Makes an elector and runs it: wrong configurations reject, too. */
export async function runOrDie(config: LeaderElectionConfig, signal?: AbortSignal): Promise<void> {
  await new LeaderElector(config).run(signal);
}
