import type { EventStream } from '../events/stream.ts';
import { ownPod } from '../kubernetes/identity.ts';
import { markOf, yieldMsOf } from '../kubernetes/own-pod.ts';
import { type PodMark, rightsOf } from '../kubernetes/pod-mark.ts';
import type { Refused } from '../kubernetes/remedy.ts';
import { leaseRoleYaml } from '../kubernetes/role.ts';
import { aborted } from '../platform/abort.ts';
import { within } from '../platform/deadline.ts';
import type { Platform } from '../platform/platform.ts';
import type { LeaseElectionSettings } from './config.ts';
import type { Job, Served } from './job.ts';
import type { OpenLock } from './resource-lock.ts';

const MARK_BACKOFF_MS = 16_000;

/**
 * The release of a Lease waits no longer than this for the label to be removed, nor than half of the
 * renew deadline: after that, the term counts as abandoned.
 */
const CLEARING_MS = 3_000;

export interface ElectorPodOptions {
  readonly platform: Platform;
  readonly settings: LeaseElectionSettings;
  readonly renewDeadlineMs: number;
  readonly events: EventStream;
}

/** What an elector does with its own Pod. */
export class ElectorPod {
  readonly #options: ElectorPodOptions;
  #mark: PodMark | undefined;
  /** For how long to leave a free lock to preferred candidates; undefined if all are preferred. */
  yieldMs: ((signal: AbortSignal) => Promise<number>) | undefined;

  constructor(options: ElectorPodOptions) {
    this.#options = options;
  }

  /** The lock is open. Removes the mark that an earlier process of this Pod may have left. */
  attend(lock: OpenLock | undefined): void {
    const { platform, settings, events } = this.#options;
    const pods = rightsOf(settings);
    if (!lock?.api || !Object.values(pods).includes(true)) return;
    const { api, name: leaseName } = lock;
    const pod = ownPod(platform.environment);
    const { namespace = lock.namespace } = pod;
    const recording = settings.events ?? false;
    const refused: Refused = {
      object: `Lease ${lock.describe()}`,
      namespace,
      role: (user) => leaseRoleYaml({ namespace, leaseName, user, events: recording, pods }),
    };
    const parts = {
      ...{ api, platform, events, namespace, options: settings, refused },
      ...{ lock: { mode: 'lease', name: leaseName } as const, maxBackoffMs: MARK_BACKOFF_MS },
    };
    this.yieldMs = yieldMsOf(parts, pod.name);
    this.#mark = markOf(parts, pod);
    void this.#mark?.clear();
  }

  /** The same job, during which the Pod is marked. The mark goes as soon as the work shall end. */
  marked<T>(job: Job<T>): Job<T> {
    let served: Served | undefined;
    return {
      ...job,
      work: (given) => {
        served = given;
        this.#begin(given);
        return job.work(given);
      },
      onStopped: () => Promise.all([job.onStopped?.(), served && this.#unmarked(served)]),
    };
  }

  /** Nothing more is sent. */
  close(): void {
    this.#mark?.close();
    this.#mark = undefined;
  }

  #begin({ term, fencingToken, skipped }: Served): void {
    const mark = this.#mark;
    if (!mark || skipped) return;
    mark.set(fencingToken, term.signal);
    void aborted(term.signal).then(() => mark.clear());
  }

  /** If the term is lost, the next leader removes the mark. */
  async #unmarked({ term }: Served): Promise<void> {
    if (!this.#mark || term.error) return;
    const { platform, renewDeadlineMs } = this.#options;
    const limitMs = Math.min(CLEARING_MS, renewDeadlineMs / 2);
    await within(platform.clock, limitMs, this.#mark.clear());
  }
}
