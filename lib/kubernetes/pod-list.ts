import type { Api } from './api.ts';
import { type Json, child, list, text } from './json.ts';
import { podsPath } from './pod.ts';

type Query = Readonly<Record<string, string>>;

/** One page of the Pods of a namespace, without spec and status. */
export function listPods(api: Api, namespace: string, query: Query, signal?: AbortSignal) {
  const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
  return page(api, namespace, query, signal, accept);
}

/** One page of the Pods of a namespace. */
export function listWholePods(api: Api, namespace: string, query: Query, signal?: AbortSignal) {
  return page(api, namespace, query, signal);
}

function page(
  api: Api,
  namespace: string,
  query: Query,
  signal?: AbortSignal,
  accept = 'application/json',
) {
  const path = podsPath(namespace);
  const read = (answer: Json) => {
    const metadata = child(answer, 'metadata');
    const remaining = metadata['remainingItemCount'];
    return {
      items: list(answer, 'items'),
      next: text(metadata, 'continue') ?? '',
      remaining: typeof remaining === 'number' ? remaining : 0,
    };
  };
  return api.request({ method: 'GET', path, query, accept }, read, signal);
}
