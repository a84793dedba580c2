import { OBJECT_META, type Shape, type StructShape } from './decode.ts';
import { asObject, type JsonObject, type KubeObject, omit } from './objects.ts';
import { apiVersionOf, type ResourceDefinition, type ResourceType } from './resource-type.ts';
import { configMapProblems, leaseProblems, podProblems } from './validation.ts';

const LEASE_SPEC: StructShape = {
  struct: 'LeaseSpec',
  fields: {
    holderIdentity: 'string',
    leaseDurationSeconds: 'int32',
    acquireTime: 'microTime',
    renewTime: 'microTime',
    leaseTransitions: 'int32',
    strategy: 'string',
    preferredHolder: 'string',
  },
};

function shapeOf(struct: string, fields: Readonly<Record<string, Shape>>, open = false): Shape {
  const common = { kind: 'string', apiVersion: 'string', metadata: OBJECT_META } as const;
  return { struct, fields: { ...common, ...fields }, open };
}

const unknownName = (field: string) =>
  `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
const unknownLabel = (field: string) => `field label not supported: ${field}`;

function resource(
  kind: string,
  plural: string,
  overrides: Partial<ResourceType> & { readonly fields?: Readonly<Record<string, Shape>> },
): ResourceType {
  const { fields, ...rest } = overrides;
  return {
    group: '',
    version: 'v1',
    kind,
    plural,
    namespaced: true,
    isCustom: false,
    hasStatus: false,
    hasGeneration: false,
    unconditionalUpdate: true,
    createOnUpdate: false,
    returnsDeleted: false,
    selectableFields: [],
    unknownField: unknownName,
    shape: shapeOf(kind, fields ?? {}, fields === undefined),
    empty: {},
    prepare: (object) => object,
    validate: () => [],
    ...rest,
  };
}

function preparePod(pod: JsonObject): JsonObject {
  const spec = asObject(pod['spec']);
  return {
    ...pod,
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      serviceAccountName: 'default',
      schedulerName: 'default-scheduler',
      ...spec,
    },
    status: { phase: 'Pending', qosClass: 'BestEffort' },
  };
}

function podGracePeriod(pod: KubeObject, asked: number | undefined): number {
  const { nodeName, terminationGracePeriodSeconds: own } = asObject(pod['spec']);
  const { phase } = asObject(pod['status']);
  if (!nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
  const seconds = asked ?? (typeof own === 'number' ? own : 30);
  return seconds < 0 ? 1 : seconds;
}

function prepareNamespace(namespace: JsonObject): JsonObject {
  const metadata = asObject(namespace['metadata']);
  const name = metadata['name'];
  const labels = { ...asObject(metadata['labels']), 'kubernetes.io/metadata.name': name };
  return {
    ...namespace,
    metadata: { ...metadata, labels },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

export const CONFIG_MAPS = resource('ConfigMap', 'configmaps', {
  fields: { immutable: 'bool', data: 'stringMap', binaryData: 'stringMap' },
  validate: configMapProblems,
});

export const LEASES = resource('Lease', 'leases', {
  group: 'coordination.k8s.io',
  unconditionalUpdate: false,
  createOnUpdate: true,
  fields: { spec: LEASE_SPEC },
  empty: { spec: {} },
  prepare: (lease) => ({ ...lease, spec: asObject(lease['spec']) }),
  validate: leaseProblems,
});

export const PODS = resource('Pod', 'pods', {
  hasStatus: true,
  hasGeneration: true,
  returnsDeleted: true,
  selectableFields: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.phase',
  ],
  unknownField: unknownLabel,
  fields: { spec: 'any', status: 'any' },
  empty: { spec: { containers: null }, status: {} },
  prepare: preparePod,
  validate: podProblems,
  gracePeriod: podGracePeriod,
});

export const NODES = resource('Node', 'nodes', {
  namespaced: false,
  hasStatus: true,
  selectableFields: ['spec.unschedulable'],
  unknownField: unknownLabel,
  fields: { spec: 'any', status: 'any' },
  prepare: (node) => ({ ...node, spec: asObject(node['spec']), status: asObject(node['status']) }),
});

export const NAMESPACES = resource('Namespace', 'namespaces', {
  namespaced: false,
  hasStatus: true,
  returnsDeleted: true,
  selectableFields: ['status.phase'],
  unknownField: unknownLabel,
  fields: { spec: 'any', status: 'any' },
  empty: { spec: {}, status: {} },
  prepare: prepareNamespace,
});

const EVENTS = resource('Event', 'events', { createOnUpdate: true });
const EVENTS_V1 = resource('Event', 'events', { group: 'events.k8s.io', createOnUpdate: true });

const BUILT_IN = [CONFIG_MAPS, PODS, NODES, NAMESPACES, EVENTS, LEASES, EVENTS_V1];

function custom(definition: ResourceDefinition): ResourceType {
  const { group, version, kind, plural, namespaced = true } = definition;
  return resource(kind, plural, {
    group,
    version,
    namespaced,
    isCustom: true,
    hasStatus: true,
    hasGeneration: true,
    unconditionalUpdate: false,
    prepare: (object) => omit(object, 'status'),
  });
}

/** The kinds that a cluster serves: the built-in ones and those of its user. */
export class ResourceTypes {
  readonly all: readonly ResourceType[];

  constructor(definitions: readonly ResourceDefinition[] = []) {
    this.all = [...BUILT_IN, ...definitions.map(custom)];
  }

  byPlural(group: string, version: string, plural: string): ResourceType | undefined {
    return this.all.find(
      (type) => type.group === group && type.version === version && type.plural === plural,
    );
  }

  byKind(apiVersion: string, kind: string): ResourceType | undefined {
    return this.all.find((type) => type.kind === kind && apiVersionOf(type) === apiVersion);
  }

  hasGroup(group: string, version: string): boolean {
    return this.all.some((type) => type.group === group && type.version === version);
  }
}
