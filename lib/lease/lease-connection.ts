import { explainRefusal } from '../kubernetes/failure.ts';
import type { ElectionKey } from '../platform/elections.ts';
import { CrowdGuess } from './crowd-guess.ts';
import { Evidence } from './evidence.ts';
import type { Api } from '../kubernetes/api.ts';
import { createEvent } from '../kubernetes/event.ts';
import { isObject, text, child, type Json } from '../kubernetes/json.ts';
import { Lease, type LeaseOptions, toVersion } from '../kubernetes/lease.ts';
import { ApiError, isQuotaExceeded } from '../kubernetes/outcome.ts';
import { leaseRoleYaml } from '../kubernetes/role.ts';
import { ObjectWatch } from '../kubernetes/watch.ts';
import { neverAborts } from '../platform/abort.ts';
import { printable } from '../platform/printable.ts';
import type { Refused } from '../kubernetes/remedy.ts';
import type {
  HolderContainer,
  LeaderElectionRecord,
  LockVersion,
} from '../protocol/lease/record.ts';
import type { Platform } from '../platform/platform.ts';
import { mayLand } from '../platform/unconfirmed.ts';
import type { LockListener, OpenLock, RequestFailure } from './resource-lock.ts';
import type { Workplace } from './workplace.ts';

const WATCH_BACKOFF_MS = 16_000;

/** A Lease on an API server: a `LeaseLock` in use. */
export class LeaseConnection implements OpenLock {
  readonly identity: string;
  readonly namespace: string;
  readonly name: string;
  readonly key: ElectionKey;
  readonly #platform: Pick<Platform, 'clock'>;
  readonly api: Api;
  readonly #lease: Lease;
  readonly #events: boolean;
  readonly #evidence: Evidence;
  readonly #crowd = new CrowdGuess();
  readonly #joinWorkplace: (() => Workplace) | undefined;
  #workplace: Workplace | undefined;
  #watch: ObjectWatch | undefined;

  constructor(
    platform: Pick<Platform, 'clock'>,
    api: Api,
    server: string,
    identity: string,
    options: LeaseOptions,
    events: boolean,
    joinWorkplace?: () => Workplace,
  ) {
    this.#platform = platform;
    this.api = api;
    this.identity = identity;
    this.namespace = options.namespace;
    this.name = options.name;
    const { namespace, name } = options;
    this.key = { server, kind: 'Lease', namespace, name, candidate: identity };
    this.#lease = new Lease(api, { ...options, container: () => this.#workplace?.container });
    this.#events = events;
    this.#evidence = new Evidence({ api, clock: platform.clock, namespace });
    this.#joinWorkplace = joinWorkplace;
  }

  describe(): string {
    return `${this.namespace}/${this.name}`;
  }

  async get(signal = neverAborts()): Promise<LockVersion | undefined> {
    const found = await this.#lease.get(signal);
    if (found) this.#watch?.expect();
    return found;
  }

  create(
    record: LeaderElectionRecord,
    signal = neverAborts(),
    whileUnsent?: AbortSignal,
  ): Promise<LockVersion | 'conflict'> {
    return this.#lease.create(record, signal, whileUnsent);
  }

  async update(
    version: LockVersion,
    record: LeaderElectionRecord,
    signal = neverAborts(),
    whileUnsent?: AbortSignal,
  ): Promise<LockVersion | 'conflict'> {
    const written = await this.#lease.update(version, record, signal, whileUnsent);
    const isTakeover =
      record.holderIdentity === this.identity && version.record.holderIdentity !== this.identity;
    if (isTakeover) this.#crowd.tried(written === 'conflict' ? 'lost' : 'won');
    return written;
  }

  watch(listener: LockListener, signal: AbortSignal): Promise<void> {
    const target = { path: this.#lease.path, name: this.name };
    const watch = new ObjectWatch(
      this.api,
      this.#platform.clock,
      target,
      {
        onOpen: () => {
          listener.onOpen();
        },
        onEvent: (type, object) => {
          const seen = tell(listener, type, object);
          if (seen) this.#crowd.saw(seen.record.holderIdentity);
        },
        onLost: (error) => {
          listener.onLost(error);
        },
        onRefused: (error) => {
          listener.onLost(this.#explain(error));
        },
      },
      WATCH_BACKOFF_MS,
    );
    this.#watch = watch;
    return watch.run(signal);
  }

  async recordEvent(what: string, { object }: LockVersion): Promise<void> {
    if (!this.#events || !isObject(object)) return;
    const message = printable(`${this.identity} ${what}`);
    await this.explained(createEvent(this.api, this.#platform.clock, object, message));
  }

  async identify(signal: AbortSignal): Promise<boolean> {
    this.#workplace ??= this.#joinWorkplace?.();
    if (!this.#workplace || this.#workplace.container) return false;
    return this.#workplace.identify(signal);
  }

  get candidateCount(): number {
    return this.#workplace?.candidateCount ?? this.#crowd.size;
  }

  ended(container: HolderContainer, signal: AbortSignal): Promise<boolean> {
    return this.#evidence.ended(container, signal);
  }

  failure(error: unknown): RequestFailure {
    return {
      error: this.#explain(error),
      permanent:
        error instanceof ApiError && !this.api.isTransient(error) && !isQuotaExceeded(error),
      // A request that timed out or was cut off may have been carried out. So may a create that a
      // quota refused, if the network has made it twice and the quota was raised in between.
      ambiguous: mayLand(error) || isQuotaExceeded(error),
      retryAfterMs: error instanceof ApiError ? error.retryAfterMs : undefined,
    };
  }

  /** The same promise, with refusals explained. */
  async explained<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  close(): void {
    this.#workplace?.leave();
    this.#workplace = undefined;
    this.api.close();
  }

  #explain(error: unknown): unknown {
    return this.api.isTransient(error) ? error : explainRefusal(error, this.#refused());
  }

  #refused(): Refused {
    const { namespace, name: leaseName } = this;
    const events = this.#events;
    return {
      object: `Lease ${this.describe()}`,
      namespace,
      role: (user) => leaseRoleYaml({ namespace, leaseName, user, events }),
    };
  }
}

/** Returns the version that is stored now, if the lock is not gone. */
function tell(listener: LockListener, type: string, object: Json): LockVersion | undefined {
  if (type === 'DELETED') {
    listener.onGone(text(child(object, 'metadata'), 'resourceVersion') ?? '');
    return undefined;
  }
  const version = toVersion(object);
  listener.onSeen(version);
  return version;
}
