import { isEqual } from './equal.ts';
import { asObject, isJsonObject, type JsonObject } from './objects.ts';
import { ApiError, badRequest, unsupportedMediaType } from './status.ts';
import { goJsonError } from './decode.ts';

const CUSTOM_PATCHES =
  'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml';

/** Applies a JSON merge patch (RFC 7386). */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: JsonObject = { ...asObject(target) };
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, field);
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}

// The lists that Kubernetes merges item by item, with what tells their items apart.
const MERGE_KEYS: Readonly<Record<string, string>> = {
  ownerReferences: 'uid',
  conditions: 'type',
  addresses: 'type',
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
};

const DELETE_FROM = '$deleteFromPrimitiveList/';

/** Applies a strategic merge patch, for the lists that metadata, Pods and Nodes have. */
function strategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const { $patch: directive, ...fields } = patch;
  if (directive === 'replace') return fields;
  const result: JsonObject = { ...asObject(target) };
  for (const [field, value] of Object.entries(fields)) {
    if (field.startsWith(DELETE_FROM)) {
      const list = field.slice(DELETE_FROM.length);
      result[list] = listOf(result[list]).filter((item) => !listOf(value).includes(item));
    } else if (field.startsWith('$')) {
      // The order of elements is a wish of kubectl's that changes nothing here.
    } else if (value === null) {
      Reflect.deleteProperty(result, field);
    } else {
      result[field] = mergeField(field, result[field], value);
    }
  }
  return result;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function mergeField(field: string, target: unknown, value: unknown): unknown {
  if (!Array.isArray(value)) return strategicMergePatch(target, value);
  if (field === 'finalizers') {
    return [...(value as unknown[]), ...listOf(target).filter((item) => !value.includes(item))];
  }
  const key = MERGE_KEYS[field];
  return key === undefined ? value : mergeItems(listOf(target), value, key);
}

function mergeItems(target: unknown[], patches: unknown[], key: string): unknown[] {
  const items = [...target];
  const added: unknown[] = [];
  for (const patch of patches.map(asObject)) {
    const index = items.findIndex((item) => asObject(item)[key] === patch[key]);
    if (patch['$patch'] === 'delete') {
      if (index >= 0) items.splice(index, 1);
    } else if (index >= 0) {
      items[index] = strategicMergePatch(items[index], patch);
    } else {
      added.push(patch);
    }
  }
  return [...added, ...items];
}

function rejected(): ApiError {
  const message = 'the server rejected our request due to an error in our request';
  return new ApiError(422, 'Invalid', message, {});
}

function pointer(path: unknown): string[] {
  if (typeof path !== 'string') throw rejected();
  return path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: unknown, parts: readonly string[]): unknown {
  let value = document;
  for (const part of parts) {
    const holder: JsonObject = Object.fromEntries(Object.entries(value ?? {}));
    if (!(part in holder)) throw rejected();
    value = holder[part];
  }
  return value;
}

function write(document: unknown, parts: readonly string[], value: unknown): unknown {
  const [part, ...rest] = parts;
  if (part === undefined) return value;
  const inner = rest.length > 0 ? write(read(document, [part]), rest, value) : value;
  if (!Array.isArray(document)) return { ...(document as JsonObject), [part]: inner };
  const list: unknown[] = [...(document as unknown[])];
  const index = part === '-' ? list.length : Number(part);
  if (!Number.isInteger(index) || index < 0 || index > list.length) throw rejected();
  list.splice(index, rest.length > 0 ? 1 : 0, inner);
  return list;
}

function remove(document: unknown, parts: readonly string[]): unknown {
  read(document, parts);
  const [part = '', ...rest] = parts;
  if (Array.isArray(document)) {
    const list: unknown[] = [...(document as unknown[])];
    if (rest.length > 0) list[Number(part)] = remove(list[Number(part)], rest);
    else list.splice(Number(part), 1);
    return list;
  }
  const copy: JsonObject = { ...asObject(document) };
  if (rest.length > 0) copy[part] = remove(copy[part], rest);
  else Reflect.deleteProperty(copy, part);
  return copy;
}

/** Applies a JSON patch (RFC 6902). Throws what the API server answers when it does not apply. */
function jsonPatch(target: unknown, operations: readonly unknown[]): unknown {
  let document = target;
  for (const operation of operations.map(asObject)) {
    const path = pointer(operation['path']);
    switch (operation['op']) {
      case 'test':
        if (!isEqual(read(document, path), operation['value'])) throw rejected();
        break;
      case 'add':
        document = write(document, path, operation['value']);
        break;
      case 'replace':
        document = write(remove(document, path), path, operation['value']);
        break;
      case 'remove':
        document = remove(document, path);
        break;
      case 'copy':
        document = write(document, path, read(document, pointer(operation['from'])));
        break;
      case 'move': {
        const from = pointer(operation['from']);
        document = write(remove(document, from), path, read(document, from));
        break;
      }
      default:
        throw rejected();
    }
  }
  return document;
}

function parsePatch(text: string, isList: boolean): unknown {
  let patch: unknown;
  try {
    patch = JSON.parse(text);
  } catch (error) {
    throw badRequest(`error decoding patch: ${goJsonError(error)}`);
  }
  if (isList ? Array.isArray(patch) : isJsonObject(patch)) return patch;
  const found = Array.isArray(patch) ? 'array' : isJsonObject(patch) ? 'object' : typeof patch;
  const wanted = isList ? '[]handlers.jsonPatchOp' : 'map[string]interface {}';
  throw badRequest(
    `error decoding patch: json: cannot unmarshal ${found} into Go value of type ${wanted}`,
  );
}

/**
 * Applies a patch of one of the three kinds; a custom resource takes no strategic one. Throws what
 * the API server answers to others.
 */
export function applyPatch(
  target: unknown,
  text: string,
  contentType: string,
  isCustom: boolean,
): unknown {
  switch (contentType) {
    case 'application/merge-patch+json':
      return mergePatch(target, parsePatch(text, false));
    case 'application/json-patch+json':
      return jsonPatch(target, listOf(parsePatch(text, true)));
    case 'application/strategic-merge-patch+json':
      if (!isCustom) return strategicMergePatch(target, parsePatch(text, false));
  }
  if (isCustom) throw unsupportedMediaType(CUSTOM_PATCHES);
  throw unsupportedMediaType('415: Unsupported Media Type', {});
}
