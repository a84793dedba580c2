import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import { decode, DecodeError } from './decode.ts';
import { NAMESPACES } from './kinds.ts';
import {
  asObject,
  asText,
  omit,
  tidyMetadata,
  withMetadata,
  type JsonObject,
  type KubeObject,
  type ObjectMeta,
} from './objects.ts';
import { apiVersionOf, byKind, byPlural, type ResourceType } from './resource-type.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  internalError,
  invalid,
  invalidValue,
  notFound,
} from './status.ts';
import { keyOf, type Store } from './store.ts';
import { wireTime, wireTimeAfter } from './timestamps.ts';
import { metadataProblems, updateProblems } from './validation.ts';

/** `metav1.DeleteOptions`, as far as the model knows them. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** Counts of objects that a namespace may hold, as in `ResourceQuota.spec.hard`. */
export type QuotaLimits = Readonly<Record<string, number>>;

/** What came of a write: the object, and whether it is there now, and was before. */
export interface Written {
  readonly object: KubeObject;
  readonly created: boolean;
}

const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

const RANDOM_NAME = 'bcdfghjklmnpqrstvwxz2456789';

/** Which fields a write may change: all but the status, or the status only. */
export type Part = 'object' | 'status';

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
    const decoded = this.#decode(type, body);
    this.#checkNamespace(decoded, namespace);
    const given = asObject(decoded['metadata']);
    const name = this.#nameFor(given);
    this.#admit(type, namespace, name);
    const prepared = type.prepare({ ...decoded, metadata: given });
    const metadata = tidyMetadata({
      ...asObject(prepared['metadata']),
      name,
      namespace,
      uid: this.#clock.uuid(),
      resourceVersion: undefined,
      creationTimestamp: wireTime(this.#clock.date()),
      deletionTimestamp: undefined,
      deletionGracePeriodSeconds: undefined,
      ...(type.hasGeneration && { generation: 1 }),
    });
    const object = { ...identified(type, prepared), metadata };
    this.#validate(type, object, []);
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
    const decoded = this.#decode(type, body);
    this.#checkName(decoded, name);
    this.#checkNamespace(decoded, namespace);
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
    this.#checkVersion(type, existing, given['resourceVersion'], type.unconditionalUpdate);
    const next = { ...decoded, metadata: { ...given, uid } };
    return { object: this.#update(type, existing, next, part), created: false };
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
    this.#checkName(patched, name);
    this.#checkNamespace(patched, namespace);
    const decoded = this.#decodePatched(type, patched);
    this.#checkVersion(type, existing, asObject(decoded['metadata'])['resourceVersion'], true);
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
    this.#checkPreconditions(type, object, options);
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

  /** Removes a terminating namespace, whatever is still said to be in it. */
  removeNamespace(namespace: KubeObject): void {
    this.#store.remove(NAMESPACES, namespace);
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
    return isDeepStrictEqual(marked, object) ? object : this.#store.put(type, marked);
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
    this.#validate(type, object, updateProblems(metadata, old));
    if (isDeepStrictEqual(object, existing)) return existing;
    const finalized = !object.metadata.finalizers && !old.deletionGracePeriodSeconds;
    if (old.deletionTimestamp !== undefined && finalized && type !== NAMESPACES) {
      this.#store.remove(type, existing);
      return object;
    }
    return this.#store.put(type, object);
  }

  #validate(
    type: ResourceType,
    object: KubeObject,
    others: readonly Parameters<typeof invalid>[1][number][],
  ): void {
    const problems = [...metadataProblems(object), ...others, ...type.validate(object)];
    if (problems.length > 0) throw invalid(byKind(type, object.metadata.name), problems);
  }

  #decode(type: ResourceType, body: JsonObject): JsonObject {
    const { kind, plural } = type;
    const apiVersion = apiVersionOf(type);
    const givenVersion = asText(body['apiVersion']) || apiVersion;
    const givenKind = asText(body['kind']) || kind;
    if (givenKind !== kind) {
      const why = `converting (v1.${givenKind}) to (core.${kind}): unknown conversion`;
      throw badRequest(`${givenKind} in version "v1" cannot be handled as a ${kind}: ${why}`);
    }
    if (givenVersion !== apiVersion) {
      const why = `does not match the expected API version (${apiVersion})`;
      throw badRequest(`the API version in the data (${givenVersion}) ${why}`);
    }
    try {
      return asObject(decode(body, type.shape, plural));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const { version } = type;
      const what = `${kind} in version "${version}" cannot be handled as a ${kind}`;
      throw badRequest(`${what}: ${error.message}`);
    }
  }

  #decodePatched(type: ResourceType, patched: JsonObject): JsonObject {
    try {
      return asObject(decode(patched, type.shape, type.plural));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const problem = invalidValue('patch', JSON.stringify(patched), '');
      const message = `${problem.message.slice(0, -2)}: ${error.message}`;
      throw invalid({ group: '', kind: '' }, [{ ...problem, message }]);
    }
  }

  #nameFor(metadata: JsonObject): string {
    const { name, generateName } = metadata;
    if (typeof name === 'string' && name) return name;
    if (typeof generateName !== 'string' || !generateName) return '';
    const letters = Array.from({ length: 5 }, () =>
      RANDOM_NAME.charAt(Math.floor(this.#clock.random() * RANDOM_NAME.length)),
    );
    return generateName + letters.join('');
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
      const used = this.#store.list(type, namespace).length;
      if (limit === undefined || used < limit) continue;
      const counts = `requested: ${key}=1, used: ${key}=${used}, limited: ${key}=${limit}`;
      throw forbidden(byPlural(type, name), `exceeded quota: ${quota.name}, ${counts}`);
    }
  }

  #checkName(body: JsonObject, name: string): void {
    const given = asObject(body['metadata'])['name'];
    if (!given) {
      const why = 'was undeterminable: name must be provided';
      throw badRequest(`the name of the object (${name} based on URL) ${why}`);
    }
    if (given !== name) {
      const why = `does not match the name on the URL (${name})`;
      throw badRequest(`the name of the object (${asText(given)}) ${why}`);
    }
  }

  #checkNamespace(body: JsonObject, namespace: string | undefined): void {
    const given = asObject(body['metadata'])['namespace'];
    if (!given || given === namespace) return;
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }

  #checkVersion(
    type: ResourceType,
    existing: KubeObject,
    given: unknown,
    unconditional: boolean,
  ): void {
    const { name, resourceVersion } = existing.metadata;
    const version = typeof given === 'string' ? given : '';
    if (!/^\d*$/.test(version)) {
      throw internalError(`strconv.ParseUint: parsing "${version}": invalid syntax`);
    }
    if (Number(version) === 0) {
      if (unconditional) return;
      const why = 'must be specified for an update';
      throw invalid(byPlural(type, name), [invalidValue('metadata.resourceVersion', 0, why)]);
    }
    if (version !== resourceVersion) throw conflict(byPlural(type, name), MODIFIED);
  }

  #checkPreconditions(type: ResourceType, object: KubeObject, options: DeleteOptions): void {
    const { uid, resourceVersion } = options.preconditions ?? {};
    const { metadata } = object;
    if (uid !== undefined && uid !== metadata.uid) {
      const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
      throw conflict(byKind(type, metadata.name), why);
    }
    if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
      const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
      throw conflict(byKind(type, metadata.name), why);
    }
  }
}

function identified(type: ResourceType, body: JsonObject): JsonObject & KubeObject {
  const metadata = body['metadata'] as ObjectMeta;
  const content = omit(body, 'kind', 'apiVersion', 'metadata');
  return { kind: type.kind, apiVersion: apiVersionOf(type), metadata, ...content };
}

function withPropagation(finalizers: readonly string[], options: DeleteOptions): string[] {
  const others = finalizers.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  switch (options.propagationPolicy) {
    case 'Orphan':
      return [...others, 'orphan'];
    case 'Foreground':
      return [...others, 'foregroundDeletion'];
    default:
      return [...finalizers];
  }
}

/** The object after a write of one part: what the other part says stays. */
function mergeParts(
  type: ResourceType,
  existing: KubeObject,
  next: KubeObject,
  part: Part,
): KubeObject {
  if (part === 'status') return { ...existing, metadata: next.metadata, status: next['status'] };
  if (!type.hasStatus) return next;
  const { status } = existing;
  const wishes = omit(next, 'status') as KubeObject;
  const object: KubeObject = { ...wishes, ...(status !== undefined && { status }) };
  if (!type.hasGeneration || isDeepStrictEqual(wishesOf(object), wishesOf(existing))) return object;
  return withMetadata(object, { generation: (existing.metadata.generation ?? 0) + 1 });
}

function wishesOf(object: KubeObject): JsonObject {
  return { ...object, metadata: undefined, status: undefined };
}
