import { afterEach, describe, expect, it, vi } from 'vitest';

import { WorkQueue } from '../../docs/examples/operator/work-queue.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('the work queue of the operator', () => {
  it('processes a key once however often it was added, and again if added meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const process = vi.fn(() => promise.then(() => undefined));
    const queue = new WorkQueue(process, 1);
    for (const key of ['a', 'b', 'b', 'a', 'b']) queue.add(key);
    expect(process.mock.calls).toEqual([['a']]);
    resolve(undefined);
    await vi.waitFor(() => {
      expect(process.mock.calls).toEqual([['a'], ['b'], ['a']]);
    });
  });

  it('never processes a key twice at the same time', async () => {
    const running = new Set<string>();
    const queue = new WorkQueue(async (key) => {
      expect(running).not.toContain(key);
      running.add(key);
      await new Promise(setImmediate);
      running.delete(key);
    });
    for (let i = 0; i < 100; i++) {
      queue.add(String(i % 3));
      if (i % 7 === 0) await new Promise(setImmediate);
    }
    await queue.stop();
  });

  it('tries again what failed, after ever longer pauses', async () => {
    vi.useFakeTimers();
    vi.spyOn(console, 'error').mockReturnValue();
    const process = vi.fn().mockRejectedValue(new Error('no'));
    const queue = new WorkQueue(process);
    queue.add('a');
    for (const [index, seconds] of [1, 2, 4, 8].entries()) {
      await vi.advanceTimersByTimeAsync(seconds * 1_000 - 1);
      expect(process).toHaveBeenCalledTimes(index + 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(process).toHaveBeenCalledTimes(index + 2);
    }
    await queue.stop();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(process).toHaveBeenCalledTimes(5);
  });

  it('says how long it has been busy with one key, and stops once that is done', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const queue = new WorkQueue(() => promise.then(() => undefined));
    expect(queue.busyMs).toBe(0);
    queue.add('a');
    await new Promise((done) => setTimeout(done, 5));
    expect(queue.busyMs).toBeGreaterThan(1);
    const stopped = queue.stop();
    queue.add('b');
    resolve(undefined);
    await stopped;
    expect(queue.busyMs).toBe(0);
  });
});
