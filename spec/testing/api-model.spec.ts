import { describe, expect } from 'vitest';
import { CONFIG_MAPS, LEASES, merge, named, type Plain, PODS, it as base } from './support.ts';

const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
const EVERYWHERE = '/api/v1/configmaps';
const strategic = { contentType: 'application/strategic-merge-patch+json' };
const json = { contentType: 'application/json-patch+json' };
const pod = (name: string, spec: object) =>
  named(name, {
    spec: { nodeName: 'elsewhere', containers: [{ name: 'c', image: 'i' }], ...spec },
  });

/** With the body of an answer. */
const it = base.extend('ask', ({ send }) => async (...request: Parameters<typeof send>) => {
  return (await send(...request)).body;
});

type Send = (
  method: 'POST',
  path: string,
  body: object,
) => Promise<{ status: number; body: Plain }>;

// The answers to single requests are recorded of a real API server: real-answers.spec.ts.
it('generateName makes up the rest of a name', async ({ ask }) => {
  const create = () => ask('POST', CONFIG_MAPS, { metadata: { generateName: 'lock-' } });
  const { name } = (await create()).metadata;
  expect(name).toMatch(/^lock-[bcdfghjklmnpqrstvwxz2-9]{5}$/);
  expect((await create()).metadata.name).not.toBe(name);
});

it('generateName is cut where a generated name would be longer than a label', async ({ ask }) => {
  const generateName = 'x'.repeat(70);
  const { name } = (await ask('POST', CONFIG_MAPS, { metadata: { generateName } })).metadata;
  expect(name).toMatch(/^x{58}[^x]/);
  expect(name).toHaveLength(63);
});

it('generateName names a namespace before its label is made', async ({ send }) => {
  const { status, body } = await send('POST', '/api/v1/namespaces', {
    metadata: { generateName: 'team-' },
  });
  expect(status).toBe(201);
  const { name, labels } = body.metadata;
  expect(name).toMatch(/^team-.{5}$/);
  expect(labels).toEqual({ 'kubernetes.io/metadata.name': name });
});

describe('the key of a label', () => {
  const causesOf = async (send: Send, metadata: object) => {
    const { status, body } = await send('POST', CONFIG_MAPS, {
      metadata: { name: 'a', ...metadata },
    });
    const { causes = [] } = (body['details'] ?? {}) as { causes?: { message: string }[] };
    return [status, ...causes.map(({ message }) => message)];
  };

  it.for([
    [
      'a/b/c',
      [/: a valid label key must consist of .* prefix and '\/' \(e\.g\. 'example\.com\/MyName'\)$/],
    ],
    ['/x', [/: prefix part must be non-empty$/]],
    ['Example.com/x', [/: prefix part a lowercase RFC 1123 subdomain must/]],
    [`${'x'.repeat(254)}/x`, [/: prefix part must be no more than 253 bytes$/]],
    ['example.com/', [/: name part must be non-empty$/, /: name part must consist of/]],
    ['x'.repeat(64), [/: name part must be no more than 63 bytes$/]],
  ] as const)('%s is refused', async ([key, messages], { send }) => {
    const [status, ...causes] = await causesOf(send, { labels: { [key]: 'v' } });
    expect(status).toBe(422);
    expect(causes).toEqual(messages.map((message): unknown => expect.stringMatching(message)));
  });

  it('has a prefix in lower case, unless it is that of an annotation', async ({ send }) => {
    const annotations = { 'Example.com/x': 'v' };
    expect(await causesOf(send, { annotations, labels: { 'example.com/X_x': 'v' } })).toEqual([
      201,
    ]);
    const [status] = await causesOf(send, { annotations: { '/x': 'v' } });
    expect(status).toBe(422);
  });
});

it('a Lease prefers a holder only if it has a strategy', async ({ ask, send }) => {
  await ask('POST', LEASES, named('l'));
  const prefer = (spec: object) => send('PATCH', `${LEASES}/l`, { spec }, merge);
  expect(await prefer({ preferredHolder: 'b' })).toMatchObject({
    status: 422,
    body: {
      message:
        'Lease.coordination.k8s.io "l" is invalid: spec.preferredHolder: Forbidden: ' +
        'may only be specified if `strategy` is defined',
    },
  });
  const strategy = 'OldestEmulationVersion';
  expect(await prefer({ preferredHolder: 'b', strategy })).toMatchObject({ status: 200 });
  expect(await prefer({ strategy: null })).toMatchObject({ status: 422 });
  expect(await prefer({ preferredHolder: '', strategy: null })).toMatchObject({ status: 200 });
});

describe('a list in pages', () => {
  it('is as things stood at the first page', async ({ cluster, ask }) => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.createConfigMap(name);
    const first = await ask('GET', `${CONFIG_MAPS}?limit=2`);
    expect(first.metadata).toMatchObject({ remainingItemCount: 3 });
    cluster.deleteConfigMap('c');
    cluster.createConfigMap('f');
    const names: string[] = [];
    for (let page = first; ;) {
      names.push(...page.items.map(({ metadata }) => metadata.name));
      expect(page.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      const token = page.metadata.continue;
      if (!token) break;
      page = await ask('GET', `${CONFIG_MAPS}?limit=2&continue=${token}`);
    }
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('goes through all namespaces', async ({ cluster, ask }) => {
    cluster.createNamespace('other');
    cluster.createConfigMap('b');
    cluster.createConfigMap('other/a');
    const first = await ask('GET', `${EVERYWHERE}?limit=1`);
    const next = `${EVERYWHERE}?limit=1&continue=${first.metadata.continue ?? ''}`;
    const all = [...first.items, ...(await ask('GET', next)).items];
    expect(all.map(({ metadata }) => metadata.name)).toEqual(['b', 'a']);
  });

  it('has expired when its version is compacted', async ({ cluster, ask }) => {
    const version = cluster.createConfigMap('a').metadata.resourceVersion;
    cluster.createConfigMap('b');
    const { metadata } = await ask('GET', `${CONFIG_MAPS}?limit=1`);
    cluster.createConfigMap('c');
    cluster.compact();
    const next = `${CONFIG_MAPS}?limit=1&continue=${metadata.continue ?? ''}`;
    const expired = await ask('GET', next);
    expect(expired).toMatchObject({ reason: 'Expired', code: 410 });
    expect(expired.message).toContain('The provided continue parameter is too old');
    const exact = `${CONFIG_MAPS}?resourceVersion=${version}&resourceVersionMatch=Exact`;
    expect(await ask('GET', exact)).toMatchObject({ code: 410 });
    expect((await ask('GET', `${next}&resourceVersion=1`)).message).toBe(
      'specifying resource version is not allowed when using continue',
    );
  });
});

describe('a quota', () => {
  it('refuses before a conflict does', async ({ cluster, ask }) => {
    cluster.createConfigMap('a');
    cluster.setQuota({ 'count/configmaps': 1 });
    expect(await ask('POST', CONFIG_MAPS, named('a'))).toMatchObject({
      code: 403,
      message: expect.stringContaining('exceeded quota: quota, requested: count/configmaps=1'),
    });
  });

  it('of pods does not count those that have ended; of count/pods does', async ({
    cluster,
    send,
  }) => {
    for (const name of ['a', 'b']) cluster.createPod(name);
    cluster.finishPod('a', 'Succeeded');
    cluster.setQuota({ pods: 2 });
    expect((await send('POST', PODS, pod('c', {}))).status).toBe(201);
    const full = await send('POST', PODS, pod('d', {}));
    expect(full.body.message).toContain('requested: pods=1, used: pods=2, limited: pods=2');
    cluster.setQuota({ 'count/pods': 3 });
    const counted = await send('POST', PODS, pod('d', {}));
    expect(counted.body.message).toContain('used: count/pods=3');
  });

  it('holds for its namespace until it is lifted', async ({ cluster, send }) => {
    cluster.createNamespace('other');
    cluster.setQuota({ configmaps: 0 }, 'other');
    expect((await send('POST', CONFIG_MAPS, named('a'))).status).toBe(201);
    const elsewhere = '/api/v1/namespaces/other/configmaps';
    expect((await send('POST', elsewhere, named('a'))).status).toBe(403);
    cluster.setQuota(undefined, 'other');
    expect((await send('POST', elsewhere, named('a'))).status).toBe(201);
  });
});

describe('a kind of the user', () => {
  const widget = { group: 'example.com', version: 'v1', kind: 'Widget', plural: 'widgets' };
  const zone = { ...widget, kind: 'Zone', plural: 'zones', namespaced: false };
  it.override('options', { resources: [widget, zone] });

  it('keeps all fields', async ({ ask, send }) => {
    const content = named('a', { spec: { size: 3, parts: [{ x: 1 }] } });
    const created = { kind: 'Widget', apiVersion: 'example.com/v1', ...content };
    expect(await send('POST', WIDGETS, content)).toMatchObject({ status: 201, body: created });
    expect((await ask('GET', WIDGETS)).kind).toBe('WidgetList');
    expect((await send('POST', '/apis/example.com/v1/zones', named('z'))).status).toBe(201);
  });

  it('counts changes of its spec, and keeps its status apart', async ({ ask }) => {
    await ask('POST', WIDGETS, named('a', { spec: { size: 1 } }));
    const status = { ready: true };
    const after = { metadata: { generation: 2 }, spec: { size: 2 } };
    const patch = (path: string, change: object) =>
      ask('PATCH', `${WIDGETS}/${path}`, change, merge);
    const patched = await patch('a', { spec: { size: 2 }, status });
    expect(patched).toMatchObject(after);
    expect(patched).not.toHaveProperty('status');
    expect(await patch('a/status', { spec: { size: 9 }, status })).toMatchObject({
      ...after,
      status,
    });
    const labels = { a: 'b' };
    expect((await patch('a', { metadata: { labels } })).metadata).toMatchObject({
      generation: 2,
      labels,
    });
  });

  it('has its status from /status only, which changes nothing else', async ({ ask, cluster }) => {
    const status = { ready: true };
    const created = await ask('POST', WIDGETS, named('a', { spec: { size: 1 }, status }));
    expect(created).not.toHaveProperty('status');
    const { resourceVersion } = created.metadata;
    const labels = { a: 'b' };
    const metadata = { name: 'a', resourceVersion, labels, finalizers: ['example.com/x'] };
    const put = await ask('PUT', `${WIDGETS}/a/status`, { metadata, spec: {}, status });
    const patched = await ask('PATCH', `${WIDGETS}/a/status`, { metadata: { labels } }, merge);
    for (const { metadata: written, ...content } of [put, patched]) {
      expect(content).toMatchObject({ spec: { size: 1 }, status });
      expect(written).toEqual({ ...created.metadata, resourceVersion: written.resourceVersion });
    }
    const emptied = cluster.request('PUT', `${WIDGETS}/a/status`, { metadata: put.metadata });
    expect(emptied.body).not.toHaveProperty('status');
  });

  it('takes no strategic merge patch', async ({ ask, send }) => {
    await ask('POST', WIDGETS, named('a'));
    const patch = { metadata: { labels: { a: 'b' } } };
    expect(await send('PATCH', `${WIDGETS}/a`, patch, strategic)).toMatchObject({
      status: 415,
      body: {
        reason: 'UnsupportedMediaType',
        message:
          'the body of the request was in an unknown format - accepted media types include: ' +
          'application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
      },
    });
  });

  it('is created by POST, and replaced by version', async ({ ask, send }) => {
    const put = async (body: object) => (await send('PUT', `${WIDGETS}/a`, body)).status;
    expect(await put(named('a'))).toBe(404);
    const { resourceVersion } = (await ask('POST', WIDGETS, named('a'))).metadata;
    expect(await put(named('a'))).toBe(422);
    expect(await put({ metadata: { name: 'a', resourceVersion }, spec: {} })).toBe(200);
  });

  it('is in the discovery', async ({ ask, cluster }) => {
    expect(await ask('GET', '/api')).toMatchObject({ versions: ['v1'] });
    const namesIn = async (path: string, list: string) =>
      ((await ask('GET', path))[list] as { name: string }[]).map(({ name }) => name);
    const groups = ['coordination.k8s.io', 'events.k8s.io', 'example.com'];
    expect(await namesIn('/apis', 'groups')).toEqual(groups);
    expect(await namesIn('/api/v1', 'resources')).toContain('pods/status');
    const kinds = ['widgets', 'widgets/status', 'zones', 'zones/status'];
    expect(await namesIn('/apis/example.com/v1/', 'resources')).toEqual(kinds);
    const silence = { status: 404, body: '404 page not found\n' };
    expect(cluster.request('GET', '/apis/nothing/v1')).toEqual(silence);
  });
});

it('a kind that the cluster was not told of is not found', async ({ cluster, send }) => {
  expect(cluster.request('GET', WIDGETS).status).toBe(404);
  expect(await send('GET', '/api/v1/namespaces/default/secrets')).toMatchObject({
    body: { message: 'the server could not find the requested resource' },
  });
});

it.for(['/api/v1', '/apis/events.k8s.io/v1'])(
  'an Event can be written in %s',
  async (base, { send }) => {
    const event = named('e', { reason: 'LeaderElection', note: 'x became leader' });
    const body = { ...event, apiVersion: base.replace(/^\/apis?\//, '') };
    const path = `${base}/namespaces/default/events`;
    expect(await send('POST', path, event)).toMatchObject({ status: 201, body });
  },
);

describe('deleting', () => {
  it('a collection deletes what its selector selects', async ({ cluster, ask }) => {
    for (const name of ['a', 'b']) {
      cluster.createConfigMap(name, { metadata: { labels: { name } } });
    }
    const { items } = await ask('DELETE', `${CONFIG_MAPS}?labelSelector=name%3Da`);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect(cluster.getConfigMap('a')).toBeUndefined();
    expect(cluster.getConfigMap('b')).toBeDefined();
  });

  it.for([
    [405, EVERYWHERE],
    [200, '/api/v1/nodes'],
  ] as const)('a collection is answered with %i: %s', async ([status, path], { send }) => {
    expect((await send('DELETE', path)).status).toBe(status);
  });

  it.for<[string, object, string, object | undefined, number | undefined]>([
    ['the grace of its spec', { terminationGracePeriodSeconds: 5 }, '', undefined, 5],
    ['30 s by default', { terminationGracePeriodSeconds: 'x' }, '', undefined, 30],
    ['the grace of the query', {}, '?gracePeriodSeconds=7', undefined, 7],
    ['1 s for a negative grace', {}, '', { gracePeriodSeconds: -1 }, 1],
    ['none for a grace of 0', {}, '?gracePeriodSeconds=0', undefined, undefined],
  ])('a Pod gives it %s', async ([, spec, query, options, grace], { ask, cluster }) => {
    await ask('POST', PODS, pod('a', spec));
    await ask('DELETE', `${PODS}/a${query}`, options);
    const metadata = cluster.getPod('a')?.metadata;
    expect(metadata?.deletionGracePeriodSeconds).toBe(grace);
    if (metadata) expect(metadata).toMatchObject({ generation: 2 });
  });

  it('replaces an earlier propagationPolicy', async ({ ask, cluster }) => {
    cluster.garbageCollector.stop();
    cluster.createConfigMap('a');
    await ask('DELETE', `${CONFIG_MAPS}/a`, { propagationPolicy: 'Orphan' });
    const { metadata } = await ask('DELETE', `${CONFIG_MAPS}/a`, {
      propagationPolicy: 'Foreground',
    });
    expect(metadata['finalizers']).toEqual(['foregroundDeletion']);
  });
});

it('a strategic merge patch merges containers by name, conditions by type', async ({
  ask,
  cluster,
}) => {
  cluster.createPod('a');
  const second = { name: 'second', image: 'x' };
  const tolerations = [{ key: 'a' }];
  const containers = [{ name: 'container', image: 'new' }, second];
  const spec = { containers, tolerations };
  const patched = await ask('PATCH', `${PODS}/a`, { $setElementOrder: [], spec }, strategic);
  expect(patched['spec']).toMatchObject({ containers: containers.toReversed(), tolerations });
  const patch = async (...conditions: object[]) => {
    return (await ask('PATCH', `${PODS}/a/status`, { status: { conditions } }, strategic))[
      'status'
    ];
  };
  const ready = { type: 'Ready', status: 'False' };
  const other = { type: 'Other', status: 'True' };
  const conditions = [{ type: 'Other' }, ready];
  const absent = { type: 'Absent', $patch: 'delete' };
  expect(await patch(ready, other, absent)).toMatchObject({ phase: 'Running', conditions });
  expect(await patch({ type: 'Other', $patch: 'delete' })).toMatchObject({
    conditions: [{ type: 'Ready' }],
  });
});

describe('a JSON patch', () => {
  it.for<[string, object, number]>([
    ['an unknown operation', { op: 'swap', path: '/data/a' }, 422],
    ['no path', { op: 'add', value: 1 }, 422],
    ['a path through what is not there', { op: 'add', path: '/data/x/y', value: 'z' }, 422],
    ['a number for the whole', { op: 'replace', path: '', value: 5 }, 400],
  ])('with %s is refused', async ([, operation, code], { ask, cluster }) => {
    cluster.createConfigMap('a', { data: { a: 'b' } });
    const refused = await ask('PATCH', `${CONFIG_MAPS}/a`, [operation], json);
    const message = 'the server rejected our request due to an error in our request';
    expect(refused).toMatchObject({ code, ...(code === 422 && { message }) });
  });

  it('reaches into lists', async ({ ask, cluster }) => {
    cluster.createPod('a');
    const path = '/spec/containers/0';
    const patch = async (op: string, field: string, value?: unknown) =>
      (await ask('PATCH', `${PODS}/a`, [{ op, path: `${path}/${field}`, value }], json))['spec'];
    const replaced = await patch('replace', 'image', 'new');
    expect(replaced).toMatchObject({ containers: [{ image: 'new' }] });
    await patch('add', 'env', [{ name: 'x' }]);
    const removed = await patch('remove', 'env/0/name');
    expect(removed).toMatchObject({ containers: [{ env: [{}] }] });
  });
});

it('a patch to what does not decode is refused with all of it', async ({ ask, cluster }) => {
  cluster.createConfigMap('a');
  const labels = { a: 1 };
  const refused = await ask('PATCH', `${CONFIG_MAPS}/a`, { metadata: { labels } }, merge);
  expect(refused).toMatchObject({ code: 422 });
  expect(refused.message).toMatch(
    /^ "" is invalid: patch: Invalid value: "\{.*\}": json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string$/,
  );
});

it('a dry run is refused, and writes nothing', async ({ ask, cluster }) => {
  const refused = await ask('POST', `${CONFIG_MAPS}?dryRun=All`, named('a'));
  const message = 'this cluster does not know dry runs';
  expect(refused).toMatchObject({ code: 400, message });
  expect(cluster.getConfigMap('a')).toBeUndefined();
});
