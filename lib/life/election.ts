import type { StepDownReason } from '../events/event.ts';
import type { EventStream } from '../events/stream.ts';
import { abortable, neverAborts } from '../platform/abort.ts';
import { withDeadline } from '../platform/deadline.ts';
import { Announcer } from './announcer.ts';
import { Campaign, CampaignLost, type Victory } from './campaign.ts';
import type { CampaignOptions } from './campaign-options.ts';
import { inBackground } from '../platform/clock.ts';
import type { ElectionKey, RunningElection } from '../platform/elections.ts';
import { LeaderElectionError } from '../errors.ts';
import {
  type Context,
  explainFailure,
  explainRefusal,
  refusedLock,
} from '../kubernetes/failure.ts';
import { watchOver } from './guard.ts';
import { explainRelease } from './release.ts';
import type { Candidate } from '../kubernetes/identity.ts';
import { Api } from '../kubernetes/api.ts';
import { ConfigMapLock, type ConfigMapLockOptions } from '../kubernetes/config-map-lock.ts';
import { markOf, type PodParts, unmark, yieldMsOf } from '../kubernetes/own-pod.ts';
import type { Transport } from '../kubernetes/transport.ts';
import { type Leadership, leadershipOf, steppedDownError } from './leadership.ts';
import { eventsOf, Reporter } from './reporter.ts';
import type { CheckedOptions } from './options.ts';
import { timeoutError } from './waiting.ts';
import type { Lock, PodIdentity } from '../protocol/model.ts';
import { type PodMark, rightsOf } from '../kubernetes/pod-mark.ts';
import { joined } from '../protocol/life/predecessors.ts';
import { Health } from '../platform/health.ts';
import type { Platform } from '../platform/platform.ts';
import { Standing } from '../platform/standing.ts';

/** One call of `become` in a cluster: puts the parts together, and cleans up. */
export class Election {
  readonly #platform: Platform;
  readonly #lockName: string;
  readonly #options: CheckedOptions;
  readonly #candidate: Candidate;
  readonly #transport: Transport;
  readonly #api: Api;
  readonly #lock: ConfigMapLock;
  readonly #events: EventStream;
  readonly #observer: Reporter;
  readonly #announcer: Announcer;
  readonly #pod: PodParts;
  /** Passes on to the next call of this process who may still lead. */
  #passOn: () => void = () => undefined;
  readonly #context: Context;
  /** The registration while it waits, leads, or is about to end. */
  #running: RunningElection | undefined;
  #standing: Standing | undefined;
  #isSteppingDown = false;
  readonly #healthChecks = new AbortController();
  #onUnhealthy: () => void = () => undefined;

  constructor(
    platform: Platform,
    lockName: string,
    options: CheckedOptions,
    candidate: Candidate,
    transport: Transport,
  ) {
    const { namespace, podName } = candidate;
    this.#platform = platform;
    this.#lockName = lockName;
    this.#options = options;
    this.#candidate = candidate;
    this.#transport = transport;
    this.#api = new Api(transport, platform.clock);
    this.#lock = new ConfigMapLock(this.#api, this.#lockOptions());
    const takeOver = options.takeOverFromNotReadyNodeAfterMs !== undefined;
    const pods = rightsOf(options);
    this.#context = { lockName, namespace, podName, takeOver, events: options.events, pods };
    this.#events = eventsOf(platform, lockName, candidate, options.onEvent);
    this.#pod = {
      ...{ api: this.#api, platform, events: this.#events, namespace, options },
      ...{ lock: { mode: 'life', name: lockName }, maxBackoffMs: options.maxBackoffMs },
      refused: refusedLock(this.#context),
    };
    this.#observer = new Reporter(this.#events, platform.clock, this.#context, options.onWaiting);
    this.#announcer = new Announcer({
      ...{ events: this.#events, api: this.#api, clock: platform.clock },
      ...{ lockName, namespace, podName, metrics: options.metrics },
      records: options.events ?? false,
    });
  }

  async run(startedMs: number): Promise<Leadership> {
    const { clock } = this.#platform;
    const { signal = neverAborts(), timeoutMs } = this.#options;
    const limit = withDeadline(clock, signal, timeoutMs, (limitMs) =>
      timeoutError(this.#context, limitMs, this.#observer.last?.message),
    );
    const onAbort = () => this.#running?.ending();
    limit.signal.addEventListener('abort', onAbort, { once: true });
    const end = () => {
      limit.signal.removeEventListener('abort', onAbort);
      limit.end();
    };
    const { namespace, podName, podUid } = this.#candidate;
    this.#events.log(`Pod ${namespace}/${podName} (${podUid ?? 'UID not known'}) asks for it`);
    try {
      this.#running = await this.#platform.elections.begin(this.#key(), limit.signal);
      this.#announcer.waits();
      const health = await this.#checkHealth(limit.signal);
      const { elections } = this.#platform;
      const yieldMs = yieldMsOf(this.#pod, this.#candidate.podName);
      this.#standing = new Standing({ clock, elections, key: this.#key(), health, yieldMs });
      const victory = await this.#compete(limit.signal);
      // From now on the signal has no effect, not even through a listener of `leading`.
      end();
      return this.#lead(victory, clock.now() - startedMs);
    } catch (error) {
      this.#end();
      this.#api.close();
      const explained = this.#explain(error);
      this.#events.ended();
      throw explained;
    } finally {
      end();
    }
  }

  /** A lock of an earlier process of this Pod is no reason to lead if the health check fails. */
  async #compete(signal: AbortSignal): Promise<Victory> {
    for (;;) {
      const victory = await this.#begin().run(signal);
      if (this.#standing?.bar?.because !== 'unhealthy') return victory;
      await unmark(this.#pod, { name: this.#candidate.podName, uid: victory.podUid }, signal);
      await victory.giveBack(signal);
      this.#passOn();
    }
  }

  /** Resolves with the first health check. The next ones do not keep the process alive. */
  async #checkHealth(signal: AbortSignal): Promise<Health | undefined> {
    if (!this.#options.healthy) return undefined;
    const { clock } = this.#platform;
    const onThreshold = () => {
      this.#onUnhealthy();
    };
    const parts = { clock, pauseClock: inBackground(clock), listener: this.#events, onThreshold };
    const health = new Health(this.#options, parts);
    await abortable(health.begin(this.#healthChecks.signal), signal);
    return health;
  }

  /** Starts from what earlier calls of this process have passed on. */
  #begin(): Campaign {
    const { server, namespace } = this.#candidate;
    const key = JSON.stringify([server, namespace, this.#lockName]);
    const { predecessors } = this.#platform;
    const campaign = new Campaign(this.#campaignOptions(predecessors.get(key) ?? []));
    predecessors.delete(key);
    this.#passOn = () => {
      const all = [...(predecessors.get(key) ?? []), ...campaign.predecessors];
      if (all.length > 0) predecessors.set(key, joined({ podUid: undefined }, all));
    };
    return campaign;
  }

  #key(): ElectionKey {
    const { server, namespace, podName, podUid } = this.#candidate;
    const lock = { server, kind: 'ConfigMap' as const, namespace, name: this.#lockName };
    return { ...lock, candidate: podName, uid: podUid };
  }

  #lockOptions(): ConfigMapLockOptions {
    const { labels = {}, annotations = {} } = this.#options;
    return { namespace: this.#candidate.namespace, name: this.#lockName, labels, annotations };
  }

  #explain(error: unknown): unknown {
    const { signal } = this.#options;
    const explained =
      error instanceof CampaignLost
        ? explainFailure(error.failure, this.#context)
        : explainRefusal(error, refusedLock(this.#context));
    if (signal?.aborted && error === signal.reason) {
      this.#events.withdrawn(error);
    } else if (explained instanceof Error) {
      this.#events.failed(explained);
    }
    return explained;
  }

  #campaignOptions(predecessors: readonly PodIdentity[]): CampaignOptions {
    const { maxBackoffMs, takeOverFromNotReadyNodeAfterMs } = this.#options;
    const { namespace, podName, podUid } = this.#candidate;
    return {
      ...{ api: this.#api, clock: this.#platform.clock, lock: this.#lock, namespace, podUid },
      settings: {
        ...{ podName, maxBackoffMs, takeOverFromNotReadyNodeAfterMs },
        trustsPodUid: this.#options.podUid !== undefined,
      },
      observer: this.#observer,
      unconfirmed: this.#platform.unconfirmed,
      standing: this.#standing,
      predecessors,
    };
  }

  #lead(victory: Victory, waitedMs: number): Leadership {
    const { clock, elections } = this.#platform;
    const { namespace, podName } = this.#candidate;
    const { lock, podUid, attempts } = victory;
    const stop = new AbortController();
    this.#announcer.leads(lock, waitedMs, this.#observer.takeoverMs);
    const mark = markOf(this.#pod, { name: podName, uid: podUid });
    mark?.set(lock.resourceVersion);
    const facts = {
      ...{ lockName: this.#lockName, namespace, podName, podUid, skipped: false },
      ...{ acquiredAt: clock.date(), waitedMs, attempts, fencingToken: lock.resourceVersion },
    };
    const { leadership, lose } = leadershipOf(facts, {
      stepDown: () => {
        this.#stepDown('called');
      },
      release: async () => {
        stop.abort();
        this.#healthChecks.abort();
        // On a retry after a failure, the lock may be a later call's.
        this.#running ??= await elections.begin(this.#key(), neverAborts());
        this.#running.ending();
        try {
          await mark?.clear();
          await victory.release();
          if (this.#isSteppingDown) this.#standing?.standAside();
          this.#announcer.released();
        } catch (error) {
          throw explainRelease(error, this.#context);
        } finally {
          this.#end();
          this.#events.ended();
          await this.#announcer.recorded();
          this.#api.close();
        }
      },
    });
    this.#onUnhealthy = () => {
      lose(this.#stepDown('unhealthy'));
      this.#healthChecks.abort();
    };
    void this.#keep(victory, lose, mark, stop.signal).then(async () => {
      await mark?.settled;
      await this.#announcer.recorded();
      if (!stop.signal.aborted) this.#api.close();
    });
    return leadership;
  }

  /** Reports it; once the lock is released, other Pods are let first. */
  #stepDown(reason: StepDownReason): LeaderElectionError {
    const error = steppedDownError({ ...this.#candidate, lockName: this.#lockName }, reason);
    if (!this.#isSteppingDown) this.#events.emit({ type: 'stepping-down', reason }, error.message);
    this.#isSteppingDown = true;
    return error;
  }

  /** With `guard`, resolves once the lock is lost or may not be read any more. */
  async #keep(
    { lock, podUid, lost }: Victory,
    lose: (error: LeaderElectionError) => void,
    mark: PodMark | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (!this.#options.guard) return;
    const onHandoverAsked = () => {
      lose(this.#stepDown('asked'));
    };
    const loss = await this.#watchOver(lock, podUid, onHandoverAsked, signal);
    if (!loss) return;
    lose(loss.error);
    this.#announcer.lost(loss.error);
    this.#running?.ending();
    await Promise.all([lost(loss.others), mark?.clear()]);
    this.#end();
    this.#events.ended();
  }

  /** From now on another call of this process may compete. */
  #end(): void {
    this.#passOn();
    this.#healthChecks.abort();
    this.#running?.ended();
    this.#running = undefined;
  }

  #watchOver(lock: Lock, podUid: string, onHandoverAsked: () => void, signal: AbortSignal) {
    const clock = inBackground(this.#platform.clock);
    const api = new Api(this.#transport, clock);
    const store = new ConfigMapLock(api, this.#lockOptions());
    const { namespace } = this.#candidate;
    const { maxBackoffMs } = this.#options;
    const parts = { api, clock, lock: store, namespace, maxBackoffMs, onHandoverAsked };
    return watchOver(parts, lock, podUid, this.#observer, signal);
  }
}
