import { describe, expect, it, vi } from 'vitest';

import { abortable } from '../../lib/platform/abort.ts';

const never = () => new Promise<never>(() => undefined);

describe('abortable', () => {
  it('settles as its promise does', async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve('done'), signal)).resolves.toBe('done');
    const failing = Promise.reject(new Error('broken'));
    await expect(abortable(failing, signal)).rejects.toThrow('broken');
  });

  it.each([new Error('the reason'), 'the reason', 0])(
    'rejects with the reason of its signal: %o',
    async (reason) => {
      const controller = new AbortController();
      const waiting = abortable(never(), controller.signal);
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      await expect(abortable(never(), AbortSignal.abort(reason))).rejects.toBe(reason);
    },
  );

  it('leaves no rejection unhandled after the signal', async () => {
    const note = vi.fn();
    process.on('unhandledRejection', note);
    const { promise, reject } = Promise.withResolvers<never>();
    await expect(abortable(promise, AbortSignal.abort('the reason'))).rejects.toBe('the reason');
    reject(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(note).not.toHaveBeenCalled();
  });

  it('listens to its signal only while it waits', async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    const listening = () => add.mock.calls.length - remove.mock.calls.length;
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = abortable(promise, signal);
    expect(listening()).toBe(1);
    resolve('done');
    await waiting;
    expect(listening()).toBe(0);
  });
});
