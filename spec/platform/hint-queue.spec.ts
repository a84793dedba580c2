import { describe, expect, it } from 'vitest';

import { HintQueue } from '../../lib/platform/hint-queue.ts';
import { ManualClock } from '../support/manual-clock.ts';

const never = new AbortController().signal;

function create() {
  const clock = new ManualClock();
  return { clock, queue: new HintQueue(clock, 'and more') };
}

describe('an queue', () => {
  it('hands out what has come, in order, without waiting', async () => {
    const { clock, queue } = create();
    queue.push('a');
    queue.push('b');
    const all = [0, 0].map(() => queue.next(clock.now() + 100, never));
    await expect(Promise.all(all)).resolves.toEqual(['a', 'b']);
    expect(clock.delays).toEqual([]);
  });

  it('keeps a hundred, and then only that there was more', async () => {
    const { clock, queue } = create();
    for (let count = 0; count < 1_000_000; count += 1) queue.push(`item ${count}`);
    queue.push('last');
    const items: (string | undefined)[] = [];
    do items.push(await queue.next(clock.now(), never));
    while (items.at(-1) !== undefined);
    expect(items.length).toBeLessThan(102);
    expect(items[0]).toBe('and more');
    expect(items.slice(-2)).toEqual(['last', undefined]);
  });

  it('hands out what comes while it is waited for, and forgets the timer', async () => {
    const { clock, queue } = create();
    const next = queue.next(clock.now() + 100, never);
    expect(clock.delays).toEqual([100]);
    queue.push('a');
    await expect(next).resolves.toBe('a');
    expect(clock.delays).toEqual([]);
  });

  it('has nothing when the time is up, or was', async () => {
    const { clock, queue } = create();
    const next = queue.next(clock.now() + 100, never);
    await clock.advance(100);
    await expect(next).resolves.toBeUndefined();
    await expect(queue.next(clock.now(), never)).resolves.toBeUndefined();
    await expect(queue.next(clock.now() - 1, never)).resolves.toBeUndefined();
  });

  it.each([
    [106, 'what came meanwhile'],
    [105, undefined],
  ])('that is woken %i ms into 100 lets the event loop read first: %s', async (ms, expected) => {
    const { clock, queue } = create();
    const next = queue.next(clock.now() + 100, never);
    clock.after(101, () => {
      queue.push('what came meanwhile');
    });
    await clock.stall(ms);
    await expect(next).resolves.toBe(expected);
  });

  it('rejects with the reason of a signal, before or while it waits', async () => {
    const { clock, queue } = create();
    const controller = new AbortController();
    const next = queue.next(clock.now() + 100, controller.signal);
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    queue.push('a');
    await expect(queue.next(clock.now() + 100, controller.signal)).rejects.toThrow('enough');
    expect(clock.delays).toEqual([]);
    await expect(queue.next(clock.now(), never)).resolves.toBe('a');
  });

  it('can be looked through', async () => {
    const { clock, queue } = create();
    for (const item of ['a', 'b', 'bb', 'c']) queue.push(item);
    const isB = (item: string): item is 'b' | 'bb' => item.startsWith('b');
    expect(queue.kept.some(isB)).toBe(true);
    expect(queue.take(isB)).toBe('b');
    queue.drop((item) => item === 'a');
    expect(queue.take((item): item is 'a' => item === 'a')).toBeUndefined();
    await expect(queue.next(clock.now(), never)).resolves.toBe('bb');
    expect(queue.kept.some(isB)).toBe(false);
  });

  it('tells a listener, until it is not listened to any more', () => {
    const { queue } = create();
    let heard = 0;
    const end = queue.listen(() => (heard += 1));
    queue.push('a');
    queue.push('b');
    end();
    queue.push('c');
    expect(heard).toBe(2);
  });
});
