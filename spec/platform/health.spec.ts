import { expect, test, vi } from 'vitest';

import { Health, type HealthSettings } from '../../lib/platform/health.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** By default its pauses do not end: only the first check is made. */
function checking(
  healthy: HealthSettings['healthy'],
  clock = new ManualClock(),
  pauseClock = new ManualClock(),
) {
  const listener = { unhealthy: vi.fn(), healthy: vi.fn() };
  const onThreshold = vi.fn();
  const parts = { clock, pauseClock, listener, onThreshold };
  const health = new Health({ healthy, healthyPeriodMs: 300, healthyTimeoutMs: 100 }, parts);
  return { clock, health, listener, onThreshold };
}

test('a check that has passed counts for as long as two checks may take', async () => {
  const { clock, health } = checking(() => true);
  await health.begin(new AbortController().signal);
  await clock.advance(2 * (300 + 100));
  expect(health.hasPassed).toBe(true);
  await clock.advance(1);
  expect(health.hasPassed).toBe(false);
});

test.for([true, false])('a check that answers %s after the end counts no more', async (answer) => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const { health, listener } = checking(() => promise);
  const stop = new AbortController();
  const first = health.begin(stop.signal);
  stop.abort(new Error('enough'));
  resolve(answer);
  await first;
  expect([health.hasPassed, listener.unhealthy.mock.calls]).toEqual([false, []]);
});

test('failures are told up to the threshold, and reach it with each one from then on', async () => {
  const clock = new ManualClock();
  const { health, listener, onThreshold } = checking(() => false, clock, clock);
  await health.begin(new AbortController().signal);
  await clock.advance(4 * 300);
  expect(listener.unhealthy).toHaveBeenCalledTimes(3);
  expect(onThreshold).toHaveBeenCalledTimes(3);
});

test('a check that passes is news only after one that has not', async () => {
  const clock = new ManualClock();
  const { health } = checking(() => true, clock, clock);
  const passed = vi.fn();
  health.onPassed(passed);
  await health.begin(new AbortController().signal);
  await clock.advance(4 * 300);
  expect(passed).toHaveBeenCalledOnce();
});

test('nothing but true passes', async () => {
  const { health, listener } = checking(() => 'fine' as unknown as boolean);
  await health.begin(new AbortController().signal);
  expect(health.hasPassed).toBe(false);
  expect(listener.unhealthy.mock.lastCall?.[0]).toEqual(new Error('healthy() returned fine'));
});

test('a check that throws what cannot be shown has failed, and is made again', async () => {
  const clock = new ManualClock();
  const fail = () => {
    throw Object.create(null);
  };
  const { health, onThreshold } = checking(fail, clock, clock);
  await health.begin(new AbortController().signal);
  await clock.advance(4 * 300);
  expect(onThreshold).toHaveBeenCalledTimes(3);
});
