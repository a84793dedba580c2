import { loadAllYaml } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';

import {
  type RoleOptions,
  leaseRoleYaml,
  observerRoleYaml,
  roleYaml,
} from '../../lib/kubernetes/role.ts';

const options: RoleOptions = { namespace: 'prod', lockName: 'my-lock', takeOver: false };
const USER = 'system:serviceaccount:prod:my.account-1';

const core = (resource: string, verbs: string[]) => ({
  apiGroups: [''],
  resources: [resource],
  verbs,
});
const role = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name: 'my-lock-leader-for-life', namespace: 'prod' },
  rules: [
    core('configmaps', ['create']),
    { ...core('configmaps', ['get', 'watch', 'patch', 'delete']), resourceNames: ['my-lock'] },
    core('pods', ['get', 'list', 'watch']),
  ],
};
const roleToTakeOver = {
  ...role,
  rules: [...role.rules.slice(0, 2), core('pods', ['get', 'list', 'watch', 'delete'])],
};
const clusterRole = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'leader-for-life:prod:my-lock' },
  rules: [core('nodes', ['get', 'watch'])],
};
const subjects = [{ kind: 'ServiceAccount', name: 'my.account-1', namespace: 'prod' }];
const bindingOf = (kind: string, name: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: `${kind}Binding`,
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
  subjects,
});
const roleBinding = {
  ...bindingOf('Role', 'my-lock-leader-for-life'),
  metadata: { name: 'my-lock-leader-for-life', namespace: 'prod' },
};
const clusterRoleBinding = bindingOf('ClusterRole', 'leader-for-life:prod:my-lock');

describe('the Role for a candidate', () => {
  it.each([
    ['for an unknown user', {}, [role]],
    ['for a service account', { user: USER }, [role, roleBinding]],
    ['with takeover', { takeOver: true }, [roleToTakeOver, clusterRole]],
    [
      'with takeover, for a service account',
      { takeOver: true, user: USER },
      [roleToTakeOver, roleBinding, clusterRole, clusterRoleBinding],
    ],
  ])('can be applied as it is %s', (_, changes, documents) => {
    expect(loadAllYaml(roleYaml({ ...options, ...changes }))).toEqual(documents);
  });

  it('is written as people write it', () => {
    expect(roleYaml({ ...options, user: USER })).toMatchInlineSnapshot(`
      "apiVersion: rbac.authorization.k8s.io/v1
      kind: Role
      metadata:
        name: my-lock-leader-for-life
        namespace: "prod"
      rules:
      - apiGroups: [""]
        resources: ["configmaps"]
        verbs: ["create"]
      - apiGroups: [""]
        resources: ["configmaps"]
        resourceNames: ["my-lock"]
        verbs: ["get", "watch", "patch", "delete"]
      - apiGroups: [""]
        resources: ["pods"]
        verbs: ["get", "list", "watch"]
      ---
      apiVersion: rbac.authorization.k8s.io/v1
      kind: RoleBinding
      metadata:
        name: my-lock-leader-for-life
        namespace: "prod"
      roleRef:
        apiGroup: rbac.authorization.k8s.io
        kind: Role
        name: my-lock-leader-for-life
      subjects:
      - kind: ServiceAccount
        name: "my.account-1"
        namespace: "prod"
      "
    `);
  });

  it.each([
    undefined,
    '',
    'alice',
    'system:serviceaccount:prod',
    'system:serviceaccount:prod:',
    'system:serviceaccount::name',
    'system:serviceaccount:prod:name:more',
    'x:system:serviceaccount:prod:name',
    'system:serviceaccount:prod:name\nrules: []',
    'system:serviceaccount:prod:"name"',
    'system:serviceaccount:PROD:name',
    'system:serviceaccount:pr.od:name',
    'system:serviceaccount:prod:na/me',
  ])('binds nobody of whom it does not know that this is a service account: %j', (user) => {
    expect(roleYaml({ ...options, user })).toBe(roleYaml(options));
  });

  it.each(['123', '0x1f', '1e3', 'true', 'null', 'on', 'no', '0'])(
    'keeps a name that YAML would take for something else: %s',
    (name) => {
      const user = `system:serviceaccount:${name}:${name}`;
      const yaml = roleYaml({ namespace: name, lockName: name, takeOver: true, user });
      expect(loadAllYaml(yaml)).toMatchObject([
        { metadata: { namespace: name }, rules: [{}, { resourceNames: [name] }, {}] },
        { metadata: { namespace: name }, subjects: [{ name, namespace: name }] },
        {},
        { subjects: [{ name, namespace: name }] },
      ]);
      // js-yaml reads YAML 1.2; kubectl also takes `on` and `no` for booleans.
      expect(yaml).not.toMatch(new RegExp(`: ${name}$`, 'm'));
    },
  );
});

describe('the Role for an elector of a Lease', () => {
  const lease = { namespace: 'prod', leaseName: 'my-lease', events: false };
  const leases = (verbs: string[]) => ({
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs,
  });
  const leaseRole = {
    ...role,
    metadata: { name: 'my-lease-leader-election', namespace: 'prod' },
    rules: [
      leases(['create']),
      { ...leases(['get', 'watch', 'update']), resourceNames: ['my-lease'] },
    ],
  };
  const recording = { ...leaseRole, rules: [...leaseRole.rules, core('events', ['create'])] };
  const leaseBinding = {
    ...roleBinding,
    metadata: { name: 'my-lease-leader-election', namespace: 'prod' },
    roleRef: { ...roleBinding.roleRef, name: 'my-lease-leader-election' },
  };

  it.each([
    ['for an unknown user', {}, [leaseRole]],
    ['for a service account', { user: USER }, [leaseRole, leaseBinding]],
    ['with Events', { events: true }, [recording]],
    ['with Events, for a service account', { events: true, user: USER }, [recording, leaseBinding]],
    ['for a person', { user: 'alice' }, [leaseRole]],
  ])('can be applied as it is %s', (_, changes, documents) => {
    expect(loadAllYaml(leaseRoleYaml({ ...lease, ...changes }))).toEqual(documents);
  });

  it('is written as people write it', () => {
    expect(leaseRoleYaml({ ...lease, events: true })).toBe(`apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: my-lease-leader-election
  namespace: "prod"
rules:
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  verbs: ["create"]
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  resourceNames: ["my-lease"]
  verbs: ["get", "watch", "update"]
- apiGroups: [""]
  resources: ["events"]
  verbs: ["create"]
`);
  });
});

describe('the Roles together', () => {
  const user = USER;
  /** Everything that is printed for a lock and a Lease of this name in this namespace. */
  const printed = (namespace: string, name: string) => [
    roleYaml({ namespace, lockName: name, takeOver: true, user }),
    leaseRoleYaml({ namespace, leaseName: name, events: true, user }),
    observerRoleYaml({ namespace, name, group: '', resource: 'configmaps', user }),
    observerRoleYaml({ namespace, name, group: 'coordination.k8s.io', resource: 'leases', user }),
  ];
  interface Printed {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  }
  const identities = (manifests: readonly string[]) =>
    manifests
      .flatMap((yaml) => loadAllYaml(yaml) as Printed[])
      .map(({ kind, metadata: { namespace = '', name } }) => [kind, namespace, name].join(' '));

  it('have names of their own: to apply one overwrites no other', () => {
    const names = ['a', 'a-lock', 'a-lease', 'a-leader', 'a-leader-for-life', 'b.a'];
    const namespaces = ['b', 'b-a', 'a'];
    const all = identities(namespaces.flatMap((where) => names.flatMap((n) => printed(where, n))));
    expect(all).toHaveLength(namespaces.length * names.length * 10);
    expect(all.filter((one, i) => all.indexOf(one) !== i)).toEqual([]);
  });
});
