import { beforeEach, describe, expect, it, vi } from 'vitest';

import { deadlineSignal } from '../../lib/lease/term-signal.ts';
import { Term } from '../../lib/lease/term.ts';
import type { Proof } from '../../lib/protocol/validity.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** A clock whose timers may be late, and whose machine may be suspended. */
class TermClock extends ManualClock {
  #late = 0;
  #suspended = 0;

  override now(): number {
    return super.now() + this.#late;
  }

  override boot(): number {
    return this.now() + this.#suspended;
  }

  /** Time passes, and no timer has had its turn. */
  hold(ms: number): void {
    this.#late += ms;
  }

  suspend(ms: number): void {
    this.#suspended += ms;
  }
}

const expired = new Error('expired');
let clock: TermClock;
let proven: Proof;

const renew = () => (proven = { nowMs: clock.now(), bootMs: clock.boot(), forMs: 10_000 });
const open = (elected = true) =>
  new Term({ clock, proven: elected ? () => proven : undefined, expired: () => expired });

/** Told of the loss, if there is one. */
function lossOf(term: Term) {
  const told = vi.fn();
  void term.lost.then(told);
  return told;
}

beforeEach(() => {
  clock = new TermClock();
  renew();
});

describe('LEASE-1: a term', () => {
  it('is proven for the renew deadline after the renewal was decided', async () => {
    await clock.advance(300);
    const term = open();
    expect(term).toMatchObject({ isProven: true, isOver: false, error: undefined });
    expect([term.remainingMs(), term.unrenewedMs()]).toEqual([9_700, 300]);
    expect(term.signal.aborted).toBe(false);
  });

  it('is lost at its end: signal, promise and state tell it', async () => {
    const term = open();
    const lost = lossOf(term);
    const reasons: unknown[] = [];
    term.signal.addEventListener('abort', () => reasons.push(term.signal.reason));
    await clock.advance(9_999);
    expect(reasons).toEqual([]);
    await clock.advance(1);
    expect(reasons).toEqual([expired]);
    expect(term).toMatchObject({ isProven: false, isOver: true, error: expired });
    expect(lost).toHaveBeenCalledExactlyOnceWith(expired);
    expect(clock.delays).toEqual([]);
  });

  it('goes on with each renewal', async () => {
    const term = open();
    await clock.advance(9_000);
    renew();
    await clock.advance(9_000);
    expect(term.remainingMs()).toBe(1_000);
    await clock.advance(1_000);
    expect(term.isOver).toBe(true);
  });

  it.each<[string, (term: Term) => unknown]>([
    ['whether it leads', ({ isProven }) => isProven],
    ['how long it leads', (term) => term.remainingMs()],
    ['its signal', ({ signal }) => signal.aborted],
  ])('is lost by a question though no timer has had its turn, for good: %s', (_, ask) => {
    const term = open();
    clock.hold(10_000);
    expect(term.isOver).toBe(false);
    ask(term);
    renew();
    expect(term).toMatchObject({ isProven: false, isOver: true, error: expired });
    expect(term.remainingMs()).toBe(0);
  });

  it('is not proven after a suspension until it has been renewed', () => {
    const term = open();
    clock.suspend(1_000);
    expect(term).toMatchObject({ isProven: false, isOver: false });
    expect(term.remainingMs()).toBe(0);
    expect(term.signal.aborted).toBe(false);
    renew();
    expect(term.remainingMs()).toBe(10_000);
  });

  it('is lost by a suspension that took as long', () => {
    const term = open();
    clock.suspend(10_000);
    expect(term.signal.aborted).toBe(true);
    expect(term.error).toBe(expired);
    expect(term.unrenewedMs()).toBe(10_000);
  });

  it('is lost at once if it began too late', async () => {
    clock.hold(20_000);
    const term = open();
    await clock.advance(0);
    expect(term.isOver).toBe(true);
  });

  it('goes on until it has ended if it is told to end', () => {
    const term = open();
    const [reason, lost] = [new Error('cancelled'), new Error('lost')];
    term.end(reason);
    expect(term.signal.reason).toBe(reason);
    expect(term).toMatchObject({ isProven: true, isOver: false });
    term.lose(lost);
    expect(term).toMatchObject({ isProven: false, error: lost });
    expect(term.signal.reason).toBe(reason);
  });

  it('is over and was not lost if it is closed', async () => {
    const term = open();
    const lost = lossOf(term);
    const reason = new Error('released');
    term.close(reason);
    expect(term.signal.reason).toBe(reason);
    expect(term).toMatchObject({ isProven: false, isOver: true, error: undefined });
    expect(clock.delays).toEqual([]);
    term.lose(expired);
    await clock.advance(20_000);
    expect(term.error).toBeUndefined();
    expect(lost).not.toHaveBeenCalled();
  });

  it('is lost for the first reason', async () => {
    const term = open();
    const taken = new Error('taken');
    term.lose(taken);
    term.lose(expired);
    await clock.advance(20_000);
    expect(term.error).toBe(taken);
    await expect(term.lost).resolves.toBe(taken);
  });

  it('lasts for ever if nothing is elected', async () => {
    const term = open(false);
    expect(clock.delays).toEqual([]);
    await clock.advance(10 ** 9);
    clock.suspend(10 ** 9);
    expect(term).toMatchObject({ isProven: true, isOver: false });
    expect([term.remainingMs(), term.unrenewedMs()]).toEqual([Infinity, 0]);
  });
});

describe('LEASE-1: the signal of a term', () => {
  /** A signal whose controller is aborted as soon as it is asked after `isOver` was set. */
  function judged() {
    const controller = new AbortController();
    const state = { isOver: false };
    const signal = deadlineSignal(controller, () => {
      if (state.isOver) controller.abort('over');
    });
    return { controller, state, signal };
  }

  it('is a real signal, and says what its controller does', async () => {
    const { signal, controller } = judged();
    expect(signal).toBe(controller.signal);
    expect(signal).toBeInstanceOf(AbortSignal);
    expect([signal.aborted, signal.reason]).toEqual([false, undefined]);
    expect(() => signal.throwIfAborted()).not.toThrow();
    const following = AbortSignal.any([signal]);
    const fetched = fetch('data:,x', { signal });
    controller.abort('reason');
    await expect(fetched).rejects.toBe('reason');
    expect([signal.aborted, signal.reason]).toEqual([true, 'reason']);
    expect(following.aborted).toBe(true);
  });

  it.each<[string, (signal: AbortSignal) => void]>([
    ['aborted', (signal) => expect(signal.aborted).toBe(true)],
    ['reason', (signal) => expect(signal.reason).toBe('over')],
    [
      'throwIfAborted',
      (signal) => {
        const thrown = vi.fn(() => signal.throwIfAborted());
        expect(thrown).toThrow();
        expect(thrown.mock.results).toEqual([{ type: 'throw', value: 'over' }]);
      },
    ],
  ])('is judged when it is asked for %s, and tells listeners and followers once', (_, ask) => {
    const { signal, state } = judged();
    const following = AbortSignal.any([signal]);
    const listener = vi.fn();
    signal.addEventListener('abort', listener);
    state.isOver = true;
    expect(listener).not.toHaveBeenCalled();
    ask(signal);
    ask(signal);
    expect(following.aborted).toBe(true);
    expect(listener).toHaveBeenCalledOnce();
  });

  it('is judged once at a time: Deno asks it while it is aborted', () => {
    const judge = vi.fn(() => expect(signal.aborted).toBe(false));
    const signal = deadlineSignal(new AbortController(), judge);
    expect(signal.aborted).toBe(false);
    expect(judge).toHaveBeenCalledOnce();
  });

  it('may be changed once more, by tests and tools', () => {
    const { signal, state } = judged();
    Object.defineProperty(signal, 'aborted', { get: () => 'changed' });
    state.isOver = true;
    expect(signal.aborted).toBe('changed');
    for (const key of ['reason', 'throwIfAborted']) {
      expect(Object.getOwnPropertyDescriptor(signal, key)?.configurable).toBe(true);
    }
  });
});
