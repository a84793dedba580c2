import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  MAX_DELAY_MS,
  bootClock,
  inBackground,
  sleep,
  sparing,
  systemClock,
} from '../../lib/platform/clock.ts';
import { leftMs, provenMs } from '../../lib/protocol/validity.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';

describe("the machine's clock", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it('goes on, whatever happens to the wall clock', () => {
    const before = systemClock.now();
    vi.setSystemTime(Date.UTC(1999, 0, 1));
    const after = systemClock.now();
    expect(after).toBeGreaterThanOrEqual(before);
    expect(after - before).toBeLessThan(10_000);
  });

  it('knows the wall clock', () => {
    expect(systemClock.date()).toEqual(new Date(Date.UTC(2026, 0, 1)));
  });

  it.each(['darwin', 'win32', 'freebsd'])(
    'takes no coarse time since boot for a suspension: %s',
    (platform) => {
      // In whole seconds, and by the wall clock: so libuv has it outside of Linux.
      const own = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
      Object.defineProperty(process, 'platform', { ...own, value: platform });
      try {
        const [before, boot, after] = [systemClock.now(), systemClock.boot(), systemClock.now()];
        expect(boot).toBeGreaterThanOrEqual(before);
        expect(boot).toBeLessThanOrEqual(after);
      } finally {
        Object.defineProperty(process, 'platform', own);
      }
    },
  );

  it('draws numbers in [0, 1)', () => {
    const drawn = Array.from({ length: 1_000 }, () => systemClock.random());
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThan(1);
    expect(new Set(drawn).size).toBeGreaterThan(990);
  });

  it('makes UUIDs, each another', () => {
    const [a, b] = [systemClock.uuid(), systemClock.uuid()];
    expect(a).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(a).not.toBe(b);
  });

  it('calls once, when it is time', () => {
    const task = vi.fn();
    systemClock.after(1_000, task);
    vi.advanceTimersByTime(999);
    expect(task).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(task).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(10_000);
    expect(task).toHaveBeenCalledOnce();
  });

  it('does not call what was cancelled', () => {
    const task = vi.fn();
    systemClock.after(1_000, task)();
    vi.advanceTimersByTime(10_000);
    expect(task).not.toHaveBeenCalled();
  });

  it.each([
    [-1, 0],
    [0, 0],
    [MAX_DELAY_MS, MAX_DELAY_MS],
    [MAX_DELAY_MS + 1, MAX_DELAY_MS],
    [Infinity, MAX_DELAY_MS],
  ])('waits %d ms as %d ms, which a timer can', (ms, expected) => {
    const timer = vi.spyOn(globalThis, 'setTimeout');
    systemClock.after(ms, () => undefined);
    expect(timer.mock.lastCall?.[1]).toBe(expected);
    expect(MAX_DELAY_MS).toBe(2_147_483_647);
  });

  it('keeps the process alive, unless told not to', () => {
    vi.useRealTimers();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
    const before = timers().length;
    const cancels = [
      systemClock.after(60_000, () => undefined, { unref: true }),
      inBackground(systemClock).after(60_000, () => undefined),
    ];
    expect(timers()).toHaveLength(before);
    cancels.push(systemClock.after(60_000, () => undefined));
    cancels.push(systemClock.after(60_000, () => undefined, { unref: false }));
    expect(timers()).toHaveLength(before + 2);
    for (const cancel of cancels) cancel();
    expect(timers()).toHaveLength(before);
  });
});

describe.each([
  ['rounded down', Math.floor],
  ['rounded up', Math.ceil],
])('a boot clock whose uptime is in whole seconds, %s', (_, round) => {
  /** A machine that booted at some fraction of a second, and what its clocks show. */
  function machine(fractionMs: number) {
    const world = { nowMs: 5_000, suspendedMs: 0, bootedMs: 70_000 + fractionMs };
    const uptime = () => world.bootedMs + world.nowMs + world.suspendedMs;
    const boot = bootClock(
      () => world.nowMs,
      () => round(uptime() / 1_000) * 1_000,
    );
    return { world, instant: () => ({ nowMs: world.nowMs, bootMs: boot() }) };
  }
  const fractions = [0, 1, 250, 499.5, 500, 750, 999];

  it.each(fractions)('goes as the other clock while nothing happens (%d)', (fractionMs) => {
    const { world, instant } = machine(fractionMs);
    const first = instant();
    const drifts = Array.from({ length: 2_000 }, () => {
      world.nowMs += 13;
      const { nowMs, bootMs } = instant();
      return bootMs - first.bootMs - (nowMs - first.nowMs);
    });
    expect(new Set(drifts)).toEqual(new Set([0]));
  });

  it.each(fractions)('proves what is left, whenever it is asked (%d)', (fractionMs) => {
    const { world, instant } = machine(fractionMs);
    const since = instant();
    for (let passedMs = 20; passedMs < 10_000; passedMs += 20) {
      world.nowMs += 20;
      expect(provenMs(since, 10_000, instant())).toBe(10_000 - passedMs);
    }
  });

  it.each(fractions)(
    'notices a suspension of two seconds, and counts all of it (%d)',
    (fraction) => {
      for (const suspendedMs of [2_001, 2_500, 5_000, 60_000]) {
        for (const renewedMs of [0, 1, 500, 999]) {
          const { world, instant } = machine(fraction);
          world.nowMs += renewedMs;
          const since = instant();
          world.nowMs += 10;
          world.suspendedMs += suspendedMs;
          expect(provenMs(since, 10_000, instant())).toBe(0);
          const left = leftMs(since, 10_000, instant());
          expect(left).toBeLessThanOrEqual(9_990 - suspendedMs);
          expect(left).toBeGreaterThanOrEqual(9_990 - suspendedMs - 2_000);
        }
      }
    },
  );

  it.each(fractions)(
    'notices a shorter one within a second, if it is read often (%d)',
    (fraction) => {
      const { world, instant } = machine(fraction);
      const pass = (ms: number) => {
        for (const endMs = world.nowMs + ms; world.nowMs < endMs;) {
          world.nowMs += 10;
          instant();
        }
      };
      pass(3_000);
      const since = instant();
      world.suspendedMs += 300;
      pass(1_000);
      expect(provenMs(since, 10_000, instant())).toBe(0);
      // Proven again by the next renewal, and for good.
      const renewed = instant();
      pass(3_000);
      expect(provenMs(renewed, 10_000, instant())).toBe(7_000);
    },
  );

  it('is not misled when the process is stopped while it reads', () => {
    let nowMs = 0;
    let stoppedMs = 0;
    const boot = bootClock(
      () => nowMs,
      () => {
        nowMs += stoppedMs / 2;
        const upMs = round(nowMs / 1_000) * 1_000;
        nowMs += stoppedMs / 2;
        return upMs;
      },
    );
    const first = boot();
    stoppedMs = 8_000;
    boot();
    stoppedMs = 0;
    for (let i = 0; i < 500; i++) {
      nowMs += 7;
      expect(boot() - first).toBe(nowMs);
    }
  });
});

describe('a boot clock whose uptime has fractions', () => {
  it('is that uptime, also when it was first read in a whole second', () => {
    let nowMs = 0;
    const boot = bootClock(
      () => nowMs,
      () => Math.floor((70_000 + nowMs) / 10) * 10,
    );
    expect(boot()).toBe(70_000);
    nowMs += 15;
    expect(boot()).toBe(70_010);
    nowMs += 985;
    expect(boot()).toBe(71_000);
  });
});

describe('a clock that is read sparingly', () => {
  it('is read once a millisecond, and goes on as the other in between', () => {
    const world = { nowMs: 5_000, suspendedMs: 0 };
    const read = vi.fn(() => 70_000 + world.nowMs + world.suspendedMs);
    const boot = sparing(() => world.nowMs, read);
    const shown = [0, 0.5, 0.4].map((ms) => {
      world.nowMs += ms;
      return boot();
    });
    expect(shown).toEqual([75_000, 75_000.5, 75_000.9]);
    expect(read).toHaveBeenCalledTimes(1);
    world.suspendedMs = 60_000;
    world.nowMs += 0.1;
    expect(boot()).toBe(135_001);
  });
});

describe("the machine's boot clock", () => {
  it('does not drift from the other one while the machine is awake', async () => {
    const drift = () => systemClock.boot() - systemClock.now();
    const drifts: number[] = [];
    for (let i = 0; i < 100; i++) {
      drifts.push(drift());
      await sleep(systemClock, 5);
    }
    expect(Math.max(...drifts) - Math.min(...drifts)).toBeLessThan(100);
  });
});

describe('a clock in the background', () => {
  it('is the same clock', () => {
    const clock = new ManualClock();
    const background = inBackground(clock);
    clock.luck = [0.25];
    expect(background.now()).toBe(clock.now());
    expect(background.date()).toEqual(clock.date());
    expect(background.random()).toBe(0.25);
    expect(background.uuid()).toBe('uuid-1');
  });

  it('does not keep the process alive', async () => {
    const clock = new ManualClock();
    const task = vi.fn();
    const cancel = inBackground(clock).after(1_000, task);
    expect([clock.delays, clock.holding]).toEqual([[1_000], 0]);
    await clock.advance(1_000);
    expect(task).toHaveBeenCalledOnce();
    inBackground(clock).after(1_000, task)();
    cancel();
    expect(clock.delays).toEqual([]);
  });
});

describe('sleeping', () => {
  it('takes its time', async () => {
    const clock = new ManualClock();
    const awake = vi.fn();
    const asleep = sleep(clock, 1_000).then(awake);
    await clock.advance(999);
    expect(awake).not.toHaveBeenCalled();
    await clock.advance(1);
    await asleep;
    expect(awake).toHaveBeenCalledOnce();
  });

  it('is not begun with a signal that has aborted', async () => {
    const clock = new ManualClock();
    await expect(sleep(clock, 1_000, AbortSignal.abort('the reason'))).rejects.toBe('the reason');
    expect(clock.delays).toEqual([]);
  });

  it.each([new Error('the reason'), 'the reason', 0])(
    'ends with the signal, and with its reason: %o',
    async (reason) => {
      const clock = new ManualClock();
      const controller = new AbortController();
      const asleep = sleep(clock, 1_000, controller.signal);
      controller.abort(reason);
      await expect(asleep).rejects.toBe(reason);
      expect(clock.delays).toEqual([]);
    },
  );

  it('does not listen to the signal afterwards', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    const asleep = sleep(clock, 1_000, controller.signal);
    await clock.advance(1_000);
    await asleep;
    expect(remove).toHaveBeenCalledOnce();
    controller.abort();
    await settled();
    expect(clock.delays).toEqual([]);
  });
});
