import { describe, expect, it } from 'vitest';
import { type Mode, modes } from './mode.ts';
import { type Schedule, generate } from './schedule.ts';
import { shrink } from './shrink.ts';
import type { World } from './world.ts';

/** A world in which nobody may die. */
function mourn(world: World): void {
  world.listen((fact) => {
    if (fact.type === 'died') world.violated('no deaths', `${fact.who.name} died`);
  });
}

/** Much happens, and in the end a process crashes. */
function busy(mode: Mode): Schedule {
  const schedule = generate(mode, 5);
  const { events, setting } = schedule;
  const ends = new Set(['crash', 'replace', 'evict', 'delete', 'complete', 'fail', 'linger']);
  return {
    ...schedule,
    setting: { ...setting, troubleMs: 70_000 },
    events: [
      ...events.filter(({ what }) => !ends.has(what)),
      { atMs: 65_432, what: 'start', slot: 0 },
      { atMs: 65_433, what: 'crash', slot: 0 },
    ],
  };
}

describe('shrinking', () => {
  it.each(modes)(
    'leaves only what it takes, in mode %s',
    async (mode) => {
      const schedule = busy(mode);
      expect(schedule.events.length).toBeGreaterThan(5);
      const shrunk = await shrink(schedule, mourn);
      expect(shrunk.events.map(({ what }) => what)).toEqual(['start', 'crash']);
      expect(shrunk.events.map(({ atMs }) => atMs)).toEqual([0, 0]);
      expect(shrunk.setting.slots).toHaveLength(mode === 'mixed' ? 2 : 1);
      expect(await shrink(schedule, mourn)).toEqual(shrunk);
    },
    120_000,
  );

  it('lets clocks differ by no more than they did', async () => {
    const schedule = generate('lease', 5);
    const slots = schedule.setting.slots.map((slot, index) => ({
      ...slot,
      clock: { ...slot.clock, rate: index === 0 ? 0.5 : 0.6 },
    }));
    const shrunk = await shrink(
      { ...schedule, setting: { ...schedule.setting, slots } },
      (world) => {
        world.listen((fact) => {
          const isSlow = world.slots.some(({ setting }) => setting.clock.rate < 1);
          if (fact.type !== 'leads' || !isSlow || world.slots.length < 2) return;
          world.violated('no leaders', `${fact.who.name} leads, and a clock is slow`);
        });
      },
    );
    const rates = shrunk.setting.slots.map(({ clock }) => clock.rate);
    expect(rates).toEqual([0.5, 0.6]);
  }, 120_000);

  it('leaves alone what breaks nothing', async () => {
    const schedule = generate('life', 1);
    expect(await shrink(schedule)).toBe(schedule);
  });
});
