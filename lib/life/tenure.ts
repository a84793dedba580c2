import type { LeaderElectionError } from '../errors.ts';
import type { StepDownReason } from '../events/event.ts';
import { Api } from '../kubernetes/api.ts';
import { ConfigMapLock, type ConfigMapLockOptions } from '../kubernetes/config-map-lock.ts';
import type { Context } from '../kubernetes/failure.ts';
import { markOf, type PodParts } from '../kubernetes/own-pod.ts';
import type { PodMark } from '../kubernetes/pod-mark.ts';
import type { Transport } from '../kubernetes/transport.ts';
import { inBackground } from '../platform/clock.ts';
import { within } from '../platform/deadline.ts';
import type { Standing } from '../platform/standing.ts';
import type { Victory } from './campaign.ts';
import { watchOver } from './guard.ts';
import { type Leadership, leadershipOf, steppedDownError } from './leadership.ts';
import type { CheckedOptions } from './options.ts';
import { explainRelease } from './release.ts';
import type { Reporter } from './reporter.ts';

/** A release waits no longer than this for its Kubernetes Event. */
const RECORDING_MS = 2_000;

export interface TenureOptions {
  readonly options: CheckedOptions;
  readonly context: Context;
  readonly transport: Transport;
  readonly lock: ConfigMapLockOptions;
  readonly pod: PodParts;
  readonly reporter: Reporter;
  readonly standing: Standing | undefined;
  readonly victory: Victory;
  readonly waitedMs: number;
  /** The election is about to end; if it has ended before, it first begins again. */
  readonly ending: () => Promise<void>;
  /** From now on another call of this process may compete. */
  readonly ended: () => void;
}

/** One leadership, up to the release or the loss of the lock. */
export class Tenure {
  readonly #parts: TenureOptions;
  readonly #mark: PodMark | undefined;
  readonly #stop = new AbortController();
  readonly #lose: (reason: LeaderElectionError) => void;
  /** Resolves once its guard and its mark send nothing more. */
  readonly #kept: Promise<void>;
  #isSteppingDown = false;
  #isLost = false;
  readonly leadership: Leadership;

  constructor(parts: TenureOptions) {
    this.#parts = parts;
    const { context, pod, reporter, victory, waitedMs } = parts;
    const { lock, podUid, attempts } = victory;
    const { lockName, namespace, podName } = context;
    reporter.onStarted(lock, waitedMs);
    this.#mark = markOf(pod, { name: podName, uid: podUid });
    this.#mark?.set(lock.resourceVersion);
    const facts = {
      ...{ lockName, namespace, podName, podUid, waitedMs, attempts },
      ...{ skipped: false, acquiredAt: pod.platform.clock.date() },
      fencingToken: lock.resourceVersion,
    };
    const { leadership, lose } = leadershipOf(facts, {
      stepDown: () => this.#steppedDown('called'),
      release: () => this.#release(),
    });
    this.leadership = leadership;
    this.#lose = lose;
    this.#kept = this.#keep().then(async () => {
      await this.#mark?.settled;
      await this.#recorded();
      if (!this.#stop.signal.aborted) pod.api.close();
    });
  }

  /** Asks its work to end; once the lock is released, other Pods are let first. */
  stepDown(reason: StepDownReason): void {
    this.#lose(this.#steppedDown(reason));
  }

  #steppedDown(reason: StepDownReason): LeaderElectionError {
    const { context, pod } = this.#parts;
    const error = steppedDownError(context, reason);
    // After a loss there is nothing to hand over.
    if (this.#isLost) return error;
    if (!this.#isSteppingDown) pod.events.emit({ type: 'stepping-down', reason }, error.message);
    this.#isSteppingDown = true;
    return error;
  }

  async #release(): Promise<void> {
    const { context, pod, reporter, standing, victory, ending, ended } = this.#parts;
    await ending();
    this.#stop.abort();
    try {
      await this.#mark?.clear();
      await victory.release();
      if (this.#isSteppingDown) standing?.standAside();
      reporter.onReleased();
      pod.events.ended();
    } catch (error) {
      throw explainRelease(error, context);
    } finally {
      ended();
      await this.#recorded();
      await this.#kept;
      pod.api.close();
    }
  }

  /** With `guard`, resolves once the lock is lost or may not be read any more. */
  async #keep(): Promise<void> {
    const { options, pod, reporter, victory, ending, ended } = this.#parts;
    if (!options.guard) return;
    const loss = await this.#watchOver();
    if (!loss) return;
    this.#isLost = true;
    this.#lose(loss.error);
    reporter.onLost(loss.error);
    await ending();
    await Promise.all([victory.lost(loss.others), this.#mark?.clear()]);
    ended();
    pod.events.ended();
  }

  #watchOver() {
    const { options, transport, lock, pod, reporter, victory } = this.#parts;
    const clock = inBackground(pod.platform.clock);
    const api = new Api(transport, clock);
    const { namespace } = pod;
    const { maxBackoffMs } = options;
    const onHandoverAsked = () => this.stepDown('asked');
    const store = new ConfigMapLock(api, lock);
    const parts = { api, clock, lock: store, namespace, maxBackoffMs, onHandoverAsked };
    return watchOver(parts, victory.lock, victory.podUid, reporter, this.#stop.signal);
  }

  async #recorded(): Promise<void> {
    const { platform, events } = this.#parts.pod;
    await within(platform.clock, RECORDING_MS, events.recorded());
  }
}
