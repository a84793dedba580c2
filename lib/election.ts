import { neverAborts } from './abort.ts';
import { Campaign, CampaignLost, type CampaignOptions, type Victory } from './campaign.ts';
import { inBackground } from './clock.ts';
import type { ElectionKey, RunningElection } from './elections.ts';
import { LeaderElectionError } from './errors.ts';
import { type Context, explainFailure, explainRefusal, refusedLock } from './failure.ts';
import { watchOver } from './guard.ts';
import type { Candidate } from './identity.ts';
import { Api } from './kubernetes/api.ts';
import { ConfigMapLock, type ConfigMapLockOptions } from './kubernetes/config-map-lock.ts';
import { isTransient } from './kubernetes/outcome.ts';
import type { Transport } from './kubernetes/transport.ts';
import { type Leadership, leadershipOf } from './leadership.ts';
import { createLog } from './log.ts';
import { Observer } from './observer.ts';
import type { CheckedOptions } from './options.ts';
import type { Lock, PodIdentity } from './protocol/model.ts';
import { joined } from './protocol/predecessors.ts';
import type { Surroundings } from './surroundings.ts';

const log = createLog('become');

/** One call of `become` in a cluster: puts the parts together, and takes them apart again. */
export class Election {
  readonly #surroundings: Surroundings;
  readonly #lockName: string;
  readonly #options: CheckedOptions;
  readonly #candidate: Candidate;
  readonly #transport: Transport;
  readonly #api: Api;
  readonly #lock: ConfigMapLock;
  readonly #observer: Observer;
  /** Tells the next call of this process who may still lead. */
  #passOn: () => void = () => undefined;
  readonly #context: Context;
  /** While it waits, leads or comes to its end. */
  #running: RunningElection | undefined;

  constructor(
    surroundings: Surroundings,
    lockName: string,
    options: CheckedOptions,
    candidate: Candidate,
    transport: Transport,
  ) {
    const { namespace, podName } = candidate;
    this.#surroundings = surroundings;
    this.#lockName = lockName;
    this.#options = options;
    this.#candidate = candidate;
    this.#transport = transport;
    this.#api = new Api(transport, surroundings.clock);
    this.#lock = new ConfigMapLock(this.#api, this.#lockOptions());
    const takeOver = options.takeOverFromNotReadyNodeAfterMs !== undefined;
    this.#context = { lockName, namespace, podName, takeOver };
    this.#observer = new Observer(surroundings, this.#context, options.onWaiting, log);
  }

  async run(startedMs: number): Promise<Leadership> {
    const { clock } = this.#surroundings;
    const limit = this.#limit();
    const onAbort = () => this.#running?.ending();
    limit.signal.addEventListener('abort', onAbort, { once: true });
    const { namespace, podName, podUid } = this.#candidate;
    log(
      `${this.#lockName}: Pod ${namespace}/${podName} (${podUid ?? 'UID not known'}) asks for it`,
    );
    try {
      this.#running = await this.#surroundings.elections.begin(this.#key(), limit.signal);
      const victory = await this.#begin().run(limit.signal);
      const waitedMs = clock.now() - startedMs;
      log(`${this.#lockName}: leading after ${Math.round(waitedMs)} ms`);
      const leadership = this.#lead(victory, waitedMs);
      if (!this.#options.guard) this.#api.close();
      return leadership;
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
    const { predecessors } = this.#surroundings;
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
    if (explained instanceof Error) log(`${this.#lockName}: gave up: ${explained.message}`);
    return explained;
  }

  /** A signal that aborts with the user's, or when the time to wait is up. */
  #limit() {
    const { signal, timeoutMs } = this.#options;
    const controller = new AbortController();
    const onAbort = () => {
      controller.abort(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const cancel =
      timeoutMs === undefined
        ? undefined
        : this.#surroundings.clock.after(timeoutMs, () => {
            controller.abort(this.#timeout(timeoutMs));
          });
    const end = () => {
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
    };
    return { signal: controller.signal, end };
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
      clock: this.#surroundings.clock,
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
      unconfirmed: this.#surroundings.unconfirmed,
      predecessors,
    };
  }

  #lead(victory: Victory, waitedMs: number): Leadership {
    const { clock, elections } = this.#surroundings;
    const { namespace, podName } = this.#candidate;
    const { lock, podUid, attempts } = victory;
    const stop = new AbortController();
    const facts = {
      lockName: this.#lockName,
      namespace,
      podName,
      podUid,
      skipped: false,
      acquiredAt: clock.date(),
      waitedMs,
      attempts,
      fencingToken: lock.resourceVersion,
    };
    const { leadership, lose } = leadershipOf(facts, {
      release: async () => {
        stop.abort();
        // Tried again after it failed: the lock may be a later call's by now.
        this.#running ??= await elections.begin(this.#key(), neverAborts());
        this.#running.ending();
        try {
          await victory.release();
          log(`${this.#lockName}: released`);
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
          this.#running?.ending();
          await victory.lost(lost.others);
          this.#end();
        }
        if (!stop.signal.aborted) this.#api.close();
      });
    }
    return leadership;
  }

  /** Another call of this process may compete from now on. */
  #end(): void {
    this.#passOn();
    this.#running?.ended();
    this.#running = undefined;
  }

  #watchOver(lock: Lock, podUid: string, signal: AbortSignal) {
    const clock = inBackground(this.#surroundings.clock);
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
