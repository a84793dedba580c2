import { describe, expect, test as base, vi } from 'vitest';

import { neverAborts } from '../../lib/platform/abort.ts';
import { Elections } from '../../lib/platform/elections.ts';
import { Health } from '../../lib/platform/health.ts';
import { Standing } from '../../lib/platform/standing.ts';
import { ManualClock } from '../support/manual-clock.ts';

const signal = neverAborts();
const place = { server: 'https://api', kind: 'Lease', namespace: 'default' } as const;
const key = { ...place, name: 'lock', candidate: 'a' };

const test = base
  .extend('clock', () => new ManualClock())
  .extend('elections', () => new Elections())
  .extend('yieldMs', () => vi.fn(() => Promise.resolve(2_000)))
  .extend('standing', ({ clock, elections, yieldMs }) => {
    return new Standing({ clock, elections, key, yieldMs });
  });

/** Its check passes once, at once; whether it passes later can be set. */
async function checked(clock: ManualClock) {
  const health = { passes: true };
  const listener = { unhealthy: () => undefined, healthy: () => undefined };
  const parts = { clock, pauseClock: clock, listener, onThreshold: () => undefined };
  const checks = new Health({ healthy: () => health.passes, healthyPeriodMs: 100 }, parts);
  await checks.begin(signal);
  return { health, checks };
}

describe('a candidate that is not preferred', () => {
  test('is barred for as long as it is told, counted from the answer', async ({
    clock,
    standing,
    yieldMs,
  }) => {
    expect(standing.bar).toBeUndefined();
    const answer = Promise.withResolvers<number>();
    yieldMs.mockReturnValue(answer.promise);
    const yields = standing.yields(signal);
    await clock.advance(300);
    answer.resolve(1_700);
    expect(await yields).toBe(true);
    expect(yieldMs).toHaveBeenCalledWith(signal);
    const untilMs = clock.now() + 1_700;
    expect(standing.bar).toEqual({ because: 'not-preferred', untilMs });
    await clock.advance(1_699);
    expect(standing.bar).toBeDefined();
    await clock.advance(1);
    expect(standing.bar).toBeUndefined();
  });

  test('asks once each time the lock becomes free', async ({ clock, standing, yieldMs }) => {
    await standing.yields(signal);
    await clock.advance(2_000);
    expect(await standing.yields(signal)).toBe(false);
    expect(yieldMs).toHaveBeenCalledOnce();
    standing.lockHeld();
    expect(await standing.yields(signal)).toBe(true);
    expect(yieldMs).toHaveBeenCalledTimes(2);
  });

  test('is not barred any more once the lock is held', async ({ standing }) => {
    await standing.yields(signal);
    standing.lockHeld();
    expect(standing.bar).toBeUndefined();
  });
});

test('a candidate that is preferred takes the lock', async ({ standing, yieldMs }) => {
  yieldMs.mockResolvedValue(0);
  expect(await standing.yields(signal)).toBe(false);
  expect(standing.bar).toBeUndefined();
});

test('without a preference nobody asks', async ({ clock, elections }) => {
  const standing = new Standing({ clock, elections, key });
  expect(await standing.yields(signal)).toBe(false);
  expect(standing.bar).toBeUndefined();
});

describe('a candidate that has stepped down', () => {
  test('is barred for two seconds, in its next election', async ({
    clock,
    elections,
    standing,
  }) => {
    standing.standAside();
    const next = new Standing({ clock, elections, key });
    expect(next.bar).toEqual({ because: 'stepped-down', untilMs: clock.now() + 2_000 });
    await clock.advance(2_000);
    expect(next.bar).toBeUndefined();
  });

  test.for([
    ['name', { name: 'other' }],
    ['candidate', { candidate: 'b' }],
  ] as const)('bars no election of another %s', ([, other], { clock, elections, standing }) => {
    standing.standAside();
    expect(new Standing({ clock, elections, key: { ...key, ...other } }).bar).toBeUndefined();
  });

  test('asks for the preferred ones only afterwards', async ({
    clock,
    elections,
    standing,
    yieldMs,
  }) => {
    standing.standAside();
    const next = new Standing({ clock, elections, key, yieldMs });
    expect(await next.yields(signal)).toBe(false);
    expect(yieldMs).not.toHaveBeenCalled();
    await clock.advance(2_000);
    expect(await next.yields(signal)).toBe(true);
  });

  test('is barred no longer once another candidate leads', ({ clock, elections, standing }) => {
    standing.standAside();
    const next = new Standing({ clock, elections, key });
    next.lockHeld();
    expect(next.bar).toBeUndefined();
  });
});

describe('a candidate that is not healthy', () => {
  test('is barred until its check passes, which it hears', async ({ clock, elections }) => {
    const { health, checks } = await checked(clock);
    const standing = new Standing({ clock, elections, key, health: checks });
    const onHealthy = vi.fn();
    const end = standing.onHealthy(onHealthy);
    expect(standing.bar).toBeUndefined();
    health.passes = false;
    await clock.advance(100);
    expect(standing.bar).toEqual({ because: 'unhealthy', untilMs: Number.POSITIVE_INFINITY });
    health.passes = true;
    await clock.advance(100);
    expect(standing.bar).toBeUndefined();
    expect(onHealthy).toHaveBeenCalledOnce();
    end();
    health.passes = false;
    await clock.advance(100);
    health.passes = true;
    await clock.advance(100);
    expect(onHealthy).toHaveBeenCalledOnce();
  });

  test('is barred even if the lock is held', async ({ clock, elections }) => {
    const { health, checks } = await checked(clock);
    const standing = new Standing({ clock, elections, key, health: checks });
    health.passes = false;
    await clock.advance(100);
    standing.lockHeld();
    expect(standing.bar).toMatchObject({ because: 'unhealthy' });
  });
});
