import { checkDuration } from '../checks.ts';
import { invalidArgument } from '../errors.ts';

/** The part of an elector that its health depends on. */
interface Checkable {
  /** Throws if the lease expired more than `timeoutMs` ago and the elector has not ended. */
  check(timeoutMs: number): void;
}

/**
 * Ties a health endpoint, which is often set up first, to an elector. A leader is unhealthy, and
 * should be restarted, if it could not renew its lease and its work has not ended.
 *
 * Follows client-go's `HealthzAdaptor`.
 */
export class LeaderHealthzAdaptor {
  /** What client-go calls this check. */
  readonly name = 'leaderElection';
  readonly #timeoutMs: number;
  #elector: Checkable | undefined;

  /** @param timeoutMs - milliseconds for which an expired lease is tolerated; 0 is allowed */
  constructor(timeoutMs: number) {
    if (timeoutMs !== 0) checkDuration('timeoutMs', timeoutMs);
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Does nothing while no elector is set.
   * @throws `ERR_LEASE_EXPIRED` if the elector is unhealthy
   */
  check(): void {
    this.#elector?.check(this.#timeoutMs);
  }

  /** Sets the elector to check. An elector does this for its `watchDog`. */
  setLeaderElection(elector: { check(timeoutMs: number): void }): void {
    if (typeof (elector as Partial<Checkable> | undefined)?.check !== 'function') {
      throw invalidArgument('elector', 'a LeaderElector', elector);
    }
    this.#elector = elector;
  }
}
