import os from 'node:os';

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

describe('systemClock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it('now goes on when the wall clock jumps', () => {
    const before = systemClock.now();
    vi.setSystemTime(Date.UTC(1999, 0, 1));
    const passed = systemClock.now() - before;
    expect(passed).toBeGreaterThanOrEqual(0);
    expect(passed).toBeLessThan(10_000);
  });

  it('date is the wall clock', () => {
    expect(systemClock.date()).toEqual(new Date(Date.UTC(2026, 0, 1)));
  });

  // Outside of Linux libuv has it in whole seconds, and by the wall clock.
  it.each(['darwin', 'win32', 'freebsd'])('boot is now on %s', (platform) => {
    const own = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
    Object.defineProperty(process, 'platform', { ...own, value: platform });
    try {
      const [before, boot, after] = [systemClock.now(), systemClock.boot(), systemClock.now()];
      expect(boot).toBeGreaterThanOrEqual(before);
      expect(boot).toBeLessThanOrEqual(after);
    } finally {
      Object.defineProperty(process, 'platform', own);
    }
  });

  it('boot does not drift from now while the machine is awake', async () => {
    vi.useRealTimers();
    const drifts: number[] = [];
    for (let i = 0; i < 50; i++) {
      drifts.push(systemClock.boot() - systemClock.now());
      await sleep(systemClock, 5);
    }
    expect(Math.max(...drifts) - Math.min(...drifts)).toBeLessThan(100);
  });

  it.runIf(process.platform === 'linux')('boot reads /proc/uptime if os.uptime rounds', () => {
    const drift = () => systemClock.boot() - systemClock.now();
    const before = drift();
    // An hour more, which is to be ignored.
    vi.spyOn(os, 'uptime').mockReturnValueOnce(Math.ceil(os.uptime()) + 3_600);
    expect(drift() - before).toBeLessThan(60_000);
  });

  it('random draws numbers in [0, 1)', () => {
    const drawn = Array.from({ length: 1_000 }, () => systemClock.random());
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThan(1);
    expect(new Set(drawn).size).toBeGreaterThan(990);
  });

  it('uuid makes another one each time', () => {
    const [a, b] = [systemClock.uuid(), systemClock.uuid()];
    expect(a).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(a).not.toBe(b);
  });

  it('after calls once, in time, unless it is cancelled', () => {
    const [task, cancelled] = [vi.fn(), vi.fn()];
    systemClock.after(1_000, task);
    systemClock.after(1_000, cancelled)();
    const calls = [999, 1, 10_000].map((ms) => {
      vi.advanceTimersByTime(ms);
      return task.mock.calls.length;
    });
    expect(calls).toEqual([0, 1, 1]);
    expect(cancelled).not.toHaveBeenCalled();
  });

  it.each([
    [-1, 0],
    [0, 0],
    [2_147_483_647, 2_147_483_647],
    [2_147_483_648, 2_147_483_647],
    [Infinity, 2_147_483_647],
  ])('after waits %d ms as %d ms, which a timer can', (ms, expected) => {
    const timer = vi.spyOn(globalThis, 'setTimeout');
    systemClock.after(ms, () => undefined);
    expect(timer.mock.lastCall?.[1]).toBe(expected);
    expect(MAX_DELAY_MS).toBe(2_147_483_647);
  });

  it('after keeps the process alive, unless with unref or in background', () => {
    vi.useRealTimers();
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const after = (options?: { unref: boolean }) =>
      systemClock.after(60_000, () => undefined, options);
    const cancels = [
      after({ unref: true }),
      inBackground(systemClock).after(60_000, () => undefined),
    ];
    expect(timers()).toBe(before);
    cancels.push(after(), after({ unref: false }));
    expect(timers()).toBe(before + 2);
    for (const cancel of cancels) cancel();
    expect(timers()).toBe(before);
  });
});

const rounds: [string, (x: number) => number][] = [
  ['down', Math.floor],
  ['up', Math.ceil],
];
const fractions = [0, 1, 250, 499.5, 500, 750, 999];

describe.each(rounds.flatMap(([name, round]) => fractions.map((ms) => [name, ms, round] as const)))(
  'LEASE-1: bootClock of an uptime in whole seconds, rounded %s, booted at %d ms',
  (_, fractionMs, round) => {
    /** A machine that booted at some fraction of a second, and what its clocks show. */
    function machine() {
      const world = { nowMs: 5_000, suspendedMs: 0, bootedMs: 70_000 + fractionMs };
      const uptime = () => world.bootedMs + world.nowMs + world.suspendedMs;
      const boot = bootClock(
        () => world.nowMs,
        () => round(uptime() / 1_000) * 1_000,
      );
      return { world, instant: () => ({ nowMs: world.nowMs, bootMs: boot() }) };
    }

    it('goes as now goes', () => {
      const { world, instant } = machine();
      const first = instant();
      const drifts = Array.from({ length: 2_000 }, () => {
        world.nowMs += 13;
        const { nowMs, bootMs } = instant();
        return bootMs - first.bootMs - (nowMs - first.nowMs);
      });
      expect(new Set(drifts)).toEqual(new Set([0]));
    });

    it('proves what is left, whenever it is read', () => {
      const { world, instant } = machine();
      const since = instant();
      for (let passedMs = 20; passedMs < 10_000; passedMs += 20) {
        world.nowMs += 20;
        expect(provenMs(since, 10_000, instant())).toBe(10_000 - passedMs);
      }
    });

    it('counts all of a suspension of more than 2 s', () => {
      for (const suspendedMs of [2_001, 2_500, 5_000, 60_000]) {
        for (const renewedMs of [0, 1, 500, 999]) {
          const { world, instant } = machine();
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
    });

    it('notices a shorter one within 1 s if it is read often', () => {
      const { world, instant } = machine();
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
    });
  },
);

describe('bootClock', () => {
  it.each(rounds)('is right after a stop while it read, rounded %s', (_, round) => {
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

  it('is the uptime if that has fractions, though it began in a whole second', () => {
    let nowMs = 0;
    const uptime = () => Math.floor((70_000 + nowMs) / 10) * 10;
    const boot = bootClock(() => nowMs, uptime);
    const seen = [0, 15, 985].map((ms) => {
      nowMs += ms;
      return boot();
    });
    expect(seen).toEqual([70_000, 70_010, 71_000]);
  });
});

it('sparing reads once a millisecond, and goes on with now in between', () => {
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

it('inBackground is the same clock, whose timers do not hold the process', async () => {
  const clock = new ManualClock();
  const background = inBackground(clock);
  clock.luck = [0.25];
  expect(background.now()).toBe(clock.now());
  expect(background.date()).toEqual(clock.date());
  expect([background.random(), background.uuid()]).toEqual([0.25, 'uuid-1']);
  const task = vi.fn();
  background.after(1_000, task);
  expect([clock.delays, clock.holding]).toEqual([[1_000], 0]);
  await clock.advance(1_000);
  expect(task).toHaveBeenCalledOnce();
  background.after(1_000, task)();
  expect(clock.delays).toEqual([]);
});

describe('sleep', () => {
  it('takes its time, and does not listen afterwards', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    const awake = vi.fn();
    const asleep = sleep(clock, 1_000, controller.signal).then(awake);
    await clock.advance(999);
    expect(awake).not.toHaveBeenCalled();
    await clock.advance(1);
    await asleep;
    expect(awake).toHaveBeenCalledOnce();
    expect(remove).toHaveBeenCalledOnce();
    controller.abort();
    await settled();
    expect(clock.delays).toEqual([]);
  });

  it('does not begin with an aborted signal', async () => {
    const clock = new ManualClock();
    await expect(sleep(clock, 1_000, AbortSignal.abort('the reason'))).rejects.toBe('the reason');
    expect(clock.delays).toEqual([]);
  });

  it.each([new Error('the reason'), 'the reason', 0])(
    'rejects with the reason of its signal: %o',
    async (reason) => {
      const clock = new ManualClock();
      const controller = new AbortController();
      const asleep = sleep(clock, 1_000, controller.signal);
      controller.abort(reason);
      await expect(asleep).rejects.toBe(reason);
      expect(clock.delays).toEqual([]);
    },
  );
});
