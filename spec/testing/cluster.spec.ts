import { describe, expect, onTestFinished } from 'vitest';
import { type Cluster, createCluster, SimulatedClock } from '../../lib/testing/index.ts';
import { certificateFor } from '../support/certificate.ts';
import { CONFIG_MAPS, merge, named, PODS, it } from './support.ts';

const owned = (kind: string) => ({
  labels: { app: 'x' },
  annotations: { note: 'y' },
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'owner', uid: 'u' }],
});

describe('a new cluster', () => {
  it('has its namespaces and a ready node, and nothing else', ({ cluster, clock }) => {
    expect(cluster.getNamespace('default')?.status?.phase).toBe('Active');
    expect(cluster.getNamespace('kube-system')).toBeDefined();
    const ready = cluster.getNode('node-1')?.status?.conditions;
    expect(ready).toMatchObject([{ type: 'Ready', status: 'True', reason: 'KubeletReady' }]);
    const none = [cluster.getPod('a'), cluster.getConfigMap('a'), cluster.getLease('a')];
    expect([...none, cluster.getNode('node-2')]).toEqual(Array(4).fill(undefined));
    expect(cluster.requests).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });

  it('without http says that it has no port', ({ cluster }) => {
    const message = 'This cluster has no port: it was created with http: false';
    expect(() => cluster.url).toThrow(message);
    expect(() => cluster.kubeConfig()).toThrow(message);
    expect(() => cluster.kubeConfigText()).toThrow(message);
  });

  it('makes the same UIDs as another one on an equal clock', async ({ cluster, options }) => {
    const other = await createCluster({ http: false, clock: new SimulatedClock(), ...options });
    onTestFinished(() => other.close());
    const uids = [cluster, other].map((each) => [
      each.createPod('a').metadata.uid,
      each.createConfigMap('b').metadata.uid,
    ]);
    expect(uids[0]).toEqual(uids[1]);
  });
});

describe('a Pod', () => {
  it('can be given labels, owners, a namespace, a node', ({ cluster }) => {
    const metadata = owned('ReplicaSet');
    const options = { ...metadata, namespace: 'team', nodeName: 'metal', containerName: 'main' };
    const pod = cluster.createPod('a', options);
    expect(pod.metadata).toMatchObject({ ...metadata, namespace: 'team' });
    expect(pod.spec).toMatchObject({ nodeName: 'metal', containers: [{ name: 'main' }] });
    expect(cluster.getNamespace('team')).toBeDefined();
    expect(cluster.getNode('metal')).toBeDefined();
    expect(cluster.getPod('team/a')).toEqual(pod);
    expect(cluster.getPod(pod)).toEqual(pod);
    expect(cluster.getPod('a')).toBeUndefined();
  });

  it('that exists cannot be created', ({ cluster }) => {
    cluster.createPod('a');
    expect(() => cluster.createPod('a')).toThrow('pods "a" already exists');
  });

  it('that does not exist is named in errors', ({ cluster }) => {
    expect(() => cluster.deletePod('a')).toThrow('pods "a" not found');
    expect(() => cluster.finishPod('other/a', 'Failed')).toThrow('pods "a" not found');
  });

  it('is a copy', ({ cluster }) => {
    const pod = cluster.createPod('a');
    pod.metadata.name = 'changed';
    expect(cluster.getPod('a')?.metadata.name).toBe('a');
  });

  it('goes at once when deleted, or after its grace period', async ({ cluster, clock }) => {
    cluster.createPod('a');
    cluster.deletePod('a');
    expect(cluster.getPod('a')).toBeUndefined();
    cluster.createPod('b');
    cluster.deletePod('b', { gracePeriodSeconds: 30 });
    expect(cluster.getPod('b')?.metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:30Z',
      deletionGracePeriodSeconds: 30,
    });
    await clock.advance(20_000);
    // What is written about it delays nothing.
    cluster.restartContainer('b');
    await clock.advance(9_999);
    expect(cluster.getPod('b')?.status?.phase).toBe('Running');
    await clock.advance(1);
    expect(cluster.getPod('b')).toBeUndefined();
  });

  it('goes sooner if its grace period is cut', async ({ cluster, clock, send }) => {
    cluster.createPod('b');
    cluster.deletePod('b', { gracePeriodSeconds: 30 });
    await send('DELETE', `${PODS}/b`, { gracePeriodSeconds: 5 });
    await clock.advance(5_000);
    expect(cluster.getPod('b')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('that has failed keeps its phase when deleted', async ({ cluster, clock, watch }) => {
    cluster.createPod('a');
    cluster.deletePod('a', { gracePeriodSeconds: 30 });
    cluster.finishPod('a', 'Failed');
    const watching = await watch(PODS);
    await clock.advance(30_000);
    const last = { type: 'DELETED', object: { status: { phase: 'Failed' } } };
    expect(watching.lines.at(-1)).toMatchObject(last);
  });

  it.for<[string, (cluster: Cluster, wrong: never) => unknown, object, string]>([
    ['finishPod', (to, wrong) => to.finishPod('a', 'Failed', wrong), { raeson: 'x' }, 'raeson'],
    ['createConfigMap', (to, wrong) => to.createConfigMap('c', wrong), { dta: {} }, 'dta'],
    [
      'createConfigMap',
      (to, wrong) => to.createConfigMap('c', wrong),
      { data: { a: 1 } },
      'data[a]',
    ],
    ['cutWatches', (to, wrong) => to.faults.cutWatches({}, wrong), { clean: true }, 'clean'],
  ])('%s refuses what it does not know', ([, call, wrong, named], { cluster }) => {
    cluster.createPod('a');
    expect(() => call(cluster, wrong as never)).toThrow(TypeError);
    expect(() => call(cluster, wrong as never)).toThrow(`.${named} `);
  });

  it('that was replaced is not mistaken for its successor', ({ cluster }) => {
    const old = cluster.createPod('a');
    cluster.replacePod('a');
    expect(() => cluster.deletePod(old)).toThrow('The Pod a is another one now');
    expect(() => cluster.env(old)).toThrow('its UID has changed');
  });

  it.for([
    ['Failed', { reason: 'OOM', message: 'too much' }, 'PodFailed', 137],
    ['Succeeded', {}, 'PodCompleted', 0],
  ] as const)('ends as %s', ([phase, why, reason, exitCode], { cluster }) => {
    cluster.createPod('a');
    const { status } = cluster.finishPod('a', phase, why);
    expect(status).toMatchObject({
      phase,
      ...why,
      conditions: [{ type: 'Ready', status: 'False', reason }],
      containerStatuses: [{ ready: false, state: { terminated: { exitCode } } }],
    });
    expect('reason' in (status ?? {})).toBe('reason' in why);
  });

  it('fails when evicted, and stays', ({ cluster }) => {
    const { status } = cluster.evictPod(cluster.createPod('a'));
    expect(status).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
    expect(cluster.getPod('a')?.status?.phase).toBe('Failed');
  });

  it('keeps its UID when a container restarts', ({ cluster }) => {
    const pod = cluster.createPod('a');
    cluster.restartContainer('a');
    const restarted = cluster.restartContainer('a');
    expect(restarted.metadata.uid).toBe(pod.metadata.uid);
    expect(restarted.status?.containerStatuses).toMatchObject([
      { restartCount: 2, state: { running: {} }, lastState: { terminated: { exitCode: 1 } } },
    ]);
  });

  describe('with podShutdownMs', () => {
    it.override('options', { podShutdownMs: 100 });

    it('gets its last phase before it goes', async ({ cluster, clock, send, watch }) => {
      cluster.createPod('a');
      const watching = await watch(PODS);
      await send('DELETE', `${PODS}/a`);
      await clock.advance(99);
      expect(watching.lines).toHaveLength(2);
      await clock.advance(1);
      const phases = watching.lines.map(({ type, object }) => [type, object['status']]);
      expect(phases.slice(2)).toMatchObject([
        ['MODIFIED', { phase: 'Succeeded', containerStatuses: [{ state: { terminated: {} } }] }],
        ['MODIFIED', { phase: 'Succeeded' }],
        ['DELETED', { phase: 'Succeeded' }],
      ]);
    });
  });
});

describe('a cluster with two nodes', () => {
  it.override('options', { nodeCount: 2 });

  it('places Pods on its nodes in turns, running and ready', ({ cluster }) => {
    const pods = ['a', 'b', 'c'].map((name) => cluster.createPod(name));
    expect(pods.map(({ spec }) => spec?.nodeName)).toEqual(['node-1', 'node-2', 'node-1']);
    expect(pods[0]).toMatchObject({
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'a', namespace: 'default', uid: expect.any(String) as string },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [{ name: 'container', ready: true, state: { running: {} } }],
      },
    });
  });

  it('replaces a Pod by one of the same name on the same node', ({ cluster }) => {
    const metadata = owned('StatefulSet');
    cluster.createPod('z');
    const old = cluster.createPod('a', metadata);
    const next = cluster.replacePod('a');
    expect(next.metadata).toMatchObject({ name: 'a', ...metadata });
    expect(next.metadata.uid).not.toBe(old.metadata.uid);
    expect(next.spec?.nodeName).toBe(old.spec?.nodeName);
    expect(cluster.replacePod(next).metadata.uid).not.toBe(next.metadata.uid);
  });

  it('replaces a Pod by one from the same template, without what was written since', ({
    cluster,
  }) => {
    const [labels, annotations] = [{ app: 'a' }, { note: 'b' }];
    cluster.createPod('a', { labels, annotations, containerName: 'main' });
    const metadata = { labels: { leader: 'true' }, annotations: { since: 'now' } };
    for (let i = 0; i < 2; i += 1) {
      cluster.request('PATCH', `${PODS}/a`, { metadata }, merge.contentType);
      const next = cluster.replacePod('a');
      expect(next.metadata.labels).toEqual(labels);
      expect(next.metadata.annotations).toEqual(annotations);
      expect(next.spec?.containers[0]?.name).toBe('main');
    }
  });

  it('keeps deleted Pods of a node that is not ready', async ({ cluster, clock }) => {
    for (const name of ['a', 'b', 'c']) cluster.createPod(name);
    cluster.finishPod('c', 'Succeeded');
    cluster.setNodeReady('node-1', false);
    expect(cluster.getNode('node-1')?.status?.conditions).toMatchObject([
      { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' },
    ]);
    const ready = (name: string) => cluster.getPod(name)?.status?.conditions?.[0];
    expect(ready('a')).toMatchObject({ type: 'Ready', status: 'False' });
    expect(ready('b')).toMatchObject({ type: 'Ready', status: 'True' });
    expect(ready('c')).toMatchObject({ reason: 'PodCompleted' });
    for (const name of ['a', 'b']) cluster.deletePod(name, { gracePeriodSeconds: 1 });
    await clock.advance(60_000);
    expect(cluster.getPod('a')?.metadata.deletionTimestamp).toBeDefined();
    expect(cluster.getPod('b')).toBeUndefined();
    cluster.setNodeReady('node-1', true);
    expect(ready('a')).toMatchObject({ type: 'Ready', status: 'True' });
    await clock.advance(1000);
    expect(cluster.getPod('a')).toBeUndefined();
  });

  it('keeps deleted Pods of a node that was deleted', async ({ cluster, clock, send }) => {
    cluster.createPod('a');
    await send('DELETE', '/api/v1/nodes/node-1');
    cluster.deletePod('a', { gracePeriodSeconds: 1 });
    await clock.advance(60_000);
    expect(cluster.getPod('a')).toBeDefined();
  });
});

describe('a cluster without nodes', () => {
  it.override('options', { nodeCount: 0 });

  it('places a Pod on a node that is not there', ({ cluster }) => {
    expect(cluster.createPod('a').spec?.nodeName).toBe('node-1');
  });
});

it('a namespace is terminating until it is finalized, with all in it', async ({
  cluster,
  send,
}) => {
  cluster.createPod('a', { namespace: 'team' });
  cluster.deleteNamespace('team');
  expect(cluster.getNamespace('team')?.status?.phase).toBe('Terminating');
  const path = '/api/v1/namespaces/team/configmaps';
  const { body } = await send('POST', path, named('lock'));
  const details = { causes: [{ reason: 'NamespaceTerminating' }] };
  expect(body).toMatchObject({ code: 403, details });
  cluster.finalizeNamespace('team');
  expect(cluster.getNamespace('team')).toBeUndefined();
  expect(cluster.getPod('team/a')).toBeUndefined();
  expect((await send('POST', path, named('lock'))).status).toBe(404);
});

it('createConfigMap creates one in any namespace', ({ cluster }) => {
  cluster.createNamespace('team');
  const metadata = { labels: { a: 'b' } };
  const made = cluster.createConfigMap('team/x', { data: { k: 'v' }, metadata });
  expect(made).toMatchObject({ metadata, data: { k: 'v' } });
  expect(cluster.getConfigMap('team/x')).toEqual(made);
  cluster.deleteConfigMap(made);
  expect(cluster.getConfigMap('team/x')).toBeUndefined();
  expect(cluster.createConfigMap('y')).not.toHaveProperty('data');
});

it('cluster.request is struck by no fault, and not recorded', ({ cluster }) => {
  cluster.faults.add({ error: { status: 500 } });
  const created = cluster.request('POST', CONFIG_MAPS, named('a'));
  expect(created).toMatchObject({ status: 201, body: named('a') });
  const data = { k: 'v' };
  const patched = cluster.request('PATCH', `${CONFIG_MAPS}/a`, { data }, merge.contentType);
  expect(patched.body).toMatchObject({ data });
  const selected = `${CONFIG_MAPS}?fieldSelector=metadata.name%3Db`;
  expect(cluster.request('GET', selected).body).toMatchObject({ items: [] });
  expect(cluster.request('GET', '/healthz')).toEqual({ status: 200, body: 'ok' });
  expect(cluster.request('GET', `${CONFIG_MAPS}?watch=1`)).toEqual({ status: 200, body: '' });
  expect(cluster.requests).toHaveLength(0);
});

describe('cluster.until', () => {
  it('resolves after a write or an answer', async ({ cluster, send }) => {
    const lock = cluster.until(() => cluster.getConfigMap('lock'));
    const asked = cluster.until(() => cluster.requests.count({ verb: 'list' }) === 2);
    cluster.createConfigMap('lock');
    expect((await lock).metadata.name).toBe('lock');
    await send('GET', CONFIG_MAPS);
    await send('GET', CONFIG_MAPS);
    expect(await asked).toBe(true);
    expect(await cluster.until(() => 'there')).toBe('there');
  });

  it('asks every 10 ms', async ({ cluster, clock }) => {
    let leads = false;
    const waited = cluster.until(() => leads);
    await clock.advance(100);
    leads = true;
    await clock.advance(10);
    expect(await waited).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('rejects in time, on the clock of the cluster', async ({ cluster, clock }) => {
    const failed = expect(cluster.until(() => false, 500)).rejects.toThrow('within 500 ms');
    await clock.advance(500);
    await failed;
    expect(clock.pending).toBe(0);
  });

  it('rejects with what is thrown, and when the cluster closes', async ({ cluster }) => {
    const broken = cluster.until(() => {
      throw new Error('broken');
    });
    await expect(broken).rejects.toThrow('broken');
    const failed = expect(cluster.until(() => null)).rejects.toThrow('The cluster was closed');
    await cluster.close();
    await failed;
  });

  it('waits for nothing once the cluster is closed', async ({ cluster, clock }) => {
    await cluster.close();
    expect(await cluster.until(() => 'there')).toBe('there');
    await expect(cluster.until(() => null)).rejects.toThrow('The cluster was closed');
    expect(clock.pending).toBe(0);
  });
});

it('env and optionsFor say who a Pod is, and trust the certificate', async () => {
  const https = certificateFor('cluster', '127.0.0.1');
  const cluster = await createCluster({ https });
  onTestFinished(() => cluster.close());
  const pod = cluster.createPod('a', { namespace: 'team' });
  const { uid } = pod.metadata;
  expect(cluster.env('team/a')).toEqual({ POD_NAME: 'a', POD_NAMESPACE: 'team', POD_UID: uid });
  const { kubeConfig, ...identity } = cluster.optionsFor(pod, { user: 'bob' });
  expect(identity).toEqual({ namespace: 'team', podName: 'a', podUid: uid });
  const context = { namespace: 'team', user: 'bob' };
  expect(kubeConfig.getContextObject('cluster')).toMatchObject(context);
  expect(kubeConfig).toMatchObject({ users: [{ token: cluster.token('bob') }] });
  const { server, caData } = cluster.kubeConfig().getCurrentCluster() ?? {};
  expect(server).toBe(cluster.url);
  expect(cluster.url).toMatch(/^https:/);
  expect(Buffer.from(caData ?? '', 'base64').toString()).toBe(https.cert);
  expect(cluster.optionsFor(pod).kubeConfig).toMatchObject({ users: [{ name: 'admin' }] });
});
