import { duration, events, slotOrLeader } from '../draw.ts';
import type { Family } from '../family.ts';
import { LeaseProcess } from '../lease-process.ts';
import type { Event, Setting } from '../schedule.ts';
import type { World } from '../world.ts';
import { targetName, targetOf } from './target.ts';

/** The boot clock is coarse: a shorter sleep may go unnoticed, and would count for the clocks' ratio. */
const NOTICED_MS = 400;

/** Likewise for one of whole seconds, of a process whose clock is slow. */
const COARSELY_NOTICED_MS = 4_500;

/** The shortest sleep that an elector of these worlds notices for sure. */
export function noticedMs({ slots }: Pick<Setting, 'slots'>): number {
  return slots.some(({ clock }) => clock.isCoarse === true) ? COARSELY_NOTICED_MS : NOTICED_MS;
}

function candidateOf(world: World, event: Event): LeaseProcess | undefined {
  const { candidate } = world.slot(targetOf(world, event));
  return candidate instanceof LeaseProcess && candidate.isRunning ? candidate : undefined;
}

const OFFSETS_MS = [
  -86_400_000, -3_600_000, -10_000, -2_000, -1_000, -1, 500, 1_000, 2_000, 3_600_000, 86_400_000,
];

/** Electors stand still: stopped, or on a machine that sleeps. Wall clocks jump, or stand still. */
export const electorPauses: Family = {
  name: 'elector pauses',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => {
      const what = luck.pick(['stop elector', 'stop writer', 'suspend elector', 'jump', 'halt']);
      return {
        what,
        slot: slotOrLeader(luck, setting),
        forMs: duration(luck, 60_000, what === 'suspend elector' ? noticedMs(setting) : 1),
        offsetMs: luck.pick(OFFSETS_MS),
      };
    }),
  kinds: {
    'stop elector': {
      act: (world, event) => {
        const candidate = candidateOf(world, event);
        candidate?.stop();
        world.later(Number(event['forMs']), () => {
          candidate?.continue();
        });
      },
      tell: (event) => `${targetName(event)} is stopped for ${String(event['forMs'])} ms`,
    },
    'stop writer': {
      act: (world, event) => {
        const candidate = candidateOf(world, event);
        let isOver = !candidate;
        world.listen((fact) => {
          isOver ||= fact.type === 'phase';
          if (isOver || fact.type !== 'sent' || fact.who !== candidate) return;
          if (fact.sent.verb !== 'update' && fact.sent.verb !== 'create') return;
          isOver = true;
          if (!candidate.isRunning) return;
          candidate.stop();
          world.later(Number(event['forMs']), () => {
            candidate.continue();
          });
        });
      },
      tell: (event) =>
        `${targetName(event)} is stopped for ${String(event['forMs'])} ms with its next write`,
    },
    'suspend elector': {
      act: (world, event) => {
        const candidate = candidateOf(world, event);
        candidate?.suspend();
        world.later(Number(event['forMs']), () => {
          candidate?.resume();
        });
      },
      tell: (event) =>
        `the machine of ${targetName(event)} sleeps for ${String(event['forMs'])} ms`,
    },
    jump: {
      act: (world, event) => {
        candidateOf(world, event)?.setWall(Number(event['offsetMs']));
      },
      tell: (event) =>
        `the wall clock of ${targetName(event)} is set off by ${String(event['offsetMs'])} ms`,
    },
    halt: {
      act: (world, event) => {
        const candidate = candidateOf(world, event);
        // What client-go writes would be the same then, and nobody could see that it lives.
        if (candidate?.kind === 'lease') candidate.clock.haltWall();
      },
      tell: (event) => `the wall clock of ${targetName(event)} stands still from now on`,
    },
  },
};
