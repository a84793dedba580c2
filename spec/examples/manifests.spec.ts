import { type V1PolicyRule, loadAllYaml } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';

import { leaseRoleYaml, roleYaml } from '../../lib/kubernetes/role.ts';
import { read } from '../public/project.ts';
import { type Example, containerOf, examples, manifestOf, only } from './manifest.ts';

/** What an example does beside the election. */
const OWN: Record<Example, V1PolicyRule[]> = {
  operator: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch', 'patch'] }],
  cron: [],
  queue: [],
  'lease-worker': [],
};

/** Those that hold a Lease; the others lead for life. */
const leases: readonly Example[] = ['lease-worker'];

describe.each(Object.entries(examples) as [Example, string][])('%s', (example, lockName) => {
  const objects = manifestOf(example);
  const hasLease = leases.includes(example);

  it('runs in Pods that know who they are', () => {
    const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
    expect(containerOf(example).env).toEqual(
      expect.arrayContaining([
        { name: 'POD_NAME', ...field('metadata.name') },
        ...(hasLease ? [] : [{ name: 'POD_UID', ...field('metadata.uid') }]),
        { name: 'POD_NAMESPACE', ...field('metadata.namespace') },
      ]),
    );
  });

  it('sets every other variable that has no default', () => {
    const program = read(`docs/examples/${example}/main.ts`);
    const set = new Set(containerOf(example).env?.map(({ name }) => name));
    const read_ = program.matchAll(/(?:process\.env\[|setting\()'(\w+)'(?:\]|\))(?! \?\? (?!''))/g);
    expect(Array.from(read_, ([, name]) => name).filter((name) => !set.has(name ?? ''))).toEqual(
      [],
    );
  });

  it('may do what an election takes, what the example itself does, and nothing else', () => {
    const namespace = 'default';
    const yaml = hasLease
      ? leaseRoleYaml({ namespace, leaseName: lockName, events: false })
      : roleYaml({ namespace, lockName, takeOver: false });
    const election = only(loadAllYaml(yaml), 'Role').rules ?? [];
    expect(only(objects, 'Role').rules).toEqual([...election, ...OWN[example]]);
    expect(read(`docs/examples/${example}/main.ts`)).toContain(
      `${hasLease ? 'lead' : 'become'}('${lockName}'`,
    );
  });

  it('binds these rights to the account that its Pods use', () => {
    const account = only(objects, 'ServiceAccount').metadata?.name;
    const { roleRef, subjects } = only(objects, 'RoleBinding');
    expect(subjects).toEqual([{ kind: 'ServiceAccount', name: account }]);
    expect(roleRef).toMatchObject({
      kind: 'Role',
      name: only(objects, 'Role').metadata?.name,
    });
    const { spec } = only(objects, 'Deployment');
    expect(spec?.template.spec?.serviceAccountName).toBe(account);
    expect(spec?.template.metadata?.labels).toMatchObject(spec?.selector.matchLabels ?? {});
    expect(spec?.replicas).toBeGreaterThan(1);
  });

  it('goes into whichever namespace it is applied to', () => {
    expect(objects.filter(({ metadata }) => metadata?.namespace !== undefined)).toEqual([]);
  });
});
