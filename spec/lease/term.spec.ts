import { beforeEach, describe, expect, it, vi } from 'vitest';

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
  new Term({
    clock,
    proven: elected ? () => proven : undefined,
    expired: () => expired,
  });

beforeEach(() => {
  clock = new TermClock();
  renew();
});

describe('a term', () => {
  it('is proven for the renew deadline after what proves it', async () => {
    await clock.advance(300);
    const term = open();
    expect(term).toMatchObject({ isProven: true, isOver: false, error: undefined });
    expect(term.remainingMs()).toBe(9_700);
    expect(term.unrenewedMs()).toBe(300);
    expect(term.signal.aborted).toBe(false);
  });

  it('is lost at its end: everybody is told', async () => {
    const term = open();
    const lost = vi.fn();
    void term.lost.then(lost);
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
  ])('is lost as soon as somebody asks %s, though no timer has had its turn', (_, ask) => {
    const term = open();
    clock.hold(10_000);
    expect(term.isOver).toBe(false);
    ask(term);
    expect(term).toMatchObject({ isOver: true, error: expired });
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

  it('cannot be won back', () => {
    const term = open();
    clock.hold(10_000);
    expect(term.isProven).toBe(false);
    renew();
    expect(term).toMatchObject({ isProven: false, isOver: true });
    expect(term.remainingMs()).toBe(0);
  });

  it('that is told to end goes on until it has ended', () => {
    const term = open();
    const reason = new Error('cancelled');
    term.end(reason);
    expect(term.signal.reason).toBe(reason);
    expect(term).toMatchObject({ isProven: true, isOver: false });
    const lost = new Error('lost');
    term.lose(lost);
    expect(term).toMatchObject({ isProven: false, error: lost });
    expect(term.signal.reason).toBe(reason);
  });

  it('that is closed is over, and was not lost', async () => {
    const term = open();
    const lost = vi.fn();
    void term.lost.then(lost);
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

  it('that is lost is lost for the first reason', async () => {
    const term = open();
    const taken = new Error('taken');
    term.lose(taken);
    term.lose(expired);
    await clock.advance(20_000);
    expect(term.error).toBe(taken);
    await expect(term.lost).resolves.toBe(taken);
  });

  it('where nothing is elected lasts for ever', async () => {
    const term = open(false);
    expect(clock.delays).toEqual([]);
    await clock.advance(10 ** 9);
    clock.suspend(10 ** 9);
    expect(term).toMatchObject({ isProven: true, isOver: false });
    expect(term.remainingMs()).toBe(Infinity);
    expect(term.unrenewedMs()).toBe(0);
  });

  it('that began too late is lost at once', async () => {
    clock.hold(20_000);
    const term = open();
    await clock.advance(0);
    expect(term.isOver).toBe(true);
  });
});
