import type { Shape } from './decode.ts';
import type { JsonObject, KubeObject } from './objects.ts';
import type { FieldProblem, Subject } from './status.ts';

/** A kind of object that a cluster serves beside its own, such as a custom resource's. */
export interface ResourceDefinition {
  /** API group, for example `example.com`. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The name in the path, for example `widgets`. */
  readonly plural: string;
  /** Default `true`. */
  readonly namespaced?: boolean;
}

/** How the model treats one kind of object. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Whether status is written through `/status` only. */
  readonly hasStatus: boolean;
  /** Whether `metadata.generation` counts the changes of the object's wishes. */
  readonly hasGeneration: boolean;
  /** Whether a PUT may come without a `resourceVersion`. */
  readonly unconditionalUpdate: boolean;
  /** Whether a PUT creates what is not there. */
  readonly createOnUpdate: boolean;
  /** Whether DELETE answers with the object instead of a `Status`. */
  readonly returnsDeleted: boolean;
  /** Fields by which the API server selects, beside name and namespace. */
  readonly selectableFields: readonly string[];
  /** Answer to an unknown field selector. */
  readonly unknownField: (field: string) => string;
  readonly shape: Shape;
  /** What a bookmark's object has beside its metadata: Go writes empty structs too. */
  readonly empty: JsonObject;
  /** Puts in what the API server puts into every new object. */
  readonly prepare: (object: JsonObject) => JsonObject;
  readonly validate: (object: KubeObject) => readonly FieldProblem[];
  /** Seconds for which a deleted object lingers. Absent for kinds that are removed at once. */
  readonly gracePeriod?: (object: KubeObject, asked: number | undefined) => number;
}

/** `v1`, `coordination.k8s.io/v1`, … */
export function apiVersionOf(type: Pick<ResourceType, 'group' | 'version'>): string {
  return type.group ? `${type.group}/${type.version}` : type.version;
}

/** The type's object as most answers name it. */
export function byPlural(type: ResourceType, name?: string): Subject {
  return { group: type.group, kind: type.plural, name };
}

/** The type's object as validation and DELETE preconditions name it. */
export function byKind(type: ResourceType, name?: string): Subject {
  return { group: type.group, kind: type.kind, name };
}
