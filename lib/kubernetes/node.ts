import type { NodeReading } from '../protocol/model.ts';
import type { Api } from './api.ts';
import { type Json, child, list, text } from './json.ts';

export const nodesPath = '/api/v1/nodes';

/**
 * Reads once whether a node is ready. Throws what the API throws, unless Kubernetes says that the
 * node does not exist.
 */
export async function getNode(api: Api, name: string, signal?: AbortSignal): Promise<NodeReading> {
  return (await api.find(`${nodesPath}/${name}`, toNode, signal)) ?? 'absent';
}

/** Reads the labels of a node once; none if it does not exist. */
export async function nodeLabels(api: Api, name: string, signal?: AbortSignal): Promise<Json> {
  const read = (node: Json) => child(child(node, 'metadata'), 'labels');
  return (await api.find(`${nodesPath}/${name}`, read, signal)) ?? {};
}

/**
 * Only `False` and `Unknown` count as not ready: a node without a condition gets the benefit of the
 * doubt.
 */
export function toNode(object: Json): NodeReading {
  const conditions = list(child(object, 'status'), 'conditions');
  const ready = conditions.find((condition) => text(condition, 'type') === 'Ready');
  const status = text(ready, 'status');
  return status === 'False' || status === 'Unknown' ? 'not-ready' : 'ready';
}
