import { anySlot, duration, events, slotOrLeader } from '../draw.ts';
import type { Family } from '../family.ts';
import type { Event } from '../schedule.ts';
import { targetOf, targetName } from './target.ts';

/** What programs do by themselves: ask, give up, ask again; and end. */
export const processes: Family = {
  name: 'processes',
  isBasic: true,
  draw: (luck, setting) => [
    ...setting.slots.map((_, slot) => ({
      atMs: luck.chance(0.5) ? 0 : duration(luck, setting.troubleMs / 2),
      what: 'start',
      slot,
    })),
    ...events(luck, setting, luck.integer(0, 6), () => ({
      what: luck.pick(['start', 'again', 'finish', 'finish', 'finish', 'cancel', 'crash']),
      slot: slotOrLeader(luck, setting),
    })),
    ...events(luck, setting, luck.integer(0, 2), () => ({
      what: 'cancel',
      slot: anySlot(luck, setting),
    })),
  ],
  kinds: {
    start: {
      act: (world, event) => {
        const candidate = world.boot(targetOf(world, event));
        if (candidate && !candidate.isBusy) candidate.start();
      },
      tell: (event) => `${targetName(event)} shall ask to lead`,
    },
    again: {
      act: (world, event) => {
        world.boot(targetOf(world, event))?.start();
      },
      tell: (event) => `${targetName(event)} shall ask to lead, whether it does already or not`,
    },
    finish: {
      act: (world, event) => world.slot(targetOf(world, event)).candidate?.finish(),
      tell: (event) => `${targetName(event)} shall give up what it leads`,
    },
    cancel: {
      act: (world, event) => world.slot(targetOf(world, event)).candidate?.cancel(),
      tell: (event) => `${targetName(event)} shall wait no longer`,
    },
    crash: {
      act: (world, event) => world.slot(targetOf(world, event)).candidate?.kill(),
      tell: (event) => `the process of ${targetName(event)} crashes`,
    },
  },
};

/** Processes that stand still: stopped, or on a machine that sleeps; clocks that are set. */
export const pauses: Family = {
  name: 'pauses',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => ({
      what: luck.pick(['stop', 'suspend', 'set wall clock']),
      slot: slotOrLeader(luck, setting),
      forMs: duration(luck, 60_000, 1),
      offsetMs: luck.pick([-86_400_000, -3_600_000, -1_000, 1_000, 3_600_000, 86_400_000]),
    })),
  kinds: {
    stop: {
      act: (world, event) => {
        const { candidate } = world.slot(targetOf(world, event));
        if (!candidate?.isRunning) return;
        candidate.stop();
        world.later(Number(event['forMs']), () => {
          candidate.continue();
        });
      },
      tell: (event) => `the process of ${targetName(event)} is stopped for ${lasting(event)}`,
    },
    suspend: {
      act: (world, event) => {
        const { candidate } = world.slot(targetOf(world, event));
        if (!candidate?.isRunning) return;
        candidate.suspend();
        world.later(Number(event['forMs']), () => {
          candidate.resume();
        });
      },
      tell: (event) => `the machine of ${targetName(event)} sleeps for ${lasting(event)}`,
    },
    'set wall clock': {
      act: (world, event) => {
        world.slot(targetOf(world, event)).candidate?.setWall(Number(event['offsetMs']));
      },
      tell: (event) =>
        `the wall clock of ${targetName(event)} is set off by ${String(event['offsetMs'])} ms`,
    },
  },
};

function lasting(event: Event): string {
  return `${Number(event['forMs'])} ms`;
}
