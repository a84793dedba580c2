import type { Pod } from '../protocol/model.ts';
import type { Api } from './api.ts';
import { type Json, child, isGiven, isObject, list, text } from './json.ts';
import { isDnsSubdomain } from './names.ts';
import { isAbsent, isConflict } from './outcome.ts';

export function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}

/**
 * Reads a Pod once. Throws what the API throws, unless Kubernetes says that the Pod does not exist.
 */
export async function getPod<T = Pod>(
  api: Api,
  namespace: string,
  name: string,
  signal?: AbortSignal,
  read: (object: Json) => T = toPod as (object: Json) => T,
): Promise<T | 'absent'> {
  return (await api.find(`${podsPath(namespace)}/${name}`, read, signal)) ?? 'absent';
}

/** Deletes a Pod without waiting for its kubelet, if it still has this UID. */
export async function forceDeletePod(
  api: Api,
  namespace: string,
  pod: Pod,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const path = `${podsPath(namespace)}/${pod.name}`;
    const preconditions = { uid: pod.uid };
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 0,
      preconditions,
    };
    await api.request({ method: 'DELETE', path, body }, () => undefined, signal);
  } catch (error) {
    if (!isAbsent(error) && !isConflict(error)) throw error;
  }
}

/** Throws if the object cannot be a Pod. */
export function toPod(object: Json): Pod {
  const metadata = child(object, 'metadata');
  const status = child(object, 'status');
  const uid = text(metadata, 'uid');
  const name = text(metadata, 'name');
  if (!uid || !name || !isDnsSubdomain(name)) throw new Error('the answer is no Pod');
  const nodeName = nodeOf(child(object, 'spec'));
  const reason = text(status, 'reason');
  return {
    name,
    uid,
    phase: text(status, 'phase') ?? 'Unknown',
    deleting: isGiven(metadata, 'deletionTimestamp'),
    mayRun:
      // A rejected Pod loses its statuses while it may still run.
      list(status, 'containerStatuses').length === 0 ||
      containerStatuses.some((statuses) => list(status, statuses).some(isRunning)),
    ...(nodeName !== undefined && { nodeName }),
    ...(reason !== undefined && { reason }),
  };
}

/** It becomes part of a path, so an invalid name counts as none. */
function nodeOf(spec: Json): string | undefined {
  const name = text(spec, 'nodeName');
  return name !== undefined && isDnsSubdomain(name) ? name : undefined;
}

/** The fields of a Pod's status with the states of its containers. */
export const containerStatuses = [
  'containerStatuses',
  'initContainerStatuses',
  'ephemeralContainerStatuses',
] as const;

function isRunning(status: unknown): boolean {
  const state = child(status, 'state');
  return Object.hasOwn(state, 'running') && isObject(state['running']);
}
