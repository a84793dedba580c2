import { describe, expect, it as base, vi } from 'vitest';

import { HintQueue } from '../../lib/platform/hint-queue.ts';
import { ManualClock } from '../support/manual-clock.ts';

const { signal } = new AbortController();

const it = base
  .extend('clock', () => new ManualClock())
  .extend('queue', ({ clock }) => new HintQueue(clock, () => ['and more']))
  .extend(
    'next',
    ({ clock, queue }) =>
      (ms: number) =>
        queue.next(clock.now() + ms, signal),
  );

describe('HintQueue.next', () => {
  it('gives hints in order, without waiting', async ({ clock, next, queue }) => {
    queue.push('a');
    queue.push('b');
    expect(await Promise.all([next(100), next(100)])).toEqual(['a', 'b']);
    expect(clock.delays).toEqual([]);
  });

  it('gives the last hundred, and before them that there were more', async ({ next, queue }) => {
    for (let count = 0; count < 1_000_000; count += 1) queue.push(`item ${count}`);
    queue.push('last');
    const items: (string | undefined)[] = [];
    do items.push(await next(0));
    while (items.at(-1) !== undefined);
    expect(items.length).toBeLessThan(102);
    expect(items[0]).toBe('and more');
    expect(items.slice(-2)).toEqual(['last', undefined]);
  });

  it('gives a hint that comes while it waits', async ({ clock, next, queue }) => {
    const hint = next(100);
    expect(clock.delays).toEqual([100]);
    queue.push('a');
    expect(await hint).toBe('a');
    expect(clock.delays).toEqual([]);
  });

  it('gives undefined when its time is up', async ({ clock, next }) => {
    const hint = next(100);
    await clock.advance(100);
    expect(await Promise.all([hint, next(0), next(-1)])).toEqual(Array(3).fill(undefined));
  });

  it.for([
    [106, 'what came meanwhile'],
    [105, undefined],
  ] as const)('woken at %i of 100 ms gives %s', async ([ms, hint], { clock, next, queue }) => {
    const waiting = next(100);
    clock.after(101, () => queue.push('what came meanwhile'));
    await clock.stall(ms);
    expect(await waiting).toBe(hint);
  });

  it('rejects with its signal, before it waits or while', async ({ clock, next, queue }) => {
    const controller = new AbortController();
    const waiting = queue.next(clock.now() + 100, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    queue.push('a');
    await expect(queue.next(clock.now() + 100, controller.signal)).rejects.toThrow('enough');
    expect(clock.delays).toEqual([]);
    expect(await next(0)).toBe('a');
  });
});

describe('HintQueue', () => {
  it('neither gives nor counts what says nothing new, when it comes or when it is read', async () => {
    const clock = new ManualClock();
    const stale = new Set(['a']);
    const queue = new HintQueue<string>(
      clock,
      () => ['more'],
      (item) => stale.has(item),
    );
    const waiting = queue.next(clock.now() + 100, signal);
    queue.push('a');
    expect(clock.delays).toEqual([100]);
    queue.push('b');
    expect(await waiting).toBe('b');
    for (const item of ['c', 'd']) queue.push(item);
    stale.add('c');
    expect(await queue.next(clock.now(), signal)).toBe('d');
  });

  it('take and drop choose among what is kept', async ({ next, queue }) => {
    for (const item of ['a', 'b', 'bb', 'c']) queue.push(item);
    const isB = (item: string): item is 'b' | 'bb' => item.startsWith('b');
    expect(queue.kept.some(isB)).toBe(true);
    expect(queue.take(isB)).toBe('b');
    queue.drop((item) => item === 'a');
    expect(queue.take((item): item is 'a' => item === 'a')).toBeUndefined();
    expect(await next(0)).toBe('bb');
    expect(queue.kept.some(isB)).toBe(false);
  });

  it('listen calls back for each hint, until it ends', ({ queue }) => {
    const heard = vi.fn();
    const end = queue.listen(heard);
    queue.push('a');
    queue.push('b');
    end();
    queue.push('c');
    expect(heard).toHaveBeenCalledTimes(2);
  });
});
