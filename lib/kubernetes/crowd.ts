import type { Api } from './api.ts';
import { type Json, child, isGiven, text } from './json.ts';
import type { PodIdentity } from '../protocol/model.ts';
import { NoAnswerError, hasStatus } from './outcome.ts';
import { listPods } from './pod-list.ts';
import { markedKeys } from './pod-mark.ts';

/**
 * How long a count is valid, doubled each time. Replicas that start together do not see each other at
 * once, so the first counts are soon outdated.
 */
export const FIRST_RECOUNT_MS = 60_000;
export const MAX_RECOUNT_MS = 60 * 60_000;

/** A count up to here is exact; beyond it an upper bound is enough. */
const EXACT = 50;

/**
 * More than ever compete for one lock: a namespace may have far more Pods, or an answer be wrong.
 */
const MOST = 1_000;

/** Number of Pods to read at once: annotations and managed fields may take 100 kilobytes of each. */
const PAGE = 50;

/** Labels that differ between the Pods of one set, or between rollouts. */
const individualLabels = new Set([
  'pod-template-hash',
  'pod-template-generation',
  'controller-revision-hash',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'controller-uid',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-completion-index',
  // Since Kubernetes 1.35, a Pod is given those of its node.
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);

/** A selector for the replicas of the Pod with these labels; '' if no label identifies them. */
export function replicaSelector(pod: Json): string {
  const labels = child(child(pod, 'metadata'), 'labels');
  const ofLeaders = markedKeys(pod);
  return Object.keys(labels)
    .filter((key) => !individualLabels.has(key) && !ofLeaders.includes(key))
    .map((key) => `${key}=${text(labels, key) ?? ''}`)
    .join(',');
}

/**
 * How many candidates there may be, in one or two requests: the Pods with the same labels or, if
 * those are too many to list, all Pods of the namespace, which costs the server nothing.
 */
export async function countReplicas(
  api: Api,
  namespace: string,
  selector: string,
  signal?: AbortSignal,
): Promise<number> {
  if (selector !== '') {
    const query = {
      labelSelector: selector,
      // Evicted Pods may stay for long, but no longer compete.
      fieldSelector: 'status.phase!=Failed,status.phase!=Succeeded',
      limit: String(EXACT),
    };
    const { items, next } = await listPods(api, namespace, query, signal);
    if (next === '') return items.length;
  }
  // The server says how many remain only without a selector.
  const { items, remaining } = await listPods(api, namespace, { limit: '1' }, signal);
  return Math.min(items.length + remaining, MOST);
}

/** The selected Pods that are being deleted; an empty selector selects all Pods. */
export async function leavingReplicas(
  api: Api,
  namespace: string,
  selector: string,
  signal?: AbortSignal,
): Promise<PodIdentity[]> {
  const leaving: PodIdentity[] = [];
  let from = '';
  do {
    const query = {
      ...(selector && { labelSelector: selector }),
      ...(from && { continue: from }),
      limit: String(PAGE),
    };
    const { items, next } = await listPods(api, namespace, query, signal).catch(
      (error: unknown) => {
        // It took longer than the API server keeps a place in the list: try again.
        throw hasStatus(error, 410) ? new NoAnswerError('LIST pods', error) : error;
      },
    );
    for (const metadata of items.map((item) => child(item, 'metadata'))) {
      const [name, uid] = [text(metadata, 'name'), text(metadata, 'uid')];
      if (name && uid && isGiven(metadata, 'deletionTimestamp')) leaving.push({ name, uid });
    }
    from = next;
  } while (from !== '');
  return leaving;
}
