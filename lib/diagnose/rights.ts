import { isAllowed } from '../kubernetes/access-review.ts';
import { type Right, rightsOf } from '../kubernetes/role.ts';
import type { Session } from '../inspect/session.ts';
import type { LockStatus } from '../inspect/status.ts';
import { type Finding, findingsOf } from './finding.ts';

const { ok, warning, error } = findingsOf('rights');

/** What an election does without a right; others are needed for it to work. */
const optional: Readonly<Record<string, string>> = {
  'configmaps watch': 'the lock is polled, so a handover takes seconds',
  'configmaps patch': 'a release is not marked, so a handover may wait for the end of a Pod',
  'pods watch': 'the holder is polled, so a handover takes seconds',
  'pods list': 'ten candidates are assumed',
  'leases watch': 'the Lease is polled, so a handover takes seconds',
};

/** Asks for each right of an election. */
export async function rightsFindings(
  { api, namespace, signal }: Session,
  mode: LockStatus['mode'],
  name: string,
): Promise<Finding[]> {
  const rights = rightsOf(mode, name, namespace);
  const reviewed = await Promise.all(
    rights.map(async (right) => {
      try {
        return { right, allowed: await isAllowed(api, namespace, right, signal) };
      } catch (cause) {
        signal.throwIfAborted();
        return { right, allowed: undefined, why: (cause as Error).message };
      }
    }),
  );
  const granted = reviewed.filter(({ allowed }) => allowed === true).map(({ right }) => right);
  return [
    ...(granted.length > 0 ? [ok(`may ${summary(granted)}`)] : []),
    ...reviewed
      .filter(({ allowed }) => allowed === false)
      .map(({ right }) => missing(right, mode, name, namespace)),
    ...reviewed
      .filter(({ allowed }) => allowed === undefined)
      .slice(0, 1)
      .map(({ why = '' }) => warning(`The API server does not say what this user may do: ${why}.`)),
  ];
}

function missing(
  { resource, verb }: Right,
  mode: LockStatus['mode'],
  name: string,
  namespace: string,
): Finding {
  const lease = mode === 'lease' ? ' --lease' : '';
  const todo = `leader-for-life rbac${lease} --namespace ${namespace} ${name} prints the Role that allows it.`;
  const cost = optional[`${resource} ${verb}`];
  if (cost !== undefined) return warning(`May not ${verb} ${resource}: ${cost}. ${todo}`);
  // A Lease that exists need not be created.
  if (resource === 'leases' && verb === 'create') {
    return warning(`May not create leases: the Lease has to be created in advance. ${todo}`);
  }
  return error(`May not ${verb} ${resource}, so an election fails. ${todo}`);
}

/** `create, get configmaps; get pods`. */
function summary(rights: readonly Right[]): string {
  const verbs = new Map<string, string[]>();
  for (const { resource, verb } of rights) {
    verbs.set(resource, [...(verbs.get(resource) ?? []), verb]);
  }
  return [...verbs].map(([resource, allowed]) => `${allowed.join(', ')} ${resource}`).join('; ');
}
