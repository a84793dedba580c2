import { isEqual } from './equal.ts';
import { NAMESPACES } from './kinds.ts';
import {
  type DeleteOptions,
  identified,
  mergeParts,
  type Part,
  withPropagation,
} from './object-parts.ts';
import {
  asObject,
  asText,
  type JsonObject,
  type KubeObject,
  tidyMetadata,
  withMetadata,
} from './objects.ts';
import {
  checkName,
  checkNamespace,
  checkPreconditions,
  checkVersion,
  decodeBody,
  decodePatched,
  validate,
} from './registry-checks.ts';
import { byPlural, type ResourceType } from './resource-type.ts';
import { alreadyExists, conflict, forbidden, internalError, notFound } from './status.ts';
import { keyOf, type Store } from './store.ts';
import { wireTime, wireTimeAfter } from './timestamps.ts';
import { updateProblems } from './validation.ts';
import type { Clock } from '../platform/clock.ts';

/** Counts of objects that a namespace may hold, as in `ResourceQuota.spec.hard`. */
export type QuotaLimits = Readonly<Record<string, number>>;

/** What came of a write: the object, and whether it is there now, and was before. */
export interface Written {
  readonly object: KubeObject;
  readonly created: boolean;
}

const RANDOM_NAME = 'bcdfghjklmnpqrstvwxz2456789';
/** A generated name fits into a label: 63 characters, of which five are random. */
const MAX_PREFIX = 58;

/** Applies the API server's rules of writing to a store. */
export class Registry {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #quotas = new Map<string, { readonly name: string; readonly hard: QuotaLimits }>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Limits a namespace; without limits, no longer. */
  setQuota(namespace: string, name: string, hard: QuotaLimits | undefined): void {
    if (hard) this.#quotas.set(namespace, { name, hard });
    else this.#quotas.delete(namespace);
  }

  create(type: ResourceType, namespace: string | undefined, body: JsonObject): KubeObject {
    const decoded = decodeBody(type, body);
    checkNamespace(decoded, namespace);
    const given = asObject(decoded['metadata']);
    const name = this.#nameFor(given);
    this.#admit(type, namespace, name);
    const prepared = type.prepare({ ...decoded, metadata: { ...given, name } });
    const metadata = tidyMetadata({
      ...asObject(prepared['metadata']),
      namespace,
      uid: this.#clock.uuid(),
      resourceVersion: undefined,
      creationTimestamp: wireTime(this.#clock.date()),
      deletionTimestamp: undefined,
      deletionGracePeriodSeconds: undefined,
      ...(type.hasGeneration && { generation: 1 }),
    });
    const object = { ...identified(type, prepared), metadata };
    validate(type, object, []);
    this.#checkQuota(type, namespace, name);
    if (given['resourceVersion']) {
      throw internalError('resourceVersion should not be set on objects to be created');
    }
    if (this.#store.get(type, namespace, name)) throw alreadyExists(byPlural(type, name));
    return this.#store.put(type, object);
  }

  /** A PUT: replaces the object, or creates it where the kind allows that. */
  replace(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    body: JsonObject,
    part: Part,
  ): Written {
    const decoded = decodeBody(type, body);
    checkName(decoded, name);
    checkNamespace(decoded, namespace);
    const existing = this.#store.get(type, namespace, name);
    const given = asObject(decoded['metadata']);
    if (!existing && (!type.createOnUpdate || part === 'status')) {
      throw notFound(byPlural(type, name));
    }
    const uid = existing?.metadata.uid ?? '';
    if (given['uid'] && given['uid'] !== uid) {
      const path = `/registry/${type.plural}/${keyOf(namespace, name)}`;
      const why = `StorageError: invalid object, Code: 4, Key: ${path}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${asText(given['uid'])}, UID in object meta: ${uid}`;
      throw conflict(byPlural(type, name), why);
    }
    if (!existing) {
      const unversioned = { ...decoded, metadata: { ...given, resourceVersion: undefined } };
      return { object: this.create(type, namespace, unversioned), created: true };
    }
    checkVersion(type, existing, given['resourceVersion'], type.unconditionalUpdate);
    return { object: this.#update(type, existing, decoded, part), created: false };
  }

  /** A PATCH: `apply` makes the new content from the old. */
  patch(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    apply: (object: KubeObject) => unknown,
    part: Part,
  ): KubeObject {
    const existing = this.get(type, namespace, name);
    const patched = asObject(apply(existing));
    checkName(patched, name);
    checkNamespace(patched, namespace);
    const decoded = decodePatched(type, patched);
    checkVersion(type, existing, asObject(decoded['metadata'])['resourceVersion'], true);
    return this.#update(type, existing, decoded, part);
  }

  get(type: ResourceType, namespace: string | undefined, name: string): KubeObject {
    const object = this.#store.get(type, namespace, name);
    if (!object) throw notFound(byPlural(type, name));
    return object;
  }

  /** Deletes or begins to. `gone` tells which of the two. */
  delete(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions,
  ): { readonly object: KubeObject; readonly gone: boolean } {
    const object = this.get(type, namespace, name);
    checkPreconditions(type, object, options);
    if (type === NAMESPACES) return this.#terminateNamespace(object);
    const finalizers = withPropagation(object.metadata.finalizers ?? [], options);
    const seconds = type.gracePeriod?.(object, options.gracePeriodSeconds) ?? 0;
    const lingers = finalizers.length > 0 || seconds > 0;
    if (!lingers && !type.gracePeriod) {
      return { object: this.#store.remove(type, object), gone: true };
    }
    // A graceful kind is seen terminating even if it goes at once, as on the real server.
    const marked = this.#mark(type, object, seconds, finalizers);
    return lingers
      ? { object: marked, gone: false }
      : { object: this.#store.remove(type, marked), gone: true };
  }

  #terminateNamespace(namespace: KubeObject): { object: KubeObject; gone: boolean } {
    const { name, deletionTimestamp } = namespace.metadata;
    if (['default', 'kube-system', 'kube-public'].includes(name)) {
      throw forbidden(byPlural(NAMESPACES, name), 'this namespace may not be deleted');
    }
    if (deletionTimestamp !== undefined) return { object: namespace, gone: false };
    const now = wireTime(this.#clock.date());
    const marked = withMetadata(namespace, { deletionTimestamp: now });
    const object = this.#store.put(NAMESPACES, { ...marked, status: { phase: 'Terminating' } });
    return { object, gone: false };
  }

  /** Writes that the object is being deleted, unless that is written already. */
  #mark(
    type: ResourceType,
    object: KubeObject,
    seconds: number,
    finalizers: readonly string[],
  ): KubeObject {
    const { deletionTimestamp, deletionGracePeriodSeconds, generation } = object.metadata;
    const since = deletionTimestamp === undefined;
    const shorter = since || seconds < (deletionGracePeriodSeconds ?? 0);
    const marked = withMetadata(object, {
      finalizers,
      ...(shorter && {
        deletionTimestamp: wireTimeAfter(this.#clock.date(), seconds),
        deletionGracePeriodSeconds: seconds,
      }),
      ...(since && generation !== undefined && { generation: generation + 1 }),
    });
    return isEqual(marked, object) ? object : this.#store.put(type, marked);
  }

  #update(type: ResourceType, existing: KubeObject, next: JsonObject, part: Part): KubeObject {
    const old = existing.metadata;
    const given = asObject(next['metadata']);
    const metadata = tidyMetadata({
      ...given,
      name: old.name,
      namespace: old.namespace,
      uid: asText(given['uid']) || old.uid,
      resourceVersion: old.resourceVersion,
      generation: old.generation,
      creationTimestamp: old.creationTimestamp,
      deletionTimestamp: asText(given['deletionTimestamp']) || old.deletionTimestamp,
      deletionGracePeriodSeconds: old.deletionGracePeriodSeconds,
      ...(part === 'status' && { ownerReferences: old.ownerReferences }),
    });
    const object = mergeParts(type, existing, { ...identified(type, next), metadata }, part);
    validate(type, object, updateProblems(object.metadata, old));
    if (isEqual(object, existing)) return existing;
    const finalized = !object.metadata.finalizers && !old.deletionGracePeriodSeconds;
    if (old.deletionTimestamp !== undefined && finalized && type !== NAMESPACES) {
      this.#store.remove(type, existing);
      return object;
    }
    return this.#store.put(type, object);
  }

  #nameFor(metadata: JsonObject): string {
    const { name, generateName } = metadata;
    if (typeof name === 'string' && name) return name;
    if (typeof generateName !== 'string' || !generateName) return '';
    const letters = Array.from({ length: 5 }, () =>
      RANDOM_NAME.charAt(Math.floor(this.#clock.random() * RANDOM_NAME.length)),
    );
    return generateName.slice(0, MAX_PREFIX) + letters.join('');
  }

  #admit(type: ResourceType, namespace: string | undefined, name: string): void {
    if (!type.namespaced || namespace === undefined) return;
    const home = this.#store.get(NAMESPACES, undefined, namespace);
    if (!home) throw notFound(byPlural(NAMESPACES, namespace));
    if (home.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw forbidden(byPlural(type, name), why, {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    });
  }

  #checkQuota(type: ResourceType, namespace: string | undefined, name: string): void {
    const quota = namespace === undefined ? undefined : this.#quotas.get(namespace);
    if (!quota) return;
    const full = type.group ? `${type.plural}.${type.group}` : type.plural;
    for (const key of [`count/${full}`, full]) {
      const limit = quota.hard[key];
      const used = this.#store.list(type, namespace).filter(isCounted(key)).length;
      if (limit === undefined || used < limit) continue;
      const counts = `requested: ${key}=1, used: ${key}=${used}, limited: ${key}=${limit}`;
      throw forbidden(byPlural(type, name), `exceeded quota: ${quota.name}, ${counts}`);
    }
  }
}

/** `pods` counts Pods that have not ended; `count/pods` and all other keys count objects. */
function isCounted(key: string): (object: KubeObject) => boolean {
  return ({ status }) =>
    key !== 'pods' || !['Failed', 'Succeeded'].includes(asText(asObject(status)['phase']));
}
