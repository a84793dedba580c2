import { describe, expect, it } from 'vitest';
import { leaseRoleYaml, observerRoleYaml, roleYaml } from '../../lib/kubernetes/role.ts';
import { rbacYaml } from '../../lib/kubernetes/rbac.ts';

const place = { namespace: 'n', serviceAccount: 's' };
const common = { namespace: 'n', user: 'system:serviceaccount:n:s' };
const ACCOUNT = `apiVersion: v1
kind: ServiceAccount
metadata:
  name: "s"
  namespace: "n"
`;

describe('rbacYaml', () => {
  it.each([
    [{ mode: 'life' }, roleYaml({ ...common, lockName: 'a', takeOver: false })],
    [
      { mode: 'life', events: true },
      roleYaml({ ...common, lockName: 'a', takeOver: false, events: true }),
    ],
    [{ mode: 'lease' }, leaseRoleYaml({ ...common, leaseName: 'a', events: false })],
    [{ mode: 'lease', events: true }, leaseRoleYaml({ ...common, leaseName: 'a', events: true })],
    [
      { mode: 'life', label: true },
      roleYaml({ ...common, lockName: 'a', takeOver: false, pods: { marks: true } }),
    ],
    [
      { mode: 'lease', label: true },
      leaseRoleYaml({ ...common, leaseName: 'a', events: false, pods: { marks: true } }),
    ],
    [
      { mode: 'lease', pods: true },
      leaseRoleYaml({ ...common, leaseName: 'a', events: false, pods: { watched: true } }),
    ],
    [{ mode: 'life', observe: true }, observerRoleYaml({ ...common, name: 'a', mode: 'life' })],
    [{ mode: 'lease', observe: true }, observerRoleYaml({ ...common, name: 'a', mode: 'lease' })],
  ] as const)('has the rights that errors print for %j', (options, role) => {
    expect(rbacYaml(['a'], { ...place, ...options })).toBe(`${ACCOUNT}---\n${role}`);
  });

  it('has a Role for each name, and one ServiceAccount', () => {
    const yaml = rbacYaml(['a', 'b'], { ...place, mode: 'lease' });
    expect(yaml.split('---\n')).toHaveLength(5);
    expect(yaml).toContain('resourceNames: ["a"]');
    expect(yaml).toContain('resourceNames: ["b"]');
  });

  it.each([
    [[], {}, 'names must be an array of names'],
    [['A'], {}, 'lockName must be a DNS subdomain'],
    [['a'], { mode: 'both' }, "options.mode must be 'life' or 'lease', but is \"both\""],
    [['a'], { mode: undefined }, 'options.mode must be'],
    [['a'], { namespace: undefined }, 'options.namespace must be'],
    [['a'], { serviceAccount: undefined }, 'options.serviceAccount must be'],
    [['a'], { label: 'role=leader' }, 'options.label must be'],
    [['a'], { observed: true }, 'options.observed is not an option. Did you mean observe?'],
  ])('refuses %j with %j', (names, options, message) => {
    const given = { ...place, mode: 'life', ...options } as Parameters<typeof rbacYaml>[1];
    expect(() => rbacYaml(names, given)).toThrow(message);
  });
});
