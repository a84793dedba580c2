import { describe, expect, it, vi } from 'vitest';

import { deadlineSignal } from '../../lib/lease/term-signal.ts';

/** A signal whose controller is aborted as soon as somebody asks after `isOver` was set. */
function judged() {
  const controller = new AbortController();
  const state = { isOver: false };
  const signal = deadlineSignal(controller, () => {
    if (state.isOver) controller.abort('over');
  });
  return { controller, state, signal };
}

describe("a term's signal", () => {
  it('is a real signal', async () => {
    const { signal, controller } = judged();
    expect(signal).toBe(controller.signal);
    expect(signal).toBeInstanceOf(AbortSignal);
    const any = AbortSignal.any([signal]);
    const fetched = fetch('data:,x', { signal });
    controller.abort('reason');
    await expect(fetched).rejects.toBe('reason');
    expect(any.aborted).toBe(true);
  });

  it('says what its controller does', () => {
    const { signal, controller } = judged();
    expect(signal.aborted).toBe(false);
    expect(signal.reason).toBeUndefined();
    expect(() => {
      signal.throwIfAborted();
    }).not.toThrow();
    controller.abort('reason');
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBe('reason');
  });

  it('is judged when it is asked whether it is aborted', () => {
    const { signal, state } = judged();
    state.isOver = true;
    expect(signal.aborted).toBe(true);
  });

  it('is judged when it is asked for its reason', () => {
    const { signal, state } = judged();
    state.isOver = true;
    expect(signal.reason).toBe('over');
  });

  it('is judged when it is to throw', () => {
    const { signal, state } = judged();
    state.isOver = true;
    let thrown: unknown;
    try {
      signal.throwIfAborted();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe('over');
  });

  it('is judged once at a time: Deno asks it while it is aborted', () => {
    const controller = new AbortController();
    const judge = vi.fn(() => expect(signal.aborted).toBe(false));
    const signal = deadlineSignal(controller, judge);
    expect(signal.aborted).toBe(false);
    expect(judge).toHaveBeenCalledOnce();
  });

  it('tells signals that follow it as soon as it is judged, on every runtime', () => {
    const { signal, state } = judged();
    const any = AbortSignal.any([signal]);
    state.isOver = true;
    expect(signal.aborted).toBe(true);
    expect(any.aborted).toBe(true);
  });

  it('tells its listeners when it is judged, once', () => {
    const { signal, state } = judged();
    const listener = vi.fn();
    signal.addEventListener('abort', listener);
    state.isOver = true;
    expect(listener).not.toHaveBeenCalled();
    expect([signal.aborted, signal.aborted]).toEqual([true, true]);
    expect(listener).toHaveBeenCalledOnce();
  });

  it('may be dressed once more, by tests and tools', () => {
    const { signal, state } = judged();
    Object.defineProperty(signal, 'aborted', { get: () => 'dressed' });
    state.isOver = true;
    expect(signal.aborted).toBe('dressed');
    for (const key of ['reason', 'throwIfAborted']) {
      expect(Object.getOwnPropertyDescriptor(signal, key)?.configurable).toBe(true);
    }
  });
});
