import { describe, expect, it } from 'vitest';

import { abortable } from '../../lib/platform/abort.ts';

const forever = () => new Promise<never>(() => undefined);

describe('what can be aborted', () => {
  it('resolves as what is waited for does', async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve('done'), signal)).resolves.toBe('done');
  });

  it('rejects as what is waited for does', async () => {
    const { signal } = new AbortController();
    const failing = Promise.reject(new Error('broken'));
    await expect(abortable(failing, signal)).rejects.toThrow('broken');
  });

  it.each([new Error('the reason'), 'the reason', 0])(
    'rejects with the reason as soon as the signal aborts: %o',
    async (reason) => {
      const controller = new AbortController();
      const waiting = abortable(forever(), controller.signal);
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
    },
  );

  it('rejects with the reason of a signal that has aborted', async () => {
    const waiting = abortable(forever(), AbortSignal.abort('the reason'));
    await expect(waiting).rejects.toBe('the reason');
  });

  it('leaves no rejection unhandled of what nobody waits for any more', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const { promise, reject } = Promise.withResolvers<never>();
    await expect(abortable(promise, AbortSignal.abort('the reason'))).rejects.toBe('the reason');
    reject(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('does not listen for longer than it waits', async () => {
    const listening = { now: 0 };
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...rest: Parameters<typeof add>) => {
      listening.now += 1;
      add(...rest);
    };
    signal.removeEventListener = (...rest: Parameters<typeof remove>) => {
      listening.now -= 1;
      remove(...rest);
    };
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = abortable(promise, signal);
    expect(listening.now).toBe(1);
    resolve('done');
    await waiting;
    expect(listening.now).toBe(0);
  });
});
