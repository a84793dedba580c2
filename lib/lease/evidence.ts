import { hasEnded } from '../kubernetes/holder-container.ts';
import { createLog } from '../platform/log.ts';
import type { HolderContainer } from '../protocol/lease/record.ts';
import { type PodReader, podVerdict } from './pod-verdict.ts';

const log = createLog('evidence');

/**
 * What Pods say about the processes of other electors. All of it is optional: without the right to
 * read Pods there is no evidence, and a dead leader's Lease expires.
 */
export class Evidence {
  readonly #reader: PodReader;
  #isForbidden = false;

  constructor(reader: PodReader) {
    this.#reader = reader;
  }

  /** Resolves with whether the container has ended, as soon as the API server says so. */
  async ended(container: HolderContainer, signal: AbortSignal): Promise<boolean> {
    if (this.#isForbidden) return false;
    const { podName: name, podUid: uid } = container;
    try {
      const verdict = await podVerdict(this.#reader, { name, uid }, signal, (pod) =>
        hasEnded(pod, container) ? 'yes' : 'undecided',
      );
      return verdict === 'yes';
    } catch (error) {
      log(`there is no evidence from Pod ${name}: ${String(error)}`);
      this.#isForbidden = true;
      return false;
    }
  }
}
