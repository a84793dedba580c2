/** Something between a process and the API server answers with a page of its own. */
import { describe, expect, test } from 'vitest';

import { Simulation } from './simulation.ts';

const STATUS = { kind: 'Status', apiVersion: 'v1', metadata: {} };

const pages = [
  { status: 404, body: '404 page not found\n', contentType: 'text/plain' },
  { status: 404, body: '<html>default backend</html>' },
  { status: 404 },
  { status: 404, body: '{"error":"not found"}', contentType: 'application/json' },
  {
    status: 404,
    body: JSON.stringify({ ...STATUS, status: 'Failure', reason: 'NotFound', code: 404 }),
    contentType: 'application/json',
  },
  { status: 403, body: '<html>denied</html>' },
  { status: 200, body: '<html>please log in</html>' },
  { status: 200, body: '{"status":"ok"}', contentType: 'application/json' },
  { status: 200, body: JSON.stringify({ ...STATUS, status: 'Success' }) },
  { status: 302, body: '' },
];

async function simulation() {
  const world = await Simulation.create();
  for (const name of ['a', 'b']) world.cluster.createPod(name, { labels: { app: 'x' } });
  return world;
}

describe.each(pages)('a page, $status $body,', (page) => {
  test("in answer to the read of the holder's Pod frees no lock", async () => {
    const world = await simulation();
    await world.settled(world.become('a'));
    world.cluster.faults.add({ user: 'b', verb: 'get', resource: 'pods', name: 'a', page });
    const next = world.become('b', { timeoutMs: 30_000 });
    await expect(world.settled(next)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(world.holder).toBe('a');
  });

  test('instead of everything is waited out', async () => {
    const world = await simulation();
    const guarded = await world.settled(world.become('a', { guard: true }));
    const fault = world.cluster.faults.add({ page });
    world.cluster.cutConnections();
    const next = world.become('b');
    await world.clock.advance(60_000);
    expect(guarded.signal.aborted).toBe(false);
    fault.remove();
    await world.clock.advance(60_000);
    expect(guarded.signal.aborted).toBe(false);
    await world.settled(guarded.release());
    expect(await world.settled(next)).toMatchObject({ podName: 'b' });
  });

  test.each(['before', 'after'] as const)(
    'in answer to a deletion releases nothing (%s)',
    async (when) => {
      const world = await simulation();
      const leadership = await world.settled(world.become('a'));
      const deletions = { user: 'a', verb: 'delete' } as const;
      world.cluster.faults.add({ ...deletions, page, when, times: 3 });
      let isReleased = false;
      const releasing = leadership.release().then(() => (isReleased = true));
      await world.clock.advance(50);
      expect(isReleased).toBe(false);
      await world.settled(releasing);
      expect(world.cluster.getConfigMap('lock')).toBeUndefined();
    },
  );

  test('in answer to every deletion is told', async () => {
    const world = await simulation();
    const leadership = await world.settled(world.become('a'));
    world.cluster.faults.add({ user: 'a', verb: 'delete', page });
    await expect(world.settled(leadership.release())).rejects.toMatchObject({
      code: 'ERR_RELEASE_FAILED',
      message: expect.stringContaining(
        `something between this process and the API server answered: ${page.status}`,
      ),
    });
    expect(world.holder).toBe('a');
  });
});
