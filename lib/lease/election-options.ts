import type { CheckedDurations, LeaseElectionSettings } from './config.ts';
import type { ResourceLock } from './resource-lock.ts';

/** What `lead` and `LeaderElector` give to an election. */
export interface ElectionOptions {
  readonly lock: ResourceLock;
  /** Name in metrics. */
  readonly name: string;
  /**
   * Who leaves the lock to others after it has stepped down: this identity or, if empty, every
   * elector of this process that was given none.
   */
  readonly candidate: string;
  readonly durations: CheckedDurations;
  readonly releaseOnCancel: boolean;
  readonly settings: LeaseElectionSettings;
  readonly onNewLeader?: ((identity: string) => void) | undefined;
}
