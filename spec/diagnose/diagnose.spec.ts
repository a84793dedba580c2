import { describe, expect, test } from 'vitest';

import { type Finding, diagnose } from '../../lib/index.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import type { Cluster } from '../../lib/testing/index.ts';
import { USER, inPod, world } from './world.ts';

const RIGHTS = [
  { resources: ['configmaps'], verbs: ['create'] },
  { resources: ['configmaps'], verbs: ['get', 'delete'], resourceNames: ['lock'] },
  { resources: ['pods'], verbs: ['get', 'list', 'watch'] },
];

const of = (found: readonly Finding[], check: Finding['check']) =>
  found.filter((finding) => finding.check === check);

const words = (level: Finding['level'], message: RegExp) => ({
  level,
  message: expect.stringMatching(message) as string,
});

/** The platform, with an API server whose answers to `/version` are these. */
function answering(platform: Platform, answer: { status: number; date?: Date; body: string }) {
  const { status, date, body } = answer;
  const headers: Record<string, string> = date ? { date: date.toUTCString() } : {};
  async function* text() {
    yield await Promise.resolve(body);
  }
  return {
    ...inPod(platform, {}, 'no token'),
    connect: () =>
      Promise.resolve({
        send: () => Promise.resolve({ status, headers, body: text() }),
        close: () => undefined,
      }),
  };
}

describe('a diagnosis', () => {
  test('finds nothing wrong where nothing is', async () => {
    const { simulation, diagnosis, deploy } = await world();
    deploy({ pod: { terminationGracePeriodSeconds: 30 } });
    await simulation.lead('a');
    const found = await diagnosis('life', { podName: 'app' });
    expect(found.map(({ level }) => level)).not.toContain('error');
    expect(found.map(({ check, level, message }) => `${check} ${level}: ${message}`)).toEqual([
      'environment ok: namespace default of http://simulation.invalid/, by a kubeconfig',
      expect.stringMatching(/^api-server ok: Kubernetes v1\.36\.0 answers in \d+ ms/),
      'rights ok: may create, get, watch, patch, delete configmaps; get, list, watch pods',
      expect.stringMatching(
        /^lock ok: ConfigMap default\/lock: Pod a on node node-1 leads, since 2/,
      ),
      'rollout ok: Deployment app replaces its Pods by RollingUpdate',
      'grace-period ok: a Pod has 30 s to end',
      'readiness ok: no readiness probe seems to wait for leadership',
    ]);
    expect(simulation.open).toBe(0);
  });

  test('changes nothing', async () => {
    const { simulation, cluster, diagnosis } = await world();
    await simulation.lead('a');
    await diagnosis('life');
    await diagnosis('lease');
    const verbs = cluster.requests
      .filter({ user: USER })
      .map(({ verb, resource }) => [verb, resource]);
    const writes = verbs.filter(([verb]) => !['get', 'list'].includes(verb ?? ''));
    expect(new Set(writes.map(([, resource]) => resource))).toEqual(
      new Set(['selfsubjectaccessreviews']),
    );
  });

  test('ends with its signal', async () => {
    const { simulation, diagnosis } = await world();
    simulation.fault({ verb: 'get', resource: 'configmaps', latencyMs: 60_000 });
    const stop = new AbortController();
    simulation.clock.after(1_000, () => stop.abort(new Error('enough')));
    await expect(diagnosis('life', { signal: stop.signal })).rejects.toThrow('enough');
    expect(simulation.open).toBe(0);
  });

  test.each([
    ['a mode', () => diagnose('lock' as 'life', 'x'), /mode/],
    ['a name', () => diagnose('life', 'No Name'), /name/],
    ['an option', () => diagnose('life', 'x', { pod: 'x' } as object), /pod/],
  ])('refuses %s that is wrong, at once', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('environment', () => {
  test('is an error outside a cluster', async () => {
    const { diagnosis } = await world();
    const [first, ...rest] = await diagnosis('life', { kubeConfig: undefined });
    expect(first).toMatchObject(words('error', /no election: every process leads/));
    expect(rest).toEqual([]);
  });

  test.each([
    [{}, 'error', /POD_NAME is not set/],
    [{ POD_NAME: 'a' }, 'warning', /POD_UID is not set/],
    [{ POD_NAME: 'a', POD_UID: 'u' }, 'ok', /Pod a, UID u/],
  ] as const)('of a Pod with %o', async (variables, level, message) => {
    const { diagnosis, platform } = await world();
    const found = await diagnosis(
      'life',
      { kubeConfig: undefined },
      inPod(platform, variables, {}),
    );
    expect(of(found, 'environment').at(-1)).toMatchObject(words(level, message));
  });

  test('says what an election would say', async () => {
    const { diagnosis, platform } = await world();
    const broken = inPod(platform, { KUBERNETES_SERVICE_PORT: '' }, {});
    const found = await diagnosis('life', { kubeConfig: undefined }, broken);
    expect(found).toEqual([{ check: 'environment', ...words('error', /SERVICE_PORT is set but/) }]);
  });
});

describe('token', () => {
  const nowSeconds = (platform: Platform) => platform.clock.date().getTime() / 1_000;

  test.each([
    [
      'is told with its age',
      { iat: -3_600, exp: 36_000 },
      'ok',
      /of x, 60 min old, valid for another (10 h|600 min)/,
    ],
    [
      'is an error once it has expired',
      { iat: -7_200, exp: -3_600 },
      'error',
      /expired 60 min ago/,
    ],
    ['is a warning if it never expires', { iat: -60 }, 'warning', /never expires/],
  ] as const)('%s', async (_, { iat, ...rest }, level, message) => {
    const { diagnosis, platform } = await world();
    const now = nowSeconds(platform);
    const exp = 'exp' in rest ? { exp: now + rest.exp } : {};
    const pod = inPod(platform, {}, { sub: 'x', iat: now + iat, ...exp });
    const found = await diagnosis('lease', { kubeConfig: undefined }, pod);
    expect(of(found, 'token')).toMatchObject([words(level, message)]);
  });

  test('is an error if it belongs to another Pod', async () => {
    const { diagnosis, platform } = await world();
    const claims = { 'kubernetes.io': { pod: { name: 'b', uid: 'v' } } };
    const pod = inPod(platform, { POD_NAME: 'a', POD_UID: 'u' }, claims);
    const found = await diagnosis('lease', { kubeConfig: undefined }, pod);
    expect(of(found, 'token')).toMatchObject([words('error', /belongs to Pod b \(v\)/)]);
  });

  test('is a warning if it is of another kind', async () => {
    const { diagnosis, platform } = await world();
    const found = await diagnosis(
      'lease',
      { kubeConfig: undefined },
      inPod(platform, {}, 'opaque'),
    );
    expect(of(found, 'token')).toMatchObject([words('warning', /no JSON web token/)]);
  });
});

describe('api-server', () => {
  test.each([
    ['refuses the credentials', { status: 401, body: '{}' }, /401/],
    [
      'is not Kubernetes',
      { status: 200, body: '<html>Log in</html>' },
      /not Kubernetes: 200 <html>/,
    ],
  ])('that %s ends the diagnosis', async (_, answer, message) => {
    const { diagnosis, platform } = await world();
    const pod = answering(platform, answer);
    const found = await diagnosis('lease', { kubeConfig: undefined }, pod);
    expect(found.at(-1)).toMatchObject({ check: 'api-server', ...words('error', message) });
  });

  test('that does not answer ends the diagnosis after 10 s', async () => {
    const { diagnosis, simulation } = await world();
    simulation.fault({ hang: true });
    const startedMs = simulation.clock.now();
    expect((await diagnosis()).at(-1)).toMatchObject(words('error', /no answer within 10000 ms/));
    expect(simulation.clock.now() - startedMs).toBe(10_000);
  });

  test('that is slow is a warning', async () => {
    const { diagnosis, simulation } = await world();
    simulation.fault({ latencyMs: 2_000 });
    expect(of(await diagnosis(), 'api-server')).toMatchObject([words('warning', /slow/)]);
  });
});

describe('clock', () => {
  test.each([
    [2_000, 'ok', /as the API server's/],
    [-600_000, 'warning', /10 min ahead of the API server's/],
    [600_000, 'warning', /10 min behind the API server's/],
  ] as const)('with a server that is %i ms ahead', async (aheadMs, level, message) => {
    const { diagnosis, platform } = await world();
    const date = new Date(platform.clock.date().getTime() + aheadMs);
    const body = JSON.stringify({ gitVersion: 'v1.36.0' });
    const found = await diagnosis(
      'lease',
      { kubeConfig: undefined },
      answering(platform, { status: 200, date, body }),
    );
    expect(of(found, 'clock')).toMatchObject([words(level, message)]);
  });
});

describe('rights', () => {
  test('are errors and warnings, each by itself, with what to do', async () => {
    const { cluster, diagnosis } = await world();
    cluster.grant(USER, RIGHTS.slice(0, 2));
    const found = of(await diagnosis(), 'rights');
    expect(found).toMatchObject([
      words('ok', /^may create, get, delete configmaps$/),
      words('warning', /May not watch configmaps: .*rbac --namespace default lock prints the Role/),
      words('warning', /May not patch configmaps/),
      words('error', /May not get pods, so an election fails/),
      words('warning', /May not list pods/),
      words('warning', /May not watch pods/),
    ]);
  });

  test('to create a Lease may be missing if the Lease exists', async () => {
    const { cluster, diagnosis } = await world();
    cluster.revoke(USER);
    const found = of(await diagnosis('lease'), 'rights');
    expect(found).toMatchObject([
      words('warning', /May not create leases: the Lease has to be created in advance/),
      words('error', /May not get leases/),
      words('warning', /May not watch leases/),
      words('error', /May not update leases.*rbac --lease --namespace/),
    ]);
  });

  test('are a warning if the API server does not say', async () => {
    const { simulation, diagnosis } = await world();
    simulation.fault({ resource: 'selfsubjectaccessreviews', error: { status: 500 } });
    expect(of(await diagnosis(), 'rights')).toMatchObject([words('warning', /does not say/)]);
  });
});

describe('lock', () => {
  const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
  const lease = (cluster: Cluster, name: string, holderIdentity: string) =>
    cluster.request('POST', LEASES, { metadata: { name }, spec: { holderIdentity } });

  test('that is free, although somebody holds the Lease of its name, is a warning', async () => {
    const { cluster, diagnosis } = await world();
    lease(cluster, 'lock', 'b_1');
    expect(of(await diagnosis(), 'lock')).toMatchObject([
      words('ok', /nobody holds the lock/),
      words(
        'warning',
        /There is a Lease of this name: Lease default\/lock: b_1 .*doctor with --lease/,
      ),
    ]);
  });

  test('that is a free Lease, although a Pod holds the ConfigMap of its name, is a warning', async () => {
    const { cluster, simulation, diagnosis } = await world();
    await simulation.settled(simulation.become('a', {}, 'lease'));
    lease(cluster, 'lease', '');
    expect(of(await diagnosis('lease'), 'lock')).toMatchObject([
      words('ok', /nobody holds the Lease/),
      words('warning', /There is a ConfigMap .*: Pod a.* leads\. .*doctor without --lease/),
    ]);
  });

  test('whose name is that of a Lease that nobody holds, or that may not be read, is ok', async () => {
    const { cluster, diagnosis } = await world();
    lease(cluster, 'lock', '');
    expect(of(await diagnosis(), 'lock')).toHaveLength(1);
    cluster.request('DELETE', `${LEASES}/lock`);
    lease(cluster, 'lock', 'b_1');
    cluster.grant(USER, [{ apiGroups: [''], resources: ['*'], verbs: ['*'] }]);
    expect(of(await diagnosis(), 'lock')).toHaveLength(1);
  });

  test('that is free is ok', async () => {
    const { diagnosis } = await world();
    expect(of(await diagnosis(), 'lock')).toMatchObject([words('ok', /nobody holds the lock/)]);
  });

  test('that is no lock is an error', async () => {
    const { cluster, diagnosis } = await world();
    cluster.createConfigMap('lock');
    expect(of(await diagnosis(), 'lock')).toMatchObject([
      words('error', /kubectl delete configmap/),
    ]);
  });

  test('with several owners and a finalizer is told', async () => {
    const { cluster, diagnosis } = await world();
    const owners = ['a', 'b'].map((name) => {
      const uid = cluster.getPod(name)?.metadata.uid ?? '';
      return { apiVersion: 'v1', kind: 'Pod', name, uid };
    });
    const metadata = { ownerReferences: owners, finalizers: ['example.com/keep'] };
    cluster.createConfigMap('lock', { metadata });
    expect(of(await diagnosis(), 'lock')).toMatchObject([
      words('ok', /Pod a .*leads/),
      words('warning', /has 2 owners/),
      words('warning', /finalizers \(example.com\/keep\)/),
    ]);
  });

  test('that is an unusual Lease is told', async () => {
    const { cluster, diagnosis } = await world();
    const uid = cluster.getPod('a')?.metadata.uid ?? '';
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid }];
    const renewTime = '2020-01-01T00:00:00.000000Z';
    const spec = { holderIdentity: 'a_1', leaseDurationSeconds: 3_600, renewTime };
    const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    cluster.request('POST', path, { metadata: { name: 'lease', ownerReferences }, spec });
    expect(of(await diagnosis('lease'), 'lock')).toMatchObject([
      words('warning', /expired .* Is there a candidate that runs/),
      words('warning', /deletes the Lease under its leader/),
      words('warning', /lasts 60 min/),
    ]);
  });

  test('that may not be read is left to the finding about rights', async () => {
    const { cluster, diagnosis } = await world();
    cluster.revoke(USER);
    expect(of(await diagnosis(), 'lock')).toEqual([]);
  });
});

describe('the workload', () => {
  const probe = { httpGet: { path: '/leader', port: 4040 } };

  test('of the holder is looked at if no Pod is named', async () => {
    const { simulation, diagnosis } = await world();
    await simulation.lead('a');
    expect(of(await diagnosis(), 'rollout')).toMatchObject([words('warning', /Nothing replaces/)]);
  });

  test.each([
    [{}, 'error', /asks \/leader.*a rolling update never ends/],
    [{ strategy: { type: 'Recreate' } }, 'warning', /only one Pod is ever ready/],
    [{ strategy: { rollingUpdate: { maxUnavailable: 1 } } }, 'warning', /only one Pod/],
    [{ strategy: { rollingUpdate: { maxUnavailable: '10%' } } }, 'error', /never ends/],
    [{ replicas: 8 }, 'warning', /only one Pod/],
    [{ strategy: { rollingUpdate: { maxSurge: 0 } } }, 'warning', /only one Pod/],
    [{ strategy: { rollingUpdate: { maxSurge: '0%' } } }, 'warning', /only one Pod/],
    [{ strategy: { rollingUpdate: { maxSurge: 1 } } }, 'error', /never ends/],
  ] as const)('%o, whose probe waits for leadership', async (deployment, level, message) => {
    const { deploy, diagnosis } = await world();
    deploy({ deployment, pod: { containers: [{ name: 'main', readinessProbe: probe }] } });
    const found = await diagnosis('life', { podName: 'app' });
    expect(of(found, 'readiness')).toMatchObject([words(level, message)]);
  });

  test('may ask by a command, too', async () => {
    const { deploy, diagnosis } = await world();
    const readinessProbe = { exec: { command: ['sh', '-c', 'test -f /tmp/is-leader'] } };
    deploy({ pod: { containers: [{ name: 'main', readinessProbe }] } });
    const found = await diagnosis('life', { podName: 'app' });
    expect(of(found, 'readiness')).toMatchObject([words('error', /asks sh -c test -f/)]);
  });

  test.each([
    ['life', 10, 'warning', /A Pod has 10 s to end, but release\(\) may take 15 s/],
    ['lease', 5, 'warning', /A Pod has 5 s to end, but work may take 10 s/],
    ['lease', 10, 'ok', /a Pod has 10 s to end/],
  ] as const)('in %s mode, with a grace period of %i s', async (mode, seconds, level, message) => {
    const { deploy, diagnosis } = await world();
    deploy({ pod: { terminationGracePeriodSeconds: seconds } });
    const found = await diagnosis(mode, { podName: 'app' });
    expect(of(found, 'grace-period')).toMatchObject([words(level, message)]);
  });

  test('of one replica is a warning', async () => {
    const { deploy, diagnosis } = await world();
    deploy({ deployment: { replicas: 1 } });
    const found = of(await diagnosis('life', { podName: 'app' }), 'rollout');
    expect(found).toMatchObject([{ level: 'ok' }, words('warning', /no other Pod waits to lead/)]);
  });

  test.each([
    ['no Pod is known', RIGHTS, undefined, /no Pod is known/],
    [
      'there is no such Pod',
      RIGHTS,
      'nobody',
      /Pod nobody was not read, because it does not exist/,
    ],
    ['the Pod may not be read', RIGHTS.slice(0, 2), 'app', /Pod app .*may not read it/],
    ['its owner may not be read', RIGHTS, 'app', /ReplicaSet app-1 .*may not read it/],
  ])('is a warning if %s', async (_, rights, podName, message) => {
    const { cluster, deploy, diagnosis } = await world();
    deploy({});
    cluster.grant(USER, rights);
    const found = of(await diagnosis('life', { podName }), 'rollout');
    expect(found).toMatchObject([words('warning', message)]);
  });
});
