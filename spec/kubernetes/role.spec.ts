import { loadAllYaml } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';

import { leaseRoleYaml, observerRoleYaml, roleYaml } from '../../lib/kubernetes/role.ts';

const namespace = 'prod';
const options = { namespace, lockName: 'my-lock', takeOver: false };
const lease = { namespace, leaseName: 'my-lease', events: false };
const user = 'system:serviceaccount:prod:my.account-1';

const AUTHORIZATION = 'rbac.authorization.k8s.io';
const apiVersion = `${AUTHORIZATION}/v1`;
const rule = (group: string, resource: string, verbs: string, name?: string) => ({
  apiGroups: [group],
  resources: [resource],
  verbs: verbs.split(' '),
  ...(name !== undefined && { resourceNames: [name] }),
});
const bindingOf = ({ kind, metadata }: { kind: string; metadata: { name: string } }) => ({
  apiVersion,
  kind: `${kind}Binding`,
  metadata,
  roleRef: { apiGroup: AUTHORIZATION, kind, name: metadata.name },
  subjects: [{ kind: 'ServiceAccount', name: 'my.account-1', namespace }],
});
const roleOf = (name: string, ...rules: object[]) => ({
  apiVersion,
  kind: 'Role',
  metadata: { name, namespace },
  rules,
});

const create = rule('', 'configmaps', 'create');
const own = rule('', 'configmaps', 'get watch patch delete', 'my-lock');
const pods = rule('', 'pods', 'get list watch');
const events = rule('', 'events', 'create');
const role = roleOf('my-lock-leader-for-life', create, own, pods);
const takeOver = { ...role, rules: [create, own, rule('', 'pods', 'get list watch delete')] };
const nodes = {
  apiVersion,
  kind: 'ClusterRole',
  metadata: { name: 'leader-for-life:prod:my-lock' },
  rules: [rule('', 'nodes', 'get watch')],
};

const getNodes = { ...nodes, rules: [rule('', 'nodes', 'get')] };

describe('roleYaml', () => {
  it.each<[object, object[]]>([
    [{}, [role]],
    [{ user }, [role, bindingOf(role)]],
    [{ events: true }, [{ ...role, rules: [...role.rules, events] }]],
    [{ takeOver: true }, [takeOver, nodes]],
    [
      { pods: { marks: true } },
      [{ ...role, rules: [create, own, rule('', 'pods', 'get list watch patch')] }],
    ],
    [{ pods: { marks: false } }, [role]],
    [{ pods: { watched: true } }, [role]],
    [{ pods: { prefers: true } }, [role]],
    [{ pods: { prefers: true, nodes: true } }, [role, getNodes]],
    [{ takeOver: true, user }, [takeOver, bindingOf(role), nodes, bindingOf(nodes)]],
  ])('can be applied with %o', (changes, documents) => {
    expect(loadAllYaml(roleYaml({ ...options, ...changes }))).toEqual(documents);
  });

  it('is formatted as kubectl prints YAML', () => {
    expect(roleYaml({ ...options, user })).toMatchInlineSnapshot(`
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
    ...[undefined, '', 'alice'],
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
  ])('binds no user that is no service account: %j', (other) => {
    expect(roleYaml({ ...options, user: other })).toBe(roleYaml(options));
  });

  it.each(['123', '0x1f', '1e3', 'true', 'null', 'on', 'no', '0'])(
    'quotes a name that YAML would take for something else: %s',
    (name) => {
      const account = `system:serviceaccount:${name}:${name}`;
      const names = { namespace: name, lockName: name };
      const yaml = roleYaml({ ...names, takeOver: true, user: account });
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

describe('leaseRoleYaml', () => {
  const group = 'coordination.k8s.io';
  const held = rule(group, 'leases', 'get watch update', 'my-lease');
  const leaseRole = roleOf('my-lease-leader-election', rule(group, 'leases', 'create'), held);
  const preferring = {
    ...leaseRole,
    rules: [...leaseRole.rules, rule('', 'pods', 'get list')],
  };
  const preferringNodes = {
    ...getNodes,
    metadata: { name: 'leader-election:prod:my-lease' },
  };
  const recording = { ...leaseRole, rules: [...leaseRole.rules, events] };

  it.each<[object, object[]]>([
    [{}, [leaseRole]],
    [{ user }, [leaseRole, bindingOf(leaseRole)]],
    [{ events: true }, [recording]],
    [
      { pods: { marks: true } },
      [{ ...leaseRole, rules: [...leaseRole.rules, rule('', 'pods', 'get list patch')] }],
    ],
    [
      { pods: { watched: true } },
      [{ ...leaseRole, rules: [...leaseRole.rules, rule('', 'pods', 'get list watch')] }],
    ],
    [
      { pods: { watched: true, marks: true } },
      [{ ...leaseRole, rules: [...leaseRole.rules, rule('', 'pods', 'get list watch patch')] }],
    ],
    [{ pods: { prefers: true, nodes: true } }, [preferring, preferringNodes]],
    [{ events: true, user }, [recording, bindingOf(leaseRole)]],
    [{ user: 'alice' }, [leaseRole]],
  ])('can be applied with %o', (changes, documents) => {
    expect(loadAllYaml(leaseRoleYaml({ ...lease, ...changes }))).toEqual(documents);
  });
});

it('no two Roles of any names and namespaces share a name', () => {
  interface Printed {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  }
  const printed = (namespace: string, name: string) => [
    roleYaml({ namespace, lockName: name, takeOver: true, user }),
    leaseRoleYaml({ namespace, leaseName: name, events: true, user }),
    observerRoleYaml({ namespace, name, mode: 'life', user }),
    observerRoleYaml({ namespace, name, mode: 'lease', user }),
  ];
  const names = ['a', 'a-lock', 'a-lease', 'a-leader', 'a-leader-for-life', 'b.a'];
  const all = ['b', 'b-a', 'a']
    .flatMap((where) => names.flatMap((name) => printed(where, name)))
    .flatMap((yaml) => loadAllYaml(yaml) as Printed[])
    .map(({ kind, metadata: { namespace = '', name } }) => [kind, namespace, name].join(' '));
  expect(all).toHaveLength(3 * names.length * 10);
  expect(all.filter((one, i) => all.indexOf(one) !== i)).toEqual([]);
});
