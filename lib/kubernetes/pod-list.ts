import type { Api } from './api.ts';
import { type Json, child, list, text } from './json.ts';
import { podsPath } from './pod.ts';

/** One page of the Pods of a namespace, without spec and status. */
export function listPods(
  api: Api,
  namespace: string,
  query: Readonly<Record<string, string>>,
  signal?: AbortSignal,
) {
  const path = podsPath(namespace);
  const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
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
