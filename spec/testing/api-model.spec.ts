import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, LEASES, PODS, simulated } from './support.ts';

const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
const merge = { contentType: 'application/merge-patch+json' };
const strategic = { contentType: 'application/strategic-merge-patch+json' };
const named = (name: string, more: object = {}) => ({ metadata: { name }, ...more });

describe('names', () => {
  it('are made up where only their beginning is given', async () => {
    const { send } = await simulated();
    const metadata = { generateName: 'lock-' };
    const first = (await send('POST', CONFIG_MAPS, { metadata })).body.metadata.name;
    const second = (await send('POST', CONFIG_MAPS, { metadata })).body.metadata.name;
    expect(first).toMatch(/^lock-[bcdfghjklmnpqrstvwxz2-9]{5}$/);
    expect(second).not.toBe(first);
  });

  it('of labels and annotations may have a prefix', async () => {
    const { send } = await simulated();
    const metadata = { name: 'a', labels: { 'example.com/x': 'y' } };
    expect((await send('POST', CONFIG_MAPS, { metadata })).status).toBe(201);
  });
});

describe('a page of a list', () => {
  it('leads to the next one, as things stood at the first', async () => {
    const { cluster, send } = await simulated();
    for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.createConfigMap(name);
    const first = (await send('GET', `${CONFIG_MAPS}?limit=2`)).body;
    expect(first.metadata).toMatchObject({ remainingItemCount: 3 });
    cluster.deleteConfigMap('c');
    cluster.createConfigMap('f');
    const names: string[] = [];
    let page = first;
    for (;;) {
      names.push(...page.items.map(({ metadata }) => metadata.name));
      const token = page.metadata.continue;
      if (!token) break;
      page = (await send('GET', `${CONFIG_MAPS}?limit=2&continue=${token}`)).body;
      expect(page.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    }
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('leads through all namespaces', async () => {
    const { cluster, send } = await simulated();
    cluster.createNamespace('other');
    cluster.createConfigMap('b');
    cluster.createConfigMap('other/a');
    const first = (await send('GET', '/api/v1/configmaps?limit=1')).body;
    const token = first.metadata.continue ?? '';
    const second = (await send('GET', `/api/v1/configmaps?limit=1&continue=${token}`)).body;
    expect([...first.items, ...second.items].map(({ metadata }) => metadata.name)).toEqual([
      'b',
      'a',
    ]);
  });

  it('cannot be had of a version that is forgotten', async () => {
    const { cluster, send } = await simulated();
    const version = cluster.createConfigMap('a').metadata.resourceVersion;
    cluster.createConfigMap('b');
    const { body } = await send('GET', `${CONFIG_MAPS}?limit=1`);
    cluster.createConfigMap('c');
    cluster.compact();
    const token = body.metadata.continue ?? '';
    const next = await send('GET', `${CONFIG_MAPS}?limit=1&continue=${token}`);
    expect(next).toMatchObject({ status: 410, body: { reason: 'Expired', code: 410 } });
    expect(next.body.message).toContain('The provided continue parameter is too old');
    const exact = `${CONFIG_MAPS}?resourceVersion=${version}&resourceVersionMatch=Exact`;
    expect((await send('GET', exact)).status).toBe(410);
    const both = `${CONFIG_MAPS}?continue=${token}&resourceVersion=1`;
    expect((await send('GET', both)).body.message).toBe(
      'specifying resource version is not allowed when using continue',
    );
  });
});

describe('a quota', () => {
  it('forbids what is too many, also what would be a conflict', async () => {
    const { cluster, send } = await simulated();
    cluster.setQuota({ 'count/configmaps': 1, 'count/leases.coordination.k8s.io': 0 });
    expect((await send('POST', CONFIG_MAPS, named('a'))).status).toBe(201);
    expect((await send('POST', CONFIG_MAPS, named('a'))).body).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'configmaps "a" is forbidden: exceeded quota: quota, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1',
      details: { name: 'a', kind: 'configmaps' },
    });
    expect((await send('POST', LEASES, named('l'))).body.message).toBe(
      'leases.coordination.k8s.io "l" is forbidden: exceeded quota: quota, requested: count/leases.coordination.k8s.io=1, used: count/leases.coordination.k8s.io=0, limited: count/leases.coordination.k8s.io=0',
    );
  });

  it('holds for its namespace, in both ways of writing it, until it is lifted', async () => {
    const { cluster, send } = await simulated();
    cluster.createNamespace('other');
    cluster.setQuota({ configmaps: 0 }, 'other');
    expect((await send('POST', CONFIG_MAPS, named('a'))).status).toBe(201);
    const elsewhere = '/api/v1/namespaces/other/configmaps';
    expect((await send('POST', elsewhere, named('a'))).status).toBe(403);
    cluster.setQuota(undefined, 'other');
    expect((await send('POST', elsewhere, named('a'))).status).toBe(201);
  });
});

describe('kinds of the user', () => {
  const resources = [
    { group: 'example.com', version: 'v1', kind: 'Widget', plural: 'widgets' },
    { group: 'example.com', version: 'v1', kind: 'Zone', plural: 'zones', namespaced: false },
  ];

  it('are served, with all their fields', async () => {
    const { send } = await simulated({ resources });
    const widget = { ...named('a'), spec: { size: 3, parts: [{ x: 1 }] } };
    const { status, body } = await send('POST', WIDGETS, widget);
    expect(status).toBe(201);
    expect(body).toMatchObject({ kind: 'Widget', apiVersion: 'example.com/v1', ...widget });
    expect((await send('GET', WIDGETS)).body.kind).toBe('WidgetList');
    expect((await send('POST', '/apis/example.com/v1/zones', named('z'))).status).toBe(201);
  });

  it('count the changes of their wishes, and keep their status apart', async () => {
    const { send } = await simulated({ resources });
    await send('POST', WIDGETS, { ...named('a'), spec: { size: 1 } });
    const patch = async (path: string, change: object) =>
      (await send('PATCH', path, change, merge)).body;
    const both = { spec: { size: 2 }, status: { ready: true } };
    expect(await patch(`${WIDGETS}/a`, both)).toMatchObject({
      metadata: { generation: 2 },
      spec: { size: 2 },
    });
    const after = await patch(`${WIDGETS}/a/status`, {
      spec: { size: 9 },
      status: { ready: true },
    });
    expect(after).toMatchObject({
      metadata: { generation: 2 },
      spec: { size: 2 },
      status: { ready: true },
    });
    expect(
      (await patch(`${WIDGETS}/a`, { metadata: { labels: { a: 'b' } } })).metadata,
    ).toMatchObject({ generation: 2, labels: { a: 'b' } });
  });

  it('are replaced by version only, and created by POST only', async () => {
    const { send } = await simulated({ resources });
    expect((await send('PUT', `${WIDGETS}/a`, named('a'))).status).toBe(404);
    const { body } = await send('POST', WIDGETS, named('a'));
    expect((await send('PUT', `${WIDGETS}/a`, named('a'))).status).toBe(422);
    const { resourceVersion } = body.metadata;
    const versioned = { metadata: { name: 'a', resourceVersion }, spec: {} };
    expect((await send('PUT', `${WIDGETS}/a`, versioned)).status).toBe(200);
  });

  it('are unknown to a cluster that was not told of them', async () => {
    const { cluster } = await simulated();
    expect(cluster.request('GET', WIDGETS).status).toBe(404);
    expect(cluster.request('GET', '/api/v1/namespaces/default/secrets').body).toMatchObject({
      message: 'the server could not find the requested resource',
    });
  });
});

describe('Events', () => {
  it('of both groups can be written', async () => {
    const { send } = await simulated();
    const event = { ...named('e'), reason: 'LeaderElection', note: 'x became leader' };
    const path = '/namespaces/default/events';
    expect(await send('POST', `/api/v1${path}`, event)).toMatchObject({ status: 201, body: event });
    const newer = await send('POST', `/apis/events.k8s.io/v1${path}`, event);
    expect(newer.body).toMatchObject({ ...event, apiVersion: 'events.k8s.io/v1' });
  });
});

describe('discovery', () => {
  it('tells which kinds there are', async () => {
    const resources = [{ group: 'example.com', version: 'v1', kind: 'Widget', plural: 'widgets' }];
    const { send } = await simulated({ resources });
    const get = async (path: string) => (await send('GET', path)).body;
    expect(await get('/api')).toMatchObject({ versions: ['v1'] });
    const { groups } = (await get('/apis')) as unknown as { groups: { name: string }[] };
    expect(groups.map(({ name }) => name)).toEqual([
      'coordination.k8s.io',
      'events.k8s.io',
      'example.com',
    ]);
    const namesAt = async (path: string) =>
      ((await get(path))['resources'] as { name: string }[]).map(({ name }) => name);
    expect(await namesAt('/api/v1')).toContain('pods/status');
    expect(await namesAt('/apis/example.com/v1/')).toEqual(['widgets', 'widgets/status']);
  });

  it('is silent about paths that are not there', async () => {
    const { cluster } = await simulated();
    const silence = { status: 404, body: '404 page not found\n' };
    expect(cluster.request('GET', '/apis/nothing/v1')).toEqual(silence);
  });
});

describe('deleting a collection', () => {
  it('deletes what the selectors select', async () => {
    const { cluster, send } = await simulated();
    for (const name of ['a', 'b'])
      cluster.createConfigMap(name, { metadata: { labels: { name } } });
    const { body } = await send('DELETE', `${CONFIG_MAPS}?labelSelector=name%3Da`);
    expect(body.items.map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect(cluster.getConfigMap('a')).toBeUndefined();
    expect(cluster.getConfigMap('b')).toBeDefined();
  });

  it('cannot be done in all namespaces at once', async () => {
    const { send } = await simulated();
    expect((await send('DELETE', '/api/v1/configmaps')).status).toBe(405);
    expect((await send('DELETE', '/api/v1/nodes')).status).toBe(200);
  });
});

describe('deletion options', () => {
  it('may come in the query', async () => {
    const { cluster, send } = await simulated();
    cluster.createPod('a');
    cluster.createPod('b');
    const { body } = await send('DELETE', `${PODS}/a?gracePeriodSeconds=7`);
    expect(body.metadata).toMatchObject({ deletionGracePeriodSeconds: 7 });
    await send('DELETE', `${PODS}/b?gracePeriodSeconds=0`);
    expect(cluster.getPod('b')).toBeUndefined();
  });

  it('take a negative grace for one second', async () => {
    const { cluster, send } = await simulated();
    cluster.createPod('a');
    const { body } = await send('DELETE', `${PODS}/a`, { gracePeriodSeconds: -1 });
    expect(body.metadata).toMatchObject({ deletionGracePeriodSeconds: 1 });
  });

  it('replace an earlier wish for the dependents', async () => {
    const { cluster, send } = await simulated();
    cluster.garbageCollector.stop();
    cluster.createConfigMap('a');
    await send('DELETE', `${CONFIG_MAPS}/a`, { propagationPolicy: 'Orphan' });
    const { body } = await send('DELETE', `${CONFIG_MAPS}/a`, { propagationPolicy: 'Foreground' });
    expect(body.metadata.finalizers).toEqual(['foregroundDeletion']);
  });
});

describe('a Pod', () => {
  it('that is on no node goes at once', async () => {
    const { send } = await simulated();
    await send('POST', PODS, { ...named('a'), spec: { containers: [{ name: 'c', image: 'i' }] } });
    await send('DELETE', `${PODS}/a`);
    expect((await send('GET', `${PODS}/a`)).status).toBe(404);
  });

  it('has the grace that its spec says, 30 seconds by default', async () => {
    const { send } = await simulated();
    const containers = [{ name: 'c', image: 'i' }];
    const spec = { nodeName: 'elsewhere', containers };
    await send('POST', PODS, {
      ...named('a'),
      spec: { ...spec, terminationGracePeriodSeconds: 5 },
    });
    await send('POST', PODS, {
      ...named('b'),
      spec: { ...spec, terminationGracePeriodSeconds: 'x' },
    });
    const graceOf = async (name: string) =>
      (await send('DELETE', `${PODS}/${name}`)).body.metadata as object;
    expect(await graceOf('a')).toMatchObject({ deletionGracePeriodSeconds: 5 });
    expect(await graceOf('b')).toMatchObject({ deletionGracePeriodSeconds: 30 });
  });

  it('is seen terminating before it goes, even without grace', async () => {
    const { cluster, watch, clock } = await simulated();
    cluster.createPod('a');
    const watching = await watch(PODS);
    cluster.deletePod('a');
    await clock.settle();
    expect(watching.shown).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    expect(watching.lines[1]?.object.metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:00Z',
      generation: 2,
    });
  });
});

describe('a strategic merge patch', () => {
  it('merges conditions by type, containers by name, and replaces other lists', async () => {
    const { cluster, send } = await simulated();
    cluster.createPod('a');
    const change = {
      $setElementOrder: [],
      spec: {
        containers: [
          { name: 'container', image: 'new' },
          { name: 'second', image: 'x' },
        ],
        tolerations: [{ key: 'a' }],
      },
    };
    const { body } = await send('PATCH', `${PODS}/a`, change, strategic);
    expect(body['spec']).toMatchObject({
      containers: [{ name: 'second' }, { name: 'container', image: 'new' }],
      tolerations: [{ key: 'a' }],
    });
    const status = {
      conditions: [
        { type: 'Ready', status: 'False' },
        { type: 'Other', status: 'True' },
        { type: 'Absent', $patch: 'delete' },
      ],
    };
    const patched = await send('PATCH', `${PODS}/a/status`, { status }, strategic);
    expect(patched.body['status']).toMatchObject({
      phase: 'Running',
      conditions: [{ type: 'Other' }, { type: 'Ready', status: 'False' }],
    });
    const gone = { status: { conditions: [{ type: 'Other', $patch: 'delete' }] } };
    const last = await send('PATCH', `${PODS}/a/status`, gone, strategic);
    expect(last.body['status']).toMatchObject({ conditions: [{ type: 'Ready' }] });
  });
});

describe('a JSON patch', () => {
  const json = { contentType: 'application/json-patch+json' };
  it.each([
    ['an operation that there is not', { op: 'swap', path: '/data/a' }],
    ['no path', { op: 'add', value: 1 }],
    ['a path through what is not there', { op: 'add', path: '/data/x/y', value: 'z' }],
  ])('with %s is refused', async (_, operation) => {
    const { cluster, send } = await simulated();
    cluster.createConfigMap('a', { data: { a: 'b' } });
    const { status, body } = await send('PATCH', `${CONFIG_MAPS}/a`, [operation], json);
    expect(status).toBe(422);
    expect(body.message).toBe('the server rejected our request due to an error in our request');
  });

  it('reaches into lists', async () => {
    const { cluster, send } = await simulated();
    cluster.createPod('a');
    const patch = async (operation: object) =>
      (await send('PATCH', `${PODS}/a`, [operation], json)).body['spec'];
    const path = '/spec/containers/0';
    const image = await patch({ op: 'replace', path: `${path}/image`, value: 'new' });
    expect(image).toMatchObject({ containers: [{ image: 'new' }] });
    await patch({ op: 'add', path: `${path}/env`, value: [{ name: 'x' }] });
    const removed = await patch({ op: 'remove', path: `${path}/env/0/name` });
    expect(removed).toMatchObject({ containers: [{ env: [{}] }] });
  });

  it('may replace the whole, which then has to be an object still', async () => {
    const { cluster, send } = await simulated();
    cluster.createConfigMap('a');
    const whole = [{ op: 'replace', path: '', value: 5 }];
    const { status } = await send('PATCH', `${CONFIG_MAPS}/a`, whole, json);
    expect(status).toBe(400);
  });
});

describe('what the model does not know', () => {
  it('is refused rather than done half', async () => {
    const { send } = await simulated();
    const { status, body } = await send('POST', `${CONFIG_MAPS}?dryRun=All`, named('a'));
    expect([status, body.message]).toEqual([400, 'this cluster does not know dry runs']);
    expect((await send('GET', CONFIG_MAPS)).body.items).toEqual([]);
  });
});

describe('a patch to what does not decode', () => {
  it('is refused with all of it', async () => {
    const { cluster, send } = await simulated();
    cluster.createConfigMap('a');
    const change = { metadata: { labels: { a: 1 } } };
    const { status, body } = await send('PATCH', `${CONFIG_MAPS}/a`, change, merge);
    expect(status).toBe(422);
    expect(body.message).toMatch(
      /^ "" is invalid: patch: Invalid value: "\{.*\}": json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string$/,
    );
  });
});
