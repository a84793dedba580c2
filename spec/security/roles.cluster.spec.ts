import {
  AuthorizationV1Api,
  type KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  type V1PolicyRule,
  loadAllYaml,
} from '@kubernetes/client-node';
import { describe, expect, inject, onTestFinished, test } from 'vitest';

import { leaseRoleYaml, observerRoleYaml, roleYaml } from '../../lib/kubernetes/role.ts';
import { Namespace, eventually } from '../behaviour/cluster.ts';
import { type Elector, ElectorSpace } from '../behaviour/electors.ts';
import { realCluster } from '../behaviour/real-cluster.ts';
import { documented } from './intruder.ts';
import { withToken } from './pod-token.ts';

const cluster = realCluster(inject('cluster').kubeconfig, undefined);

async function namespace(): Promise<Namespace> {
  const created = await Namespace.create(cluster);
  onTestFinished(() => created[Symbol.asyncDispose]());
  return created;
}

/** Everything that is printed for a lock and a Lease of one name. */
function printed(namespace: string, name: string, user: string) {
  const looking = { namespace, name, user };
  return {
    become: roleYaml({ namespace, lockName: name, takeOver: false, user }),
    'become with takeover': roleYaml({ namespace, lockName: name, takeOver: true, user }),
    lead: leaseRoleYaml({ namespace, leaseName: name, events: false, user }),
    'lead with Events': leaseRoleYaml({ namespace, leaseName: name, events: true, user }),
    observeLock: observerRoleYaml({ ...looking, mode: 'life' }),
    observeLease: observerRoleYaml({ ...looking, mode: 'lease' }),
  };
}

/** Creates, and so overwrites nothing; what belongs to no namespace is removed with the test. */
async function create(manifests: readonly string[]): Promise<void> {
  const objects = KubernetesObjectApi.makeApiClient(cluster.kubeConfig);
  for (const object of manifests.flatMap((yaml) => loadAllYaml(yaml) as KubernetesObject[])) {
    await objects.create(object);
    if (object.metadata?.namespace !== undefined) continue;
    onTestFinished(async () => {
      await objects.delete(object);
    });
  }
}

test('all printed Roles can be applied together, in several namespaces, whatever the name', async () => {
  for (const name of ['lock', 'my.lock.2', 'a'.repeat(253)]) {
    const [one, other] = [await namespace(), await namespace()];
    for (const { name: where } of [one, other]) {
      const user = `system:serviceaccount:${where}:my-operator`;
      const { become: _, lead: __, ...widest } = printed(where, name, user);
      await create(Object.values(widest));
    }
  }
});

describe('what the API server says that each Role allows is what it lists:', () => {
  const ACCOUNT = 'my-operator';

  test.each(Object.keys(printed('', '', '')) as (keyof ReturnType<typeof printed>)[])(
    '%s',
    async (which) => {
      const { name: where } = await namespace();
      const account = { namespace: where, name: ACCOUNT };
      const body = { metadata: { name: ACCOUNT } };
      await cluster.admin.createNamespacedServiceAccount({ namespace: where, body });
      const token = () => withToken(cluster.kubeConfig, cluster.admin, account);
      const nothing = await allowed(await token(), where);
      const yaml = printed(where, 'lock', `system:serviceaccount:${where}:${ACCOUNT}`)[which];
      await create([yaml]);
      const rules = (loadAllYaml(yaml) as { kind: string; rules?: V1PolicyRule[] }[]).flatMap(
        ({ rules = [] }) => rules,
      );
      const kubeConfig = await token();
      const granted = grants(rules);
      await eventually(async () => {
        const now = [...(await allowed(kubeConfig, where))];
        expect(new Set(now.filter((grant) => !nothing.has(grant)))).toEqual(granted);
      });
      const others = questions.map(grantOf).filter((grant) => !granted.has(grant));
      expect(await denied(kubeConfig, where)).toEqual(others);
      expect(others).toContain(',secrets,*,get');
    },
  );
});

/** By its own account: what it may do in the namespace. */
async function allowed(kubeConfig: KubeConfig, namespace: string): Promise<Set<string>> {
  const api = kubeConfig.makeApiClient(AuthorizationV1Api);
  const { status } = await api.createSelfSubjectRulesReview({ body: { spec: { namespace } } });
  expect(status?.incomplete).toBe(false);
  return grants(status?.resourceRules ?? []);
}

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const RESOURCES = [
  [
    '',
    'configmaps pods pods/exec pods/attach pods/portforward pods/log pods/status pods/eviction ' +
      'pods/ephemeralcontainers secrets serviceaccounts serviceaccounts/token events nodes namespaces',
  ],
  ['coordination.k8s.io', 'leases'],
  ['rbac.authorization.k8s.io', 'roles rolebindings clusterroles'],
  ['apps', 'deployments'],
] as const;

const questions = RESOURCES.flatMap(([group, resources]) =>
  resources.split(' ').flatMap((full) => VERBS.map((verb) => ({ group, full, verb }))),
);

function grantOf({ group, full, verb }: (typeof questions)[number]): string {
  return [group, full, '*', verb].join();
}

/** What it is refused, asked for one by one, of no particular name. */
async function denied(kubeConfig: KubeConfig, namespace: string): Promise<string[]> {
  const api = kubeConfig.makeApiClient(AuthorizationV1Api);
  const answers = await Promise.all(
    questions.map(async (question) => {
      const { group, full, verb } = question;
      const [resource = '', subresource = ''] = full.split('/');
      const resourceAttributes = { namespace, group, resource, subresource, verb };
      const body = { spec: { resourceAttributes } };
      const { status } = await api.createSelfSubjectAccessReview({ body });
      return status?.allowed ? [] : [grantOf(question)];
    }),
  );
  return answers.flat();
}

/** Each single thing that rules allow. */
function grants(rules: readonly V1PolicyRule[]): Set<string> {
  const each = ({ apiGroups = [], resources = [], resourceNames = [], verbs }: V1PolicyRule) => {
    const names = resourceNames.length > 0 ? resourceNames : ['*'];
    return apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        names.flatMap((name) => verbs.map((verb) => [group, resource, name, verb].join())),
      ),
    );
  };
  return new Set(rules.flatMap(each));
}

describe('each right of the Role of lease mode is needed', () => {
  async function handOver(rules: (namespace: string) => V1PolicyRule[]) {
    const space = await ElectorSpace.create(cluster);
    onTestFinished(() => space[Symbol.asyncDispose]());
    const { kubeConfig } = await cluster.user(space.name, rules(space.name));
    await eventually(async () => {
      const now = await allowed(kubeConfig, space.name);
      for (const grant of grants(rules(space.name))) expect(now).toContain(grant);
    });
    const [a, b] = [space.elector('a', kubeConfig), space.elector('b', kubeConfig)];
    const problems: unknown[] = [];
    const run = async (elector: Elector) => {
      await elector.run({ events: true }).catch((error: unknown) => {
        problems.push((error as { code: string }).code);
      });
    };
    const first = run(a);
    await a.leading.catch(() => undefined);
    const second = run(b);
    a.finish();
    await first;
    b.finish();
    await second;
    return [...problems, ...space.warnings.map(({ code }) => code)];
  }
  const all = (where: string) => documented.lease(where, true);

  test('with all of them there is neither an error nor a warning', async () => {
    expect(await handOver(all)).toEqual([]);
  });

  test.each([
    ['leases', 'create', 'ERR_FORBIDDEN'],
    ['leases', 'get', 'ERR_FORBIDDEN'],
    ['leases', 'update', 'ERR_FORBIDDEN'],
    ['leases', 'watch', 'LEADER_FOR_LIFE_DEGRADED'],
    ['events', 'create', 'LEADER_FOR_LIFE_EVENT'],
  ])('%s: %s', async (resource, verb, code) => {
    const less = (rules: V1PolicyRule[]) =>
      rules
        .map((rule) =>
          rule.resources?.includes(resource)
            ? { ...rule, verbs: rule.verbs.filter((each) => each !== verb) }
            : rule,
        )
        .filter(({ verbs }) => verbs.length > 0);
    expect(await handOver((where) => less(all(where)))).toContain(code);
  });
});
