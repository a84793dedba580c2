import { describe, expect, it } from 'vitest';

import { roleYaml } from '../../lib/kubernetes/role.ts';
import { read } from '../public/project.ts';

const blocks = Array.from(
  read('docs/rbac.md').matchAll(/^```yaml\n(.*?)^```/gms),
  ([, code]) => code,
);

const names = {
  namespace: 'my-namespace',
  lockName: 'my-operator-lock',
  user: 'system:serviceaccount:my-namespace:my-operator',
};

describe('docs/rbac.md', () => {
  it('has the Role that errors print, without and with takeOverFromNotReadyNodeAfterMs', () => {
    expect(blocks).toEqual([
      roleYaml({ ...names, takeOver: false }),
      roleYaml({ ...names, takeOver: true }),
    ]);
  });
});
