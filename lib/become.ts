import { Campaign, CampaignLost, type CampaignOptions } from './campaign.ts';
import { type Clock, inBackground, systemClock } from './clock.ts';
import { LeaderElectionError } from './errors.ts';
import { type Context, explainFailure, explainRefusal } from './failure.ts';
import { watchOver } from './guard.ts';
import { type Candidate, identify } from './identity.ts';
import { Api } from './kubernetes/api.ts';
import { ConfigMapLock, type ConfigMapLockOptions } from './kubernetes/config-map-lock.ts';
import { Connection } from './kubernetes/connection.ts';
import type { Credentials } from './kubernetes/credentials.ts';
import type { Environment } from './kubernetes/environment.ts';
import type { Transport } from './kubernetes/transport.ts';
import type { Lock } from './protocol/model.ts';
import { type Leadership, leadershipOf } from './leadership.ts';
import { createLog } from './log.ts';
import { Observer } from './observer.ts';
import { type BecomeOptions, type CheckedOptions, checkOptions } from './options.ts';
import { Releases } from './release.ts';
import { version } from './version.ts';

/** What surrounds a call: all of it can be made up, for specs and simulations. */
export interface Surroundings {
  readonly clock: Clock;
  readonly environment: Environment;
  /** Of this process. */
  readonly releases: Releases;
  connect(credentials: Credentials): Transport;
  warn(message: string, code: string): void;
}

const log = createLog('become');

const system: Surroundings = {
  clock: systemClock,
  environment: { variables: process.env, root: '/' },
  releases: new Releases(),
  connect: (credentials) => new Connection(credentials, systemClock, `leader-for-life/${version}`),
  warn: (message, code) => {
    process.emitWarning(message, { type: 'LeaderElectionWarning', code });
  },
};

/**
 * Becomes the leader for life: resolves when this Pod holds the lock, a ConfigMap that it owns, and
 * so leads until the Pod is gone. Waits, for as long as it takes, while another Pod holds it.
 * Outside a cluster it resolves at once, with `skipped: true`.
 *
 * At any time at most one Pod has a resolved, unreleased `become` for a lock; `docs/safety.md` says
 * what that rests on. A restarted container of the leader's Pod goes on leading. After it resolved
 * nothing of it keeps running, unless `guard` is set.
 *
 * @param lockName - the ConfigMap's name, a DNS subdomain; the same in every replica
 * @throws `TypeError` for a bad argument or an empty environment variable, before any request
 * @throws `LeaderElectionError` with a `code`, see `docs/errors.md`; what is transient is retried
 * @throws the signal's reason, once `options.signal` aborts
 *
 * Follows operator-lib's `leader.Become`.
 *
 * @example
 * await become('my-operator-lock');
 * startController();
 */
export async function become(lockName: string, options: BecomeOptions = {}): Promise<Leadership> {
  return becomeIn(system, lockName, options);
}

/** `become`, in surroundings of one's own. */
export async function becomeIn(
  surroundings: Surroundings,
  lockName: string,
  options: BecomeOptions,
): Promise<Leadership> {
  const checked = checkOptions(lockName, options);
  checked.signal?.throwIfAborted();
  const startedMs = surroundings.clock.now();
  const candidate = await identify(surroundings.environment, checked);
  if (candidate.credentials === undefined) return skip(surroundings, lockName, candidate);
  checked.signal?.throwIfAborted();
  const transport = surroundings.connect(candidate.credentials);
  return new Election(surroundings, lockName, checked, candidate, transport).run(startedMs);
}

/** Outside a cluster there is nobody to compete with. */
function skip(surroundings: Surroundings, lockName: string, candidate: Candidate): Leadership {
  log(`${lockName}: outside a cluster, so there is no election: leading`);
  const { namespace, podName, podUid = '' } = candidate;
  const facts = {
    lockName,
    namespace,
    podName,
    podUid,
    skipped: true,
    acquiredAt: surroundings.clock.date(),
    waitedMs: 0,
    attempts: 0,
    fencingToken: '0',
  };
  return leadershipOf(facts, { release: () => Promise.resolve() }).leadership;
}

/** One call of `become` in a cluster: puts the parts together, and takes them apart again. */
class Election {
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
        : explainRefusal(error, this.#context);
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

  #lead(victory: Awaited<ReturnType<Campaign['run']>>, waitedMs: number): Leadership {
    const { clock, releases } = this.#surroundings;
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
        try {
          await releases.release(this.#api, this.#lock, lock, podUid);
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
  const explained = explainRefusal(error, context);
  if (explained instanceof LeaderElectionError) return explained;
  const what = error instanceof Error ? error.message : String(error);
  return new LeaderElectionError(
    'ERR_RELEASE_FAILED',
    `ConfigMap ${context.namespace}/${context.lockName} could not be released: ${what}. It is ` +
      'kept until this Pod ends; call release() again to try again.',
    { cause: error },
  );
}
