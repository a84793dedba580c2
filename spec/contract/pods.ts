import { expect } from 'vitest';

import {
  type ContractTest,
  fresh,
  NO_UID,
  refused,
  refusedAs,
  STRATEGIC,
  stored,
} from './space.ts';

const SAID = '2026-01-01T00:00:00Z';
const some = expect.any(String) as string;

/** Pods and nodes: their status, and how Pods end. */
export function podsAndNodes(it: ContractTest): void {
  it('a new Pod is Pending', async ({ space }) => {
    const { path } = await space.pod();
    const body = { kind: 'Pod', apiVersion: 'v1', status: { phase: 'Pending' } };
    expect(await space.get(path)).toMatchObject({ status: 200, body });
  });

  it('the status of a Pod is patched by its own path only', async ({ space }) => {
    const { path } = await space.pod();
    const said = { name: 'main', image: 'example.com/image', imageID: '', restartCount: 0 };
    const main = { ...said, ready: true, state: { running: { startedAt: SAID } } };
    const status = { phase: 'Running', containerStatuses: [main] };
    const running = await space.patch(`${path}/status`, { status }, STRATEGIC);
    expect(running).toMatchObject({ status: 200, body: { kind: 'Pod', status } });

    const ignored = await space.patch(path, { status: { phase: 'Failed' } });
    expect(ignored).toMatchObject({ status: 200, body: { status: { phase: 'Running' } } });
    expect(stored(ignored).resourceVersion).toBe(stored(running).resourceVersion);

    // The statuses of its containers are replaced as a whole.
    const containerStatuses = [{ ...said, name: 'other', ready: true }];
    const other = await space.patch(`${path}/status`, { status: { containerStatuses } }, STRATEGIC);
    expect(other.body.status).toMatchObject({ phase: 'Running', containerStatuses });

    const evicted = { phase: 'Failed', reason: 'Evicted', message: 'The node was low' };
    const failed = await space.patch(`${path}/status`, { status: evicted });
    expect(failed).toMatchObject({ status: 200, body: { status: evicted } });
  });

  it('a Pod on a node stays for its grace period, until that is cut', async ({ space }) => {
    const { name, path, uid } = await space.pod({}, 'nowhere');
    const watch = await space.watchOne(path);
    const deletionTimestamp = expect.stringMatching(/Z$/) as string;
    const terminating = { name, uid, deletionTimestamp, deletionGracePeriodSeconds: 30 };
    const body = { kind: 'Pod', metadata: terminating };
    expect(await space.delete(path)).toMatchObject({ status: 200, body });
    expect(await space.get(path)).toMatchObject({ status: 200, body });

    const last = await space.delete(path, { gracePeriodSeconds: 0, preconditions: { uid } });
    expect(last).toMatchObject({ status: 200, body: { kind: 'Pod', metadata: { uid } } });
    expect((await space.get(path)).status).toBe(404);
    const cut = { ...terminating, deletionGracePeriodSeconds: 0 };
    expect(await watch.first(4, space.patience)).toMatchObject([
      { type: 'ADDED' },
      { type: 'MODIFIED', object: { metadata: terminating } },
      { type: 'MODIFIED', object: { metadata: cut } },
      { type: 'DELETED', object: { metadata: cut } },
    ]);
  });

  it('a forced deletion of another UID is refused, 409 Conflict', async ({ space }) => {
    const { path } = await space.pod({}, 'nowhere');
    const preconditions = { uid: NO_UID };
    const answer = await space.delete(path, { gracePeriodSeconds: 0, preconditions });
    expect(answer).toMatchObject(refusedAs(409, 'Conflict'));
    const { body } = await space.get(path);
    expect(body.metadata?.deletionTimestamp).toBeUndefined();
    await space.destroy(path);
  });

  it.for(['Failed', 'Succeeded'])('a Pod that has %s goes at once', async (phase, { space }) => {
    const { path } = await space.pod({}, 'nowhere');
    await space.patch(`${path}/status`, { status: { phase } });
    expect(await space.delete(path)).toMatchObject({ status: 200, body: { kind: 'Pod' } });
    expect((await space.get(path)).status).toBe(404);
  });

  it('a Pod without a node goes at once, shown as terminating', async ({ space }) => {
    const { path } = await space.pod();
    const watch = await space.watchOne(path);
    await space.delete(path);
    const metadata = { deletionTimestamp: some, deletionGracePeriodSeconds: 0 };
    expect(await watch.first(3, space.patience)).toMatchObject([
      { type: 'ADDED' },
      { type: 'MODIFIED', object: { metadata } },
      { type: 'DELETED', object: { metadata } },
    ]);
  });

  it('the status of a node is patched, conditions by type', async ({ cluster, skip, space }) => {
    skip(cluster.confined !== undefined, cluster.confined);
    const name = `${space.name}-${fresh('node')}`;
    const path = `/api/v1/nodes/${name}`;
    const said = { reason: 'Told', message: 'so it was told' };
    const times = { lastHeartbeatTime: SAID, lastTransitionTime: SAID };
    try {
      const created = await space.post('/api/v1/nodes', { name });
      expect(created).toMatchObject({ status: 201, body: { kind: 'Node', metadata: { name } } });
      for (const status of ['True', 'Unknown']) {
        const ready = { type: 'Ready', status, ...said, ...times };
        const body = { status: { conditions: [ready] } };
        const answer = await space.patch(`${path}/status`, body, STRATEGIC);
        const { conditions } = answer.body.status as { conditions: readonly { type: string }[] };
        expect(answer.status).toBe(200);
        expect(conditions.filter(({ type }) => type === 'Ready')).toEqual([ready]);
      }
    } finally {
      await space.delete(path);
    }
    const details = { name, kind: 'nodes' };
    expect(await space.get(path)).toEqual(
      refused(404, 'NotFound', `nodes "${name}" not found`, details),
    );
  });
}
