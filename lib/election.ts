import { Campaign, CampaignLost, type CampaignOptions, type Victory } from './campaign.ts';
import { inBackground } from './clock.ts';
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
import type { Lock } from './protocol/model.ts';
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
  readonly #context: Context;

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
    const { namespace, podName, podUid } = this.#candidate;
    log(
      `${this.#lockName}: Pod ${namespace}/${podName} (${podUid ?? 'UID not known'}) asks for it`,
    );
    try {
      const campaign = new Campaign(this.#campaignOptions());
      const victory = await campaign.run(limit.signal);
      const waitedMs = clock.now() - startedMs;
      log(`${this.#lockName}: leading after ${Math.round(waitedMs)} ms`);
      const leadership = this.#lead(victory, waitedMs);
      if (!this.#options.guard) this.#api.close();
      return leadership;
    } catch (error) {
      this.#api.close();
      throw this.#explain(error);
    } finally {
      limit.end();
    }
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

  #campaignOptions(): CampaignOptions {
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
        ...(takeOverFromNotReadyNodeAfterMs !== undefined && { takeOverFromNotReadyNodeAfterMs }),
      },
      observer: this.#observer,
      releases: this.#surroundings.releases,
    };
  }

  #lead(victory: Victory, waitedMs: number): Leadership {
    const { clock, releases } = this.#surroundings;
    const { namespace, podName } = this.#candidate;
    const { lock, podUid, attempts, doubtUntilMs, settle } = victory;
    const stop = new AbortController();
    let isDoubted: boolean | undefined;
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
        isDoubted ??= clock.now() < doubtUntilMs;
        try {
          await releases.release(this.#api, this.#lock, lock, podUid);
          if (isDoubted) await settle();
          log(`${this.#lockName}: released`);
        } catch (error) {
          throw explainRelease(error, this.#context);
        } finally {
          this.#api.close();
        }
      },
    });
    if (this.#options.guard) {
      void this.#watchOver(lock, podUid, stop.signal).then((lost) => {
        if (lost) lose(lost);
      });
    }
    return leadership;
  }

  async #watchOver(lock: Lock, podUid: string, signal: AbortSignal) {
    const clock = inBackground(this.#surroundings.clock);
    const api = new Api(this.#transport, clock);
    const store = new ConfigMapLock(api, this.#lockOptions());
    const { namespace } = this.#candidate;
    const { maxBackoffMs } = this.#options;
    const parts = { api, clock, lock: store, namespace, maxBackoffMs };
    const lost = await watchOver(parts, lock, podUid, this.#observer, signal);
    if (!signal.aborted) api.close();
    return lost;
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
