/** Whether an answer is Kubernetes' own, or comes from something on the way to it. */
import { type Json, child, isObject, list, text } from './json.ts';
import { ApiError, type Status, isTransientStatus } from './outcome.ts';
import type { ApiRequest, ApiResponse } from './transport.ts';

/** The object that a request is about, by its path and body. */
export interface Subject {
  /** Empty for the core group. */
  readonly group: string;
  /** The plural, for example `pods`. */
  readonly resource: string;
  /** Empty without a namespace. */
  readonly namespace: string;
  /** Empty for a collection. */
  readonly name: string;
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ['configmaps', 'ConfigMap'],
  ['daemonsets', 'DaemonSet'],
  ['deployments', 'Deployment'],
  ['events', 'Event'],
  ['leases', 'Lease'],
  ['nodes', 'Node'],
  ['pods', 'Pod'],
  ['replicasets', 'ReplicaSet'],
  ['selfsubjectaccessreviews', 'SelfSubjectAccessReview'],
  ['statefulsets', 'StatefulSet'],
]);

/** By status, for answers that end a request or say what is stored. */
const REASONS: ReadonlyMap<number, readonly string[]> = new Map([
  [403, ['Forbidden']],
  [404, ['NotFound']],
  [409, ['AlreadyExists', 'Conflict']],
  [410, ['Expired', 'Gone']],
  [422, ['Invalid']],
]);

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/[^/]+(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<resource>[^/]+)(?:\/(?<name>[^/]+))?$/;

/** Long enough to recognise a page by. */
const MAX_QUOTE_CHARS = 100;

/** Undefined for a path that names no resource, such as `/version`. */
export function subjectOf(
  request: Pick<ApiRequest, 'method' | 'path' | 'body'>,
): Subject | undefined {
  const { method, path, body } = request;
  const { group = '', namespace = '', resource, name } = PATH.exec(path)?.groups ?? {};
  if (resource === undefined) return undefined;
  const created = method === 'POST' ? text(child(body, 'metadata'), 'name') : undefined;
  return { group, resource, namespace, name: name ?? created ?? '' };
}

/** Whether this is the object, by its kind, namespace and name. */
export function isAbout(object: unknown, subject: Subject): boolean {
  const metadata = child(object, 'metadata');
  return (
    text(object, 'kind') === KINDS.get(subject.resource) &&
    text(metadata, 'name') === subject.name &&
    (text(metadata, 'namespace') ?? '') === subject.namespace
  );
}

/**
 * The JSON object with which Kubernetes granted a request. Throws the ApiError with which it
 * refused, or an error that quotes another program's answer.
 */
export function granted(
  request: ApiRequest,
  response: ApiResponse,
  line: string,
  body: string,
): Json {
  const { status } = response;
  if (status < 200 || status > 299) throw refused(request, response, line, body);
  const answer = parse(body);
  if (isObject(answer) && isGrant(request, answer)) return answer;
  throw foreign(response, body);
}

/** The ApiError with which Kubernetes refused a request, or an error as above. */
export function refused(
  request: ApiRequest,
  response: ApiResponse,
  line: string,
  body: string,
): Error {
  const { status } = response;
  const answer = parse(body);
  const isDenial = /^admission webhook .* denied the request/.test(text(answer, 'message') ?? '');
  // A webhook chooses code and reason, and may give none: it only denies.
  const about = isDenial ? undefined : subjectOfStatus(child(answer, 'details'), request);
  // An overloaded API server answers in plain text, and no answer with these codes ends anything.
  if (!isFailure(answer, status)) {
    if (!isTransientStatus(status)) return foreign(response, body);
    const plain = { status, reason: '', message: quoted(response, body), causes: [] };
    return new ApiError(plain, line, retryAfterMs(response, answer));
  }
  if (!isTransientStatus(status) && !isDenial && !isRefusal(answer, status, about)) {
    return foreign(response, body);
  }
  const { conceal = (said) => said } = response;
  const causes = list(child(answer, 'details'), 'causes').flatMap(
    (cause) => text(cause, 'reason') ?? [],
  );
  const said: Status = {
    status,
    reason: conceal(text(answer, 'reason') ?? ''),
    message: conceal(text(answer, 'message') ?? ''),
    causes: causes.map(conceal),
    about,
  };
  return new ApiError(said, line, retryAfterMs(response, answer));
}

/** An error that quotes the first words of an answer that Kubernetes would not give. */
export function foreign(response: ApiResponse, body: string): Error {
  const who = 'something between this process and the API server answered';
  return new Error(`${who}: ${response.status} ${quoted(response, body)}`);
}

/** Undefined if it is not JSON: proxies answer with HTML pages. */
export function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function isGrant(request: ApiRequest, answer: Json): boolean {
  const subject = subjectOf(request);
  if (!subject) return true;
  if (subject.name === '') {
    // A review has no name, and is not stored.
    if (request.method === 'POST') return text(answer, 'kind') === KINDS.get(subject.resource);
    return isListOf(answer, subject);
  }
  if (request.method !== 'DELETE' || answer['kind'] !== 'Status') return isAbout(answer, subject);
  return answer['status'] === 'Success' && isNamed(child(answer, 'details'), subject);
}

function isListOf(answer: Json, { resource }: Subject): boolean {
  const { kind, items } = answer;
  // The API server answers null for a list of metadata without items.
  if (kind === 'PartialObjectMetadataList') return Array.isArray(items) || items === null;
  return kind === `${KINDS.get(resource)}List` && Array.isArray(items);
}

/** Whether it is the `Status` of a failure with this HTTP code. */
function isFailure(answer: unknown, status: number): answer is Json {
  return (
    isObject(answer) &&
    answer['kind'] === 'Status' &&
    answer['apiVersion'] === 'v1' &&
    answer['status'] === 'Failure' &&
    answer['code'] === status
  );
}

/**
 * Whether Kubernetes refuses a request like this. "Absent" and "exists" count only for the very
 * object of the request.
 */
function isRefusal(answer: Json, status: number, about: Status['about']): boolean {
  const reasons = REASONS.get(status);
  if (reasons && !reasons.includes(text(answer, 'reason') ?? '')) return false;
  const kind = text(child(answer, 'details'), 'kind');
  switch (status) {
    case 403:
      return kind !== undefined;
    case 404:
      return about !== undefined;
    case 409:
      return about === 'object' || kind === 'resourcequotas';
    case 422:
      return isObject(answer['details']);
    default:
      return status >= 400 && status <= 599;
  }
}

/** The part of a request that a `Status` is about. */
function subjectOfStatus(details: Json, request: ApiRequest): Status['about'] {
  const subject = subjectOf(request);
  if (!subject) return undefined;
  if (subject.name !== '' && isNamed(details, subject)) return 'object';
  const isWrite = ['POST', 'PUT', 'PATCH'].includes(request.method);
  const isNamespace = details['kind'] === 'namespaces' && details['name'] === subject.namespace;
  return isWrite && isNamespace ? 'namespace' : undefined;
}

/** Depending on which of its parts answers, the API server uses the plural or the kind. */
function isNamed(details: Json, { group, resource, name }: Subject): boolean {
  return (
    details['name'] === name &&
    [resource, KINDS.get(resource)].includes(text(details, 'kind')) &&
    (text(details, 'group') ?? group) === group
  );
}

/** The first words of an answer. */
export function quoted({ conceal = (said) => said }: ApiResponse, body: string): string {
  const words = conceal(body).trim().replace(/\s+/g, ' ');
  if (words === '') return 'with an empty body';
  return words.length > MAX_QUOTE_CHARS ? `${words.slice(0, MAX_QUOTE_CHARS)}\u2026` : words;
}

/** In seconds. Kubernetes does not use the header's other form, a date. */
function retryAfterMs({ headers }: ApiResponse, answer: unknown): number | undefined {
  const { 'retry-after': header } = headers;
  const seconds =
    header === undefined ? child(answer, 'details')['retryAfterSeconds'] : Number(header);
  const valid = typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0;
  return valid ? seconds * 1_000 : undefined;
}
