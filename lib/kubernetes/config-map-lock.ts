import { type Lock, type PodIdentity, holderOf } from '../protocol/model.ts';
import type { Api } from './api.ts';
import { type Json, child, isGiven, list, text } from './json.ts';
import { locksPath } from './lock-kind.ts';
import { isDnsSubdomain } from './names.ts';
import { hasStatus, isAbsent, isConflict, isTaken } from './outcome.ts';
import { mergePatch } from './transport.ts';
import { asksToStepDown, STEP_DOWN } from './step-down.ts';

const POD_NAME = 'leader-for-life/pod-name';
const POD_UID = 'leader-for-life/pod-uid';
const ATTEMPT = 'leader-for-life/attempt';
/** `name/uid` of each predecessor, comma-separated. */
const PREDECESSORS = 'leader-for-life/predecessors';

/** The holder has stopped leading, and is about to delete the lock. */
const RELEASED = 'leader-for-life/released';

/** Annotations that mark a lock as ours; users may not set them. */
export const reservedAnnotations: readonly string[] = [
  POD_NAME,
  POD_UID,
  ATTEMPT,
  PREDECESSORS,
  RELEASED,
  STEP_DOWN,
];

const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'leader-for-life' };

export interface ConfigMapLockOptions {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The lock: a ConfigMap that the leader's Pod owns. Each method sends one request. */
export class ConfigMapLock {
  readonly #api: Api;
  readonly #options: ConfigMapLockOptions;
  /** The path of its collection. */
  readonly path: string;
  readonly name: string;

  constructor(api: Api, options: ConfigMapLockOptions) {
    this.#api = api;
    this.#options = options;
    this.name = options.name;
    this.path = locksPath('life', options.namespace);
  }

  get(signal?: AbortSignal): Promise<Lock | undefined> {
    return this.#api.find(`${this.path}/${this.name}`, toLock, signal);
  }

  async create(
    owner: PodIdentity,
    attempt: string,
    predecessors: readonly PodIdentity[] = [],
    signal?: AbortSignal,
    whileUnsent?: AbortSignal,
  ): Promise<Lock | 'exists'> {
    try {
      const body = this.#manifest(owner, attempt, predecessors);
      const read = (object: Json) => {
        const lock = toLock(object);
        if (isAsSent(lock, owner, attempt, predecessors)) return lock;
        throw new Error('the answer is not the ConfigMap that was to be created');
      };
      const request = { method: 'POST' as const, path: this.path, body };
      return await this.#api.request(request, read, signal, whileUnsent);
    } catch (error) {
      if (isTaken(error)) return 'exists';
      throw error;
    }
  }

  /** Marks exactly this version as released; `'changed'` if it is gone or was changed meanwhile. */
  async release(lock: Lock, signal?: AbortSignal): Promise<Lock | 'changed'> {
    const { uid, resourceVersion } = lock;
    const metadata = { uid, resourceVersion, annotations: { [RELEASED]: 'true' } };
    const request = mergePatch(`${this.path}/${this.name}`, { metadata });
    try {
      return await this.#api.request(request, toLock, signal);
    } catch (error) {
      // Another UID would change an immutable field: 422.
      if (isAbsent(error) || isConflict(error) || hasStatus(error, 422)) return 'changed';
      throw error;
    }
  }

  /** Deletes exactly this version; false if it is gone or was changed meanwhile. */
  async delete(lock: Lock, signal?: AbortSignal): Promise<boolean> {
    try {
      const path = `${this.path}/${this.name}`;
      const preconditions = { uid: lock.uid, resourceVersion: lock.resourceVersion };
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
      return await this.#api.request({ method: 'DELETE', path, body }, () => true, signal);
    } catch (error) {
      if (isAbsent(error) || isConflict(error)) return false;
      throw error;
    }
  }

  #manifest(owner: PodIdentity, attempt: string, predecessors: readonly PodIdentity[]) {
    const { name, namespace, labels, annotations } = this.#options;
    const after = predecessors.map((pod) => `${pod.name}/${pod.uid}`).join(',');
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace,
        labels: { ...MANAGED_BY, ...labels },
        annotations: {
          ...annotations,
          [POD_NAME]: owner.name,
          [POD_UID]: owner.uid,
          [ATTEMPT]: attempt,
          ...(after && { [PREDECESSORS]: after }),
        },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: owner.name, uid: owner.uid }],
      },
    };
  }
}

/** Throws if the object cannot be a stored ConfigMap. */
export function toLock(object: Json): Lock {
  const metadata = child(object, 'metadata');
  const annotations = child(metadata, 'annotations');
  const uid = text(metadata, 'uid');
  const resourceVersion = text(metadata, 'resourceVersion');
  // It becomes the fencing token, a whole number, and part of the request that releases the lock.
  if (!uid || !resourceVersion || !/^\d{1,20}$/.test(resourceVersion)) {
    throw new Error('the answer is no ConfigMap');
  }
  const owner = podOwner(metadata);
  const mark = identity(text(annotations, POD_NAME), text(annotations, POD_UID));
  const attempt = text(annotations, ATTEMPT);
  const predecessors = identities(text(annotations, PREDECESSORS));
  return {
    uid,
    resourceVersion,
    released: text(annotations, RELEASED) !== undefined,
    deleting: isGiven(metadata, 'deletionTimestamp'),
    finalizers: list(metadata, 'finalizers').filter((item) => typeof item === 'string'),
    ...(asksToStepDown(metadata, (owner ?? mark)?.name) && { handoverAsked: true }),
    ...(owner && { owner }),
    ...(mark && { mark }),
    ...(attempt !== undefined && { attempt }),
    ...(predecessors.length > 0 && { predecessors }),
  };
}

/** Whether the stored lock equals the sent one in all that decides who leads. */
function isAsSent(
  lock: Lock,
  owner: PodIdentity,
  attempt: string,
  predecessors: readonly PodIdentity[],
): boolean {
  const noted = lock.predecessors ?? [];
  return (
    lock.attempt === attempt &&
    holderOf(lock)?.uid === owner.uid &&
    !lock.released &&
    noted.length === predecessors.length &&
    noted.every(({ uid }, index) => uid === predecessors[index]?.uid)
  );
}

/** The first Pod among the owners: all candidates must see the same one. */
function podOwner(metadata: Json): PodIdentity | undefined {
  for (const reference of list(metadata, 'ownerReferences')) {
    if (text(reference, 'kind') !== 'Pod' || text(reference, 'apiVersion') !== 'v1') continue;
    const owner = identity(text(reference, 'name'), text(reference, 'uid'));
    if (owner) return owner;
  }
  return undefined;
}

function identities(annotation = ''): readonly PodIdentity[] {
  const pods = annotation.split(',').map((pod) => {
    const [name, uid] = pod.split('/');
    return identity(name, uid);
  });
  return pods.filter((pod) => pod !== undefined);
}

function identity(name: string | undefined, uid: string | undefined): PodIdentity | undefined {
  return name && uid && isDnsSubdomain(name) ? { name, uid } : undefined;
}
