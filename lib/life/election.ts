import type { EventStream } from '../events/stream.ts';
import { abortable, neverAborts } from '../platform/abort.ts';
import { withDeadline } from '../platform/deadline.ts';
import { Campaign, CampaignLost, type Victory } from './campaign.ts';
import type { CampaignOptions } from './campaign-options.ts';
import { inBackground } from '../platform/clock.ts';
import type { ElectionKey, RunningElection } from '../platform/elections.ts';
import {
  type Context,
  explainFailure,
  explainRefusal,
  refusedLock,
} from '../kubernetes/failure.ts';
import type { Candidate } from '../kubernetes/identity.ts';
import { Api } from '../kubernetes/api.ts';
import { createEvent } from '../kubernetes/event.ts';
import { ConfigMapLock, type ConfigMapLockOptions } from '../kubernetes/config-map-lock.ts';
import { type PodParts, unmark, yieldMsOf } from '../kubernetes/own-pod.ts';
import type { Transport } from '../kubernetes/transport.ts';
import type { Leadership } from './leadership.ts';
import { eventsOf, Reporter } from './reporter.ts';
import type { CheckedOptions } from './options.ts';
import { Tenure } from './tenure.ts';
import { timeoutError } from './waiting.ts';
import type { Lock, PodIdentity } from '../protocol/model.ts';
import { rightsOf } from '../kubernetes/pod-mark.ts';
import { joined } from '../protocol/life/predecessors.ts';
import { Health } from '../platform/health.ts';
import type { Platform } from '../platform/platform.ts';
import { Standing } from '../platform/standing.ts';

/** One call of `become` in a cluster: puts the parts together, and cleans up. */
export class Election {
  readonly #platform: Platform;
  readonly #options: CheckedOptions;
  readonly #candidate: Candidate;
  readonly #transport: Transport;
  readonly #api: Api;
  readonly #lock: ConfigMapLock;
  readonly #events: EventStream;
  readonly #reporter: Reporter;
  readonly #pod: PodParts;
  /** Passes on to the next call of this process who may still lead. */
  #passOn: () => void = () => undefined;
  readonly #context: Context;
  /** The registration while it waits, leads, or is about to end. */
  #running: RunningElection | undefined;
  #standing: Standing | undefined;
  readonly #healthChecks = new AbortController();
  #tenure: Tenure | undefined;

  constructor(
    platform: Platform,
    lockName: string,
    options: CheckedOptions,
    candidate: Candidate,
    transport: Transport,
  ) {
    const { namespace, podName } = candidate;
    this.#platform = platform;
    this.#options = options;
    this.#candidate = candidate;
    this.#transport = transport;
    this.#api = new Api(transport, platform.clock);
    const takeOver = options.takeOverFromNotReadyNodeAfterMs !== undefined;
    const pods = rightsOf(options);
    this.#context = { lockName, namespace, podName, takeOver, events: options.events, pods };
    this.#lock = new ConfigMapLock(this.#api, this.#lockOptions());
    this.#events = eventsOf(platform, lockName, candidate, options.onEvent);
    this.#pod = {
      ...{ api: this.#api, platform, events: this.#events, namespace, options },
      ...{ lock: { mode: 'life', name: lockName }, maxBackoffMs: options.maxBackoffMs },
      refused: refusedLock(this.#context),
    };
    this.#reporter = new Reporter({
      ...{ clock: platform.clock, events: this.#events, context: this.#context },
      ...{ metrics: options.metrics, onWaiting: options.onWaiting },
      recordEvent: options.events ? (...event) => this.#recordEvent(...event) : undefined,
    });
  }

  async run(startedMs: number): Promise<Leadership> {
    const { clock } = this.#platform;
    const { signal = neverAborts(), timeoutMs } = this.#options;
    const limit = withDeadline(clock, signal, timeoutMs, (limitMs) =>
      timeoutError(this.#context, limitMs, this.#reporter.last?.message),
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
      this.#reporter.onBegun();
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
      try {
        await unmark(this.#pod, { name: this.#candidate.podName, uid: victory.podUid }, signal);
      } finally {
        await victory.giveBack(signal);
      }
      this.#passOn();
    }
  }

  /** Resolves with the first health check. The next ones do not keep the process alive. */
  async #checkHealth(signal: AbortSignal): Promise<Health | undefined> {
    if (!this.#options.healthy) return undefined;
    const { clock } = this.#platform;
    const onThreshold = () => {
      if (!this.#tenure) return;
      this.#tenure.stepDown('unhealthy');
      this.#healthChecks.abort();
    };
    const parts = { clock, pauseClock: inBackground(clock), listener: this.#events, onThreshold };
    const health = new Health(this.#options, parts);
    await abortable(health.begin(this.#healthChecks.signal), signal);
    return health;
  }

  /** Starts from what earlier calls of this process have passed on. */
  #begin(): Campaign {
    const { server, namespace } = this.#candidate;
    const key = JSON.stringify([server, namespace, this.#context.lockName]);
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
    const lock = { server, kind: 'ConfigMap' as const, namespace, name: this.#context.lockName };
    return { ...lock, candidate: podName, uid: podUid };
  }

  #lockOptions(): ConfigMapLockOptions {
    const { labels = {}, annotations = {} } = this.#options;
    return {
      namespace: this.#candidate.namespace,
      name: this.#context.lockName,
      labels,
      annotations,
    };
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
      observer: this.#reporter,
      unconfirmed: this.#platform.unconfirmed,
      standing: this.#standing,
      predecessors,
    };
  }

  #lead(victory: Victory, waitedMs: number): Leadership {
    this.#tenure = new Tenure({
      ...{ options: this.#options, context: this.#context },
      ...{ transport: this.#transport, lock: this.#lockOptions(), pod: this.#pod },
      ...{ reporter: this.#reporter, standing: this.#standing, victory, waitedMs },
      ending: async () => {
        const { elections } = this.#platform;
        this.#healthChecks.abort();
        // On a retry after a failure, the lock may be a later call's.
        this.#running ??= await elections.begin(this.#key(), neverAborts());
        this.#running.ending();
      },
      ended: () => this.#end(),
    });
    return this.#tenure.leadership;
  }

  async #recordEvent(what: string, { uid, resourceVersion }: Lock): Promise<void> {
    const { namespace, podName } = this.#candidate;
    const metadata = { namespace, name: this.#context.lockName, uid, resourceVersion };
    const subject = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    try {
      await createEvent(this.#api, this.#platform.clock, subject, `${podName} ${what}`);
    } catch (error) {
      throw explainRefusal(error, refusedLock(this.#context));
    }
  }

  /** From now on another call of this process may compete. */
  #end(): void {
    this.#passOn();
    this.#healthChecks.abort();
    this.#running?.ended();
    this.#running = undefined;
  }
}
