import type { Shape } from './decode.ts';
import type { JsonObject, KubeObject } from './objects.ts';
import type { FieldProblem, Subject } from './status.ts';

/** A kind of object to serve in addition to the built-in ones, such as a custom resource. */
export interface ResourceDefinition {
  /** API group, for example `example.com`. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The name in the path, for example `widgets`. */
  readonly plural: string;
  /** @default `true` */
  readonly namespaced?: boolean;
}

/** How the model treats one kind of object. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Whether it is a custom resource, for which some rules differ. */
  readonly isCustom: boolean;
  /** Whether status is written through `/status` only. */
  readonly hasStatus: boolean;
  /** Whether `metadata.generation` counts changes of the spec. */
  readonly hasGeneration: boolean;
  /** Whether a PUT may come without a `resourceVersion`. */
  readonly unconditionalUpdate: boolean;
  /** Whether a PUT creates a missing object. */
  readonly createOnUpdate: boolean;
  /** Whether DELETE answers with the object instead of a `Status`. */
  readonly returnsDeleted: boolean;
  /** Fields that the API server can select by, apart from name and namespace. */
  readonly selectableFields: readonly string[];
  /** Answer to an unknown field selector. */
  readonly unknownField: (field: string) => string;
  readonly shape: Shape;
  /** Fields of a bookmark's object apart from its metadata: Go writes empty structs too. */
  readonly empty: JsonObject;
  /** Adds the API server's defaults to a new object. */
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
