import {
  type HolderContainer,
  type LeaderElectionRecord,
  type LockVersion,
  MAX_INT32,
} from '../protocol/lease/record.ts';
import type { Api } from './api.ts';
import { annotated, containerOf } from './holder-container.ts';
import { type Json, child, isObject, text } from './json.ts';
import { locksPath } from './lock-kind.ts';
import { isAbsent, isConflict, isTaken } from './outcome.ts';
import { asksToStepDown, STEP_DOWN } from './step-down.ts';

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The container of this process, which each record that names a holder is to say. */
  readonly container?: () => HolderContainer | undefined;
}

/**
 * A Lease of `coordination.k8s.io/v1`, read and written as client-go's `LeaseLock` does, except
 * that unknown fields are kept. Each method sends one request; `whileUnsent` ends a write of which
 * nothing has been sent.
 */
export class Lease {
  readonly #api: Api;
  readonly #options: LeaseOptions;
  /** The path of its collection. */
  readonly path: string;

  constructor(api: Api, options: LeaseOptions) {
    this.#api = api;
    this.#options = options;
    this.path = locksPath('lease', options.namespace);
  }

  get(signal: AbortSignal): Promise<LockVersion | undefined> {
    return this.#api.find(`${this.path}/${this.#options.name}`, toVersion, signal);
  }

  async create(
    record: LeaderElectionRecord,
    signal: AbortSignal,
    whileUnsent?: AbortSignal,
  ): Promise<LockVersion | 'conflict'> {
    const { name, namespace } = this.#options;
    const body = this.#body({ metadata: { name, namespace } }, record);
    try {
      const request = { method: 'POST' as const, path: this.path, body };
      return await this.#api.request(request, toVersion, signal, whileUnsent);
    } catch (error) {
      if (isTaken(error)) return 'conflict';
      throw error;
    }
  }

  /**
   * The API server compares the resourceVersion and, because a PUT would create a Lease that is
   * gone, the UID. Both are in what was read.
   */
  async update(
    version: LockVersion,
    record: LeaderElectionRecord,
    signal: AbortSignal,
    whileUnsent?: AbortSignal,
  ): Promise<LockVersion | 'conflict'> {
    const { object } = version;
    if (!isObject(object)) throw new TypeError('this version was not read from a Lease');
    const path = `${this.path}/${this.#options.name}`;
    const body = this.#body(object, record);
    try {
      const request = { method: 'PUT' as const, path, body };
      return await this.#api.request(request, toVersion, signal, whileUnsent);
    } catch (error) {
      if (isAbsent(error) || isConflict(error)) return 'conflict';
      throw error;
    }
  }

  #body(object: Json, record: LeaderElectionRecord): Json {
    const { labels, annotations, container } = this.#options;
    const { metadata, spec } = withoutRequests(object, record);
    const stored = child(metadata, 'annotations');
    const all = annotated({ ...stored, ...annotations }, record, container?.());
    const isAnnotated = Object.keys(stored).length + Object.keys(all).length > 0;
    return {
      ...object,
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        ...metadata,
        ...merged(metadata, 'labels', labels),
        ...(isAnnotated && { annotations: all }),
      },
      spec: { ...spec, ...record },
    };
  }
}

/** Throws if the object cannot be a stored Lease; missing fields of the spec do no harm. */
export function toVersion(object: Json): LockVersion {
  // The API server keeps the managed fields of an update that has none, and they are most of a Lease.
  const { managedFields: _, ...metadata } = child(object, 'metadata');
  const resourceVersion = text(metadata, 'resourceVersion');
  const uid = text(metadata, 'uid');
  if (!resourceVersion || !uid) throw new Error('the answer is no Lease');
  const spec = child(object, 'spec');
  const record = {
    holderIdentity: holderIn(spec),
    leaseDurationSeconds: wholeNumber(spec, 'leaseDurationSeconds'),
    acquireTime: text(spec, 'acquireTime'),
    renewTime: text(spec, 'renewTime'),
    leaseTransitions: wholeNumber(spec, 'leaseTransitions') ?? 0,
  };
  const container = containerOf(child(metadata, 'annotations'), record);
  return {
    record,
    ...(container && { container }),
    resourceVersion,
    uid,
    ...(isHandoverAsked(metadata, spec) && { handoverAsked: true }),
    object: { ...object, metadata },
  };
}

function holderIn(spec: Json): string {
  return text(spec, 'holderIdentity') ?? '';
}

/** By our annotation or, as in client-go's coordinated election, by another preferred holder. */
function isHandoverAsked(metadata: Json, spec: Json): boolean {
  const holder = holderIn(spec);
  const preferred = text(spec, 'preferredHolder') ?? '';
  const prefersOther = holder !== '' && preferred !== '' && preferred !== holder;
  return prefersOther || asksToStepDown(metadata, holder);
}

/** What was asked of one holder is not asked of the next. A release still says who is preferred. */
function withoutRequests(object: Json, { holderIdentity }: LeaderElectionRecord) {
  const metadata = child(object, 'metadata');
  const spec = child(object, 'spec');
  if (holderIdentity === holderIn(spec)) return { metadata, spec };
  const { [STEP_DOWN]: asked, ...annotations } = child(metadata, 'annotations');
  const { preferredHolder, ...rest } = spec;
  return {
    metadata: asked === undefined ? metadata : { ...metadata, annotations },
    spec: holderIdentity === '' || preferredHolder === undefined ? spec : rest,
  };
}

/** Numbers that the API server can store there: an `int32`, not negative. */
function wholeNumber(object: Json, key: string): number | undefined {
  const value = object[key];
  return isWhole(value) ? value : undefined;
}

function isWhole(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_INT32;
}

/** Adds to what exists; undefined if there is nothing to add. */
function merged(metadata: Json, key: string, own: Readonly<Record<string, string>>): Json {
  return Object.keys(own).length === 0 ? {} : { [key]: { ...child(metadata, key), ...own } };
}
