import type { ResourceTypes } from './kinds.ts';
import type { ResourceType } from './resource-type.ts';

/** What a request wants to do, in the words of RBAC. */
export type Verb =
  'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** A request as it reaches the API server, its body still text. */
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
  /** For lists and watches the name that their field selector asks for. */
  readonly name?: string;
  /** Whether the path itself ends in a name. */
  readonly named: boolean;
  /** Absent when the cluster serves no such kind. */
  readonly type?: ResourceType;
}

/** Whether a query parameter says yes, as Go reads booleans there. */
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
  const match = /(?:^|,)metadata\.name==?([^,=]+)/.exec(query['fieldSelector'] ?? '');
  return match?.[1];
}

function decoded(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Reads what a request is about from its path, method and query. */
export function routeOf(request: RawRequest, types: ResourceTypes): Route {
  const [root, ...parts] = request.path.split('/').filter(Boolean).map(decoded);
  const group = root === 'apis' ? (parts.shift() ?? '') : '';
  const version = parts.shift() ?? '';
  let namespace: string | undefined;
  // Below a namespace stand its objects; `status` and `finalize` belong to the namespace itself.
  const below = parts[2];
  if (parts[0] === 'namespaces' && below && !['status', 'finalize'].includes(below)) {
    namespace = parts[1];
    parts.splice(0, 2);
  }
  const [resource = '', ownName, subresource = ''] = parts;
  const known = root === 'api' || root === 'apis' ? resource : '';
  if (known === 'namespaces' && !group) namespace = ownName;
  const name = ownName ?? selectedName(request.query);
  const type = types.byPlural(group, version, known);
  return {
    verb: verbOf(request, ownName !== undefined || !known),
    group,
    version,
    resource: known,
    subresource,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    named: ownName !== undefined,
    ...(type && { type }),
  };
}
