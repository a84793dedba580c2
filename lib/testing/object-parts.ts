import { isEqual } from './equal.ts';
import {
  type JsonObject,
  type KubeObject,
  type ObjectMeta,
  omit,
  withMetadata,
} from './objects.ts';
import { apiVersionOf, type ResourceType } from './resource-type.ts';

type Propagation = 'Orphan' | 'Background' | 'Foreground';

/** `metav1.DeleteOptions`, as far as the model knows them. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: Propagation;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** Which fields a write may change: all but the status, or the status only. */
export type Part = 'object' | 'status';

export function identified(type: ResourceType, body: JsonObject): JsonObject & KubeObject {
  const metadata = body['metadata'] as ObjectMeta;
  const content = omit(body, 'kind', 'apiVersion', 'metadata');
  return { kind: type.kind, apiVersion: apiVersionOf(type), metadata, ...content };
}

const PROPAGATION: Readonly<Record<Propagation, readonly string[]>> = {
  Orphan: ['orphan'],
  Background: [],
  Foreground: ['foregroundDeletion'],
};

/** The finalizers after a deletion: a policy that is given replaces that of an earlier one. */
export function withPropagation(
  finalizers: readonly string[],
  { propagationPolicy: policy }: DeleteOptions,
): readonly string[] {
  if (!policy) return finalizers;
  const others = finalizers.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  return [...others, ...PROPAGATION[policy]];
}

/** The object after a write of one part: what the other part says stays. */
export function mergeParts(
  type: ResourceType,
  existing: KubeObject,
  next: KubeObject,
  part: Part,
): KubeObject {
  const { status } = part === 'status' ? next : existing;
  if (part === 'status') {
    // For built-in kinds, labels, annotations and finalizers can be written there too.
    const metadata = type.isCustom ? existing.metadata : next.metadata;
    const object = omit({ ...existing, metadata }, 'status') as KubeObject;
    return { ...object, ...(status !== undefined && { status }) };
  }
  if (!type.hasStatus) return next;
  const wishes = omit(next, 'status') as KubeObject;
  const object: KubeObject = { ...wishes, ...(status !== undefined && { status }) };
  if (!type.hasGeneration || isEqual(wishesOf(object), wishesOf(existing))) return object;
  return withMetadata(object, { generation: (existing.metadata.generation ?? 0) + 1 });
}

function wishesOf(object: KubeObject): JsonObject {
  return { ...object, metadata: undefined, status: undefined };
}
