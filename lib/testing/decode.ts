import { toHex } from './bytes.ts';
import { isJsonObject, type JsonObject } from './objects.ts';
import { badRequest } from './status.ts';
import { parseMicroTime } from './timestamps.ts';

/** The Go type that the API server decodes a value into, as far as it can be told from outside. */
export type Shape =
  | 'any'
  | 'string'
  | 'int32'
  | 'bool'
  | 'microTime'
  | 'stringMap'
  | { readonly listOf: Shape }
  | StructShape;

/** A Go struct. Fields that it does not have are dropped, unless it is open. */
export interface StructShape {
  readonly struct: string;
  readonly fields: Readonly<Record<string, Shape>>;
  readonly open?: boolean;
}

/** A value that does not fit; the message is that of Go's `encoding/json`. */
export class DecodeError extends Error {}

const GO_TYPES = {
  any: 'interface {}',
  string: 'string',
  int32: 'int32',
  bool: 'bool',
  microTime: 'string',
  stringMap: 'map[string]string',
};

const OWNER_REFERENCE: StructShape = {
  struct: 'OwnerReference',
  fields: {
    apiVersion: 'string',
    kind: 'string',
    name: 'string',
    uid: 'string',
    controller: 'bool',
    blockOwnerDeletion: 'bool',
  },
};

/** The shape of every object's metadata. */
export const OBJECT_META: StructShape = {
  struct: 'ObjectMeta',
  fields: {
    name: 'string',
    generateName: 'string',
    namespace: 'string',
    uid: 'string',
    resourceVersion: 'string',
    generation: 'any',
    creationTimestamp: 'any',
    deletionTimestamp: 'any',
    deletionGracePeriodSeconds: 'any',
    labels: 'stringMap',
    annotations: 'stringMap',
    ownerReferences: { listOf: OWNER_REFERENCE },
    finalizers: { listOf: 'string' },
  },
};

function goTypeOf(shape: Shape): string {
  if (typeof shape === 'string') return GO_TYPES[shape];
  return 'listOf' in shape ? `[]${goTypeOf(shape.listOf)}` : `v1.${shape.struct}`;
}

function jsonTypeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function mismatch(value: unknown, wanted: string, where: string): DecodeError {
  const found = Number.isFinite(value) && wanted === 'int32' ? `number ${String(value)}` : '';
  const what = found || jsonTypeOf(value);
  return new DecodeError(
    `json: cannot unmarshal ${what} into Go struct field ${where} of type ${wanted}`,
  );
}

/** The value as the API server would keep it. Throws a `DecodeError` when it does not fit. */
export function decode(value: unknown, shape: Shape, struct = '', path = ''): unknown {
  const where = `${struct}.${path}`;
  if (typeof shape !== 'string') {
    if (!('listOf' in shape)) return decodeStruct(value, shape, where, path);
    if (!Array.isArray(value)) throw mismatch(value, goTypeOf(shape), where);
    return value.map((item) => decode(item, shape.listOf, struct, path));
  }
  switch (shape) {
    case 'any':
      return value;
    case 'string':
      if (typeof value !== 'string') throw mismatch(value, 'string', where);
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw mismatch(value, 'bool', where);
      return value;
    case 'int32':
      if (!isInt32(value)) throw mismatch(value, 'int32', where);
      return value;
    case 'microTime':
      return decodeMicroTime(value, where);
    case 'stringMap':
      return decodeMap(value, where);
  }
}

function isInt32(value: unknown): boolean {
  return Number.isInteger(value) && value === ((value as number) | 0);
}

function decodeMicroTime(value: unknown, where: string): string {
  if (typeof value !== 'string') throw mismatch(value, 'string', where);
  const parsed = parseMicroTime(value);
  if ('problem' in parsed) throw new DecodeError(parsed.problem);
  return parsed.time;
}

function decodeMap(value: unknown, where: string): JsonObject | undefined {
  if (!isJsonObject(value)) throw mismatch(value, GO_TYPES.stringMap, where);
  for (const entry of Object.values(value)) {
    if (typeof entry !== 'string') throw mismatch(entry, 'string', where);
  }
  return Object.keys(value).length === 0 ? undefined : value;
}

function decodeStruct(value: unknown, shape: StructShape, where: string, path: string): JsonObject {
  if (!isJsonObject(value)) throw mismatch(value, goTypeOf(shape), where);
  const kept: [string, unknown][] = [];
  for (const [field, entry] of Object.entries(value)) {
    const known = Object.hasOwn(shape.fields, field) ? shape.fields[field] : undefined;
    const fieldShape = known ?? (shape.open ? 'any' : undefined);
    if (fieldShape === undefined || entry === null || entry === undefined) continue;
    const decoded = decode(entry, fieldShape, shape.struct, path ? `${path}.${field}` : field);
    if (decoded !== undefined) kept.push([field, decoded]);
  }
  // Not by assignment: a field may be called __proto__.
  return Object.fromEntries(kept);
}

/** Go's complaint about text that is not JSON, as near as JavaScript's own complaint allows. */
export function goJsonError(error: unknown): string {
  const text = error instanceof Error ? error.message : '';
  const token = /Unexpected token '?(.)/u.exec(text)?.[1];
  return token === undefined
    ? 'unexpected end of JSON input'
    : `invalid character '${token}' looking for beginning of value`;
}

/** The body of a POST or PUT as an object. Throws what the API server answers to anything else. */
export function parseBody(text: string, kind: string): JsonObject {
  let value: unknown;
  const unrecognized = `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error:`;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(`${unrecognized} ${goJsonError(error)} (${text || '<empty>'})`);
  }
  if (isJsonObject(value)) return value;
  const header =
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  const problem = `json: cannot unmarshal ${jsonTypeOf(value)} into Go value of type ${header}`;
  throw badRequest(`${unrecognized} ${problem} (${toHex(text)})`);
}
