import {
  FIRST_RECOUNT_MS,
  MAX_RECOUNT_MS,
  countReplicas,
  leavingReplicas,
  replicaSelector,
} from '../kubernetes/crowd.ts';
import type { Json } from '../kubernetes/json.ts';
import { hasStatus } from '../kubernetes/outcome.ts';
import { ASSUMED_CANDIDATES } from '../protocol/delay.ts';
import type { PodIdentity } from '../protocol/model.ts';
import type { CampaignOptions, Persist } from './campaign-options.ts';

/** The other replicas of this Pod: their number, and which of them are terminating. */
export class CandidateCount {
  readonly #options: CampaignOptions;
  readonly #persist: Persist;
  #selector = '';
  #size = ASSUMED_CANDIDATES;
  #dueMs = Number.NEGATIVE_INFINITY;
  #validMs = FIRST_RECOUNT_MS;

  constructor(options: CampaignOptions, persist: Persist) {
    this.#options = options;
    this.#persist = persist;
  }

  get size(): number {
    return this.#size;
  }

  /** This Pod's labels show which Pods are its replicas. */
  of(pod: Json): void {
    this.#selector = replicaSelector(pod);
  }

  /**
   * Counts if the last count is too old. A failure does not matter: the number only saves the API
   * server work.
   */
  async refresh(podsReadable: boolean, signal: AbortSignal): Promise<void> {
    const { api, clock, namespace, observer } = this.#options;
    if (clock.now() < this.#dueMs || !podsReadable) return;
    try {
      this.#size = await countReplicas(api, namespace, this.#selector, signal);
      this.#dueMs = clock.now() + this.#validMs;
      this.#validMs = Math.min(this.#validMs * 2, MAX_RECOUNT_MS);
    } catch (error) {
      signal.throwIfAborted();
      if (!hasStatus(error, 403) || api.isTransient(error)) return;
      this.#dueMs = Number.POSITIVE_INFINITY;
      observer.onDegraded('crowd', error);
    }
  }

  /** A lock that this candidate never saw has come and gone: one of these Pods may have held it. */
  async searchLeaving(signal: AbortSignal): Promise<readonly PodIdentity[]> {
    const { api, namespace, observer } = this.#options;
    try {
      return await this.#persist(
        () => leavingReplicas(api, namespace, this.#selector, signal),
        signal,
      );
    } catch (error) {
      if (!hasStatus(error, 403)) throw error;
      observer.onDegraded('crowd', error);
      return [];
    }
  }
}
