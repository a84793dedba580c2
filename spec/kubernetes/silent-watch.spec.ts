import { describe, expect } from 'vitest';

import { type ObjectWatch, SilentWatchError } from '../../lib/kubernetes/watch.ts';
import { settled } from '../support/manual-clock.ts';
import { bookmark, it, line, y, z } from './watched.ts';

const cause = 'a proxy on the way to the API server seems to hold back responses';
const added = `ADDED ${JSON.stringify(y)}`;

describe('the patience with a silent watch', () => {
  it('is two bookmarks and a half', async ({ clock, open, told }) => {
    const { feed } = await open();
    expect(clock.delays).toEqual([150_000]);
    await clock.advance(149_999);
    expect(told).toEqual(['open']);
    await clock.advance(1);
    expect(told).toEqual(['open', 'lost: silent for 150000 ms']);
    expect(feed.left).toBe(true);
  });

  it('is renewed by what it shows', async ({ clock, open, watch }) => {
    const { feed } = await open();
    for (const type of ['BOOKMARK', 'MODIFIED', 'BOOKMARK', 'DELETED']) {
      await clock.advance(149_000);
      feed.event(type, y);
      await settled();
    }
    feed.event('MODIFIED', z);
    await clock.advance(149_000);
    expect(watch.isOpen).toBe(true);
    expect(clock.delays).toEqual([1_000]);
  });

  it('makes the next one show more than its first events', async ({
    clock,
    run,
    told,
    transport,
    watch,
  }) => {
    transport.stream().event('ADDED', y);
    await run();
    const feed = transport.stream();
    feed.event('ADDED', y);
    feed.event('BOOKMARK', bookmark);
    await clock.advance(150_000 + 100);
    expect(told.slice(-2)).toEqual(['open', added]);
    await clock.advance(60_000);
    expect(watch.isOpen).toBe(false);
    feed.event('BOOKMARK', bookmark);
    await settled();
    expect(watch.isOpen).toBe(true);
    expect(clock.delays).toEqual([90_000]);
    feed.end();
    transport.stream().event('ADDED', y);
    await clock.advance(100);
    expect(watch.isOpen).toBe(true);
  });

  it('ends with the second that shows no more', async ({ clock, lost, run, told, transport }) => {
    transport.stream().event('ADDED', y);
    await run();
    transport.stream().event('ADDED', y);
    await clock.advance(150_000 + 100);
    await clock.advance(150_000);
    expect(told.at(-1)).toBe(`lost: ${line}: silent for 150000 ms; ${cause}`);
    expect(lost.at(-1)).toBeInstanceOf(SilentWatchError);
    expect(clock.delays).toEqual([165_000]);
  });

  it('leaves no timer', async ({ clock, open }) => {
    const { feed } = await open();
    feed.end();
    await settled();
    expect(clock.delays).toEqual([900]);
  });

  it('begins with the answer', async ({ clock, run, transport }) => {
    transport.hang();
    await run();
    expect(clock.delays).toEqual([10_000]);
  });
});

describe('ObjectWatch.expect', () => {
  const why = `${line}: it has shown nothing for 5 s, although the object exists; ${cause}`;
  const expectAfter = async (
    { clock, watch }: { clock: { advance(ms: number): Promise<void> }; watch: ObjectWatch },
    ...delays: number[]
  ) => {
    for (const ms of delays) {
      await clock.advance(ms);
      watch.expect();
      await settled();
    }
  };

  it('loses a watch that shows nothing for 5 s', async ({
    clock,
    lost,
    open,
    told,
    transport,
    watch,
  }) => {
    const { feed } = await open();
    await expectAfter({ clock, watch }, 0, 4_999);
    expect(told).toEqual(['open']);
    await expectAfter({ clock, watch }, 1, 0);
    expect(told).toEqual(['open', `lost: ${why}`]);
    expect(lost[0]).toBeInstanceOf(SilentWatchError);
    expect(feed.left).toBe(true);
    expect(clock.delays).toEqual([165_000]);
    transport.stream().event('ADDED', y);
    await clock.advance(165_000);
    expect(watch.isOpen).toBe(true);
  });

  it.for(['ADDED', 'MODIFIED', 'DELETED'])(
    'loses none that shows %s',
    async (type, { clock, lost, open, watch }) => {
      const { feed } = await open();
      await expectAfter({ clock, watch }, 0, 4_000);
      feed.event(type, y);
      await expectAfter({ clock, watch }, 60_000);
      expect(lost).toEqual([]);
      expect(watch.isOpen).toBe(true);
    },
  );

  it('does not count the time before it was called', async ({ clock, lost, open, watch }) => {
    await open();
    await expectAfter({ clock, watch }, 100_000);
    expect(lost).toEqual([]);
  });

  it('does not count an earlier stream', async ({ clock, lost, open, transport, watch }) => {
    const { feed } = await open();
    await expectAfter({ clock, watch }, 0);
    await clock.advance(4_000);
    feed.end();
    transport.stream();
    await expectAfter({ clock, watch }, 1_000, 4_999);
    expect(lost).toEqual([undefined]);
    await expectAfter({ clock, watch }, 1);
    expect(lost[1]).toBeInstanceOf(SilentWatchError);
  });

  it('does nothing without an answer', async ({ clock, lost, run, transport, watch }) => {
    transport.hang();
    await run();
    await expectAfter({ clock, watch }, 0, 9_000);
    expect(lost).toEqual([]);
  });
});
