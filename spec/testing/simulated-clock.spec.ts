import { describe, expect, it as base } from 'vitest';
import { sleep } from '../../lib/platform/clock.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';

const it = base.extend('clock', () => new SimulatedClock());

describe('SimulatedClock', () => {
  it('begins at 0, and at a date of choice', () => {
    const date = new Date('2030-05-06T07:08:09Z');
    expect(new SimulatedClock().now()).toBe(0);
    expect(new SimulatedClock().date()).toEqual(new Date('2026-01-01T00:00:00Z'));
    expect(new SimulatedClock({ date }).date()).toEqual(date);
  });

  it('advance moves both its times', async ({ clock }) => {
    await clock.advance(1500);
    expect(clock.now()).toBe(1500);
    expect(clock.date()).toEqual(new Date('2026-01-01T00:00:01.500Z'));
  });

  it('calls timers by time, and by when they were set', async ({ clock }) => {
    const calls: string[] = [];
    for (const [name, ms] of Object.entries({ c: 30, a: 10, b: 20, a2: 10, now: -5 })) {
      clock.after(ms, () => calls.push(`${name}@${clock.now()}`));
    }
    await clock.advance(30);
    expect(calls).toEqual(['now@0', 'a@10', 'a2@10', 'b@20', 'c@30']);
  });

  it('does not call what is cancelled or not yet due', async ({ clock }) => {
    const calls: string[] = [];
    const cancel = clock.after(10, () => calls.push('cancelled'));
    clock.after(11, () => calls.push('later'));
    expect(clock.pending).toBe(2);
    cancel();
    cancel();
    expect(clock.pending).toBe(1);
    await clock.advance(10);
    expect(calls).toEqual([]);
    await clock.advance(1);
    expect(calls).toEqual(['later']);
    expect(clock.pending).toBe(0);
  });

  it('lets promises and ticks settle between timers', async ({ clock }) => {
    const calls: string[] = [];
    const wander = async () => {
      await sleep(clock, 10);
      for (let step = 0; step < 1000; step += 1) await Promise.resolve();
      await new Promise((resolve) => process.nextTick(resolve));
      for (let step = 0; step < 1000; step += 1) await Promise.resolve();
      calls.push(`first@${clock.now()}`);
      await sleep(clock, 10);
      calls.push(`second@${clock.now()}`);
    };
    void wander();
    clock.after(11, () => calls.push('between'));
    await clock.advance(100);
    expect(calls).toEqual(['first@10', 'between', 'second@20']);
  });

  it('runUntil stops once something holds, or never can', async ({ clock }) => {
    await expect(clock.runUntil(() => false)).rejects.toThrow('no timer is left');
    let count = 0;
    const tick = () => {
      count += 1;
      clock.after(100, tick);
    };
    tick();
    await clock.runUntil(() => count === 5);
    expect(clock.now()).toBe(400);
    await expect(clock.runUntil(() => false, 1000)).rejects.toThrow('1000 ms have passed');
  });

  it('run ends when no timer is left, or in time', async ({ clock }) => {
    clock.after(10, () => clock.after(20, () => undefined));
    await clock.run();
    expect(clock.now()).toBe(30);
    const again = () => void clock.after(100, again);
    again();
    await clock.run(1000);
    expect(clock.now()).toBe(1030);
  });

  it('draws by its seed', () => {
    const draw = (seed?: number) => {
      const clock = new SimulatedClock(seed === undefined ? {} : { seed });
      return [clock.random(), clock.uuid(), clock.random()];
    };
    expect(draw(5)).toEqual(draw(5));
    expect(draw()).toEqual(draw(1));
    expect(draw(5)).not.toEqual(draw(6));
  });

  it('draws evenly, and UUIDs of version 4', ({ clock }) => {
    const tenths = new Set(Array.from({ length: 1000 }, () => Math.floor(clock.random() * 10)));
    expect([...tenths].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const uuids = new Set(Array.from({ length: 100 }, () => clock.uuid()));
    expect(uuids.size).toBe(100);
    const isV4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
    expect([...uuids].filter((uuid) => !isV4.test(uuid))).toEqual([]);
  });
});
