import { rbacYaml } from '../index.ts';
import { defineCommand } from './command.ts';
import { CONTEXT_OPTIONS } from './context.ts';
import { UsageError } from './option.ts';

export const rbac = defineCommand({
  name: 'rbac',
  synopsis: 'rbac [options] NAME…',
  summary: 'Print the ServiceAccount, Role and RoleBinding of an election',
  description: [
    'Prints YAML for kubectl apply: a ServiceAccount and, for each name, a Role with the least ' +
      'rights and its RoleBinding. Sends no request.',
  ],
  names: { min: 1, max: Infinity },
  options: {
    lease: { type: 'flag', help: 'The names are those of Leases' },
    'service-account': {
      type: 'text',
      placeholder: 'NAME',
      help: 'ServiceAccount that gets the rights; by default it has the first name',
    },
    observe: { type: 'flag', help: 'Only the rights to watch who leads, not to lead' },
    events: { type: 'flag', help: 'Also the right to record Events' },
    label: { type: 'flag', help: "Also the rights to mark the leader's Pod: label, deletion cost" },
    pods: {
      type: 'flag',
      help: 'Lease: also the rights to get, list and watch Pods, to follow a crashed leader at once',
    },
    ...CONTEXT_OPTIONS,
  },
  async run({ names, values, context }) {
    const [first = ''] = names;
    const {
      lease,
      observe,
      events,
      label,
      pods,
      'service-account': serviceAccount = first,
    } = values;
    if (pods && !lease) {
      throw new UsageError(
        '--pods is an option of leases: leading for life always has these rights.',
      );
    }
    const namespace = await context.namespace();
    const mode = lease ? 'lease' : 'life';
    const rights = { observe, events, label, pods };
    context.print(rbacYaml(names, { mode, namespace, serviceAccount, ...rights }));
    return 0;
  },
});
