import { AccessRules } from './access.ts';
import { reviewOf } from './access-review.ts';
import { parseBody } from './decode.ts';
import { deleteOptionsOf } from './delete-options.ts';
import { discovery } from './discovery.ts';
import { durationProblem } from './duration.ts';
import { ResourceTypes } from './kinds.ts';
import { listText, selectorOf, textOf } from './listing.ts';
import type { Part } from './object-parts.ts';
import type { JsonObject } from './objects.ts';
import { applyPatch } from './patch.ts';
import { Registry } from './registry.ts';
import { objectText, type Representation, representationFor } from './representation.ts';
import { byPlural, type ResourceDefinition, type ResourceType } from './resource-type.ts';
import { type RawRequest, type Route, routeOf } from './route.ts';
import {
  ApiError,
  badRequest,
  methodNotAllowed,
  notAcceptable,
  notFound,
  type Status,
  success,
  tooLargeResourceVersion,
  unknownResource,
  unsupportedMediaType,
} from './status.ts';
import { Store, type View } from './store.ts';
import { WatchPlan } from './watch-plan.ts';
import type { Clock } from '../platform/clock.ts';

/** The model's answer: a text, or a plan of what a watch shows. */
export interface ModelAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly watch?: WatchPlan;
}

export interface ApiModelOptions {
  readonly clock: Clock;
  /** Kinds to serve in addition to the built-in ones. */
  readonly resources?: readonly ResourceDefinition[];
  /** Number of writes that watches and lists can look back on. @default 10 000 */
  readonly historyLimit?: number;
}

const JSON_HEADERS = {
  'cache-control': 'no-cache, private',
  'content-type': 'application/json',
};

const TEXT_HEADERS = { 'content-type': 'text/plain; charset=utf-8' };

const BODY_TYPES = ['application/json', '*/*', ''];

function answer(status: number, body: string): ModelAnswer {
  return { status, headers: JSON_HEADERS, body };
}

/** A `Status` as an answer, with `Retry-After` if the status asks for it. */
export function statusAnswer(status: Status): ModelAnswer {
  const wait = status.details?.retryAfterSeconds;
  const headers = wait ? { ...JSON_HEADERS, 'retry-after': String(wait) } : JSON_HEADERS;
  return { status: status.code ?? 200, headers, body: JSON.stringify(status) };
}

/** What one request needs to be answered. */
interface Call {
  readonly request: RawRequest;
  readonly route: Route;
  readonly user: string;
  readonly type: ResourceType;
  /** Undefined for kinds without namespaces. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly part: Part;
  readonly as: Representation;
  readonly view: View;
}

/**
 * Answers requests as a kube-apiserver would, from objects in memory. It is synchronous and does
 * nothing by itself: no timers, no input or output. Time and randomness come from the clock.
 */
export class ApiModel {
  readonly store: Store;
  readonly types: ResourceTypes;
  readonly registry: Registry;
  readonly access = new AccessRules();

  constructor(options: ApiModelOptions) {
    this.types = new ResourceTypes(options.resources);
    this.store = new Store(options.historyLimit);
    this.registry = new Registry(this.store, options.clock);
  }

  /** Answers one request of a user; reads are as of `staleBy` writes ago. */
  handle(
    request: RawRequest,
    user: string,
    staleBy = 0,
    route = routeOf(request, this.types),
  ): ModelAnswer {
    try {
      return this.#handle(request, route, user, staleBy);
    } catch (error) {
      if (error instanceof ApiError) return statusAnswer(error.status);
      throw error;
    }
  }

  #handle(request: RawRequest, route: Route, user: string, staleBy: number): ModelAnswer {
    if (route.verb !== 'watch') checkTimeout(request);
    if (!route.resource) return this.#nonResource(request, user);
    // Every user may ask this, whatever else is granted.
    if (route.resource === REVIEWS && request.method === 'POST') {
      const review = parseBody(request.body ?? '', 'SelfSubjectAccessReview');
      return answer(201, JSON.stringify(reviewOf(this.access, user, review)));
    }
    this.#authorize(user, route);
    const { type, subresource } = route;
    if (!this.types.hasGroup(route.group, route.version)) {
      return { status: 404, headers: TEXT_HEADERS, body: '404 page not found\n' };
    }
    const hasPart = subresource === '' || (subresource === 'status' && type?.hasStatus);
    if (!type || !hasPart) throw unknownResource();
    const as = representationFor(request.accept);
    if (!as) throw notAcceptable();
    const isRead = route.verb === 'get' || route.verb === 'list';
    const wanted = Math.max(this.store.revision - (isRead ? staleBy : 0), this.store.compacted);
    return this.#dispatch({
      request,
      route,
      user,
      type,
      namespace: type.namespaced ? route.namespace : undefined,
      name: route.name ?? '',
      part: subresource === 'status' ? 'status' : 'object',
      as,
      view: this.store.at(wanted) ?? this.store,
    });
  }

  #authorize(user: string, route: Route): void {
    const refusal = this.access.refusal(user, route);
    if (refusal) throw refusal;
  }

  #nonResource({ method, path }: RawRequest, user: string): ModelAnswer {
    if (['/healthz', '/livez', '/readyz'].includes(path)) {
      return { status: 200, headers: TEXT_HEADERS, body: 'ok' };
    }
    const document = discovery(path, this.types);
    if (document) return answer(200, JSON.stringify(document));
    if (this.access.isRestricted(user)) {
      const why = `forbidden: User "${user}" cannot ${method.toLowerCase()} path "${path}"`;
      throw new ApiError(403, 'Forbidden', why, {});
    }
    return { status: 404, headers: TEXT_HEADERS, body: '404 page not found\n' };
  }

  #dispatch(call: Call): ModelAnswer {
    const { request, route } = call;
    if (request.query['dryRun']) throw badRequest('this cluster does not know dry runs');
    if (!isAllowed(call)) throw methodNotAllowed();
    switch (route.verb) {
      case 'get':
        return this.#get(call);
      case 'list':
        return this.#list(call);
      case 'watch':
        return this.#watch(call);
      case 'create':
        return this.#create(call);
      case 'update':
        return this.#replace(call);
      case 'patch':
        return this.#patch(call);
      case 'delete':
        return this.#delete(call);
      case 'deletecollection':
        return this.#deleteCollection(call);
    }
  }

  #get({ request, type, namespace, name, view, as }: Call): ModelAnswer {
    const asked = request.query['resourceVersion'] ?? '';
    if (Number(asked) > this.store.revision) {
      throw tooLargeResourceVersion(asked, this.store.revision);
    }
    const object = view.get(type, namespace, name);
    if (!object) throw notFound(byPlural(type, name));
    return answer(200, objectText(object, as));
  }

  #list({ request, route, type, view, as }: Call): ModelAnswer {
    return answer(200, listText(type, route, request.query, this.store, view, as));
  }

  #watch({ request, route, type, as }: Call): ModelAnswer {
    const watch = new WatchPlan(route, type, request.query, this.store, as);
    return { ...answer(200, ''), watch };
  }

  #create({ request, type, namespace, as }: Call): ModelAnswer {
    const object = this.registry.create(type, namespace, bodyOf(request, type));
    return answer(201, objectText(object, as));
  }

  #replace({ request, route, user, type, namespace, name, part, as }: Call): ModelAnswer {
    const body = bodyOf(request, type);
    const creates = type.createOnUpdate && !this.store.get(type, namespace, name);
    if (creates) this.#authorize(user, { ...route, verb: 'create' });
    const { object, created } = this.registry.replace(type, namespace, name, body, part);
    return answer(created ? 201 : 200, objectText(object, as));
  }

  #patch({ request, type, namespace, name, part, as }: Call): ModelAnswer {
    const contentType = mediaType(request);
    const apply = (object: unknown) =>
      applyPatch(object, request.body ?? '', contentType, type.isCustom);
    return answer(200, objectText(this.registry.patch(type, namespace, name, apply, part), as));
  }

  #delete({ request, type, namespace, name, as }: Call): ModelAnswer {
    const options = deleteOptionsOf(request);
    const { object, gone } = this.registry.delete(type, namespace, name, options);
    if (!gone || type.returnsDeleted) return answer(200, objectText(object, as));
    return statusAnswer(success(byPlural(type, name), object.metadata.uid));
  }

  #deleteCollection({ request, type, namespace, view, as }: Call): ModelAnswer {
    const selector = selectorOf(type, request.query);
    const options = deleteOptionsOf(request);
    const revision = String(view.revision);
    const found = view.list(type, namespace).filter(selector);
    for (const { metadata } of found) {
      this.registry.delete(type, metadata.namespace, metadata.name, options);
    }
    return answer(200, textOf(type, as, { resourceVersion: revision }, found));
  }
}

/** Only asked, never stored. */
const REVIEWS = 'selfsubjectaccessreviews';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Whether the path accepts the method. */
function isAllowed({ request, route, type, namespace }: Call): boolean {
  if (!METHODS.includes(request.method)) return false;
  switch (route.verb) {
    case 'create':
      return !route.named && (namespace !== undefined || !type.namespaced);
    case 'update':
    case 'patch':
      return route.named;
    case 'deletecollection':
      return namespace !== undefined || !type.namespaced;
    default:
      return true;
  }
}

/** Nothing here takes long enough to time out, but an invalid duration is refused. */
function checkTimeout({ query }: RawRequest): void {
  const { timeout } = query;
  const problem = timeout ? durationProblem(timeout) : undefined;
  if (problem) throw badRequest(`invalid timeout specified in the request URL - ${problem}`);
}

function mediaType({ contentType }: RawRequest): string {
  return (contentType ?? '').split(';')[0]?.trim() ?? '';
}

function bodyOf(request: RawRequest, type: ResourceType): JsonObject {
  if (!BODY_TYPES.includes(mediaType(request))) {
    throw unsupportedMediaType(
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    );
  }
  return parseBody(request.body ?? '', type.kind);
}
