import {
  type Check,
  checkBoolean,
  checkLockName,
  checkNamespace,
  checkProperties,
  matching,
} from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { isDnsSubdomain } from './names.ts';
import { leaseRoleYaml, observerRoleYaml, roleYaml } from './role.ts';

/** Options of `rbacYaml`. */
export interface RbacOptions {
  /** The mode of the elections: `life` for `become`, `lease` for `lead` and `LeaderElector`. */
  readonly mode: 'life' | 'lease';
  /** Namespace of the locks and of the service account. */
  readonly namespace: string;
  /** Name of the service account that gets the rights. */
  readonly serviceAccount: string;
  /**
   * Whether the rights are only those of `observeLock` or `observeLease`.
   * @default false
   */
  readonly observe?: boolean | undefined;
  /**
   * Whether the elections have the option `events`.
   * @default false
   */
  readonly events?: boolean | undefined;
  /**
   * Whether the elections have the option `label` or `deletionCost`.
   * @default false
   */
  readonly label?: boolean | undefined;
  /**
   * Whether lease mode gets the optional rights to get, list and watch Pods: to follow a leader that
   * has crashed at once, and to count the replicas. `life` always has them.
   * @default false
   */
  readonly pods?: boolean | undefined;
}

/**
 * The rights that elections for these locks need, and no others, as YAML to apply: a
 * ServiceAccount and, for each lock, a Role and a RoleBinding. Sends no request.
 *
 * @param names - names of the locks or Leases
 * @throws `TypeError` for a bad argument
 *
 * @example
 * rbacYaml(['my-lock'], { mode: 'life', namespace: 'default', serviceAccount: 'my-operator' });
 */
export function rbacYaml(names: readonly string[], options: RbacOptions): string {
  if (!(names instanceof Array) || names.length === 0) {
    throw invalidArgument('names', 'an array of names', names);
  }
  for (const name of names) checkLockName('lockName', name);
  checkOptions(options);
  const { namespace, serviceAccount } = options;
  const account = `apiVersion: v1
kind: ServiceAccount
metadata:
  name: "${serviceAccount}"
  namespace: "${namespace}"
`;
  return [account, ...names.map((name) => roleOf(name, options))].join('---\n');
}

function roleOf(name: string, options: RbacOptions): string {
  const { mode, namespace, serviceAccount, observe = false, events = false } = options;
  const pods = { marks: options.label, watched: options.pods };
  const common = { namespace, user: `system:serviceaccount:${namespace}:${serviceAccount}` };
  if (observe) return observerRoleYaml({ ...common, mode, name });
  return mode === 'life'
    ? roleYaml({ ...common, lockName: name, takeOver: false, events, pods })
    : leaseRoleYaml({ ...common, leaseName: name, events, pods });
}

const checks: Readonly<Record<keyof RbacOptions, Check>> = {
  mode: matching((mode) => ['life', 'lease'].includes(mode), "'life' or 'lease'"),
  namespace: checkNamespace,
  serviceAccount: matching(isDnsSubdomain, "a ServiceAccount's name, a DNS subdomain (RFC 1123)"),
  observe: checkBoolean,
  events: checkBoolean,
  label: checkBoolean,
  pods: checkBoolean,
};

function checkOptions(options: RbacOptions): void {
  const given = checkProperties('options', options, checks);
  for (const key of ['mode', 'namespace', 'serviceAccount'] as const) {
    checks[key](`options.${key}`, given[key]);
  }
}
