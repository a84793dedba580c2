/** Something between a process and the API server answers with a page of its own. */
import { describe, expect, test } from 'vitest';

import { Simulation } from './simulation.ts';

const json = 'application/json';
const status = (more: object) =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, ...more });

describe.each([
  { status: 404, body: '404 page not found\n', contentType: 'text/plain' },
  { status: 404, body: '<html>default backend</html>' },
  { status: 404 },
  { status: 404, body: '{"error":"not found"}', contentType: json },
  // Without the name of what is not found.
  {
    status: 404,
    body: status({ status: 'Failure', reason: 'NotFound', code: 404 }),
    contentType: json,
  },
  { status: 403, body: '<html>denied</html>' },
  { status: 200, body: '<html>please log in</html>' },
  { status: 200, body: '{"status":"ok"}', contentType: json },
  { status: 200, body: status({ status: 'Success' }) },
  { status: 302, body: '' },
])('a page, $status $body,', (page) => {
  test("LIFE-1: in answer to the read of the holder's Pod frees no lock", async () => {
    const world = await Simulation.withPods();
    await world.lead('a');
    world.fault({ user: 'b', verb: 'get', resource: 'pods', name: 'a', page });
    const next = world.lead('b', { timeoutMs: 30_000 });
    await expect(next).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(world.holder).toBe('a');
  });

  test('in answer to every request is waited out, and ends no guarded leadership', async () => {
    const world = await Simulation.withPods();
    const guarded = await world.lead('a', { guard: true });
    const fault = world.fault({ page });
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
    'in answer to a delete (%s it takes effect) is no release',
    async (when) => {
      const world = await Simulation.withPods();
      const leadership = await world.lead('a');
      world.fault({ user: 'a', verb: 'delete', page, when, times: 3 });
      let isReleased = false;
      const releasing = leadership.release().then(() => (isReleased = true));
      await world.clock.advance(50);
      expect(isReleased).toBe(false);
      await world.settled(releasing);
      expect(world.lock).toBeUndefined();
    },
  );

  test('in answer to every delete is ERR_RELEASE_FAILED, with its status', async () => {
    const world = await Simulation.withPods();
    const leadership = await world.lead('a');
    world.fault({ user: 'a', verb: 'delete', page });
    const words = 'something between this process and the API server answered:';
    await expect(world.settled(leadership.release())).rejects.toMatchObject({
      code: 'ERR_RELEASE_FAILED',
      message: expect.stringContaining(`${words} ${page.status}`),
    });
    expect(world.holder).toBe('a');
  });
});
