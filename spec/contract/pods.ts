import { expect, test } from 'vitest';

import { failure, fresh, type Space, STRATEGIC, stored } from './space.ts';

/** Pods and nodes: their status, and how Pods end. */
export function podsAndNodes(space: () => Space): void {
  test('a new Pod is Pending', async () => {
    const { pods, admin } = space();
    const { name } = await space().pod(fresh('pod'));
    const answer = await admin.send('GET', `${pods}/${name}`);
    expect(answer).toMatchObject({
      status: 200,
      body: { kind: 'Pod', apiVersion: 'v1', status: { phase: 'Pending' } },
    });
  });

  test('what is said of a Pod is patched by its status, and there only', async () => {
    const { pods } = space();
    const { name } = await space().pod(fresh('pod'));
    const path = `${pods}/${name}`;
    const status = {
      phase: 'Running',
      containerStatuses: [
        {
          name: 'main',
          image: 'example.com/image',
          imageID: '',
          ready: true,
          restartCount: 0,
          state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
        },
      ],
    };
    const running = await space().patch(`${path}/status`, { status }, STRATEGIC);
    expect(running).toMatchObject({ status: 200, body: { kind: 'Pod', status } });

    const ignored = await space().patch(path, { status: { phase: 'Failed' } });
    expect(ignored).toMatchObject({ status: 200, body: { status: { phase: 'Running' } } });
    expect(stored(ignored).resourceVersion).toBe(stored(running).resourceVersion);

    const evicted = { phase: 'Failed', reason: 'Evicted', message: 'The node was low' };
    const failed = await space().patch(`${path}/status`, { status: evicted });
    expect(failed).toMatchObject({ status: 200, body: { status: evicted } });
  });

  test("a patch of a status replaces its containers' statuses as a whole", async () => {
    const { pods } = space();
    const { name } = await space().pod(fresh('pod'));
    const path = `${pods}/${name}/status`;
    const status = (container: string) => ({
      containerStatuses: [
        { name: container, image: 'i', imageID: '', restartCount: 0, ready: true },
      ],
    });
    await space().patch(path, { status: { phase: 'Running', ...status('main') } });
    const answer = await space().patch(path, { status: status('other') }, STRATEGIC);
    expect(answer.body.status).toMatchObject({ phase: 'Running', ...status('other') });
  });

  test('a Pod on a node is deleted with grace: it stays until that is cut', async () => {
    const { pods, admin, patience } = space();
    const { name, uid } = await space().pod(fresh('pod'), { nodeName: 'nowhere' });
    const path = `${pods}/${name}`;
    const watch = await space().watchOne(pods, name);
    const answer = await space().delete(path);
    const terminating = {
      name,
      uid,
      deletionTimestamp: expect.stringMatching(/Z$/),
      deletionGracePeriodSeconds: 30,
    };
    expect(answer).toMatchObject({ status: 200, body: { kind: 'Pod', metadata: terminating } });
    const still = await admin.send('GET', path);
    expect(still).toMatchObject({ status: 200, body: { metadata: terminating } });

    const preconditions = { uid };
    const last = await space().delete(path, { gracePeriodSeconds: 0, preconditions });
    expect(last).toMatchObject({ status: 200, body: { kind: 'Pod', metadata: { uid } } });
    expect((await admin.send('GET', path)).status).toBe(404);
    await watch.event(({ type }) => type === 'DELETED', patience);
    watch.close();
    const cut = { ...terminating, deletionGracePeriodSeconds: 0 };
    expect(watch.events).toMatchObject([
      { type: 'ADDED' },
      { type: 'MODIFIED', object: { metadata: terminating } },
      { type: 'MODIFIED', object: { metadata: cut } },
      { type: 'DELETED', object: { metadata: cut } },
    ]);
  });

  test('a forced deletion of a Pod of another UID is refused: 409 Conflict', async () => {
    const { pods, admin } = space();
    const { name } = await space().pod(fresh('pod'), { nodeName: 'nowhere' });
    const path = `${pods}/${name}`;
    const preconditions = { uid: '00000000-0000-4000-8000-000000000000' };
    const answer = await space().delete(path, { gracePeriodSeconds: 0, preconditions });
    expect(answer).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
    const { body } = await admin.send('GET', path);
    expect(body.metadata?.deletionTimestamp).toBeUndefined();
    await space().destroy(path);
  });

  test.each(['Failed', 'Succeeded'])('a Pod that has %s goes at once', async (phase) => {
    const { pods, admin } = space();
    const { name } = await space().pod(fresh('pod'), { nodeName: 'nowhere' });
    const path = `${pods}/${name}`;
    await space().patch(`${path}/status`, { status: { phase } });
    expect(await space().delete(path)).toMatchObject({ status: 200, body: { kind: 'Pod' } });
    expect((await admin.send('GET', path)).status).toBe(404);
  });

  test('a Pod without a node goes at once, and is shown terminating nevertheless', async () => {
    const { pods, patience } = space();
    const { name } = await space().pod(fresh('pod'));
    const watch = await space().watchOne(pods, name);
    await space().delete(`${pods}/${name}`);
    await watch.event(({ type }) => type === 'DELETED', patience);
    watch.close();
    const terminating = { deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 0 };
    expect(watch.events).toMatchObject([
      { type: 'ADDED' },
      { type: 'MODIFIED', object: { metadata: terminating } },
      { type: 'DELETED', object: { metadata: terminating } },
    ]);
  });

  test('what is said of a node is patched by its status, conditions merged by type', async (context) => {
    const { admin, cluster } = space();
    context.skip(cluster.confined !== undefined, cluster.confined);
    const name = `${space().name}-${fresh('node')}`;
    const path = `/api/v1/nodes/${name}`;
    const condition = (status: string) => ({
      type: 'Ready',
      status,
      reason: 'Told',
      message: 'so it was told',
      lastHeartbeatTime: '2026-01-01T00:00:00Z',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    try {
      const created = await admin.send('POST', '/api/v1/nodes', { body: { metadata: { name } } });
      expect(created).toMatchObject({ status: 201, body: { kind: 'Node', metadata: { name } } });
      for (const status of ['True', 'Unknown']) {
        const body = { status: { conditions: [condition(status)] } };
        const answer = await space().patch(`${path}/status`, body, STRATEGIC);
        const { conditions } = answer.body.status as { conditions: readonly { type: string }[] };
        expect(answer.status).toBe(200);
        expect(conditions.filter(({ type }) => type === 'Ready')).toEqual([condition(status)]);
      }
    } finally {
      await admin.send('DELETE', path);
    }
    const gone = await admin.send('GET', path);
    expect(gone.body).toEqual(
      failure(404, 'NotFound', `nodes "${name}" not found`, { name, kind: 'nodes' }),
    );
  });
}
