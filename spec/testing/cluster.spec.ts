import { describe, expect, it, onTestFinished } from 'vitest';
import { createCluster } from '../../lib/testing/index.ts';
import { certificateFor } from '../support/certificate.ts';
import { CONFIG_MAPS, PODS, simulated } from './support.ts';

describe('a new cluster', () => {
  it('has its namespaces, and a node that is ready', async () => {
    const { cluster } = await simulated();
    expect(cluster.getNamespace('default')?.status?.phase).toBe('Active');
    expect(cluster.getNamespace('kube-system')).toBeDefined();
    const ready = cluster.getNode('node-1')?.status?.conditions;
    expect(ready).toMatchObject([{ type: 'Ready', status: 'True', reason: 'KubeletReady' }]);
    expect(cluster.getNode('node-2')).toBeUndefined();
  });

  it('has nothing else, and was asked for nothing', async () => {
    const { cluster, clock } = await simulated();
    expect(cluster.requests).toHaveLength(0);
    expect(cluster.getPod('a')).toBeUndefined();
    expect(cluster.getConfigMap('a')).toBeUndefined();
    expect(cluster.getLease('a')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('has no port if it needs none, and says so', async () => {
    const { cluster } = await simulated();
    const message = 'This cluster has no port: it was created with http: false';
    const pod = cluster.createPod('a');
    expect(() => cluster.url).toThrow(message);
    expect(() => cluster.kubeConfig()).toThrow(message);
    expect(() => cluster.kubeConfigText()).toThrow(message);
    expect(() => cluster.optionsFor(pod)).toThrow(message);
  });

  it('does the same on the same clock, every time', async () => {
    const uids = async () => {
      const { cluster } = await simulated();
      return [cluster.createPod('a').metadata.uid, cluster.createConfigMap('b').metadata.uid];
    };
    expect(await uids()).toEqual(await uids());
  });
});

describe('a Pod', () => {
  it('runs and is ready, on the nodes in turns', async () => {
    const { cluster } = await simulated({ nodeCount: 2 });
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

  it('can be made otherwise', async () => {
    const { cluster } = await simulated();
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u' }];
    const metadata = { labels: { app: 'x' }, annotations: { note: 'y' }, ownerReferences };
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

  it('is placed on a node of that name if there is none at all', async () => {
    const { cluster } = await simulated({ nodeCount: 0 });
    expect(cluster.createPod('a').spec?.nodeName).toBe('node-1');
  });

  it('cannot be made twice', async () => {
    const { cluster } = await simulated();
    cluster.createPod('a');
    expect(() => cluster.createPod('a')).toThrow('pods "a" already exists');
  });

  it('is given as a copy that nobody minds', async () => {
    const { cluster } = await simulated();
    const pod = cluster.createPod('a');
    pod.metadata.name = 'changed';
    expect(cluster.getPod('a')?.metadata.name).toBe('a');
  });

  it('is gone at once when deleted, unless it is given time', async () => {
    const { cluster, clock } = await simulated();
    cluster.createPod('a');
    cluster.deletePod('a');
    expect(cluster.getPod('a')).toBeUndefined();
    cluster.createPod('b');
    cluster.deletePod('b', { gracePeriodSeconds: 30 });
    expect(cluster.getPod('b')?.metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:30Z',
      deletionGracePeriodSeconds: 30,
    });
    await clock.advance(29_999);
    expect(cluster.getPod('b')?.status?.phase).toBe('Running');
    await clock.advance(1);
    expect(cluster.getPod('b')).toBeUndefined();
  });

  it('that is deleted gets its last phase before it goes, as by a real kubelet', async () => {
    const { cluster, clock, send, watch } = await simulated({ podShutdownMs: 100 });
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

  it('ends no later for what is written about it, sooner for less grace', async () => {
    const { cluster, clock, send } = await simulated();
    cluster.createPod('a');
    cluster.deletePod('a', { gracePeriodSeconds: 30 });
    await clock.advance(20_000);
    cluster.restartContainer('a');
    await clock.advance(9_999);
    expect(cluster.getPod('a')).toBeDefined();
    await clock.advance(1);
    expect(cluster.getPod('a')).toBeUndefined();
    cluster.createPod('b');
    cluster.deletePod('b', { gracePeriodSeconds: 30 });
    await send('DELETE', `${PODS}/b`, { gracePeriodSeconds: 5 });
    await clock.advance(5_000);
    expect(cluster.getPod('b')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('that has failed keeps its phase when it is deleted', async () => {
    const { cluster, clock, watch } = await simulated();
    cluster.createPod('a');
    cluster.deletePod('a', { gracePeriodSeconds: 30 });
    cluster.finishPod('a', 'Failed');
    const watching = await watch(PODS);
    await clock.advance(30_000);
    expect(watching.lines.at(-1)).toMatchObject({
      type: 'DELETED',
      object: { status: { phase: 'Failed' } },
    });
  });

  it('is replaced by another of its name, on its node', async () => {
    const { cluster } = await simulated({ nodeCount: 3 });
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 's', uid: 'u' }];
    const metadata = { labels: { app: 'x' }, annotations: { note: 'y' }, ownerReferences };
    cluster.createPod('z');
    const old = cluster.createPod('a', metadata);
    const next = cluster.replacePod('a');
    expect(next.metadata).toMatchObject({ name: 'a', ...metadata });
    expect(next.metadata.uid).not.toBe(old.metadata.uid);
    expect(next.spec?.nodeName).toBe(old.spec?.nodeName);
    expect(cluster.replacePod(next).metadata.uid).not.toBe(next.metadata.uid);
  });

  it('that was replaced is not mistaken for its successor', async () => {
    const { cluster } = await simulated();
    const old = cluster.createPod('a');
    cluster.replacePod('a');
    expect(() => cluster.deletePod(old)).toThrow('The Pod a is another one now');
    expect(() => cluster.env(old)).toThrow('its UID has changed');
  });

  it('ends by itself, with and without a reason', async () => {
    const { cluster } = await simulated();
    cluster.createPod('a');
    cluster.createPod('b');
    const failed = cluster.finishPod('a', 'Failed', { reason: 'OOM', message: 'too much' });
    expect(failed.status).toMatchObject({
      phase: 'Failed',
      reason: 'OOM',
      message: 'too much',
      conditions: [{ type: 'Ready', status: 'False', reason: 'PodFailed' }],
      containerStatuses: [{ ready: false, state: { terminated: { exitCode: 137 } } }],
    });
    const succeeded = cluster.finishPod('b', 'Succeeded').status;
    expect(succeeded).toMatchObject({
      phase: 'Succeeded',
      conditions: [{ type: 'Ready', status: 'False', reason: 'PodCompleted' }],
      containerStatuses: [{ ready: false, state: { terminated: { exitCode: 0 } } }],
    });
    expect(succeeded).not.toHaveProperty('reason');
  });

  it('is evicted: it fails, and stays', async () => {
    const { cluster } = await simulated();
    const { status } = cluster.evictPod(cluster.createPod('a'));
    expect(status).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
    expect(cluster.getPod('a')?.status?.phase).toBe('Failed');
  });

  it('outlives its container', async () => {
    const { cluster } = await simulated();
    const pod = cluster.createPod('a');
    cluster.restartContainer('a');
    const restarted = cluster.restartContainer('a');
    expect(restarted.metadata.uid).toBe(pod.metadata.uid);
    expect(restarted.status?.containerStatuses).toMatchObject([
      { restartCount: 2, state: { running: {} }, lastState: { terminated: { exitCode: 1 } } },
    ]);
  });

  it('that there is not is named', async () => {
    const { cluster } = await simulated();
    expect(() => cluster.deletePod('a')).toThrow('pods "a" not found');
    expect(() => cluster.finishPod('other/a', 'Failed')).toThrow('pods "a" not found');
  });
});

describe('a node', () => {
  it('that is not heard from makes its Pods not ready, and keeps the deleted ones', async () => {
    const { cluster, clock } = await simulated({ nodeCount: 2 });
    cluster.createPod('a');
    cluster.createPod('b');
    const done = cluster.createPod('c');
    cluster.finishPod(done, 'Succeeded');
    cluster.setNodeReady('node-1', false);
    expect(cluster.getNode('node-1')?.status?.conditions).toMatchObject([
      { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' },
    ]);
    const ready = (name: string) => cluster.getPod(name)?.status?.conditions?.[0];
    expect(ready('a')).toMatchObject({ type: 'Ready', status: 'False' });
    expect(ready('b')).toMatchObject({ type: 'Ready', status: 'True' });
    expect(ready('c')).toMatchObject({ reason: 'PodCompleted' });
    cluster.deletePod('a', { gracePeriodSeconds: 1 });
    cluster.deletePod('b', { gracePeriodSeconds: 1 });
    await clock.advance(60_000);
    expect(cluster.getPod('a')?.metadata.deletionTimestamp).toBeDefined();
    expect(cluster.getPod('b')).toBeUndefined();
    cluster.setNodeReady('node-1', true);
    expect(ready('a')).toMatchObject({ type: 'Ready', status: 'True' });
    await clock.advance(1000);
    expect(cluster.getPod('a')).toBeUndefined();
  });

  it('that is deleted by hand stops no Pod', async () => {
    const { cluster, clock, send } = await simulated();
    cluster.createPod('a');
    await send('DELETE', '/api/v1/nodes/node-1');
    cluster.deletePod('a', { gracePeriodSeconds: 1 });
    await clock.advance(60_000);
    expect(cluster.getPod('a')).toBeDefined();
  });
});

describe('a namespace', () => {
  it('is terminating until it is finalized, and goes with all that is in it', async () => {
    const { cluster, send } = await simulated();
    cluster.createPod('a', { namespace: 'team' });
    cluster.deleteNamespace('team');
    expect(cluster.getNamespace('team')?.status?.phase).toBe('Terminating');
    const path = '/api/v1/namespaces/team/configmaps';
    const { body } = await send('POST', path, { metadata: { name: 'lock' } });
    expect(body).toMatchObject({
      code: 403,
      details: { causes: [{ reason: 'NamespaceTerminating' }] },
    });
    cluster.finalizeNamespace('team');
    expect(cluster.getNamespace('team')).toBeUndefined();
    expect(cluster.getPod('team/a')).toBeUndefined();
    expect((await send('POST', path, { metadata: { name: 'lock' } })).status).toBe(404);
  });
});

describe('a ConfigMap', () => {
  it('can be anybody’s, anywhere', async () => {
    const { cluster } = await simulated();
    cluster.createNamespace('team');
    const metadata = { labels: { a: 'b' } };
    const made = cluster.createConfigMap('team/x', { data: { k: 'v' }, metadata });
    expect(made).toMatchObject({ metadata, data: { k: 'v' } });
    expect(cluster.getConfigMap('team/x')).toEqual(made);
    cluster.deleteConfigMap(made);
    expect(cluster.getConfigMap('team/x')).toBeUndefined();
    expect(cluster.createConfigMap('y')).not.toHaveProperty('data');
  });
});

describe('a request of the administrator’s', () => {
  it('goes past faults and records', async () => {
    const { cluster } = await simulated();
    cluster.faults.add({ error: { status: 500 } });
    const metadata = { name: 'a' };
    expect(cluster.request('POST', CONFIG_MAPS, { metadata })).toMatchObject({
      status: 201,
      body: { metadata },
    });
    const merge = 'application/merge-patch+json';
    const patch = { data: { k: 'v' } };
    expect(cluster.request('PATCH', `${CONFIG_MAPS}/a`, patch, merge).body).toMatchObject(patch);
    const selected = `${CONFIG_MAPS}?fieldSelector=metadata.name%3Db`;
    expect(cluster.request('GET', selected).body).toMatchObject({ items: [] });
    expect(cluster.request('GET', '/healthz')).toEqual({ status: 200, body: 'ok' });
    expect(cluster.request('GET', `${CONFIG_MAPS}?watch=1`)).toEqual({ status: 200, body: '' });
    expect(cluster.requests).toHaveLength(0);
  });
});

describe('waiting', () => {
  it('ends with what is waited for, after a write or an answer', async () => {
    const { cluster, send } = await simulated();
    const lock = cluster.until(() => cluster.getConfigMap('lock'));
    const asked = cluster.until(() => cluster.requests.count({ verb: 'list' }) === 2);
    cluster.createConfigMap('lock');
    expect((await lock).metadata.name).toBe('lock');
    await send('GET', CONFIG_MAPS);
    await send('GET', CONFIG_MAPS);
    expect(await asked).toBe(true);
    expect(await cluster.until(() => 'there')).toBe('there');
  });

  it('ends with what only the process itself knows', async () => {
    const { cluster, clock } = await simulated();
    let leads = false;
    const waited = cluster.until(() => leads);
    await clock.advance(100);
    leads = true;
    await clock.advance(10);
    expect(await waited).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('ends in time, on the cluster’s clock', async () => {
    const { cluster, clock } = await simulated();
    const failed = expect(cluster.until(() => false, 500)).rejects.toThrow('within 500 ms');
    await clock.advance(500);
    await failed;
    expect(clock.pending).toBe(0);
  });

  it('ends with the probe’s own error, and with the cluster', async () => {
    const { cluster } = await simulated();
    const broken = cluster.until(() => {
      throw new Error('broken');
    });
    await expect(broken).rejects.toThrow('broken');
    const failed = expect(cluster.until(() => null)).rejects.toThrow('The cluster was closed');
    await cluster.close();
    await failed;
  });
});

describe('what a process needs', () => {
  it('is given for a Pod', async () => {
    const cluster = await createCluster();
    onTestFinished(() => cluster.close());
    const pod = cluster.createPod('a', { namespace: 'team' });
    const { uid } = pod.metadata;
    expect(cluster.env('team/a')).toEqual({
      POD_NAME: 'a',
      POD_NAMESPACE: 'team',
      POD_UID: uid,
    });
    const { kubeConfig, ...identity } = cluster.optionsFor(pod, { user: 'bob' });
    expect(identity).toEqual({ namespace: 'team', podName: 'a', podUid: uid });
    expect(kubeConfig.getContextObject('cluster')).toMatchObject({
      namespace: 'team',
      user: 'bob',
    });
    expect(kubeConfig.getCurrentUser()).toMatchObject({ token: cluster.token('bob') });
    expect(kubeConfig.getCurrentCluster()).toMatchObject({ server: cluster.url });
    expect(cluster.optionsFor(pod).kubeConfig.getCurrentUser()?.name).toBe('admin');
  });

  it('trusts the certificate of a cluster that has one', async () => {
    const https = certificateFor('cluster', '127.0.0.1');
    const cluster = await createCluster({ https });
    onTestFinished(() => cluster.close());
    const { caData } = cluster.kubeConfig().getCurrentCluster() ?? {};
    expect(Buffer.from(caData ?? '', 'base64').toString()).toBe(https.cert);
    expect(cluster.url).toMatch(/^https:/);
  });
});
