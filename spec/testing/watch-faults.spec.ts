import { describe, expect } from 'vitest';
import type { Cluster, FaultRule, SimulatedClock } from '../../lib/testing/index.ts';
import { CONFIG_MAPS, LEASES, type Line, named, never, read, it as base } from './support.ts';

const it = base.extend('create', ({ send }) => (name: string) => {
  return send('POST', CONFIG_MAPS, named(name));
});

describe('a watch with a fault', () => {
  const bookmarks = 'allowWatchBookmarks=1';

  it('that freezes thaws with all it missed', async ({ cluster, clock, create, watch }) => {
    cluster.faults.add({ freeze: true, user: 'bob' });
    const frozen = await watch(CONFIG_MAPS, { user: 'bob' });
    const other = await watch(CONFIG_MAPS);
    await create('a');
    await clock.settle();
    expect([frozen.shown, other.shown]).toEqual([[], ['ADDED a']]);
    cluster.faults.clear();
    await clock.settle();
    expect(frozen.shown).toEqual(['ADDED a']);
  });

  it('is cut at once, cleanly or not', async ({ cluster, clock, watch }) => {
    const [locks, leases] = [await watch(CONFIG_MAPS), await watch(LEASES)];
    expect(cluster.faults.cutWatches({ resource: 'configmaps' })).toBe(1);
    await clock.settle();
    expect(locks.ended).toMatchObject({ code: 'ECONNRESET' });
    expect(leases.ended).toBe('open');
    expect(cluster.faults.cutWatches({}, { cleanly: true })).toBe(1);
    await clock.settle();
    expect(leases.ended).toBe('closed');
    expect(cluster.faults.cutWatches()).toBe(0);
  });

  describe('whose answer is late', () => {
    const late = async (cluster: Cluster, clock: SimulatedClock) => {
      cluster.faults.add({ verb: 'watch', latencyMs: 200 });
      const request = { method: 'GET', path: CONFIG_MAPS, query: { watch: '1' } } as const;
      const sent = cluster.transport().send(request, never);
      await clock.advance(150);
      return { sent };
    };

    it('shows what was written meanwhile', async ({ cluster, clock }) => {
      const { sent } = await late(cluster, clock);
      cluster.createConfigMap('a');
      await clock.advance(50);
      const { body } = await sent;
      cluster.createConfigMap('b');
      cluster.faults.cutWatches({}, { cleanly: true });
      const lines = (await read(body)).trim().split('\n');
      expect(lines.map((line) => JSON.parse(line) as Line)).toMatchObject([
        { type: 'ADDED', object: named('a') },
        { type: 'ADDED', object: named('b') },
      ]);
    });

    it('has expired if that is forgotten', async ({ cluster, clock }) => {
      const { sent } = await late(cluster, clock);
      cluster.createConfigMap('a');
      cluster.compact();
      await clock.advance(50);
      const { body } = await sent;
      expect(JSON.parse(await read(body))).toMatchObject({ type: 'ERROR', object: { code: 410 } });
      expect(cluster.faults.cutWatches()).toBe(0);
    });
  });

  it('that is refused is none', async ({ cluster, watch }) => {
    cluster.faults.add({ verb: 'watch', error: { status: 429 } });
    expect(await (await watch(CONFIG_MAPS)).opened).toBe(429);
    expect(cluster.faults.cutWatches()).toBe(0);
  });

  it.for<[FaultRule, string[], unknown]>([
    [{ cutAfterEvents: 2 }, ['ADDED a', 'ADDED b'], { code: 'ECONNRESET' }],
    [{ duplicate: true }, ['ADDED a', 'ADDED a', 'ADDED b', 'ADDED c'], 'open'],
    [{ reorder: true }, ['ADDED b', 'ADDED a', 'ADDED c'], 'open'],
  ])('with %j', async ([rule, shown, ended], { cluster, clock, create, watch }) => {
    cluster.faults.add({ ...rule, times: 1 });
    const watching = await watch(CONFIG_MAPS);
    for (const name of ['a', 'b', 'c']) await create(name);
    await clock.settle();
    expect(watching.shown).toEqual(shown);
    if (typeof ended === 'string') expect(watching.ended).toBe(ended);
    else expect(watching.ended).toMatchObject(ended as object);
    const next = await watch(CONFIG_MAPS);
    await clock.settle();
    expect(next.shown).toHaveLength(3);
  });

  it('shows nothing late to a client that left', async ({ cluster, clock, create, watch }) => {
    const watching = await watch(CONFIG_MAPS);
    cluster.faults.add({ eventDelayMs: [100, 200] });
    await create('a');
    watching.stop();
    await clock.advance(1000);
    expect(watching.lines).toEqual([]);
  });

  describe('with bookmarks', () => {
    it.override('options', { bookmarkMs: 120 });

    it('that freezes gets none, nor an end', async ({ cluster, clock, create, watch }) => {
      const watching = await watch(`${CONFIG_MAPS}?${bookmarks}&timeoutSeconds=5`);
      await clock.settle();
      const fault = cluster.faults.add({ verb: 'watch', freeze: true });
      await create('a');
      await clock.advance(10_000);
      expect(watching.types).toEqual(['BOOKMARK']);
      expect(watching.ended).toBe('open');
      fault.remove();
      await clock.settle();
      expect(watching.types.slice(1, 3)).toEqual(['ADDED', 'BOOKMARK']);
      expect(watching.ended).toBe('closed');
    });

    it('shows at its end what it held back', async ({ cluster, clock, create, watch }) => {
      const watching = await watch(`${CONFIG_MAPS}?${bookmarks}&timeoutSeconds=1`);
      cluster.faults.add({ reorder: true });
      await create('a');
      await clock.advance(1000);
      expect(watching.types).toEqual(['BOOKMARK', 'ADDED']);
      expect(watching.ended).toBe('closed');
    });

    it('shows late events in order', async ({ cluster, clock, create, watch }) => {
      const watching = await watch(`${CONFIG_MAPS}?${bookmarks}`);
      await clock.settle();
      cluster.faults.add({ eventDelayMs: 200, times: 1 });
      await create('a');
      await create('b');
      await clock.advance(199);
      expect(watching.types).toEqual(['BOOKMARK']);
      await clock.advance(1);
      expect(watching.shown.slice(1)).toEqual(['ADDED a', 'ADDED b']);
      await clock.advance(40);
      expect(watching.types.at(-1)).toBe('BOOKMARK');
    });
  });
});
