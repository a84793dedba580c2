/**
 * The rights that a candidate needs, as YAML that can be applied as it is. To apply one never
 * overwrites another: each is named after what it is for, and ends as no other does.
 */

export interface RoleOptions {
  readonly namespace: string;
  readonly lockName: string;
  /** `system:serviceaccount:NAMESPACE:NAME`, if known, to bind the Role to. */
  readonly user?: string | undefined;
  /** Whether `takeOverFromNotReadyNodeAfterMs` is set, which needs more. */
  readonly takeOver: boolean;
  /** Whether changes of leader are recorded as Events, which needs more. */
  readonly events?: boolean | undefined;
}

/** The complete Role (and what binds it) for `become`. Quoted is what may look like a number. */
export function roleYaml(options: RoleOptions): string {
  const { namespace, takeOver, lockName } = options;
  const name = `${lockName}-leader-for-life`;
  const account = serviceAccount(options.user);
  const documents = [bound(role(name, options), name, namespace, options.user)];
  if (takeOver) {
    // Of no namespace: there may be a lock of this name in several.
    const wideName = `leader-for-life:${namespace}:${lockName}`;
    documents.push(clusterRole(wideName));
    if (account) documents.push(binding('ClusterRoleBinding', 'ClusterRole', wideName, account));
  }
  return documents.join('---\n');
}

const RECORDING = `- apiGroups: [""]
  resources: ["events"]
  verbs: ["create"]
`;

export interface LeaseRoleOptions {
  readonly namespace: string;
  readonly leaseName: string;
  readonly user?: string | undefined;
  /** Whether changes of leader are recorded as Events, which needs more. */
  readonly events: boolean;
}

/** The complete Role (and what binds it) for lease mode. */
export function leaseRoleYaml(options: LeaseRoleOptions): string {
  const { namespace, leaseName, events } = options;
  const name = `${leaseName}-leader-election`;
  return bound(leaseRole(name, namespace, leaseName, events), name, namespace, options.user);
}

function leaseRole(name: string, namespace: string, leaseName: string, events: boolean): string {
  return `${roleHead(name, namespace)}- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  verbs: ["create"]
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  resourceNames: ["${leaseName}"]
  verbs: ["get", "watch", "update"]
${events ? RECORDING : ''}`;
}

export interface ObserverRoleOptions {
  readonly namespace: string;
  /** Of the lock or Lease. */
  readonly name: string;
  readonly group: '' | 'coordination.k8s.io';
  readonly resource: 'configmaps' | 'leases';
  readonly user?: string | undefined;
}

/** The complete Role (and what binds it) for an observer. */
export function observerRoleYaml(options: ObserverRoleOptions): string {
  const { namespace, name, resource } = options;
  const roleName = `${name}-${resource === 'leases' ? 'lease' : 'lock'}-observer`;
  return bound(observerRole(roleName, options), roleName, namespace, options.user);
}

function observerRole(roleName: string, options: ObserverRoleOptions): string {
  const { namespace, name, group, resource } = options;
  return `${roleHead(roleName, namespace)}- apiGroups: ["${group}"]
  resources: ["${resource}"]
  resourceNames: ["${name}"]
  verbs: ["get", "watch"]
`;
}

function role(name: string, options: RoleOptions): string {
  const { namespace, lockName, takeOver, events = false } = options;
  return `${roleHead(name, namespace)}- apiGroups: [""]
  resources: ["configmaps"]
  verbs: ["create"]
- apiGroups: [""]
  resources: ["configmaps"]
  resourceNames: ["${lockName}"]
  verbs: ["get", "watch", "patch", "delete"]
- apiGroups: [""]
  resources: ["pods"]
  verbs: ["get", "list", "watch"${takeOver ? ', "delete"' : ''}]
${events ? RECORDING : ''}`;
}

function clusterRole(name: string): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: ${name}
rules:
- apiGroups: [""]
  resources: ["nodes"]
  verbs: ["get", "watch"]
`;
}

function roleHead(name: string, namespace: string): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: ${name}
  namespace: "${namespace}"
rules:
`;
}

/** A Role, bound to the user if that is a service account. */
function bound(role: string, name: string, namespace: string, user: string | undefined): string {
  const account = serviceAccount(user);
  const documents = [role];
  if (account) documents.push(binding('RoleBinding', 'Role', name, account, namespace));
  return documents.join('---\n');
}

interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

function binding(
  kind: string,
  roleKind: string,
  name: string,
  account: ServiceAccount,
  namespace?: string,
): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata:
  name: ${name}
${namespace === undefined ? '' : `  namespace: "${namespace}"\n`}roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${roleKind}
  name: ${name}
subjects:
- kind: ServiceAccount
  name: "${account.name}"
  namespace: "${account.namespace}"
`;
}

function serviceAccount(user: string | undefined): ServiceAccount | undefined {
  const match = /^system:serviceaccount:([-a-z0-9]+):([-.a-z0-9]+)$/.exec(user ?? '');
  return match?.[1] && match[2] ? { namespace: match[1], name: match[2] } : undefined;
}
