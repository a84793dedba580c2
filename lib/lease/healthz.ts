import { checkDuration } from '../checks.ts';
import { invalidArgument } from '../errors.ts';

/** The part of an elector that its health depends on. */
interface Checkable {
  /** Throws if the lease expired more than `timeoutMs` ago and the elector has not ended. */
  check(timeoutMs: number): void;
}

/**
 * Ties a health endpoint, which is often set up first, to an elector: a leader that could not renew
 * its lease and has not ended is unhealthy, and better restarted.
 *
 * Follows client-go's `HealthzAdaptor`.
 */
export class LeaderHealthzAdaptor {
  /** What client-go calls this check. */
  readonly name = 'leaderElection';
  readonly #timeoutMs: number;
  #elector: Checkable | undefined;

  /** @param timeoutMs - how long, in milliseconds, an expired lease is tolerated; 0 is allowed */
  constructor(timeoutMs: number) {
    if (timeoutMs !== 0) checkDuration('timeoutMs', timeoutMs);
    this.#timeoutMs = timeoutMs;
  }

  /** Throws `ERR_LEASE_EXPIRED` if the elector is unhealthy; never before one was set. */
  check(): void {
    this.#elector?.check(this.#timeoutMs);
  }

  /** Says whose health this is. An elector does so itself with its `watchDog`. */
  setLeaderElection(elector: { check(timeoutMs: number): void }): void {
    if (typeof (elector as Partial<Checkable> | undefined)?.check !== 'function') {
      throw invalidArgument('elector', 'a LeaderElector', elector);
    }
    this.#elector = elector;
  }
}
