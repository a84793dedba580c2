import {
  type KubernetesObject,
  type V1Deployment,
  type V1Role,
  type V1RoleBinding,
  type V1ServiceAccount,
  loadAllYaml,
} from '@kubernetes/client-node';

import type { PolicyRule } from '../../lib/testing/index.ts';
import { read } from '../public/project.ts';

export const examples = {
  operator: 'checksum-operator',
  cron: 'cron-worker',
  queue: 'queue-consumer',
  'lease-worker': 'lease-worker',
} as const;

export type Example = keyof typeof examples;

/** Everything that the example's manifest would create. */
export function manifestOf(example: Example): KubernetesObject[] {
  return loadAllYaml(read(`docs/examples/${example}/manifest.yaml`)) as KubernetesObject[];
}

interface Kinds {
  readonly Deployment: V1Deployment;
  readonly Role: V1Role;
  readonly RoleBinding: V1RoleBinding;
  readonly ServiceAccount: V1ServiceAccount;
}

export function only<Kind extends keyof Kinds>(
  objects: readonly KubernetesObject[],
  kind: Kind,
): Kinds[Kind] {
  const [found, ...others] = objects.filter((object) => object.kind === kind);
  if (!found || others.length > 0) throw new Error(`there is not exactly one ${kind}`);
  return found as Kinds[Kind];
}

export function rulesOf(example: Example): PolicyRule[] {
  const { rules = [] } = only(manifestOf(example), 'Role');
  return rules.map((rule) => ({ ...rule, resources: rule.resources ?? [] }));
}

export function containerOf(example: Example) {
  const { spec } = only(manifestOf(example), 'Deployment');
  const [container] = spec?.template.spec?.containers ?? [];
  if (!container) throw new Error('the Deployment has no container');
  return container;
}
