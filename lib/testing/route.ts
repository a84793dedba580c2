import type { ResourceTypes } from './kinds.ts';
import type { ResourceType } from './resource-type.ts';

/** The verb of a request, in the words of RBAC. */
export type Verb =
  'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** A request as it reaches the API server, with its body as text. */
export interface RawRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
}

/** What a request is about. */
export interface Route {
  readonly verb: Verb;
  readonly group: string;
  readonly version: string;
  /** The resource's plural name; empty for a path that names none, such as `/version`. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace?: string;
  /** For lists and watches, the name in their field selector. */
  readonly name?: string;
  /** Whether the path itself ends in a name. */
  readonly named: boolean;
  /** Absent when the cluster serves no such kind. */
  readonly type?: ResourceType;
}

/** Whether a query parameter is true, as Go reads booleans there. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'f', 'F', 'False', 'FALSE'].includes(value);
}

function verbOf({ method, query }: RawRequest, named: boolean): Verb {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return named ? 'delete' : 'deletecollection';
    default:
      if (named) return 'get';
      return isTrue(query['watch']) ? 'watch' : 'list';
  }
}

function selectedName(query: Readonly<Record<string, string>>): string | undefined {
  const { fieldSelector } = query;
  if (!fieldSelector) return undefined;
  return /(?:^|,)metadata\.name==?([^,=]+)/.exec(fieldSelector)?.[1];
}

function decoded(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What a path alone says. */
interface Place {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace?: string;
  readonly ownName?: string;
}

// There are few paths, and they repeat.
const places = new Map<string, Place>();
const MOST_PLACES = 1_000;

function placeOf(path: string): Place {
  let place = places.get(path);
  if (!place) {
    if (places.size >= MOST_PLACES) places.clear();
    places.set(path, (place = readPath(path)));
  }
  return place;
}

function readPath(path: string): Place {
  const [root, ...parts] = path.split('/').filter(Boolean).map(decoded);
  const group = root === 'apis' ? (parts.shift() ?? '') : '';
  const version = parts.shift() ?? '';
  let namespace: string | undefined;
  // Below a namespace are its objects; `status` and `finalize` belong to the namespace itself.
  const below = parts[2];
  if (parts[0] === 'namespaces' && below && !['status', 'finalize'].includes(below)) {
    namespace = parts[1];
    parts.splice(0, 2);
  }
  const [resource = '', ownName, subresource = ''] = parts;
  const known = root === 'api' || root === 'apis' ? resource : '';
  if (known === 'namespaces' && !group) namespace = ownName;
  return {
    group,
    version,
    resource: known,
    subresource,
    ...(namespace !== undefined && { namespace }),
    ...(ownName !== undefined && { ownName }),
  };
}

/** Determines what a request is about from its path, method and query. */
export function routeOf(request: RawRequest, types: ResourceTypes): Route {
  const { group, version, resource, subresource, namespace, ownName } = placeOf(request.path);
  const verb = verbOf(request, ownName !== undefined || !resource);
  const isSelected = verb === 'list' || verb === 'watch';
  const name = ownName ?? (isSelected ? selectedName(request.query) : undefined);
  const type = types.byPlural(group, version, resource);
  return {
    verb,
    group,
    version,
    resource,
    subresource,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    named: ownName !== undefined,
    ...(type && { type }),
  };
}
