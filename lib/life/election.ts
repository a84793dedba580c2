import type { EventListener } from '../events/event.ts';
import { EventStream } from '../events/stream.ts';
import { createEvent } from '../kubernetes/event.ts';
import { neverAborts } from '../platform/abort.ts';
import { withDeadline } from '../platform/deadline.ts';
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
import type { Candidate } from '../kubernetes/identity.ts';
import { Api } from '../kubernetes/api.ts';
import { ConfigMapLock, type ConfigMapLockOptions } from '../kubernetes/config-map-lock.ts';
import { isTransient } from '../kubernetes/outcome.ts';
import type { Transport } from '../kubernetes/transport.ts';
import { type Leadership, leadershipOf } from './leadership.ts';
import { createLog } from '../platform/log.ts';
import { Reporter } from './reporter.ts';
import type { CheckedOptions } from './options.ts';
import type { Lock, PodIdentity } from '../protocol/model.ts';
import { joined } from '../protocol/life/predecessors.ts';
import type { Platform } from '../platform/platform.ts';

const log = createLog('become');

/** What one call of `become` has to tell. */
export function eventsOf(
  { clock, warn }: Platform,
  name: string,
  { namespace, podName: identity }: Candidate,
  onEvent: EventListener | undefined,
): EventStream {
  const subject = { mode: 'life' as const, name, namespace, identity };
  return new EventStream({ clock, subject, onEvent, log, warn });
}

/** One call of `become` in a cluster: puts the parts together, and takes them apart again. */
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
  /** Tells the next call of this process who may still lead. */
  #passOn: () => void = () => undefined;
  readonly #context: Context;
  /** While it waits, leads or comes to its end. */
  #running: RunningElection | undefined;

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
    this.#context = { lockName, namespace, podName, takeOver, events: options.events };
    this.#events = eventsOf(platform, lockName, candidate, options.onEvent);
    this.#observer = new Reporter(this.#events, platform.clock, this.#context, options.onWaiting);
  }

  async run(startedMs: number): Promise<Leadership> {
    const { clock } = this.#platform;
    const limit = this.#limit();
    this.#measure('off');
    const onAbort = () => this.#running?.ending();
    limit.signal.addEventListener('abort', onAbort, { once: true });
    const { namespace, podName, podUid } = this.#candidate;
    this.#events.log(`Pod ${namespace}/${podName} (${podUid ?? 'UID not known'}) asks for it`);
    try {
      this.#running = await this.#platform.elections.begin(this.#key(), limit.signal);
      const victory = await this.#begin().run(limit.signal);
      return this.#lead(victory, clock.now() - startedMs);
    } catch (error) {
      this.#end();
      this.#api.close();
      throw this.#explain(error);
    } finally {
      limit.signal.removeEventListener('abort', onAbort);
      limit.end();
    }
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
    const explained =
      error instanceof CampaignLost
        ? explainFailure(error.failure, this.#context)
        : explainRefusal(error, refusedLock(this.#context));
    if (this.#options.signal?.aborted && error === this.#options.signal.reason) {
      const why = error instanceof Error ? error.message : String(error);
      this.#events.emit({ type: 'withdrawn' }, `stopped waiting: ${why}`);
    } else if (explained instanceof Error) {
      this.#events.emit({ type: 'failed', error: explained }, explained.message);
    }
    return explained;
  }

  /** A signal that aborts with the user's, or when the time to wait is up. */
  #limit() {
    const { signal = neverAborts(), timeoutMs } = this.#options;
    return withDeadline(this.#platform.clock, signal, timeoutMs, (limitMs) =>
      this.#timeout(limitMs),
    );
  }

  #timeout(timeoutMs: number): LeaderElectionError {
    const { namespace, podName } = this.#candidate;
    const why = this.#observer.last?.message ?? 'the API server has not answered yet';
    return new LeaderElectionError(
      'ERR_TIMEOUT',
      `Pod ${podName} did not become the leader of ${namespace}/${this.#lockName} within ` +
        `${timeoutMs} ms: ${why}.`,
    );
  }

  #campaignOptions(predecessors: readonly PodIdentity[]): CampaignOptions {
    const { maxBackoffMs, takeOverFromNotReadyNodeAfterMs } = this.#options;
    const { namespace, podName, podUid } = this.#candidate;
    return {
      api: this.#api,
      clock: this.#platform.clock,
      lock: this.#lock,
      namespace,
      podUid,
      settings: {
        podName,
        maxBackoffMs,
        takeOverFromNotReadyNodeAfterMs,
        trustsPodUid: this.#options.podUid !== undefined,
      },
      observer: this.#observer,
      unconfirmed: this.#platform.unconfirmed,
      predecessors,
    };
  }

  #lead(victory: Victory, waitedMs: number): Leadership {
    const { clock, elections } = this.#platform;
    const { namespace, podName } = this.#candidate;
    const { lock, podUid, attempts } = victory;
    const stop = new AbortController();
    const { resourceVersion: fencingToken } = lock;
    const recorded = this.#onLeading(lock, waitedMs);
    const facts = {
      lockName: this.#lockName,
      namespace,
      podName,
      podUid,
      skipped: false,
      acquiredAt: clock.date(),
      waitedMs,
      attempts,
      fencingToken,
    };
    const { leadership, lose } = leadershipOf(facts, {
      release: async () => {
        stop.abort();
        // Tried again after it failed: the lock may be a later call's by now.
        this.#running ??= await elections.begin(this.#key(), neverAborts());
        this.#running.ending();
        try {
          await victory.release();
          this.#events.emit({ type: 'released' }, `released by Pod ${podName}`);
          this.#measure('off');
          await Promise.all([recorded, this.#record('stopped leading', lock)]);
        } catch (error) {
          throw explainRelease(error, this.#context);
        } finally {
          this.#api.close();
          this.#end();
        }
      },
    });
    if (this.#options.guard) {
      void this.#watchOver(lock, podUid, stop.signal).then(async (lost) => {
        if (lost) {
          lose(lost.error);
          this.#events.emit({ type: 'lost', error: lost.error }, lost.error.message);
          this.#measure('off');
          this.#running?.ending();
          await victory.lost(lost.others);
          this.#end();
          await this.#record('stopped leading', lock);
        }
        if (!stop.signal.aborted) this.#api.close();
      });
    } else {
      void recorded.then(() => {
        if (!stop.signal.aborted) this.#api.close();
      });
    }
    return leadership;
  }

  #onLeading(lock: Lock, waitedMs: number): Promise<void> {
    const { resourceVersion: fencingToken } = lock;
    const what = `leading after ${Math.round(waitedMs)} ms`;
    this.#events.emit({ type: 'leading', waitedMs, fencingToken }, what);
    this.#measure('on');
    return this.#record('became leader', lock);
  }

  #measure(state: 'on' | 'off'): void {
    const { metrics } = this.#options;
    this.#events.call('metrics', 'metrics', () => metrics?.[state](this.#lockName));
  }

  /** No election fails because an Event cannot be recorded. */
  async #record(what: string, { uid, resourceVersion }: Lock): Promise<void> {
    if (this.#options.events !== true) return;
    const { namespace, podName } = this.#candidate;
    const metadata = { namespace, name: this.#lockName, uid, resourceVersion };
    const subject = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    try {
      await createEvent(this.#api, this.#platform.clock, subject, `${podName} ${what}`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#events.degraded('event', `the Event "${what}" could not be recorded: ${why}`);
    }
  }

  /** Another call of this process may compete from now on. */
  #end(): void {
    this.#passOn();
    this.#running?.ended();
    this.#running = undefined;
  }

  #watchOver(lock: Lock, podUid: string, signal: AbortSignal) {
    const clock = inBackground(this.#platform.clock);
    const api = new Api(this.#transport, clock);
    const store = new ConfigMapLock(api, this.#lockOptions());
    const { namespace } = this.#candidate;
    const { maxBackoffMs } = this.#options;
    const parts = { api, clock, lock: store, namespace, maxBackoffMs };
    return watchOver(parts, lock, podUid, this.#observer, signal);
  }
}

function explainRelease(error: unknown, context: Context): unknown {
  // A server that is overloaded or down has refused nothing for good.
  const explained = isTransient(error) ? error : explainRefusal(error, refusedLock(context));
  if (explained instanceof LeaderElectionError) return explained;
  const what = error instanceof Error ? error.message : String(error);
  return new LeaderElectionError(
    'ERR_RELEASE_FAILED',
    `ConfigMap ${context.namespace}/${context.lockName} could not be released: ${what}. It is ` +
      'kept until this Pod ends; call release() again to try again.',
    { cause: error },
  );
}
