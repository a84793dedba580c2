import { type Check, annotationsExcept, checkLockName, checkProperties } from '../checks.ts';
import { LeaderElectionError, badArgument, invalidArgument, isBadArgument } from '../errors.ts';
import {
  locate,
  ownContainer,
  podNameOf,
  tellIfKubeConfigIsLeftOut,
} from '../kubernetes/identity.ts';
import { reservedLeaseAnnotations } from '../kubernetes/holder-container.ts';
import { Api, REQUEST_TIMEOUT_MS } from '../kubernetes/api.ts';
import { type LabelOptions, type PlaceOptions, labelChecks, placeChecks } from '../options.ts';
import type { LeaderElectionRecord, LockVersion } from '../protocol/lease/record.ts';
import { nodeProcess } from '../platform/node-process.ts';
import { type Platform, platformOf, systemPlatform } from '../platform/platform.ts';
import { simulated } from '../platform/simulated.ts';
import { LeaseConnection } from './lease-connection.ts';
import { Workplace } from './workplace.ts';
import type { LockListener, OpenLock, ResourceLock } from './resource-lock.ts';

/** Options of `LeaseLock`. */
export interface LeaseLockOptions extends PlaceOptions, LabelOptions {
  /** Name of the Lease, a DNS subdomain; the same in every replica. */
  readonly name: string;
  /**
   * Identity of the elector, unique among all electors. One that restarts under the same identity
   * keeps leading.
   * @default the Pod's name (`POD_NAME`, else the host's name), `_`, and a UUID
   */
  readonly identity?: string | undefined;
}

/** Marks locks of this class, in every copy of the package. */
const brand = Symbol.for('leader-for-life/LeaseLock');

/** How electors connect a lock, on a platform that may be simulated. */
const connect = Symbol('connect');

const place = Symbol('place');

/**
 * A Lease as a lock. It is connected only while it is used.
 *
 * Follows client-go's `resourcelock.LeaseLock`; the records are the same to the byte.
 */
export class LeaseLock implements ResourceLock {
  readonly identity: string;
  readonly [brand] = true;
  readonly #options: LeaseLockOptions;
  #connection: Promise<LeaseConnection> | undefined;
  #users = 0;

  /** @throws `TypeError` that names the first bad option and its value */
  constructor(options: LeaseLockOptions) {
    const { name } = checkProperties('options', options, checks);
    checkLockName('options.name', name);
    this.#options = options;
    this.identity = options.identity ?? uniqueIdentity(platformOf(options));
  }

  /** @internal The namespace is empty if it is left to the platform. */
  get [place](): { readonly name: string; readonly namespace: string } {
    const { name, namespace = '' } = this.#options;
    return { name, namespace };
  }

  /** @internal Set if it is simulated. */
  get [simulated](): Platform | undefined {
    const platform = platformOf(this.#options);
    return platform === systemPlatform ? undefined : platform;
  }

  /** `NAMESPACE/NAME`, or only `NAME` if no namespace was given. */
  describe(): string {
    const { name, namespace } = this.#options;
    return namespace === undefined ? name : `${namespace}/${name}`;
  }

  /**
   * Sends one request.
   * @throws `LeaderElectionError` that explains the API server's refusal
   */
  async get(signal?: AbortSignal): Promise<LockVersion | undefined> {
    return this.#use((connection) => connection.explained(connection.get(signal)));
  }

  /**
   * Sends one request.
   * @throws `LeaderElectionError` that explains the API server's refusal
   */
  async create(
    record: LeaderElectionRecord,
    signal?: AbortSignal,
  ): Promise<LockVersion | 'conflict'> {
    return this.#use((connection) => connection.explained(connection.create(record, signal)));
  }

  /**
   * Sends one request. `version` must be one that a `LeaseLock` for this Lease has returned.
   * @throws `LeaderElectionError` that explains the API server's refusal
   */
  async update(
    version: LockVersion,
    record: LeaderElectionRecord,
    signal?: AbortSignal,
  ): Promise<LockVersion | 'conflict'> {
    return this.#use(async (connection) =>
      connection.explained(connection.update(version, record, signal)),
    );
  }

  /** Watches the Lease until the signal aborts. */
  async watch(listener: LockListener, signal: AbortSignal): Promise<void> {
    await this.#use((connection) => connection.watch(listener, signal));
  }

  /** Calls at the same time share one connection. Left open, it would keep the process alive. */
  async #use<T>(task: (connection: LeaseConnection) => Promise<T>): Promise<T> {
    this.#users += 1;
    let connection: LeaseConnection | undefined;
    try {
      connection = await this.#connect();
      return await task(connection);
    } finally {
      this.#users -= 1;
      if (this.#users === 0) {
        this.#connection = undefined;
        connection?.close();
      }
    }
  }

  async #connect(): Promise<LeaseConnection> {
    this.#connection ??= this[connect](platformOf(this.#options), REQUEST_TIMEOUT_MS).then(
      (connected) => {
        if (connected) return connected;
        const where = 'a kubeConfig outside of a cluster, where there is no Lease';
        throw invalidArgument('options.kubeConfig', where, undefined);
      },
    );
    try {
      return await this.#connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  /** @internal Undefined outside a cluster. */
  async [connect](
    platform: Platform,
    requestTimeoutMs: number,
    events = false,
  ): Promise<LeaseConnection | undefined> {
    const { name, labels = {}, annotations = {} } = this.#options;
    const { namespace, server, credentials } = await locate(platform.environment, this.#options);
    if (!credentials) return undefined;
    const { clock, elections, environment } = platform;
    const transport = await platform.connect(credentials);
    const api = new Api(transport, clock, requestTimeoutMs);
    const lease = { namespace, name, labels, annotations };
    const { kubeConfig } = this.#options;
    const pod = await ownContainer(environment, kubeConfig === undefined);
    const open = async () => {
      return { api: new Api(await platform.connect(credentials), clock), clock, namespace };
    };
    const join =
      pod && (() => Workplace.join(elections, { server, namespace, pod, kubeConfig, open }));
    return new LeaseConnection(platform, api, server, this.identity, lease, events, join);
  }
}

/** Name and namespace of a lock, as far as they are known before it is opened. */
export function placeOf(lock: ResourceLock): { readonly name: string; readonly namespace: string } {
  return lock instanceof LeaseLock ? lock[place] : { name: lock.describe(), namespace: '' };
}

/** Opens a lock of any kind; undefined if there is no election. */
export async function openLock(
  lock: ResourceLock,
  platform: Platform,
  requestTimeoutMs: number,
  events: boolean,
): Promise<OpenLock | undefined> {
  if (lock instanceof LeaseLock) {
    const connection = await lock[connect](platform, requestTimeoutMs, events);
    if (!connection) tellIfKubeConfigIsLeftOut(platform);
    return connection;
  }
  const { identity } = lock;
  const name = lock.describe();
  const server = idOf(lock, platform);
  return {
    identity,
    namespace: '',
    name,
    key: { server, kind: 'Lease', namespace: '', name, candidate: identity },
    describe: () => lock.describe(),
    get: (signal) => lock.get(signal),
    create: (record, signal) => lock.create(record, signal),
    update: (version, record, signal) => lock.update(version, record, signal),
    ...(lock.watch && { watch: lock.watch.bind(lock) }),
    ...(events && lock.recordEvent && { recordEvent: lock.recordEvent.bind(lock) }),
    failure: (error) => ({
      error,
      permanent: error instanceof LeaderElectionError || isBadArgument(error),
      ambiguous: true,
      retryAfterMs: undefined,
    }),
    close: () => undefined,
  };
}

const ids = new WeakMap<ResourceLock, string>();

/** It is not known where a user's own lock is kept, so two objects count as two locks. */
function idOf(lock: ResourceLock, { clock }: Platform): string {
  const id = ids.get(lock) ?? clock.uuid();
  ids.set(lock, id);
  return id;
}

/** The default identity: unique even if Pods of several clusters, or no Pods, share a Lease. */
export function uniqueIdentity({ clock, environment }: Platform): string {
  const hostname = () => nodeProcess?.getBuiltinModule?.('node:os').hostname() ?? 'browser';
  return `${podNameOf(environment) ?? hostname()}_${clock.uuid()}`;
}

/** Two copies of the package would not see that one of them already elects with such a lock. */
export const checkCopy: Check = (name, value) => {
  if (value instanceof LeaseLock || !Object.hasOwn(value as object, brand)) return;
  throw badArgument(
    `${name} is a LeaseLock of another copy of leader-for-life than the elector: a package may be ` +
      'installed or bundled twice. Import both from the same place (npm ls leader-for-life shows them).',
  );
};

export const checkIdentity: Check = (name, value) => {
  if (typeof value !== 'string' || value.trim() === '') {
    throw invalidArgument(name, 'a string that is not empty', value);
  }
};

const checks: Readonly<Record<keyof LeaseLockOptions, Check>> = {
  name: checkLockName,
  ...placeChecks,
  identity: checkIdentity,
  ...labelChecks,
  annotations: annotationsExcept(reservedLeaseAnnotations),
};
