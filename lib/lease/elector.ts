import { checkSignal } from '../checks.ts';
import { LeaderElectionError } from '../errors.ts';
import { type Platform, platformOf } from '../platform/platform.ts';
import { Election } from './election.ts';
import { neverAborts } from '../platform/abort.ts';
import { type CheckedDurations, type LeaderElectionConfig, checkConfig } from './config.ts';

/**
 * One candidate of an election. Follows client-go's `LeaderElector`, with two differences:
 * leadership is computed from the clock whenever you ask, and no other candidate can lead before
 * the last callback.
 */
export class LeaderElector {
  readonly #config: LeaderElectionConfig;
  readonly #durations: CheckedDurations;
  readonly #election: Election;
  #isRunning = false;

  /**
   * Applies client-go's rule: `leaseDurationMs > renewDeadlineMs > 1.2 × retryPeriodMs`.
   * @throws `TypeError` that names the first bad option and its value
   */
  constructor(config: LeaderElectionConfig);
  /** @internal */ // eslint-disable-next-line @typescript-eslint/unified-signatures
  constructor(config: LeaderElectionConfig, platform: Platform);
  constructor(config: LeaderElectionConfig, platform: Platform = platformOf(config)) {
    this.#durations = checkConfig(config);
    this.#config = config;
    const { lock, callbacks, name, releaseOnCancel } = config;
    this.#election = new Election(platform, {
      lock,
      candidate: lock.identity,
      name: name ?? lock.describe(),
      durations: this.#durations,
      releaseOnCancel: releaseOnCancel ?? false,
      settings: config,
      onNewLeader: callbacks.onNewLeader?.bind(callbacks),
    });
  }

  /**
   * Competes, and leads. Resolves when the work has settled after the signal has aborted, the lease
   * was lost, or this elector has stepped down. It may be called again afterwards.
   * @throws what a callback threw
   * @throws `ERR_WORK_ABANDONED` if the work or `onStoppedLeading` takes longer than
   *   `renewDeadlineMs` to end
   * @throws another `LeaderElectionError` if the API server refuses for good; transient failures
   *   are retried
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

  /**
   * Hands over: the work's signal aborts with `ERR_STEPPED_DOWN`, and once the work has settled, the
   * Lease is released and `run` resolves. The next `run` takes no free Lease for 2.5 times `retryPeriodMs`
   * (at least 2 s), or until another elector leads. Does nothing if this elector does not lead.
   *
   * Resolves at once, so that the work may await it: await `run` for the end of the work.
   */
  stepDown(): Promise<void> {
    this.#election.stepDown('called');
    return Promise.resolve();
  }

  /** Whether this elector is proven to lead at this moment. */
  isLeader(): boolean {
    return this.#election.term?.isProven ?? false;
  }

  /**
   * Identity of the holder that was last seen on record; empty for nobody, and before the first
   * read.
   */
  getLeader(): string {
    return this.#election.leader;
  }

  /**
   * Checks the health of a leader. If it throws, restart the process.
   * @throws `ERR_LEASE_EXPIRED` if this elector began to lead, its work has not ended, and it could
   *   not renew for the lease's duration plus `maxTolerableExpiredLeaseMs`
   */
  check(maxTolerableExpiredLeaseMs: number): void {
    this.#election.check(maxTolerableExpiredLeaseMs);
  }
}

function isReasonOf(signal: AbortSignal, error: unknown): boolean {
  return signal.aborted && error === signal.reason;
}

/**
 * Makes a `LeaderElector` and runs it. A bad configuration rejects. Follows client-go's `RunOrDie`.
 */
export async function runOrDie(config: LeaderElectionConfig, signal?: AbortSignal): Promise<void> {
  await new LeaderElector(config).run(signal);
}
