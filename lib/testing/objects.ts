/** A reference from an object to another without which it shall not exist. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** The metadata of a stored object, as on the wire. */
export interface ObjectMeta {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

/** A stored object, as on the wire. It is never changed in place: a write puts a new one there. */
export interface KubeObject {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export type JsonObject = Record<string, unknown>;

/** A type of `@kubernetes/client-node` as its JSON looks: timestamps are strings. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T;

/** An object that the cluster holds: the metadata that every stored object has are there. */
export type Stored<T> = Wire<T> & {
  kind: string;
  apiVersion: string;
  metadata: { name: string; uid: string; resourceVersion: string; creationTimestamp: string };
};

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an object; an empty one when it is anything else. */
export function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** The value as a text; an empty one when it is anything else. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A copy of the object without some of its fields. */
export function omit(object: Readonly<JsonObject>, ...fields: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([field]) => !fields.includes(field)));
}

const METADATA_ORDER = [
  'name',
  'generateName',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
];

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/** The known metadata in the API server's order, without those that are empty. */
export function tidyMetadata(metadata: Readonly<JsonObject>): ObjectMeta {
  const tidy: JsonObject = {};
  for (const field of METADATA_ORDER) {
    if (!isEmpty(metadata[field])) tidy[field] = metadata[field];
  }
  return tidy as unknown as ObjectMeta;
}

/** The object with some of its metadata replaced; `undefined` removes one. */
export function withMetadata(
  object: KubeObject,
  changes: { readonly [Field in keyof ObjectMeta]?: ObjectMeta[Field] | undefined },
): KubeObject {
  return { ...object, metadata: tidyMetadata({ ...object.metadata, ...changes }) };
}
