import { fromBase64Url, toBase64Url } from './bytes.ts';
import { goJsonError } from './decode.ts';
import type { KubeObject } from './objects.ts';
import { itemText, type Representation } from './representation.ts';
import { apiVersionOf, type ResourceType } from './resource-type.ts';
import type { Route } from './route.ts';
import { fieldSelector, labelSelector, type Selector } from './selectors.ts';
import {
  ApiError,
  badRequest,
  expired,
  invalid,
  tooLargeResourceVersion,
  type FieldProblem,
} from './status.ts';
import { keyOf, type Store, type View } from './store.ts';

type Query = Readonly<Record<string, string>>;

/** The objects that a list or watch asks for by its selectors. */
export function selectorOf(type: ResourceType, query: Query): Selector {
  const byFields = fieldSelector(query['fieldSelector'] ?? '', type);
  const byLabels = labelSelector(query['labelSelector'] ?? '');
  return (object) => byFields(object) && byLabels(object);
}

/** A whole number from the query. Throws what the API server answers to anything else. */
export function integerOf(query: Query, parameter: string): number | undefined {
  const text = query[parameter];
  if (text === undefined || text === '') return undefined;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

interface Page {
  readonly view: View;
  /** The key after which the page begins. */
  readonly after?: string;
  readonly limit: number;
}

function forbiddenOption(field: string, why: string): ApiError {
  const message = `Forbidden: ${why}`;
  const problem: FieldProblem = { field, message, reason: 'FieldValueForbidden' };
  return invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, [problem]);
}

function continueToken(revision: number, after: string): string {
  const token = { v: 'meta.k8s.io/v1', rv: revision, start: `/${after}\0` };
  return toBase64Url(JSON.stringify(token));
}

function readToken(token: string): { revision: number; after: string } {
  try {
    const text = fromBase64Url(token);
    const { rv, start } = JSON.parse(text) as { rv: number; start: string };
    return { revision: rv, after: start.slice(1, -1) };
  } catch (error) {
    const why = goJsonError(error);
    throw badRequest(`invalid continue token: continue key is not valid: ${why}`);
  }
}

const TOKEN_EXPIRED =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';
const LIST_EXPIRED = 'The resourceVersion for the provided list is too old.';

function parseVersion(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  const shown = JSON.stringify(text);
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: invalid syntax`,
  );
}

function pageOf(query: Query, store: Store, newest: View): Page {
  const { continue: token, resourceVersion: asked = '', resourceVersionMatch: match } = query;
  const limit = integerOf(query, 'limit') ?? 0;
  if (token) {
    if (asked) throw badRequest('specifying resource version is not allowed when using continue');
    const { revision, after } = readToken(token);
    const view = store.at(revision);
    if (!view) throw expired(TOKEN_EXPIRED);
    return { view, after, limit };
  }
  if (!asked) {
    if (!match) return { view: newest, limit };
    const why = 'resourceVersionMatch is forbidden unless resourceVersion is provided';
    throw forbiddenOption('resourceVersionMatch', why);
  }
  const version = parseVersion(asked);
  if (version > store.revision) throw tooLargeResourceVersion(asked, store.revision);
  // The API server answers version 0 from its cache, which does not page.
  if (version === 0) return { view: newest, limit: 0 };
  const exact = match === 'Exact' || (!match && limit > 0);
  if (!exact) return { view: newest.revision < version ? store : newest, limit };
  const view = store.at(version);
  if (!view) throw expired(LIST_EXPIRED);
  return { view, limit };
}

function keyIn(namespace: string | undefined, { metadata }: KubeObject): string {
  return keyOf(namespace === undefined ? metadata.namespace : undefined, metadata.name);
}

/** The JSON of the list that a request asks for. */
export function listText(
  type: ResourceType,
  route: Route,
  query: Query,
  store: Store,
  newest: View,
  representation: Representation,
): string {
  const { view, after, limit } = pageOf(query, store, newest);
  const namespace = type.namespaced ? route.namespace : undefined;
  const selector = selectorOf(type, query);
  const found = view
    .list(type, namespace)
    .filter((object) => after === undefined || keyIn(namespace, object) > after)
    .filter(selector);
  const page = limit > 0 ? found.slice(0, limit) : found;
  const last = page.at(-1);
  const more = last && page.length < found.length;
  const selects = Boolean(query['fieldSelector'] ?? query['labelSelector']);
  const metadata = {
    resourceVersion: String(view.revision),
    ...(more && { continue: continueToken(view.revision, keyIn(namespace, last)) }),
    ...(more && !selects && { remainingItemCount: found.length - page.length }),
  };
  return textOf(type, representation, metadata, page);
}

/** The JSON of a list of objects. */
export function textOf(
  type: ResourceType,
  representation: Representation,
  metadata: object,
  items: readonly KubeObject[],
): string {
  const [kind, apiVersion] =
    representation === 'full'
      ? [`${type.kind}List`, apiVersionOf(type)]
      : ['PartialObjectMetadataList', 'meta.k8s.io/v1'];
  const texts = items.map((item) => itemText(item, representation));
  const head = JSON.stringify({ kind, apiVersion, metadata }).slice(0, -1);
  // As the API server answers: without items, a list of metadata has null.
  const none = representation === 'full' ? '[]' : 'null';
  return `${head},"items":${texts.length > 0 ? `[${texts.join()}]` : none}}`;
}
