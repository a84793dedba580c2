import { type V1PolicyRule, type V1Role, loadAllYaml, loadYaml } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';

import { leaseRoleYaml, observerRoleYaml, roleYaml } from '../../lib/kubernetes/role.ts';
import { read } from '../public/project.ts';

const blocks = Array.from(
  read('docs/rbac.md').matchAll(/^```yaml\n(.*?)^```/gms),
  ([, code = '']) => code,
);
const [life, marks = '', takeOver, lease, leasePods = '', ...others] = blocks;
const [events = '', leaseMarks = '', observer, several = ''] = others;

const bound = {
  namespace: 'my-namespace',
  user: 'system:serviceaccount:my-namespace:my-operator',
};
const lock = { ...bound, lockName: 'my-operator-lock', takeOver: false };
const leaseOf = (leaseName: string) => leaseRoleYaml({ ...bound, leaseName, events: false });

describe('docs/rbac.md', () => {
  it('has the Role that errors print, without and with takeOverFromNotReadyNodeAfterMs', () => {
    expect([life, takeOver]).toEqual([roleYaml(lock), roleYaml({ ...lock, takeOver: true })]);
  });

  it('has what label and deletionCost add to both Roles', () => {
    const pods = { marks: true };
    const unmarked = roleYaml(lock).split(/(?=- apiGroups|---)/)[3] ?? '';
    expect(life?.replace(unmarked, marks)).toBe(roleYaml({ ...lock, pods }));
    const marked = leaseRoleYaml({ ...bound, leaseName: 'my-lease', events: false, pods });
    expect(lease?.replace('---', `${leaseMarks}---`)).toBe(marked);
  });

  it('has the Role of lease mode that errors print, and what Events add to it', () => {
    expect(lease).toBe(leaseOf('my-lease'));
    const withEvents = leaseRoleYaml({ ...bound, leaseName: 'my-lease', events: true });
    expect(lease?.replace('---', `${events}---`)).toBe(withEvents);
  });

  it('has what the optional rights to Pods add to the Role of lease mode', () => {
    const pods = { watched: true };
    const withPods = leaseRoleYaml({ ...bound, leaseName: 'my-lease', events: false, pods });
    expect(lease?.replace('---', `${leasePods}---`)).toBe(withPods);
  });

  it('has the Role for those who look on that errors print', () => {
    const names = { name: 'my-lease', mode: 'lease' } as const;
    expect(observer).toBe(observerRoleYaml({ ...bound, ...names }));
  });

  it('grants in one Role for several elections what each needs, and nothing else', () => {
    const each = [roleYaml(lock), leaseOf('my-lease'), leaseOf('my-other-lease')];
    expect(grants(loadYaml<V1Role>(several))).toEqual(
      new Set(each.flatMap((yaml) => [...grants(roleIn(yaml))])),
    );
  });

  it('has no other manifests', () => {
    expect(blocks).toHaveLength(9);
  });
});

function roleIn(yaml: string): V1Role {
  return loadAllYaml(yaml).find(({ kind }) => kind === 'Role') as V1Role;
}

/** Each single thing that a Role allows. */
function grants({ rules = [] }: V1Role): Set<string> {
  const of = ({ apiGroups = [], resources = [], resourceNames = ['*'], verbs }: V1PolicyRule) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) => verbs.map((verb) => [group, resource, name, verb].join())),
      ),
    );
  return new Set(rules.flatMap(of));
}
