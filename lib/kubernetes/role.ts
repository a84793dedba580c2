/**
 * The rights that each caller needs, as one table of rules, and as YAML to apply. Roles for
 * different purposes have different names, so applying one never overwrites another.
 */
import { type Mode, lockKinds } from './lock-kind.ts';

/** The verbs for a resource of an API group, and the name of the object, if restricted to one. */
interface Rule {
  readonly group: '' | 'coordination.k8s.io';
  readonly resource: string;
  readonly name?: string;
  readonly verbs: readonly string[];
}

/** What the options that concern Pods need beyond an election. */
export interface PodRights {
  /** For `label` and `deletionCost`. */
  readonly marks?: boolean | undefined;
  /** For `preference`. */
  readonly prefers?: boolean | undefined;
  /** For a `preference` by `nodeLabel`. */
  readonly nodes?: boolean | undefined;
  /** For what else lease mode can do with Pods: follow the end of a container, count replicas. */
  readonly watched?: boolean | undefined;
}

interface Common {
  readonly namespace: string;
  /** `system:serviceaccount:NAMESPACE:NAME`, if known, to bind the Role to. */
  readonly user?: string | undefined;
}

export interface RoleOptions extends Common {
  readonly lockName: string;
  /** Whether `takeOverFromNotReadyNodeAfterMs` is set, which needs more. */
  readonly takeOver: boolean;
  /** Whether changes of leader are recorded as Events, which needs more. */
  readonly events?: boolean | undefined;
  readonly pods?: PodRights | undefined;
}

export interface LeaseRoleOptions extends Common {
  readonly leaseName: string;
  /** Whether changes of leader are recorded as Events, which needs more. */
  readonly events: boolean;
  readonly pods?: PodRights | undefined;
}

export interface LockRoleOptions extends Common {
  readonly mode: Mode;
  /** Name of the lock or Lease. */
  readonly name: string;
}

const anyPod = { group: '', resource: 'pods' } as const;

const recording: Rule = { group: '', resource: 'events', verbs: ['create'] };

const rules = {
  life: ({ lockName, takeOver, events = false, pods = {} }: RoleOptions): Rule[] => [
    { group: '', resource: 'configmaps', verbs: ['create'] },
    {
      ...{ group: '', resource: 'configmaps', name: lockName },
      verbs: ['get', 'watch', 'patch', 'delete'],
    },
    {
      ...anyPod,
      verbs: [
        ...['get', 'list', 'watch'],
        ...(pods.marks ? ['patch'] : []),
        ...(takeOver ? ['delete'] : []),
      ],
    },
    ...(events ? [recording] : []),
  ],
  /** Nodes belong to no namespace. */
  nodes: (watched: boolean): Rule[] => [
    { group: '', resource: 'nodes', verbs: ['get', ...(watched ? ['watch'] : [])] },
  ],
  lease: ({ leaseName, events, pods = {} }: LeaseRoleOptions): Rule[] => [
    { group: 'coordination.k8s.io', resource: 'leases', verbs: ['create'] },
    {
      ...{ group: 'coordination.k8s.io', resource: 'leases', name: leaseName },
      verbs: ['get', 'watch', 'update'],
    },
    ...(pods.marks || pods.prefers || pods.watched
      ? [
          {
            ...anyPod,
            verbs: [
              ...['get', 'list'],
              ...(pods.watched ? ['watch'] : []),
              ...(pods.marks ? ['patch'] : []),
            ],
          },
        ]
      : []),
    ...(events ? [recording] : []),
  ],
  /** Also lists, which RBAC cannot restrict to a name. */
  inspector: [
    { group: '', resource: 'configmaps', verbs: ['get', 'list', 'watch'] },
    { group: 'coordination.k8s.io', resource: 'leases', verbs: ['get', 'list', 'watch'] },
    { group: '', resource: 'pods', verbs: ['get'] },
  ] as Rule[],
};

/** One verb on one resource, as an access review asks for it. */
export interface Right {
  readonly group: string;
  readonly resource: string;
  /** Missing for all objects of the resource. */
  readonly name?: string;
  readonly verb: string;
}

/** Every right that an election of this mode needs. */
export function rightsOf(mode: Mode, name: string, namespace: string): Right[] {
  const needed =
    mode === 'life'
      ? rules.life({ namespace, lockName: name, takeOver: false })
      : rules.lease({ namespace, leaseName: name, events: false });
  return needed.flatMap(({ verbs, ...rule }) => verbs.map((verb) => ({ ...rule, verb })));
}

/** The complete Role, with its binding, for `become`. */
export function roleYaml(options: RoleOptions): string {
  const { namespace, lockName, takeOver, pods = {}, user } = options;
  const name = `${lockName}-leader-for-life`;
  // A ClusterRole's name must differ from that of the same lock name in another namespace.
  const wideName = `leader-for-life:${namespace}:${lockName}`;
  return [
    ...bound({ kind: 'Role', name, namespace }, rules.life(options), user),
    ...(takeOver || pods.nodes
      ? bound({ kind: 'ClusterRole', name: wideName }, rules.nodes(takeOver), user)
      : []),
  ].join('---\n');
}

/** The complete Role, with its binding, for lease mode. */
export function leaseRoleYaml(options: LeaseRoleOptions): string {
  const { namespace, leaseName, pods = {}, user } = options;
  const role = { kind: 'Role', name: `${leaseName}-leader-election`, namespace } as const;
  const wideName = `leader-election:${namespace}:${leaseName}`;
  return [
    ...bound(role, rules.lease(options), user),
    ...(pods.nodes ? bound({ kind: 'ClusterRole', name: wideName }, rules.nodes(false), user) : []),
  ].join('---\n');
}

/** The complete Role, with its binding, for an observer. */
export function observerRoleYaml(options: LockRoleOptions): string {
  return lockRoleYaml(options, 'observer', ['get', 'watch']);
}

/** The complete Role, with its binding, to ask a leader to step down. */
export function stepDownRoleYaml(options: LockRoleOptions): string {
  return lockRoleYaml(options, 'step-down', ['get', 'watch', 'patch']);
}

function lockRoleYaml(
  { mode, namespace, name, user }: LockRoleOptions,
  purpose: string,
  verbs: readonly string[],
): string {
  const { group, resource } = lockKinds[mode];
  const what = mode === 'lease' ? 'lease' : 'lock';
  const role = { kind: 'Role', name: `${name}-${what}-${purpose}`, namespace } as const;
  return bound(role, [{ group, resource, name, verbs }], user).join('---\n');
}

/** The complete Role, with its binding, to inspect the locks of a namespace. */
export function inspectorRoleYaml({ namespace, user }: Common): string {
  const role = { kind: 'Role', name: 'leader-for-life-inspector', namespace } as const;
  return bound(role, rules.inspector, user).join('---\n');
}

interface Named {
  readonly kind: 'Role' | 'ClusterRole';
  readonly name: string;
  readonly namespace?: string;
}

/** A Role, and its binding if the user is a service account. */
function bound(role: Named, granted: readonly Rule[], user: string | undefined): string[] {
  const { kind, name } = role;
  const document = `${head(kind, role)}rules:\n${granted.map(ruleYaml).join('')}`;
  const match = /^system:serviceaccount:([-a-z0-9]+):([-.a-z0-9]+)$/.exec(user ?? '');
  if (!match) return [document];
  const [, namespace = '', account = ''] = match;
  const binding = `${head(`${kind}Binding`, role)}roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${kind}
  name: ${name}
subjects:
- kind: ServiceAccount
  name: "${account}"
  namespace: "${namespace}"
`;
  return [document, binding];
}

/** Quotes what may look like a number. */
function head(kind: string, { name, namespace }: Named): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata:
  name: ${name}
${namespace === undefined ? '' : `  namespace: "${namespace}"\n`}`;
}

function ruleYaml({ group, resource, name, verbs }: Rule): string {
  return `- apiGroups: ["${group}"]
  resources: ["${resource}"]
${name === undefined ? '' : `  resourceNames: ["${name}"]\n`}  verbs: [${verbs.map((verb) => `"${verb}"`).join(', ')}]
`;
}
